"""Checks that tables are valid for Athena, as far as that is possible without Athena: by rules, and with sqlglot."""

import collections
import dataclasses
import datetime
import re

import sqlglot
from sqlglot import exp

import ddl
from processes import Failed

# A valid name of a column or a struct member in Athena.
NAME = re.compile(r"[a-z0-9_]{1,255}")
# Limits of the Glue catalogue, in bytes and in characters.
MAX_COMMENT_BYTES = 255
MAX_TYPE_CHARS = 131_072
# Hive's names of the types that sqlglot calls differently.
HIVE_NAMES = {"TEXT": "string"}
# The type in a JSON Schema for each type of Hive.
JSON_TYPES = {
    "string": "string", "smallint": "integer", "int": "integer", "bigint": "integer", "double": "number",
    "boolean": "boolean", "timestamp": "string", "array": "array", "struct": "object",
}
EXAMPLE_TIME = "2026-11-22 07:00:00.000000000"


def check_rules(table):
    """Checks that the Glue catalogue accepts the names, comments and types, and that every key has only one name."""
    top = [(column.name, column.kind) for column in (*table.columns, *table.partitions)]
    named = collections.defaultdict(set)
    for name, key in names(table, top):
        named[key].add(name)
    if several := {key: names for key, names in named.items() if len(names) > 1}:
        raise Failed(f"{table.name}: some keys have several names: {several}")
    known = {name for names in named.values() for name in names}
    for property in table.serde.keys() - {"case.insensitive", "ignore.malformed.json"}:
        if property.removeprefix("mapping.") not in known:
            raise Failed(f"{table.name}: the property {property} maps a name that no column or member has")
    # With case.insensitive, one line with keys that differ only by case would fail the whole query.
    if table.serde["case.insensitive"] != "false" or table.serde["ignore.malformed.json"] != "false":
        raise Failed(f"{table.name}: the SerDe has the wrong properties: {table.serde}")
    for column in table.columns:
        if len(column.comment.encode()) > MAX_COMMENT_BYTES or len(str(column.kind)) > MAX_TYPE_CHARS:
            raise Failed(f"{table.name}.{column.name} is too long for the catalogue")


def names(table, members):
    """Yields every name at every depth with its key. Fails if a name is invalid, or repeated among its siblings."""
    found = [name for name, _ in members]
    if wrong := [name for name in found if not NAME.fullmatch(name) or found.count(name) > 1]:
        raise Failed(f"{table.name}: these names are invalid or repeated: {wrong}")
    for name, kind in members:
        yield name, table.key(name)
        while kind.element:
            kind = kind.element
        yield from names(table, kind.members)


def check_projection(table):
    """Checks that the projected partitions are those of the objects' keys: `dt=YYYY-MM-DD/hour=HH`.

    Returns the first projected day.
    """
    expected = {
        "classification": "json",
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.hour.type": "integer",
        "projection.hour.range": "0,23",
        "projection.hour.digits": "2",
        "storage.location.template": f"s3://BUCKET/PREFIX{table.name}/dt=${{dt}}/hour=${{hour}}/",
    }
    wrong = {name: table.properties.get(name) for name, value in expected.items() if table.properties.get(name) != value}
    first, last = table.properties["projection.dt.range"].split(",")
    keys = [(column.name, str(column.kind)) for column in table.partitions]
    if wrong or last != "NOW" or keys != [("dt", "string"), ("hour", "int")]:
        raise Failed(f"{table.name}: the projection is wrong: {wrong} {last} {keys}")
    if table.location != f"s3://BUCKET/PREFIX{table.name}/":
        raise Failed(f"{table.name} has the location {table.location}")
    return datetime.date.fromisoformat(first)


