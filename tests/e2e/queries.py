"""Checks the queries that `audit-pull schema duckdb` prints, on a lake of lines that are hard to read.

Usage: queries.py BINARY. The script needs only DuckDB, so that tables.py can also run it with an older version.
"""

import datetime
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import duckdb

SECONDS = 60
TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{6})\d{3}")

DEEP = '{"a":' * 100 + "1" + "}" * 100
CLASHES = '{"ItemCreationTime":"2026-08-21T08:44:05","itemCreationTime":"2026-08-21T08:44:06","UniqueID":"a","UniqueId":"b"}'
# Raw events. Each `%s` stands for the field of the event's id, which is `id` or `Id`.
EDGE_CASES = [
    '{"%s":"clash at the top","WorkSpaceName":"a","WorkspaceName":"b","workspacename":3}',
    '{"%s":"clash in objects","SharePointMetaData":' + CLASHES + ',"ExchangeMetaData":' + CLASHES + ',"new":' + CLASHES + "}",
    '{"%s":"clash in arrays","CopilotEventData":{"AccessedResources":[{"Id":"a","ID":"b","id":1},null,{}]}}',
    '{"%s":"clash with a declared name","ID":1,"id_":2,"iD":3,"OPERATION":"x","operation":"y","Type":"z"}',
    '{"%s":"names of the partitions","dt":"x","hour":99,"filename":"f","json":{"a":1}}',
    '{"%s":"names that need quotes","a\\"b":1,"a\'b":2,"$.x":3,"":4,"a b":5,"a-b":6,"select":7,"\\u0000":8}',
    '{"%s":"texts","Operation":"\\u0000 \\ud83d\\ude00 \\ud800 \\" \\\\ \\n \\u2028","x":"' + "y" * 1_000_000 + '"}',
    '{"%s":"numbers","n":18446744073709551616,"f":1e308,"g":-0.0,"RecordType":"7","UserType":2147483647}',
    '{"%s":"misfits","RecordType":"x","ClientIP":{"a":1},"actor":[1],"Actor":[1,{"ID":2}],"CreationTime":7}',
    '{"%s":"times at the ends","CreationTime":"9999-12-31T23:59:59","effective_at":"0000-01-01T00:00:00Z"}',
    '{"%s":"a time of the year 0","CreationTime":"0000-01-01T00:00:00","effective_at":253402300799}',
    '{"%s":"names of the data models","ClientIP":"[2001:db8::1]:443","ClientIPAddress":"192.0.2.1:25","UserId":"a@example.com",'
    '"UserAgent":"curl","actor":{"session":{"user":{"email":"a@example.com"},"ip_address":"192.0.2.1","user_agent":"curl"}}}',
    '{"%s":"deep","deep":' + DEEP + ',"ModifiedProperties":[' + DEEP + "]}",
    '{"%s":"twice","%s":"twice again","x":{"a":1,"a":2},"x":{"a":3}}',
    '{"%s":"nothing","Members":[],"ClientIPs":[null],"actor":{},"Actor":[{}],"AppAccessContext":{},"x":null}',
    "{}",
]


class Wrong(Exception):
    """A check failed; the message says why."""


def output_of(binary, *arguments, given=""):
    """Runs the command line with `given` as its standard input. Returns its standard output."""
    result = subprocess.run([binary, *arguments], input=given.encode(), capture_output=True, timeout=SECONDS)
    if result.returncode:
        raise Wrong(f"{' '.join(arguments)} exited with {result.returncode}: {result.stderr.decode(errors='replace')}")
    return result.stdout.decode()


def log_types(binary):
    """Returns the table of each log type."""
    return dict(row.split()[:2] for row in output_of(binary, "schema", "list").splitlines()[1:])


