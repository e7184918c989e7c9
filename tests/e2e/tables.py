"""Checks that Athena's tables are valid, and that a lake can be read through them.

Athena itself is not available here. DuckDB reads the lake in its place, with the same columns, types and keys.
"""

import collections
import dataclasses
import datetime
import gzip
import json
import pathlib
import re
import shutil
import subprocess
import sys

import duckdb

import athena
import ddl
import named_queries
import queries
from steps import must_fail, say
from processes import Failed

EVENTS = 600
DEMO_SECONDS = 300
COMMAND_SECONDS = 30
# The path of an object in the folder of its table.
PATH = re.compile(r"dt=(\d{4}-\d\d-\d\d)/hour=(\d\d)/[^/]+\.ndjson\.gz")
TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{6})\d{3}")


def output_of(binary, *arguments, seconds=COMMAND_SECONDS):
    """Runs the command line. Returns its standard output."""
    result = subprocess.run([binary, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    if result.returncode:
        raise Failed(f"{' '.join(arguments)} exited with {result.returncode}: {result.stderr.decode(errors='replace')}")
    return result.stdout.decode()


def log_types(binary):
    """Returns the name of the table of each log type."""
    return dict(row.split()[:2] for row in output_of(binary, "schema", "list").splitlines()[1:])


def json_schema(binary, log_type):
    return json.loads(output_of(binary, "schema", "json-schema", log_type))


def tables(binary):
    """Parses the DDL of each log type's table and checks it. Returns the tables by log type."""
    found = {}
    for log_type, name in log_types(binary).items():
        text = output_of(binary, "schema", "athena", log_type)
        table = ddl.parse_table(text)
        if table.name != name:
            raise Failed(f"the table of {log_type} is called {table.name} instead of {name}")
        athena.check_rules(table)
        athena.check_projection(table)
        athena.check_dialects(text, table)
        athena.check_declared(table, json_schema(binary, log_type))
        found[log_type] = table
    return found


@dataclasses.dataclass
class Contents:
    """The lines of one table, read with only gzip and a JSON parser."""

    files: list
    # By row id: the partition's dt and hour, and the parsed line.
    lines: dict

    def lines_by_day(self):
        return collections.Counter(dt for dt, _, _ in self.lines.values())


def read_files(lake, table, first):
    """Reads a table's files. Fails if one is outside the projected partitions, which begin at the day `first`."""
    files = sorted((lake / table.name).glob("dt=*/hour=*/*.ndjson.gz"))
    lines = {}
    for file in files:
        place = PATH.fullmatch(str(file.relative_to(lake / table.name)))
        # The last tick of a demo may run somewhat ahead of the real time.
        last = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=1)
        if not place or not first <= datetime.date.fromisoformat(place[1]) <= last or int(place[2]) > 23:
            raise Failed(f"{file} is outside every projected partition of {table.name}")
        for text in gzip.decompress(file.read_bytes()).splitlines():
            line = json.loads(text)
            if line["p_row_id"] in lines:
                raise Failed(f"two lines of {table.name} have the row id {line['p_row_id']}")
            lines[line["p_row_id"]] = (place[1], int(place[2]), line)
    return Contents(files, lines)


def load(table, files, connection=None):
    """Loads the files into DuckDB, with exactly the columns and types of the DDL. Returns the connection.

    The connection is a new one unless `connection` is given.
    """
    columns = {table.key(column.name): ddl.duckdb_type(column.kind, table.key) for column in table.columns}
    if len({key.lower() for key in columns}) < len(columns):
        raise Failed(f"{table.name}: two columns differ only by case, which DuckDB ignores")
    connection = connection or duckdb.connect()
    query = f"""
        create table "{table.name}" as
        select * from read_json(
            $files, columns = $columns, format = 'newline_delimited', compression = 'gzip',
            hive_partitioning = true, hive_types = {{'dt': VARCHAR, 'hour': INTEGER}}
        )
    """
    try:
        connection.execute(query, {"files": [str(file) for file in files], "columns": columns})
    except duckdb.Error as error:
        raise Failed(f"{table.name}: {error}") from None
    return connection


def check_read(table, contents):
    """Checks that DuckDB returns each line once, in its partition, with every value that has a column."""
    connection = load(table, contents.files)
    by_day = dict(connection.execute(f'select dt, count(*) from "{table.name}" group by dt').fetchall())
    if by_day != contents.lines_by_day():
        raise Failed(f"{table.name}: DuckDB counts {by_day}, but the files have {dict(contents.lines_by_day())}")
    rows = connection.execute(f'select * from "{table.name}"')
    keys = [column[0] for column in rows.description]
    left = dict(contents.lines)
    for row in rows.fetchall():
        row = dict(zip(keys, row, strict=True))
        if row["p_row_id"] not in left:
            raise Failed(f"{table.name}: DuckDB returns the row {row['p_row_id']}, which is in no file or repeated")
        dt, hour, line = left.pop(row["p_row_id"])
        if (row.pop("dt"), row.pop("hour")) != (dt, hour):
            raise Failed(f"the row {row['p_row_id']} is not in the partition {dt} {hour}")
        for column in table.columns:
            key = table.key(column.name)
            check_value(table, column.kind, row.pop(key), line.get(key), f"{table.name}.{key}")
        if row:
            raise Failed(f"{table.name}: DuckDB returns columns that are not in the DDL: {sorted(row)}")


def check_printed(binary, log_type, table, contents, lake):
    """Checks that the query that `schema duckdb` prints returns the same lines with the same values."""
    try:
        counted = queries.check(binary, log_type, table.name, lake)
    except (queries.Wrong, duckdb.Error) as error:
        raise Failed(str(error)) from None
    if counted != len(contents.lines):
        raise Failed(f"{table.name}: the printed query returns {counted} lines instead of {len(contents.lines)}")


def check_edge_cases(binary):
    """Checks the printed queries on lines that are hard to read, with this DuckDB and with an older version."""
    older = shutil.which("python-duckdb-older")
    if not older:
        raise Failed("python-duckdb-older is not in PATH; .ci/tools installs it")
    versions = []
    for python in (sys.executable, older):
        result = subprocess.run([python, queries.__file__, binary], capture_output=True, timeout=DEMO_SECONDS)
        if result.returncode:
            raise Failed(f"{python}: {result.stderr.decode(errors='replace')}")
        versions.append(result.stdout.decode().strip())
    if len(set(versions)) < 2:
        raise Failed(f"both Pythons have DuckDB {versions[0]}")
    say(f"  DuckDB {' and '.join(versions)}")


def check_value(table, kind, got, value, path):
    """Checks that DuckDB's value `got` is the line's `value`, at every depth."""
    if value is None or got is None:
        same = got is None and value is None
    elif kind.element:
        same = isinstance(value, list) and len(got) == len(value)
        for at, (one, other) in enumerate(zip(got, value)) if same else ():
            check_value(table, kind.element, one, other, f"{path}[{at}]")
    elif kind.members and not ddl.has_clashing_keys(kind, table.key):
        same = isinstance(value, dict)
        for name, of in kind.members if same else ():
            check_value(table, of, got[table.key(name)], value.get(table.key(name)), f"{path}.{table.key(name)}")
    else:
        same = is_scalar(kind, got, value)
    if not same:
        raise Failed(f"{path} is {value!r} in the line and {got!r} in {kind}")


def is_scalar(kind, got, value):
    if kind.name == "timestamp":
        time = isinstance(value, str) and TIME.fullmatch(value)
        return bool(time) and got == datetime.datetime.fromisoformat(f"{time[1]}.{time[2]}")
    if kind.name == "double":
        return isinstance(got, float) and not isinstance(value, bool) and got == value
    if kind.name in ("string", "struct") and not isinstance(value, str):
        # A value that is not a text is read as its JSON text.
        return isinstance(got, str) and json.loads(got) == value
    return type(got) is type(value) and got == value


def count_paths_without_column(table, contents):
    """Counts the paths in the lines that have no column. Fails if a standard field has none."""
    found = collections.Counter()
    for _, _, line in contents.lines.values():
        found.update(set(paths_without_column(table, table.columns, line, "")))
    if standard := [path for path in found if path.startswith("p_")]:
        raise Failed(f"{table.name} has no column for {standard}")
    return found


def paths_without_column(table, members, value, path):
    """Yields the path of each key in `value` that is none of `members`, at every depth."""
    kinds = {table.key(name): kind for name, kind in
             ((one.name, one.kind) if isinstance(one, ddl.Column) else one for one in members)}
    for key, inner in value.items():
        if key not in kinds:
            yield path + key
            continue
        kind, values = kinds[key], [inner]
        while kind.element:
            kind, values = kind.element, [one for many in values for one in many or ()]
        for one in values if kind.members else ():
            if one is not None:
                yield from paths_without_column(table, kind.members, one, f"{path}{key}.")


def check_lake(binary, found, lake):
    """Checks all tables of a lake. Returns by log type the lines by day, and the counts of paths without a column."""
    seen = {}
    for log_type, table in found.items():
        contents = read_files(lake, table, athena.check_projection(table))
        if contents.files:
            check_read(table, contents)
            check_printed(binary, log_type, table, contents, lake)
        seen[log_type] = (contents.lines_by_day(), count_paths_without_column(table, contents))
    return seen


def print_tables(seen, paths=True):
    """Prints the result of `check_lake`, with the paths without a column if `paths` is set."""
    for log_type, (by_day, others) in seen.items():
        say(f"  {log_type}: {', '.join(f'{count} lines of {day}' for day, count in sorted(by_day.items()))}")
        if others and paths:
            say(f"    undeclared: {', '.join(f'{path} ({count})' for path, count in sorted(others.items()))}")


def check_demo(binary, found, work):
    """Runs a demo and checks its lake. Returns the lake, and the demo's report on each stream."""
    lake = pathlib.Path(work) / "demo"
    arguments = ["demo", "--lake", str(lake), "--events", str(EVENTS), "--json"]
    report = json.loads(output_of(binary, *arguments, seconds=DEMO_SECONDS))
    streams = report["streams"]
    if {stream["log_type"] for stream in streams} != found.keys() or not all(one["delivered"] for one in streams):
        raise Failed(f"the demo delivered {streams}")
    print_tables(check_against_report(binary, found, lake, streams))
    return lake, streams


def check_days(binary, found, lake, streams):
    """Moves a file of each table to the day before, and checks the lake again.

    A demo is mostly of one day, so without that it would not matter if the tables mixed up days.
    """
    moved = {}
    for log_type, table in found.items():
        file = read_files(lake, table, athena.check_projection(table)).files[0]
        day = datetime.date.fromisoformat(file.parent.parent.name.removeprefix("dt=")) - datetime.timedelta(days=1)
        before = lake / table.name / f"dt={day}" / "hour=09"
        before.mkdir(parents=True)  # The folder is new, because the file is the oldest one.
        moved[log_type] = (str(day), len(gzip.decompress(file.rename(before / file.name).read_bytes()).splitlines()))
    seen = check_against_report(binary, found, lake, streams)
    print_tables(seen, paths=False)
    for log_type, (day, lines) in moved.items():
        if seen[log_type][0].get(day) != lines:
            raise Failed(f"{log_type}: {lines} lines were moved to {day}, but DuckDB counts {seen[log_type][0]}")


def check_against_report(binary, found, lake, streams):
    """Checks a demo's lake, and that it has the lines and objects that the demo reported. Returns the same as `check_lake`."""
    seen = check_lake(binary, found, lake)
    for stream in streams:
        by_day, _ = seen[stream["log_type"]]
        objects = len(list((lake / stream["stream"]).glob("dt=*/hour=*/*.ndjson.gz")))
        if (sum(by_day.values()), objects) != (stream["delivered"], stream["objects"]):
            raise Failed(f"the lake has {by_day} in {objects} objects, but the demo reported {stream}")
    return seen


def check_bucket(binary, found, lake, lines):
    """Checks the lake of a deployment, and that each table has as many lines as were read without DuckDB."""
    seen = check_lake(binary, found, lake)
    print_tables(seen)
    counted = {log_type: sum(by_day.values()) for log_type, (by_day, _) in seen.items()}
    if counted != collections.Counter(line["p_log_type"] for line in lines):
        raise Failed(f"DuckDB counts {counted}, but the bucket has {len(lines)} lines in other proportions")


def checks_can_fail(binary, found, lake, streams):
    """Checks that the checks fail for wrong tables, and for a lake that lacks a file."""
    table, general = found["OpenAI.Audit"], found["Microsoft365.Audit.General"]
    contents = read_files(lake, table, athena.check_projection(table))
    read_checks_can_fail(binary, table, contents, lake)
    declared_checks_can_fail(table, json_schema(binary, "OpenAI.Audit"))
    wrong, shape = dataclasses.replace(general, serde={}), json_schema(binary, "Microsoft365.Audit.General")
    must_fail("keys in another case", lambda: athena.check_declared(wrong, shape))
    for name in ("ID", "id", "dt", "a-b"):
        must_fail(f"{name} as a name", lambda: athena.check_rules(athena.with_changed_column(table, "type", name=name)))
    wrong = dataclasses.replace(table, properties=table.properties | {"projection.hour.digits": "1"})
    must_fail("hours of one digit", lambda: athena.check_projection(wrong))
    must_fail("a line before the first partition", lambda: read_files(lake, table, datetime.date(2999, 1, 1)))
    body = contents.files[0].read_bytes()
    contents.files[0].unlink()
    must_fail("a missing file", lambda: check_against_report(binary, found, lake, streams))
    contents.files[0].write_bytes(body)


def read_checks_can_fail(binary, table, contents, lake):
    """Checks that `check_read` and `check_printed` fail for wrong types, lines and values."""
    for name, kind in {"type": "int", "id": "timestamp", "actor": "array<string>"}.items():
        wrong = athena.with_changed_column(table, name, kind=ddl.parse_kind(kind))
        must_fail(f"{name} as {kind}", lambda: check_read(wrong, contents))
    lines = dict(contents.lines)
    row_id, (dt, hour, line) = lines.popitem()
    must_fail("a surplus line", lambda: check_read(table, Contents(contents.files, lines)))
    fewer = Contents(contents.files, lines)
    must_fail("a surplus line in the printed query", lambda: check_printed(binary, "OpenAI.Audit", table, fewer, lake))
    lines[row_id] = (dt, hour, line | {"actor": {"type": "another"}})
    must_fail("a changed value", lambda: check_read(table, Contents(contents.files, lines)))


def declared_checks_can_fail(table, shape):
    """Checks that `check_declared` fails for wrong types and a missing column."""
    for name, kind in {"project": "struct<`id`:string>", "actor": "string", "effective_at": "string"}.items():
        wrong = athena.with_changed_column(table, name, kind=ddl.parse_kind(kind))
        must_fail(f"{name} as {kind}", lambda: athena.check_declared(wrong, shape))
    less = dataclasses.replace(table, columns=table.columns[1:])
    must_fail("a missing column", lambda: athena.check_declared(less, shape))


def run_steps(steps, binary, work):
    """Runs the steps that need no AWS. Returns the tables by log type."""
    steps.run("Athena's types are translated to DuckDB's", ddl.check_translation)
    found = steps.run("the tables are valid for Athena", lambda: tables(binary))
    lake, streams = steps.run("DuckDB reads a demo's lake through the tables", lambda: check_demo(binary, found, work))
    steps.run("DuckDB reads each day from its own partition", lambda: check_days(binary, found, lake, streams))
    steps.run("the saved queries find their events", lambda: named_queries.check(binary, found))
    steps.run("the printed queries read edge cases in two versions of DuckDB", lambda: check_edge_cases(binary))
    steps.run("these checks can fail", lambda: checks_can_fail(binary, found, lake, streams))
    return found
