"""What Athena asks of its tables, as far as it can be checked without one: by rule, and by an independent parser."""

import collections
import dataclasses
import datetime
import re

import sqlglot
from sqlglot import exp

import ddl
from processes import Failed

# A name that Athena takes, of columns and of members.
NAME = re.compile(r"[a-z0-9_]{1,255}")
# Limits of the Glue catalogue.
LONGEST_COMMENT = 255
LONGEST_TYPE = 131_072
# sqlglot's names of the types.
SQLGLOT = {"TEXT": "string"}
# The JSON Schema's type for a type of Hive's.
JSON_TYPES = {
    "string": "string", "smallint": "integer", "int": "integer", "bigint": "integer", "double": "number",
    "boolean": "boolean", "timestamp": "string", "array": "array", "struct": "object",
}
A_TIME = "2026-11-22 07:00:00.000000000"


def check_rules(table):
    """Names, comments and types are what the catalogue takes; every key has one name."""
    top = [(column.name, column.kind) for column in (*table.columns, *table.partitions)]
    named = collections.defaultdict(set)
    for name, key in names(table, top):
        named[key].add(name)
    if several := {key: names for key, names in named.items() if len(names) > 1}:
        raise Failed(f"{table.name}: keys with several names: {several}")
    known = {name for names in named.values() for name in names}
    for property in table.serde.keys() - {"case.insensitive", "ignore.malformed.json"}:
        if property.removeprefix("mapping.") not in known:
            raise Failed(f"{table.name}: nothing has the name of {property}")
    # With case.insensitive, a line with keys that differ only by case fails the whole query.
    if table.serde["case.insensitive"] != "false" or table.serde["ignore.malformed.json"] != "false":
        raise Failed(f"{table.name}: {table.serde}")
    for column in table.columns:
        if len(column.comment.encode()) > LONGEST_COMMENT or len(str(column.kind)) > LONGEST_TYPE:
            raise Failed(f"{table.name}.{column.name} is too long for the catalogue")


def names(table, members):
    """Every name at every depth and its key; on one level none is there twice."""
    found = [name for name, _ in members]
    if wrong := [name for name in found if not NAME.fullmatch(name) or found.count(name) > 1]:
        raise Failed(f"{table.name}: {wrong} cannot be names")
    for name, kind in members:
        yield name, table.key(name)
        while kind.element:
            kind = kind.element
        yield from names(table, kind.members)


def check_projection(table):
    """The projected partitions are where objects are put: `dt=YYYY-MM-DD/hour=HH`."""
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
        raise Failed(f"{table.name} projects {wrong} {last} {keys}")
    if table.location != f"s3://BUCKET/PREFIX{table.name}/":
        raise Failed(f"{table.name} lies at {table.location}")
    return datetime.date.fromisoformat(first)


def check_dialects(text, table):
    """Another parser, for Athena's dialect and for Hive's, reads the same table, with every name in quotes."""
    for dialect in ("athena", "hive"):
        try:
            statement = sqlglot.parse_one(text, dialect=dialect)
        except sqlglot.errors.SqlglotError as error:
            raise Failed(f"{table.name} is not {dialect}: {error}") from None
        if not isinstance(statement, exp.Create) or statement.kind != "TABLE" or statement.this.this.name != table.name:
            raise Failed(f"{table.name} is not a table in {dialect}: {statement!r}"[:500])
        unquoted = [one.sql() for one in statement.find_all(exp.Identifier) if not one.args.get("quoted")]
        columns = [(one.name, str(kind_of(one.args["kind"]))) for one in statement.this.expressions]
        ours = [(column.name, str(column.kind)) for column in table.columns]
        properties = {one.this.name: one.args["value"].name for one in statement.find_all(exp.Property)
                      if type(one) is exp.Property}
        if unquoted or columns != ours or properties != table.serde | table.properties:
            raise Failed(f"{table.name} is something else in {dialect}: {unquoted} {set(columns) ^ set(ours)}")


def kind_of(found):
    """sqlglot's type, as one of ours."""
    members = found.expressions
    if found.this == exp.DataType.Type.ARRAY:
        return ddl.Kind("array", element=kind_of(members[0]))
    if found.this == exp.DataType.Type.STRUCT:
        return ddl.Kind("struct", members=tuple((one.name, kind_of(one.args["kind"])) for one in members))
    return ddl.Kind(SQLGLOT.get(found.this.name, found.this.name.lower()))


def check_declared(table, json_schema):
    """Every declared field has its column, at every depth, and every column its field."""
    check_members(table, [(column.name, column.kind) for column in table.columns], json_schema, table.name)


def check_members(table, members, shape, path):
    columns, fields = [table.key(name) for name, _ in members], list(shape["properties"])
    if columns != fields:
        raise Failed(f"{path}: columns and fields differ by {set(columns) ^ set(fields)}")
    for name, kind in members:
        check_kind(table, kind, shape["properties"][table.key(name)], f"{path}.{name}")


def check_kind(table, kind, shape, path):
    types = shape.get("type", [])
    types = {types} if isinstance(types, str) else set(types)
    # What may be anything, or an object of whatever members, is a string that holds its JSON text.
    as_text = kind.name == "string" and (not types or types == {"object"} and "properties" not in shape)
    if not as_text and types - {"null"} != {JSON_TYPES[kind.name]}:
        raise Failed(f"{path} is {kind.name}, and {types} in the JSON Schema")
    if (kind.name == "timestamp") != bool("pattern" in shape and re.search(shape["pattern"], A_TIME)):
        raise Failed(f"{path} is {kind.name}, and of the pattern {shape.get('pattern')} in the JSON Schema")
    if kind.element:
        check_kind(table, kind.element, shape["items"], path)
    if kind.members:
        check_members(table, kind.members, shape, path)


def check_deployed(table, deployed, bucket, prefix):
    """A table of the Glue catalogue is the DDL's, at its place."""

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
    for is_there, belongs in zip(found, wanted, strict=True):
        if is_there != belongs:
            raise Failed(f"{table.name} is deployed with {is_there}, not {belongs}")


def altered(table, column, /, **changes):
    """The table with one column changed."""
    columns = [dataclasses.replace(one, **changes) if one.name == column else one for one in table.columns]
    return dataclasses.replace(table, columns=tuple(columns))
