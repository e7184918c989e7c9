"""Parses Athena's DDL, independently of the code that prints it, and translates its types to those of DuckDB."""

import dataclasses
import re

from processes import Failed

TOKEN = re.compile(r"\s*(?:`([^`]+)`|'((?:[^'\\]|\\.)*)'|([A-Za-z_][A-Za-z0-9_]*)|([<>:,()=;]))", re.DOTALL)
# DuckDB's names of Hive's scalar types.
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
    """A type: a scalar, an array with the type of its elements, or a struct with pairs of a member's name and type."""

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
    """A parsed CREATE EXTERNAL TABLE statement."""

    name: str
    columns: tuple
    comment: str
    partitions: tuple
    serde: dict
    input_format: str
    location: str
    properties: dict

    def key(self, name):
        """Returns the key of a line that the SerDe reads for the column or member `name`."""
        return self.serde.get(f"mapping.{name}", name)


class Reader:
    """A recursive descent parser of the DDL. Every method reads from the current token on."""

    def __init__(self, text):
        self.tokens, at, end = [], 0, len(text.rstrip())
        while at < end:
            found = TOKEN.match(text, at)
            if not found:
                raise Failed(f"the DDL has an invalid token: {text[at:at + 60]!r}")
            self.tokens.append((found.lastindex, found[found.lastindex]))
            at = found.end()
        self.at = 0

    def take(self, group):
        """Returns the next token. `group` is the kind that it must have: 1 a `name`, 2 a 'text', 3 a word, 4 a sign."""
        found = self.tokens[self.at] if self.at < len(self.tokens) else (0, "the end")
        if found[0] != group:
            raise Failed(f"token {self.at} of the DDL is {found[1]!r}, which is not of kind {group}")
        self.at += 1
        return found[1]

    def name(self):
        return self.take(1)

    def text(self):
        return re.sub(r"\\(.)", r"\1", self.take(2), flags=re.DOTALL)

    def skip(self, *expected):
        """Skips the expected words and signs; fails at any other token."""
        for wanted in expected:
            found = self.take(3 if wanted[0].isalpha() else 4)
            if found != wanted:
                raise Failed(f"the DDL has {found!r} instead of {wanted!r}")

    def next_is(self, wanted):
        return self.at < len(self.tokens) and self.tokens[self.at][1] == wanted

    def list_of(self, item, end):
        """Returns a list of at least one `item`, separated by commas, up to and including the sign `end`."""
        found = [item()]
        while not self.next_is(end):
            self.skip(",")
            found.append(item())
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
            return Kind("struct", members=self.list_of(self.member, ">"))
        if word not in SCALARS:
            raise Failed(f"the DDL has an unknown type: {word}")
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

        pairs = self.list_of(pair, ")")
        if len(dict(pairs)) != len(pairs):
            raise Failed("the DDL has a property twice")
        return dict(pairs)

    def text_after(self, *words):
        """Skips these words and returns the text after them."""
        self.skip(*words)
        return self.text()


def parse_kind(text):
    reader = Reader(text)
    kind = reader.kind()
    if reader.at != len(reader.tokens):
        raise Failed(f"the text after the type is unexpected: {text}")
    return kind


def parse_table(text):
    reader = Reader(text)
    reader.skip("CREATE", "EXTERNAL", "TABLE", "IF", "NOT", "EXISTS")
    name = reader.name()
    reader.skip("(")
    columns, comment = reader.list_of(reader.column, ")"), reader.comment()
    reader.skip("PARTITIONED", "BY", "(")
    partitions = reader.list_of(reader.column, ")")
    if reader.text_after("ROW", "FORMAT", "SERDE") != "org.openx.data.jsonserde.JsonSerDe":
        raise Failed(f"{name} has an unexpected SerDe")
    reader.skip("WITH", "SERDEPROPERTIES")
    serde = reader.properties()
    input_format = reader.text_after("STORED", "AS", "INPUTFORMAT")
    reader.text_after("OUTPUTFORMAT")
    location = reader.text_after("LOCATION")
    reader.skip("TBLPROPERTIES")
    properties = reader.properties()
    reader.skip(";")
    return Table(name, columns, comment, partitions, serde, input_format, location, properties)


def duckdb_type(kind, key):
    """Returns DuckDB's type. The names of its struct members are the line's exact keys, which `key` returns.

    DuckDB ignores the case of names, so a struct with two keys that differ only by case becomes JSON.
    """
    if kind.element:
        return f"{duckdb_type(kind.element, key)}[]"
    if not kind.members:
        return SCALARS[kind.name]
    if has_clashing_keys(kind, key):
        return "JSON"
    return "STRUCT(" + ", ".join(f'"{key(name)}" {duckdb_type(of, key)}' for name, of in kind.members) + ")"


def has_clashing_keys(kind, key):
    """Returns True if two keys of a struct differ only by case."""
    return len({key(name).lower() for name, _ in kind.members}) < len(kind.members)


def check_translation():
    """Checks the parser of types, and `duckdb_type`, on examples."""
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
            raise Failed(f"{hive} was parsed as {kind}")
        found = duckdb_type(kind, lambda name: keys.get(name, name))
        if found != expected:
            raise Failed(f"{hive} was translated to {found} instead of {expected}")
    for wrong in ["text", "array", "array<>", "array<int", "struct<>", "struct<a:int>", "struct<`a` int>", "int int", "int#"]:
        try:
            parse_kind(wrong)
        except Failed:
            continue
        raise Failed(f"the invalid type {wrong} was accepted")
