"""A backlog, drained by the command line: with few more requests than needed, in little memory.

A vendor and its client are real processes. Each tick is a process of its own: what it takes at most is what
the system says of it when it has ended.
"""

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import threading
import time

import lake
from acts import say
from processes import Failed, free_port, wait_for

START_SECONDS = 60
STOP_SECONDS = 30
MOST_TICKS = 40
# The command line ends a tick of OpenAI after 50 seconds by itself.
TICK_SECONDS = 90
PAGE = 100
EXPORT = re.compile(r"^export (\w+)='(.*)'$", re.MULTILINE)
LAST_WORD = re.compile(r"(\d+) requests answered, (\d+) events shown")
NEXT_TICK = 1


@dataclasses.dataclass
class Backlog:
    """What there is to drain, and what that may cost."""

    name: str
    arguments: list
    events: int
    most_requests: int
    most_mib: int


def backlogs(work):
    """The backlogs: a week's events, and one second's."""
    second = work / "second.ndjson"
    now = int(time.time()) - 3_600
    event = '{{"id":"audit_log-{:05}","type":"login.succeeded","effective_at":{},"actor":null}}\n'
    second.write_text("".join(event.format(number, now) for number in range(3_000)))
    week = ["--events", "100000", "--span", str(7 * 86_400 - 3_600), "--seed", "3"]
    return [
        Backlog("100,000 events in 7 days", week, 100_000, 1_300, 96),
        Backlog("3,000 events in a second", ["--records", str(second)], 3_000, 46, 48),
    ]


@contextlib.contextmanager
def simulated(processes, binary, name, arguments):
    """A vendor: the variables that lead to it, and how to have its last word."""
    command = [binary, "simulate", "openai", "--port", str(free_port()), *arguments]
    process = processes.start(name, command, dict(os.environ))

    def variables():
        processes.alive(name)
        found = dict(EXPORT.findall(processes.log(name).read_text()))
        return found if "OPENAI_ADMIN_KEY" in found else None

    def last_word():
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=STOP_SECONDS)
        said = LAST_WORD.search(processes.log(name).read_text())
        if not said:
            raise Failed(f"{name} has no last word; its log ends:\n{processes.tail(name)}")
        return int(said[1]), int(said[2])

    yield wait_for(name, START_SECONDS, variables), last_word
    processes.running.pop(name, None)


def tick(binary, folder, variables):
    """One tick: how it ended, its report, and the most memory it took, in MiB."""
    environment = {**os.environ, **variables}
    command = [binary, "pull", "openai", "--lake", str(folder), "--json"]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    # Only waiting by hand tells what one process took.
    guard = threading.Timer(TICK_SECONDS, process.kill)
    guard.start()
    report = json.loads(process.stdout.read())
    guard.cancel()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, report["streams"][0], usage.ru_maxrss / 1_024


def drain(processes, binary, work, backlog):
    """Ticks until drained; then everything is there once, and it cost no more than it may."""
    name = f"backlog-{backlog.events}"
    folder, ledger = work / name, work / f"{name}.ledger.ndjson"
    arguments = [*backlog.arguments, "--ledger", str(ledger)]
    ticks, memory = 0, 0.0
    with simulated(processes, binary, name, arguments) as (variables, last_word):
        for ticks in range(1, MOST_TICKS + 1):
            code, report, taken = tick(binary, folder, variables)
            memory = max(memory, taken)
            if code not in (0, NEXT_TICK):
                raise Failed(f"tick {ticks} ended with {code}: {report}")
            # The last of the simulated events show up seconds after the start.
            if report["drained"] and lake.read_ledger(ledger).total() == backlog.events:
                break
        requests, shown = last_word()
    lines = lake.read_lines({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.ndjson.gz")})
    lake.check_unique(lines)
    events = lake.read_ledger(ledger)
    lake.check_against_ledger(lines, "openai", "openai", events, events)
    least = -(-backlog.events // PAGE)
    say(
        f"  {backlog.name}: {len(lines)} lines, 0 lost, 0 twice; {ticks} ticks; {requests} requests, "
        f"{requests / least:.2f} times the least possible; {memory:.0f} MiB at most"
    )
    if len(lines) != backlog.events or shown != backlog.events:
        raise Failed(f"{shown} events were shown, {len(lines)} delivered, {backlog.events} meant")
    if requests > backlog.most_requests or memory > backlog.most_mib:
        raise Failed(f"{requests} requests and {memory:.0f} MiB are too many")


def acts_alone(acts, processes, binary, work):
    """Every backlog is an act."""
    for backlog in backlogs(work):
        acts.do(f"a backlog drains: {backlog.name}", lambda backlog=backlog: drain(processes, binary, work, backlog))
