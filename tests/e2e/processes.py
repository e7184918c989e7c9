"""Starts and stops child processes. Each has a log file, and every wait has a time limit."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

STOP_SECONDS = 10


class Failed(Exception):
    """A step of the test failed; the message says why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds, ready, every=0.5):
    """Calls `ready` until its result is truthy, and returns that result. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = ready()
        if result:
            return result
        time.sleep(every)
    raise Failed(f"{what} is not ready after {seconds} s")


class Processes:
    """The running child processes by name, and the folder of their log files."""

    def __init__(self, logs: pathlib.Path):
        self.logs = logs
        self.running = {}

    def log_path(self, name):
        return self.logs / f"{name}.log"

    def start(self, name, command, env):
        """Starts `command` in its own process group. `stop_all` stops it."""
        with self.log_path(name).open("ab") as log:
            process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.running[name] = process
        return process

    def run(self, name, command, env, seconds, cwd=None):
        """Runs `command` and returns its log. Fails if it exits with an error or takes longer than `seconds`."""
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=(log := self.log_path(name).open("ab")),
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
            raise Failed(f"{name} exited with {code}; its log ends:\n{self.tail(name)}")
        return self.log_path(name).read_text(errors="replace")

    def assert_running(self, name):
        """Fails if the process has ended; its log then says why."""
        if self.running[name].poll() is not None:
            raise Failed(f"{name} ended too early; its log ends:\n{self.tail(name)}")

    def tail(self, name, lines=40):
        """Returns the last lines of the process's log."""
        return "\n".join(self.log_path(name).read_text(errors="replace").splitlines()[-lines:])

    def stop_all(self):
        """Stops all running processes and their children: with SIGTERM, and with SIGKILL after `STOP_SECONDS`."""
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            # This also ends children that outlive their parent, such as the processes of the functions.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=STOP_SECONDS)
        self.running.clear()
