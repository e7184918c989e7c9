"""Backlogs, drained by the command line: with few more requests than needed, as fast as the vendor allows, in little memory.

A vendor and its client are real processes, each tick one of its own.
"""

import contextlib
import dataclasses
import gzip
import json
import os
import pathlib
import re
import signal
import subprocess
import time

from acts import say
from processes import Failed, free_port, wait_for

START_SECONDS = 60
STOP_SECONDS = 30
MOST_TICKS = 40
# The command line ends a tick after 50 seconds (OpenAI) or 270 by itself.
TICK_SECONDS = 330
PAGE = 100
EXPORT = re.compile(r"^export (\w+)='(.*)'$", re.MULTILINE)
LAST_WORD = re.compile(r"(\d+) requests answered, (\d+) events shown")
NEXT_TICK = 1
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
# The last of the simulated events show up seconds after the start; until then a tick lists the others again.
LATE_SECONDS = 4
ROW_ID = re.compile(rb'"p_row_id":"([0-9a-f]{32})"')
# Of the 2,000 requests a minute that the vendor grants, eight tenths are used; a short backlog has its beginning and
# its end in it.
LEAST_A_MINUTE, LEAST_A_MINUTE_OF_A_SHORT_ONE = 1_600, 1_500


@dataclasses.dataclass
class Backlog:
    """What there is to drain, and what that may cost."""

    name: str
    vendor: str
    arguments: list
    events: int
    most_mib: int
    # At most so many requests; and so many a minute at least, where the vendor's budget is the bound.
    most_requests: int | None = None
    least_a_minute: int | None = None


def of_openai(work):
    """A week's events, and one second's."""
    second = work / "second.ndjson"
    now = int(time.time()) - 3_600
    event = '{{"id":"audit_log-{:05}","type":"login.succeeded","effective_at":{},"actor":null}}\n'
    second.write_text("".join(event.format(number, now) for number in range(3_000)))
    week = ["--events", "100000", "--span", str(7 * 86_400 - 3_600), "--seed", "3"]
    return [
        Backlog("OpenAI, 100,000 events in 7 days", "openai", week, 100_000, 64, most_requests=1_300),
        Backlog("OpenAI, 3,000 events in a second", "openai", ["--records", str(second)], 3_000, 32, most_requests=46),
    ]


def of_microsoft365(records, name, least_a_minute):
    """So many records in blobs of a hundred over 7 days, each answer 50 ms away; and one blob of 200 MB."""
    behaviours = {"records_per_blob": 120, "page_size": 200, "transport": {"delay_milliseconds": 50}}
    week = ["--events", str(records), "--span", str(7 * 86_400 - 7_200), "--behaviours", json.dumps(behaviours)]
    huge = json.dumps({"huge_blob": ["Audit.Exchange", 200_000_000]})
    return [
        Backlog(f"Microsoft 365, {name}", "microsoft365", week, records, 128, least_a_minute=least_a_minute),
        Backlog("Microsoft 365, a blob of 200 MB", "microsoft365", ["--events", "9000", "--behaviours", huge], 9_000, 128),
    ]


@contextlib.contextmanager
def simulated(processes, binary, name, backlog):
    """A vendor: the variables that lead to it, and how to have its last word."""
    command = [binary, "simulate", backlog.vendor, "--port", str(free_port()), *backlog.arguments]
    process = processes.start(name, command, dict(os.environ))
    last = {"openai": "OPENAI_ADMIN_KEY", "microsoft365": "MICROSOFT365_CLIENT_SECRET"}[backlog.vendor]

    def variables():
        processes.alive(name)
        found = dict(EXPORT.findall(processes.log(name).read_text()))
        return found if last in found else None

    def last_word():
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=STOP_SECONDS)
        said = LAST_WORD.search(processes.log(name).read_text())
        if not said:
            raise Failed(f"{name} has no last word; its log ends:\n{processes.tail(name)}")
        return int(said[1]), int(said[2])

    found = wait_for(name, START_SECONDS, variables)
    # Its log has told the secret of the simulated account; no other may hold it.
    processes.log(name).write_text("")
    yield found, last_word
    processes.running.pop(name, None)


