"""Runs the steps of the end-to-end test one after the other, and prints their progress."""

import time

from processes import Failed


def say(text):
    print(f"e2e: {text}", flush=True)


def must_fail(what, check):
    """Calls `check`, which has to fail because of `what`: this proves that the check can fail."""
    try:
        check()
    except Failed:
        return
    raise Failed(f"the check does not notice {what}")


class Steps:
    """Runs steps and counts those that passed."""

    def __init__(self):
        self.passed = 0

    def run(self, name, step):
        """Calls `step` and returns its result. A step fails by an exception, which ends the test."""
        began = time.monotonic()
        say(name)
        result = step()
        self.passed += 1
        say(f"  ok ({time.monotonic() - began:.0f} s)")
        return result
