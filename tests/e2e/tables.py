"""Athena's tables over a lake: whether they are valid, and whether the lake is what they say.

There is no Athena here: the tables are read by DuckDB, through the same columns, types and keys.
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
import queries
from acts import must_fail, say
from processes import Failed

EVENTS = 600
DEMO_SECONDS = 300
COMMAND_SECONDS = 30
PLACE = re.compile(r"dt=(\d{4}-\d\d-\d\d)/hour=(\d\d)/[^/]+\.ndjson\.gz")
TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{6})\d{3}")


def said(binary, *arguments, seconds=COMMAND_SECONDS):
    """What the command line writes to its standard output."""
    ran = subprocess.run([binary, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    if ran.returncode:
        raise Failed(f"{' '.join(arguments)} ended with {ran.returncode}: {ran.stderr.decode(errors='replace')}")
    return ran.stdout.decode()


def log_types(binary):
    """Every log type and its table."""
    return dict(row.split()[:2] for row in said(binary, "schema", "list").splitlines()[1:])


def json_schema(binary, log_type):
    return json.loads(said(binary, "schema", "json-schema", log_type))


def tables(binary):
    """Every log type's table, after what can be checked of the DDL alone."""
    found = {}
    for log_type, name in log_types(binary).items():
        text = said(binary, "schema", "athena", log_type)
        table = ddl.parse_table(text)
        if table.name != name:
            raise Failed(f"the table of {log_type} is called {table.name}")
        athena.check_rules(table)
        athena.check_projection(table)
        athena.check_dialects(text, table)
        athena.check_declared(table, json_schema(binary, log_type))
        found[log_type] = table
    return found


@dataclasses.dataclass
class Held:
    """One table's lines, as zcat and a JSON parser show them."""

    files: list
    # By row id: dt, hour, line.
    lines: dict

    def by_day(self):
        return collections.Counter(dt for dt, _, _ in self.lines.values())


def hold(lake, table, first):
    """Reads a table's files, which lie in partitions that are projected from the day `first` on."""
    files = sorted((lake / table.name).glob("dt=*/hour=*/*.ndjson.gz"))
    lines = {}
    for file in files:
        place = PLACE.fullmatch(str(file.relative_to(lake / table.name)))
        # A demo's clock may end a little ahead of ours.
        last = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=1)
        if not place or not first <= datetime.date.fromisoformat(place[1]) <= last or int(place[2]) > 23:
            raise Failed(f"{file} is outside every projected partition of {table.name}")
        for text in gzip.decompress(file.read_bytes()).splitlines():
            line = json.loads(text)
            if line["p_row_id"] in lines:
                raise Failed(f"row id {line['p_row_id']} is there twice")
            lines[line["p_row_id"]] = (place[1], int(place[2]), line)
    return Held(files, lines)


def read(table, files):
    """The table in DuckDB: exactly the DDL's columns and types, each found by its key."""
    columns = {table.key(column.name): ddl.duckdb_type(column.kind, table.key) for column in table.columns}
    if len({key.lower() for key in columns}) < len(columns):
        raise Failed(f"{table.name}: two columns are one to DuckDB")
    connection = duckdb.connect()
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


def check_read(table, held):
    """Every line reads, and every value of it that has a column is in that column; rows by day."""
    connection = read(table, held.files)
    by_day = dict(connection.execute(f'select dt, count(*) from "{table.name}" group by dt').fetchall())
    if by_day != held.by_day():
        raise Failed(f"{table.name}: DuckDB counts {by_day}, the files hold {dict(held.by_day())}")
    rows = connection.execute(f'select * from "{table.name}"')
    keys = [column[0] for column in rows.description]
    left = dict(held.lines)
    for row in rows.fetchall():
        row = dict(zip(keys, row, strict=True))
        if row["p_row_id"] not in left:
            raise Failed(f"{table.name}: DuckDB shows {row['p_row_id']}, which is not in the files or was there before")
        dt, hour, line = left.pop(row["p_row_id"])
        if (row.pop("dt"), row.pop("hour")) != (dt, hour):
            raise Failed(f"{row['p_row_id']} is not at {dt} {hour}")
        for column in table.columns:
            key = table.key(column.name)
            check_value(table, column.kind, row.pop(key), line.get(key), f"{table.name}.{key}")
        if row:
            raise Failed(f"{table.name} shows columns that are not in the DDL: {sorted(row)}")


