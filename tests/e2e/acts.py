"""What is tried, one after the other, and said."""

import time

from processes import Failed


def say(text):
    print(f"e2e: {text}", flush=True)


def must_fail(what, check):
    """A check that cannot fail is none: this one has to."""
    try:
        check()
    except Failed:
        return
    raise Failed(f"{what} is not noticed")


class Acts:
    """What was tried so far."""

    def __init__(self):
        self.passed = 0

    def do(self, what, act):
        began = time.monotonic()
        say(what)
        answer = act()
        self.passed += 1
        say(f"  ok ({time.monotonic() - began:.0f} s)")
        return answer
