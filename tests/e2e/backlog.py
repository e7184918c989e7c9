"""Checks that the command line drains a backlog with few requests, as fast as the vendor allows, and in little memory.

The simulated vendor is a process, and every tick is another one.
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

from steps import say
from processes import Failed, free_port, wait_for

START_SECONDS = 60
STOP_SECONDS = 30
MAX_TICKS = 40
# The command line ends a tick by itself after 50 seconds (OpenAI) or 270 seconds (Microsoft 365).
TICK_SECONDS = 330
EVENTS_PER_PAGE = 100
EXPORT = re.compile(r"^export (\w+)='(.*)'$", re.MULTILINE)
# The summary that a simulator prints when it is stopped.
SUMMARY = re.compile(r"(\d+) requests answered, (\d+) events shown")
# The exit code of a tick that has left work to the next one.
NEXT_TICK = 1
# The peak of a process's resident memory in /proc/PID/status.
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
# The last simulated events become visible some seconds after the start. The test waits that long between two ticks.
LATE_SECONDS = 4
ROW_ID = re.compile(rb'"p_row_id":"([0-9a-f]{32})"')
# The client uses eight tenths of the 2,000 requests per minute that the vendor allows. In a short backlog, its slower
# start and end count more.
MIN_REQUESTS_PER_MINUTE, MIN_REQUESTS_PER_MINUTE_OF_SHORT = 1_600, 1_500


@dataclasses.dataclass
class Backlog:
    """A backlog, and the limits for draining it."""

    name: str
    vendor: str
    arguments: list
    events: int
    max_mib: int
    # The maximum of all requests, and the minimum per minute if the vendor's rate limit determines the speed.
    max_requests: int | None = None
    min_requests_per_minute: int | None = None


def of_openai(work):
    """Returns the backlogs of OpenAI: 100,000 events of a week, and 3,000 events of one second."""
    second = work / "second.ndjson"
    now = int(time.time()) - 3_600
    event = '{{"id":"audit_log-{:05}","type":"login.succeeded","effective_at":{},"actor":null}}\n'
    second.write_text("".join(event.format(number, now) for number in range(3_000)))
    week = ["--events", "100000", "--span", str(7 * 86_400 - 3_600), "--seed", "3"]
    return [
        Backlog("OpenAI, 100,000 events in 7 days", "openai", week, 100_000, 64, max_requests=1_300),
        Backlog("OpenAI, 3,000 events in a second", "openai", ["--records", str(second)], 3_000, 32, max_requests=46),
    ]


def of_microsoft365(records, name, min_rate):
    """Returns the backlogs of Microsoft 365: `records` of a week, a hundred per blob, and one blob of 200 MB.

    The vendor takes 50 ms for each answer of the first one.
    """
    behaviours = {"records_per_blob": 120, "page_size": 200, "transport": {"delay_milliseconds": 50}}
    week = ["--events", str(records), "--span", str(7 * 86_400 - 7_200), "--behaviours", json.dumps(behaviours)]
    huge = json.dumps({"huge_blob": ["Audit.Exchange", 200_000_000]})
    return [
        Backlog(f"Microsoft 365, {name}", "microsoft365", week, records, 128, min_requests_per_minute=min_rate),
        Backlog("Microsoft 365, a blob of 200 MB", "microsoft365", ["--events", "9000", "--behaviours", huge], 9_000, 128),
    ]


@contextlib.contextmanager
def simulated(processes, binary, name, backlog):
    """Starts a simulated vendor. Yields the variables with its address and credential, and a function that stops it.

    The function returns the number of requests that the vendor answered, and of events that it showed.
    """
    command = [binary, "simulate", backlog.vendor, "--port", str(free_port()), *backlog.arguments]
    process = processes.start(name, command, dict(os.environ))
    last = {"openai": "OPENAI_ADMIN_KEY", "microsoft365": "MICROSOFT365_CLIENT_SECRET"}[backlog.vendor]

    def variables():
        processes.assert_running(name)
        found = dict(EXPORT.findall(processes.log_path(name).read_text()))
        return found if last in found else None

    def stop():
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=STOP_SECONDS)
        summary = SUMMARY.search(processes.log_path(name).read_text())
        if not summary:
            raise Failed(f"{name} printed no summary; its log ends:\n{processes.tail(name)}")
        return int(summary[1]), int(summary[2])

    found = wait_for(name, START_SECONDS, variables)
    # The log has the credential of the simulated account. It is emptied, so that every other occurrence is an error.
    processes.log_path(name).write_text("")
    yield found, stop
    processes.running.pop(name, None)


def peak_memory(process, max_seconds):
    """Waits at most `max_seconds` for the process to end. Returns the last peak of its memory that was read, in MiB."""
    deadline, status, memory_mib = time.monotonic() + max_seconds, pathlib.Path(f"/proc/{process.pid}/status"), 0.0
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            raise Failed(f"a tick took more than {max_seconds} s")
        # The peak is read from /proc, because the resource usage of a child begins with the memory of its parent.
        found = PEAK.search(status.read_text()) if status.exists() else None
        memory_mib = max(memory_mib, int(found[1]) / 1_024 if found else 0.0)
        time.sleep(0.02)
    return memory_mib


def tick(processes, binary, vendor, folder, variables):
    """Runs one tick. Returns if every stream is drained, the number of delivered lines, and the peak memory in MiB."""
    report = processes.log_path(f"tick-{vendor}")
    command = [binary, "pull", vendor, "--lake", str(folder), "--json"]
    with report.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=out)
        memory_mib = peak_memory(process, TICK_SECONDS)
    if process.returncode not in (0, NEXT_TICK):
        raise Failed(f"a tick exited with {process.returncode}: {report.read_text()}")
    streams = json.loads(report.read_text())["streams"]
    return all(stream["drained"] for stream in streams), sum(stream["delivered"] for stream in streams), memory_mib


def count(folder):
    """Returns the number of lines of a lake. Fails if a row id is repeated."""
    lines, rows = 0, set()
    for path in folder.rglob("*.ndjson.gz"):
        found = ROW_ID.findall(gzip.decompress(path.read_bytes()))
        lines += len(found)
        rows.update(bytes.fromhex(row.decode()) for row in found)
    if len(rows) != lines:
        raise Failed(f"{lines} lines have only {len(rows)} different row ids")
    return lines


def drain(processes, binary, work, backlog):
    """Runs ticks until the backlog is delivered. Checks that each event was delivered once, and within the limits."""
    name = f"backlog-{backlog.vendor}-{backlog.events}"
    folder, delivered, memory = work / name, 0, 0.0
    with simulated(processes, binary, name, backlog) as (variables, stop):
        began = time.monotonic()
        for ticks in range(1, MAX_TICKS + 1):
            drained, lines, memory_mib = tick(processes, binary, backlog.vendor, folder, variables)
            delivered, memory = delivered + lines, max(memory, memory_mib)
            if drained and delivered >= backlog.events:
                break
            if drained:
                time.sleep(LATE_SECONDS)
        minutes = (time.monotonic() - began) / 60
        requests, shown = stop()
    lines = count(folder)
    min_requests = -(-backlog.events // EVENTS_PER_PAGE)
    rate = f"{requests / minutes:.0f} per minute"
    if not backlog.min_requests_per_minute:
        rate = f"{requests / min_requests:.2f} times the minimum"
    say(
        f"  {backlog.name}: {lines} lines, 0 lost, 0 repeated; {ticks} ticks, {minutes:.1f} minutes; "
        f"{requests} requests, {rate}; {memory:.0f} MiB at the peak"
    )
    if not lines == shown == delivered >= backlog.events:
        raise Failed(
            f"{backlog.events} events were planned, {shown} shown; {delivered} lines were reported, {lines} are in the lake"
        )
    if memory > backlog.max_mib or (backlog.max_requests and requests > backlog.max_requests):
        raise Failed(f"{requests} requests or {memory:.0f} MiB exceed the limits")
    if backlog.min_requests_per_minute and requests / minutes < backlog.min_requests_per_minute:
        raise Failed(f"{requests / minutes:.0f} requests a minute are too few")


def run_steps(steps, processes, binary, work, full=False):
    """Runs one step per backlog. With `full` the backlogs are larger, and take a quarter of an hour."""
    full_size = (2_000_000, "2,000,000 records in 20,000 blobs", MIN_REQUESTS_PER_MINUTE)
    sizes = full_size if full else (200_000, "200,000 records in 2,000 blobs", MIN_REQUESTS_PER_MINUTE_OF_SHORT)
    for backlog in [*of_openai(work), *of_microsoft365(*sizes)]:
        steps.run(f"a backlog drains: {backlog.name}", lambda backlog=backlog: drain(processes, binary, work, backlog))