def check_dialects(text, table):
    """Checks that sqlglot reads the same table from the DDL as Athena's and as Hive's dialect, with all names in quotes."""
    for dialect in ("athena", "hive"):
        try:
            statement = sqlglot.parse_one(text, dialect=dialect)
        except sqlglot.errors.SqlglotError as error:
            raise Failed(f"{table.name}: the DDL is not valid in {dialect}: {error}") from None
        if not isinstance(statement, exp.Create) or statement.kind != "TABLE" or statement.this.this.name != table.name:
            raise Failed(f"{table.name}: in {dialect} the DDL is another statement: {statement!r}"[:500])
        unquoted = [one.sql() for one in statement.find_all(exp.Identifier) if not one.args.get("quoted")]
        columns = [(one.name, str(kind_of(one.args["kind"]))) for one in statement.this.expressions]
        ours = [(column.name, str(column.kind)) for column in table.columns]
        properties = {one.this.name: one.args["value"].name for one in statement.find_all(exp.Property)
                      if type(one) is exp.Property}
        if unquoted or columns != ours or properties != table.serde | table.properties:
            raise Failed(f"{table.name} differs in {dialect}: unquoted {unquoted}, columns {set(columns) ^ set(ours)}")


def kind_of(found):
    """Converts sqlglot's type."""
    members = found.expressions
    if found.this == exp.DataType.Type.ARRAY:
        return ddl.Kind("array", element=kind_of(members[0]))
    if found.this == exp.DataType.Type.STRUCT:
        return ddl.Kind("struct", members=tuple((one.name, kind_of(one.args["kind"])) for one in members))
    return ddl.Kind(HIVE_NAMES.get(found.this.name, found.this.name.lower()))


def check_declared(table, json_schema):
    """Checks that the columns and members are exactly the declared fields, at every depth."""
    check_members(table, [(column.name, column.kind) for column in table.columns], json_schema, table.name)


def check_members(table, members, shape, path):
    columns, fields = [table.key(name) for name, _ in members], list(shape["properties"])
    if columns != fields:
        raise Failed(f"{path}: these are not both columns and declared fields: {set(columns) ^ set(fields)}")
    for name, kind in members:
        check_kind(table, kind, shape["properties"][table.key(name)], f"{path}.{name}")


def check_kind(table, kind, shape, path):
    types = shape.get("type", [])
    types = {types} if isinstance(types, str) else set(types)
    # A field of any type, or an object of undeclared members, is a string with the JSON text.
    as_text = kind.name == "string" and (not types or types == {"object"} and "properties" not in shape)
    if not as_text and types - {"null"} != {JSON_TYPES[kind.name]}:
        raise Failed(f"{path} is {kind.name}, but {types} in the JSON Schema")
    if (kind.name == "timestamp") != bool("pattern" in shape and re.search(shape["pattern"], EXAMPLE_TIME)):
        raise Failed(f"{path} is {kind.name}, but has the pattern {shape.get('pattern')} in the JSON Schema")
    if kind.element:
        check_kind(table, kind.element, shape["items"], path)
    if kind.members:
        check_members(table, kind.members, shape, path)


def check_deployed(table, deployed, bucket, prefix):
    """Checks that a deployed table of the Glue catalogue is that of the DDL, with the bucket and prefix filled in."""

    def placed(text):
        return text.replace("BUCKET", bucket, 1).replace("PREFIX", prefix, 1)

    def pairs(columns):
        return [(one.name, str(one.kind)) for one in columns]

    storage = deployed["StorageDescriptor"]
    found = [
        [(one["Name"], one["Type"]) for one in storage["Columns"]],
        [(one["Name"], one["Type"]) for one in deployed["PartitionKeys"]],
        storage["SerdeInfo"]["Parameters"],
        deployed["Parameters"],
        (storage["Location"], storage["InputFormat"], deployed["TableType"]),
    ]
    properties = {name: placed(value) for name, value in table.properties.items()}
    wanted = [
        pairs(table.columns),
        pairs(table.partitions),
        table.serde,
        properties | {"EXTERNAL": "TRUE"},
        (placed(table.location), table.input_format, "EXTERNAL_TABLE"),
    ]
    for actual, expected in zip(found, wanted, strict=True):
        if actual != expected:
            raise Failed(f"{table.name} is deployed with {actual} instead of {expected}")


def with_changed_column(table, column, /, **changes):
    """Returns the table with one column changed."""
    columns = [dataclasses.replace(one, **changes) if one.name == column else one for one in table.columns]
    return dataclasses.replace(table, columns=tuple(columns))