def write_edge_case_lake(binary, lake):
    """Writes a lake that has, for each log type, an object with the lines of all `EDGE_CASES` and an empty object."""
    for log_type, table in log_types(binary).items():
        name = "id" if log_type.startswith("OpenAI") else "Id"
        events = "\n".join(event.replace("%s", name) for event in EDGE_CASES)
        lines = output_of(binary, "normalize", "--log-type", log_type, "--source-id", "acme", given=events)
        if lines.count("\n") != len(EDGE_CASES):
            raise Wrong(f"{log_type}: {len(EDGE_CASES)} events became {lines.count(chr(10))} lines")
        folder = lake / table / "dt=2026-11-22" / "hour=07"
        folder.mkdir(parents=True)
        for at, text in enumerate([lines, ""]):
            (folder / f"acme-{at:012}.ndjson.gz").write_bytes(gzip.compress(text.encode()))


def check(binary, log_type, table, lake):
    """Checks that the printed query returns each line of the lake once, with all declared values.

    Returns the number of lines.
    """
    lines = {}
    for file in sorted((lake / table).glob("dt=*/hour=*/*.ndjson.gz")):
        for text in gzip.decompress(file.read_bytes()).split(b"\n"):
            if text:
                line = json.loads(text)
                lines[line["p_row_id"]] = line
    rows = duckdb.connect().execute(output_of(binary, "schema", "duckdb", log_type, "--lake", str(lake)))
    keys = [column[0] for column in rows.description]
    if keys[-2:] != ["dt", "hour"] or not {"p_row_id", "p_event_time", "p_nonconforming", "p_udm"} <= set(keys):
        raise Wrong(f"{log_type}: the columns are {keys}")
    left = dict(lines)
    for row in rows.fetchall():
        row = dict(zip(keys, row, strict=True))
        if row["p_row_id"] not in left:
            raise Wrong(f"{log_type}: the row {row['p_row_id']} is in no file, or is repeated")
        line = left.pop(row["p_row_id"])
        for key in keys[:-2]:
            compare(row[key], line.get(key), f"{log_type}: {line['p_row_id']} {key}")
    if left:
        raise Wrong(f"{log_type}: the query does not return {sorted(left)}")
    return len(lines)


def compare(got, value, path):
    """Checks that DuckDB's value `got` is the line's `value`, at every depth."""
    if isinstance(got, dict) and isinstance(value, dict):
        for key, inner in got.items():
            compare(inner, value.get(key), f"{path}.{key}")
    elif isinstance(got, list) and isinstance(value, list) and len(got) == len(value):
        for at, (one, other) in enumerate(zip(got, value)):
            compare(one, other, f"{path}[{at}]")
    elif not is_same(got, value):
        raise Wrong(f"{path} is {str(value)[:200]!r} in the line and {str(got)[:200]!r} in DuckDB")


def is_same(got, value):
    """Returns True if DuckDB's value `got` is the line's `value`: as a time, as its JSON text, or as it is."""
    time = TIME.fullmatch(value) if isinstance(value, str) else None
    if isinstance(got, datetime.datetime):
        return bool(time) and got == datetime.datetime.fromisoformat(f"{time[1]}.{time[2]}")
    if isinstance(got, str) and got != value:
        if time and time[1].startswith("0000-") and got.startswith("0001-") and "(BC)" in got:
            return True  # Python has no year 0, so DuckDB returns a text, in which the year is 1 BC.
        try:
            return json.loads(got) == value
        except ValueError:
            return False
    return type(got) is type(value) and got == value


def check_all(binary, lake):
    """Checks all tables of a lake by their printed queries. Returns the number of lines by log type."""
    tables = log_types(binary).items()
    return {log_type: check(binary, log_type, table, lake) for log_type, table in tables if (lake / table).exists()}


def check_edge_cases(binary):
    """Checks the lines of `EDGE_CASES` with the DuckDB of this Python. Returns the version of DuckDB."""
    with tempfile.TemporaryDirectory(prefix="audit-pull-lake-") as folder:
        # The lake's path has a quote, which the query must escape.
        lake = pathlib.Path(folder) / "the lake's"
        write_edge_case_lake(binary, lake)
        counted = check_all(binary, lake)
    if len(counted) != len(log_types(binary)) or min(counted.values()) < len(EDGE_CASES):
        raise Wrong(f"only {counted} lines were compared")
    return duckdb.__version__


if __name__ == "__main__":
    print(check_edge_cases(sys.argv[1]))