def peak(process, most):
    """The most memory that the process took, in MiB, as far as it could be asked; it ends within `most` seconds."""
    deadline, status, taken = time.monotonic() + most, pathlib.Path(f"/proc/{process.pid}/status"), 0.0
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            raise Failed(f"a tick took more than {most} s")
        # What the system counts of a child begins with the memory of its parent; the peak since it is itself does not.
        found = PEAK.search(status.read_text()) if status.exists() else None
        taken = max(taken, int(found[1]) / 1_024 if found else 0.0)
        time.sleep(0.02)
    return taken


def tick(processes, binary, vendor, folder, variables):
    """One tick: whether all is drained, the lines delivered, and the most memory it took, in MiB."""
    report = processes.log(f"tick-{vendor}")
    command = [binary, "pull", vendor, "--lake", str(folder), "--json"]
    with report.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=out)
        taken = peak(process, TICK_SECONDS)
    if process.returncode not in (0, NEXT_TICK):
        raise Failed(f"a tick ended with {process.returncode}: {report.read_text()}")
    streams = json.loads(report.read_text())["streams"]
    return all(stream["drained"] for stream in streams), sum(stream["delivered"] for stream in streams), taken


def count(folder):
    """The lines of a lake, each of which has a row id of its own."""
    lines, rows = 0, set()
    for path in folder.rglob("*.ndjson.gz"):
        found = ROW_ID.findall(gzip.decompress(path.read_bytes()))
        lines += len(found)
        rows.update(bytes.fromhex(row.decode()) for row in found)
    if len(rows) != lines:
        raise Failed(f"{lines} lines have {len(rows)} row ids")
    return lines


def drain(processes, binary, work, backlog):
    """Ticks until all is there; then everything is there once, and it cost no more than it may."""
    name = f"backlog-{backlog.vendor}-{backlog.events}"
    folder, delivered, memory = work / name, 0, 0.0
    with simulated(processes, binary, name, backlog) as (variables, last_word):
        began = time.monotonic()
        for ticks in range(1, MOST_TICKS + 1):
            drained, lines, taken = tick(processes, binary, backlog.vendor, folder, variables)
            delivered, memory = delivered + lines, max(memory, taken)
            if drained and delivered >= backlog.events:
                break
            if drained:
                time.sleep(LATE_SECONDS)
        minutes = (time.monotonic() - began) / 60
        requests, shown = last_word()
    lines = count(folder)
    least = -(-backlog.events // PAGE)
    rate = f"{requests / minutes:.0f} a minute"
    if not backlog.least_a_minute:
        rate = f"{requests / least:.2f} times the least possible"
    say(
        f"  {backlog.name}: {lines} lines, 0 lost, 0 twice; {ticks} ticks, {minutes:.1f} minutes; "
        f"{requests} requests, {rate}; {memory:.0f} MiB at most"
    )
    if not lines == shown == delivered >= backlog.events:
        raise Failed(f"{shown} events were shown, {delivered} reported, {lines} there, {backlog.events} meant")
    if memory > backlog.most_mib or (backlog.most_requests and requests > backlog.most_requests):
        raise Failed(f"{requests} requests and {memory:.0f} MiB are too many")
    if backlog.least_a_minute and requests / minutes < backlog.least_a_minute:
        raise Failed(f"{requests / minutes:.0f} requests a minute are too few")


def acts_alone(acts, processes, binary, work, full=False):
    """Every backlog is an act; the full ones take a quarter of an hour."""
    full_size = (2_000_000, "2,000,000 records in 20,000 blobs", LEAST_A_MINUTE)
    sizes = full_size if full else (200_000, "200,000 records in 2,000 blobs", LEAST_A_MINUTE_OF_A_SHORT_ONE)
    for backlog in [*of_openai(work), *of_microsoft365(*sizes)]:
        acts.do(f"a backlog drains: {backlog.name}", lambda backlog=backlog: drain(processes, binary, work, backlog))