def check_printed(binary, log_type, table, held, lake):
    """The query that `schema duckdb` prints shows the same lines, with the same values."""
    try:
        counted = queries.check(binary, log_type, table.name, lake)
    except (queries.Wrong, duckdb.Error) as error:
        raise Failed(str(error)) from None
    if counted != len(held.lines):
        raise Failed(f"{table.name}: the printed query shows {counted} lines, the files hold {len(held.lines)}")


def check_nasty(binary):
    """Lines that readers trip over, through the printed queries, in this DuckDB and in an older one."""
    older = shutil.which("python-duckdb-older")
    if not older:
        raise Failed("python-duckdb-older is not in PATH: .ci/tools makes it")
    versions = []
    for python in (sys.executable, older):
        ran = subprocess.run([python, queries.__file__, binary], capture_output=True, timeout=DEMO_SECONDS)
        if ran.returncode:
            raise Failed(f"{python}: {ran.stderr.decode(errors='replace')}")
        versions.append(ran.stdout.decode().strip())
    if len(set(versions)) < 2:
        raise Failed(f"both are DuckDB {versions[0]}")
    say(f"  DuckDB {' and '.join(versions)}")


def check_value(table, kind, got, value, path):
    """Whether DuckDB's value is the line's."""
    if value is None or got is None:
        same = got is None and value is None
    elif kind.element:
        same = isinstance(value, list) and len(got) == len(value)
        for at, (one, other) in enumerate(zip(got, value)) if same else ():
            check_value(table, kind.element, one, other, f"{path}[{at}]")
    elif kind.members and not ddl.clash(kind, table.key):
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
        # The JSON text of what is no text.
        return isinstance(got, str) and json.loads(got) == value
    return type(got) is type(value) and got == value


def undeclared(table, held):
    """Paths in the lines that have no column; a standard field has one."""
    found = collections.Counter()
    for _, _, line in held.lines.values():
        found.update(set(beside(table, table.columns, line, "")))
    if standard := [path for path in found if path.startswith("p_")]:
        raise Failed(f"{table.name} has no column for {standard}")
    return found


def beside(table, members, value, path):
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
                yield from beside(table, kind.members, one, f"{path}{key}.")


def check_lake(binary, found, lake):
    """Reads a lake through the tables; of every log type the lines by day, and the paths without a column."""
    seen = {}
    for log_type, table in found.items():
        held = hold(lake, table, athena.check_projection(table))
        if held.files:
            check_read(table, held)
            check_printed(binary, log_type, table, held, lake)
        seen[log_type] = (held.by_day(), undeclared(table, held))
    return seen


def tell(seen, paths=True):
    for log_type, (by_day, others) in seen.items():
        say(f"  {log_type}: {', '.join(f'{count} lines of {day}' for day, count in sorted(by_day.items()))}")
        if others and paths:
            say(f"    undeclared: {', '.join(f'{path} ({count})' for path, count in sorted(others.items()))}")


def check_demo(binary, found, work):
    """A demo's lake holds what the demo says, and the tables show it; the lake, and what it said of its streams."""
    lake = pathlib.Path(work) / "demo"
    told = json.loads(said(binary, "demo", "--lake", str(lake), "--events", str(EVENTS), "--json", seconds=DEMO_SECONDS))
    streams = told["streams"]
    if {stream["log_type"] for stream in streams} != found.keys() or not all(one["delivered"] for one in streams):
        raise Failed(f"the demo delivered {streams}")
    tell(check_told(binary, found, lake, streams))
    return lake, streams


def check_days(binary, found, lake, streams):
    """A demo is of one day, mostly: with a file of each table moved to an earlier one, the tables tell days apart."""
    moved = {}
    for log_type, table in found.items():
        file = hold(lake, table, athena.check_projection(table)).files[0]
        day = datetime.date.fromisoformat(file.parent.parent.name.removeprefix("dt=")) - datetime.timedelta(days=1)
        before = lake / table.name / f"dt={day}" / "hour=09"
        before.mkdir(parents=True)  # The files are sorted: nothing is of an earlier day.
        moved[log_type] = (str(day), len(gzip.decompress(file.rename(before / file.name).read_bytes()).splitlines()))
    seen = check_told(binary, found, lake, streams)
    tell(seen, paths=False)
    for log_type, (day, lines) in moved.items():
        if seen[log_type][0].get(day) != lines:
            raise Failed(f"{log_type}: {seen[log_type][0]}, though {lines} lines were moved to {day}")


