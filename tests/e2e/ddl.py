"""Athena's DDL, read by a parser of its own, and its types as DuckDB has them."""

import dataclasses
import re

from processes import Failed

TOKEN = re.compile(r"\s*(?:`([^`]+)`|'((?:[^'\\]|\\.)*)'|([A-Za-z_][A-Za-z0-9_]*)|([<>:,()=;]))", re.DOTALL)
# A type of Hive's that is one word, in DuckDB.
SCALARS = {
    "string": "VARCHAR",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A type: a scalar by its name, an array with its element, or a struct with its members by name."""

    name: str
    element: "Kind | None" = None
    members: tuple = ()

    def __str__(self):
        if self.element:
            return f"array<{self.element}>"
        if self.members:
            return "struct<" + ",".join(f"{name}:{kind}" for name, kind in self.members) + ">"
        return self.name


@dataclasses.dataclass(frozen=True)
class Column:
    name: str
    kind: Kind
    comment: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A CREATE EXTERNAL TABLE."""

    name: str
    columns: tuple
    comment: str
    partitions: tuple
    serde: dict
    input_format: str
    location: str
    properties: dict

    def key(self, name):
        """The key in a line that the SerDe reads for the name of a column or member."""
        return self.serde.get(f"mapping.{name}", name)


class Reader:
    """Tokens, one after the other."""

    def __init__(self, text):
        self.tokens, at, end = [], 0, len(text.rstrip())
        while at < end:
            found = TOKEN.match(text, at)
            if not found:
                raise Failed(f"this is no DDL: {text[at:at + 60]!r}")
            self.tokens.append((found.lastindex, found[found.lastindex]))
            at = found.end()
        self.at = 0

    def take(self, group):
        """The next token, which has to be a `name`, a 'text', a word or a sign: 1 to 4."""
        found = self.tokens[self.at] if self.at < len(self.tokens) else (0, "the end")
        if found[0] != group:
            raise Failed(f"{found[1]!r} is not what belongs here, token {self.at}")
        self.at += 1
        return found[1]

    def name(self):
        return self.take(1)

    def text(self):
        return re.sub(r"\\(.)", r"\1", self.take(2), flags=re.DOTALL)

    def skip(self, *expected):
        """Words and signs, as they stand."""
        for wanted in expected:
            found = self.take(3 if wanted[0].isalpha() else 4)
            if found != wanted:
                raise Failed(f"{found!r} stands where {wanted!r} belongs")

    def next_is(self, wanted):
        return self.at < len(self.tokens) and self.tokens[self.at][1] == wanted

    def several(self, one, end):
        """`one` or more, with commas between them, up to the sign `end`."""
        found = [one()]
        while not self.next_is(end):
            self.skip(",")
            found.append(one())
        self.skip(end)
        return tuple(found)

    def kind(self):
        word = self.take(3)
        if word == "array":
            self.skip("<")
            element = self.kind()
            self.skip(">")
            return Kind("array", element=element)
        if word == "struct":
            self.skip("<")
            return Kind("struct", members=self.several(self.member, ">"))
        if word not in SCALARS:
            raise Failed(f"no type is called {word}")
        return Kind(word)

    def member(self):
        name = self.name()
        self.skip(":")
        return name, self.kind()

    def column(self):
        return Column(self.name(), self.kind(), self.comment())

    def comment(self):
        if not self.next_is("COMMENT"):
            return ""
        self.skip("COMMENT")
        return self.text()

    def properties(self):
        self.skip("(")

        def pair():
            name = self.text()
            self.skip("=")
            return name, self.text()

        pairs = self.several(pair, ")")
        if len(dict(pairs)) != len(pairs):
            raise Failed("a property is there twice")
        return dict(pairs)

    def after(self, *words):
        self.skip(*words)
        return self.text()


def parse_kind(text):
    reader = Reader(text)
    kind = reader.kind()
    if reader.at != len(reader.tokens):
        raise Failed(f"more than a type: {text}")
    return kind


def parse_table(text):
    reader = Reader(text)
    reader.skip("CREATE", "EXTERNAL", "TABLE", "IF", "NOT", "EXISTS")
    name = reader.name()
    reader.skip("(")
    columns, comment = reader.several(reader.column, ")"), reader.comment()
    reader.skip("PARTITIONED", "BY", "(")
    partitions = reader.several(reader.column, ")")
    if reader.after("ROW", "FORMAT", "SERDE") != "org.openx.data.jsonserde.JsonSerDe":
        raise Failed(f"{name} has another SerDe")
    reader.skip("WITH", "SERDEPROPERTIES")
    serde = reader.properties()
    input_format = reader.after("STORED", "AS", "INPUTFORMAT")
    reader.after("OUTPUTFORMAT")
    location = reader.after("LOCATION")
    reader.skip("TBLPROPERTIES")
    properties = reader.properties()
    reader.skip(";")
    return Table(name, columns, comment, partitions, serde, input_format, location, properties)


def duckdb_type(kind, key):
    """The type in DuckDB, whose read_json finds a member by its `key` in the line, case and all.

    To DuckDB, names that differ only by case are one: a struct with two such keys is JSON there.
    """
    if kind.element:
        return f"{duckdb_type(kind.element, key)}[]"
    if not kind.members:
        return SCALARS[kind.name]
    if clash(kind, key):
        return "JSON"
    return "STRUCT(" + ", ".join(f'"{key(name)}" {duckdb_type(of, key)}' for name, of in kind.members) + ")"


def clash(kind, key):
    return len({key(name).lower() for name, _ in kind.members}) < len(kind.members)


def check_translation():
    """The translation of types, held against examples."""
    keys = {"a_": "A", "b": "B-b"}
    for hive, expected in {
        "string": "VARCHAR",
        "array<bigint>": "BIGINT[]",
        "array<array<double>>": "DOUBLE[][]",
        "struct<`a`:string,`b`:boolean>": 'STRUCT("a" VARCHAR, "B-b" BOOLEAN)',
        "array<struct<`from`:timestamp,`x`:struct<`y`:array<int>>>>":
            'STRUCT("from" TIMESTAMP, "x" STRUCT("y" INTEGER[]))[]',
        "array<struct<`a`:smallint,`a_`:smallint>>": "JSON[]",
    }.items():
        kind = parse_kind(hive)
        if str(kind) != hive.replace("`", ""):
            raise Failed(f"{hive} was read as {kind}")
        found = duckdb_type(kind, lambda name: keys.get(name, name))
        if found != expected:
            raise Failed(f"{hive} became {found}, not {expected}")
    for wrong in ["text", "array", "array<>", "array<int", "struct<>", "struct<a:int>", "struct<`a` int>", "int int", "int#"]:
        try:
            parse_kind(wrong)
        except Failed:
            continue
        raise Failed(f"{wrong} passed for a type")
