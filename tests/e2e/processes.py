"""Child processes, each with a log file, a bound on every wait, and an end."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

STOP_SECONDS = 10


class Failed(Exception):
    """The run failed; the text says how."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds, ready, every=0.5):
    """The first truthy answer of `ready`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = ready()
        if answer:
            return answer
        time.sleep(every)
    raise Failed(f"waited {seconds} s in vain for {what}")


class Processes:
    """Everything that was started, and where it logs."""

    def __init__(self, logs: pathlib.Path):
        self.logs = logs
        self.running = {}

    def log(self, name):
        return self.logs / f"{name}.log"

    def start(self, name, command, env):
        """Starts `command` in a process group of its own; `stop_all` ends it."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.running[name] = process
        return process

    def run(self, name, command, env, seconds, cwd=None):
        """Runs `command` to its end and returns what it logged."""
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=(log := self.log(name).open("ab")),
            stderr=log, start_new_session=True,
        )
        self.running[name] = process
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{name} took more than {seconds} s; its log ends:\n{self.tail(name)}") from None
        finally:
            log.close()
        del self.running[name]
        if code:
            raise Failed(f"{name} ended with {code}; its log ends:\n{self.tail(name)}")
        return self.log(name).read_text(errors="replace")

    def alive(self, name):
        if self.running[name].poll() is not None:
            raise Failed(f"{name} ended by itself; its log ends:\n{self.tail(name)}")
        return True

    def tail(self, name, lines=40):
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-lines:])

    def stop_all(self):
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            # Children that outlived their leader (a function's processes) go with the group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=STOP_SECONDS)
        self.running.clear()