def check_told(binary, found, lake, streams):
    seen = check_lake(binary, found, lake)
    for stream in streams:
        by_day, _ = seen[stream["log_type"]]
        objects = len(list((lake / stream["stream"]).glob("dt=*/hour=*/*.ndjson.gz")))
        if (sum(by_day.values()), objects) != (stream["delivered"], stream["objects"]):
            raise Failed(f"{by_day} in {objects} objects, but the demo says {stream}")
    return seen


def check_bucket(binary, found, lake, lines):
    """As many lines of each log type as were read without DuckDB."""
    seen = check_lake(binary, found, lake)
    tell(seen)
    counted = {log_type: sum(by_day.values()) for log_type, (by_day, _) in seen.items()}
    if counted != collections.Counter(line["p_log_type"] for line in lines):
        raise Failed(f"DuckDB counts {counted} in {len(lines)} lines")


def checks_can_fail(binary, found, lake, streams):
    """The same checks, on tables that are wrong and on a lake that lacks a file."""
    table, general = found["OpenAI.Audit"], found["Microsoft365.Audit.General"]
    held = hold(lake, table, athena.check_projection(table))
    reading_can_fail(binary, table, held, lake)
    declaring_can_fail(table, json_schema(binary, "OpenAI.Audit"))
    wrong, shape = dataclasses.replace(general, serde={}), json_schema(binary, "Microsoft365.Audit.General")
    must_fail("keys in another case", lambda: athena.check_declared(wrong, shape))
    for name in ("ID", "id", "dt", "a-b"):
        must_fail(f"{name} as a name", lambda: athena.check_rules(athena.altered(table, "type", name=name)))
    wrong = dataclasses.replace(table, properties=table.properties | {"projection.hour.digits": "1"})
    must_fail("hours of one digit", lambda: athena.check_projection(wrong))
    must_fail("a line before all partitions", lambda: hold(lake, table, datetime.date(2999, 1, 1)))
    body = held.files[0].read_bytes()
    held.files[0].unlink()
    must_fail("a file that is not there", lambda: check_told(binary, found, lake, streams))
    held.files[0].write_bytes(body)


def reading_can_fail(binary, table, held, lake):
    for name, kind in {"type": "int", "id": "timestamp", "actor": "array<string>"}.items():
        wrong = athena.altered(table, name, kind=ddl.parse_kind(kind))
        must_fail(f"{name} as {kind}", lambda: check_read(wrong, held))
    lines = dict(held.lines)
    row_id, (dt, hour, line) = lines.popitem()
    must_fail("a line too many", lambda: check_read(table, Held(held.files, lines)))
    fewer = Held(held.files, lines)
    must_fail("a line too many, as printed", lambda: check_printed(binary, "OpenAI.Audit", table, fewer, lake))
    lines[row_id] = (dt, hour, line | {"actor": {"type": "another"}})
    must_fail("another value", lambda: check_read(table, Held(held.files, lines)))


def declaring_can_fail(table, shape):
    for name, kind in {"project": "struct<`id`:string>", "actor": "string", "effective_at": "string"}.items():
        wrong = athena.altered(table, name, kind=ddl.parse_kind(kind))
        must_fail(f"{name} as {kind}", lambda: athena.check_declared(wrong, shape))
    less = dataclasses.replace(table, columns=table.columns[1:])
    must_fail("a column that is left out", lambda: athena.check_declared(less, shape))


def acts_alone(acts, binary, work):
    """The acts that need no AWS; the tables."""
    acts.do("Athena's types are translated to DuckDB's", ddl.check_translation)
    found = acts.do("the tables are valid for Athena", lambda: tables(binary))
    lake, streams = acts.do("DuckDB reads the demo's lake through them", lambda: check_demo(binary, found, work))
    acts.do("DuckDB tells its days apart", lambda: check_days(binary, found, lake, streams))
    acts.do("the printed queries read nasty lines in two versions of DuckDB", lambda: check_nasty(binary))
    acts.do("the checks of it can fail", lambda: checks_can_fail(binary, found, lake, streams))
    return found
