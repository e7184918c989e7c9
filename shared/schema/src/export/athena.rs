//! Exports a schema as an Athena table over the lines of a bucket: one row per line.
//!
//! The partition columns `dt` and `hour` use partition projection, so no crawler has to run and no partition has to be
//! added. JSON objects are structs, and times are timestamps. Fields of type `json`, `p_nonconforming`, and columns
//! whose fields have different types are strings that hold the JSON text. `p_udm` is a struct of the standard names of
//! data models. Undeclared fields, and other names in `p_udm`, are in the lines but have no column.
//!
//! The SerDe compares keys with their case, and the table maps each key to a column name of its own. The SerDe could
//! also convert all keys to lower case. But then a line with two keys that differ only by case, at any depth, would
//! fail the query (<https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html>, `case.insensitive`).

mod ddl;
mod names;
mod stack;

use std::collections::BTreeMap;

use self::names::Names;
use crate::language::model::{Object, Schema, Type, Value};
use crate::line::standard::StandardType;
use crate::udm::{STANDARD_NAMES, UdmType};

const INPUT_FORMAT: &str = "org.apache.hadoop.mapred.TextInputFormat";
const OUTPUT_FORMAT: &str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";
const SERDE: &str = "org.openx.data.jsonserde.JsonSerDe";
/// The partition columns and their types. Their values come from the keys of the S3 objects.
const PARTITIONS: [(&str, &str); 2] = [("dt", "string"), ("hour", "int")];
/// The longest comment of a column in the Glue catalogue, in bytes.
const MAX_COMMENT_BYTES: usize = 255;
/// The properties of the table, except `storage.location.template`.
const PROPERTIES: [(&str, &str); 8] = [
    ("classification", "json"),
    ("projection.enabled", "true"),
    ("projection.dt.type", "date"),
    ("projection.dt.format", "yyyy-MM-dd"),
    ("projection.dt.range", "2026-01-01,NOW"),
    ("projection.hour.type", "integer"),
    ("projection.hour.range", "0,23"),
    ("projection.hour.digits", "2"),
];

/// An Athena table, from which the DDL and the CloudFormation resource are written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    name: String,
    comment: String,
    columns: Vec<Column>,
    /// The properties of the SerDe.
    serde: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    kind: Kind,
    comment: String,
}

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Scalar(&'static str),
    Array(Box<Self>),
    /// The members, each with its name and type.
    Struct(Vec<(String, Self)>),
}

/// The type of a column that holds text, or the JSON text of a value.
const TEXT: Kind = Kind::Scalar("string");

impl Table {
    fn new(schema: &Schema) -> Self {
        let standard = schema.standard_fields();
        // If several keys would get the same column name, the first one keeps it and the others get underscores. So
        // standard fields go first, then columns, then members of structs.
        let mut names = Names::with_reserved(PARTITIONS.map(|(name, _)| name));
        names.reserve(standard.iter().map(|field| field.name));
        // `p_udm` has the same member names in all tables, so that one query fits all of them.
        names.reserve(STANDARD_NAMES.into_iter());
        names.reserve(schema.root.fields.iter().map(|field| &*field.column));
        let mut columns = columns(&schema.root, &mut names);
        for field in standard {
            let kind = match field.kind {
                StandardType::Time => Kind::Scalar("timestamp"),
                StandardType::Revision => Kind::Scalar("int"),
                StandardType::Set => Kind::Array(Box::new(TEXT)),
                StandardType::Udm => {
                    Kind::Struct(UdmType::standard().map(|name| udm_member(name, &mut names)).collect())
                }
                StandardType::LogType | StandardType::RowId | StandardType::Text | StandardType::Object => TEXT,
            };
            let column = Column { name: names.name(field.name), kind, comment: comment(field.description) };
            add_column(&mut columns, column);
        }
        let exact = ["case.insensitive", "ignore.malformed.json"].map(|name| (name.to_owned(), "false".to_owned()));
        let mappings = names.changed_names().map(|(name, key)| (format!("mapping.{name}"), key.to_owned()));
        let serde = exact.into_iter().chain(mappings).collect();
        Self { name: schema.table(), comment: schema.description.clone(), columns, serde }
    }
}

/// Returns the struct member of `p_udm` for a standard name of data models: its name and type.
fn udm_member((name, kind_of_name): (&str, UdmType), names: &mut Names) -> (String, Kind) {
    let kind = match kind_of_name {
        UdmType::Text | UdmType::Any => TEXT,
        UdmType::Integer => Kind::Scalar("bigint"),
    };
    (names.name(name), kind)
}

/// Returns the columns of an object's fields in their order.
fn columns(object: &Object, names: &mut Names) -> Vec<Column> {
    let mut columns = Vec::with_capacity(object.fields.len());
    for field in &object.fields {
        let (name, kind) = (names.name(&field.column), kind(&field.value, names));
        add_column(&mut columns, Column { name, kind, comment: comment(&field.description) });
    }
    columns
}

/// Adds a column. If there is a column of this name with another type, that column becomes text.
fn add_column(columns: &mut Vec<Column>, new: Column) {
    match columns.iter_mut().find(|column| column.name == new.name) {
        Some(column) if column.kind != new.kind => column.kind = TEXT,
        Some(_) => {}
        None => columns.push(new),
    }
}

/// Returns the type of the column for a value.
fn kind(value: &Value, names: &mut Names) -> Kind {
    match &value.kind {
        Type::String | Type::Json => TEXT,
        Type::Integer(16) => Kind::Scalar("smallint"),
        Type::Integer(32) => Kind::Scalar("int"),
        Type::Integer(_) => Kind::Scalar("bigint"),
        Type::Float => Kind::Scalar("double"),
        Type::Boolean => Kind::Scalar("boolean"),
        Type::Timestamp(_) => Kind::Scalar("timestamp"),
        Type::Array(element) => Kind::Array(Box::new(kind(element, names))),
        Type::Object(object) => {
            let members = columns(object, names).into_iter().map(|column| (column.name, column.kind));
            Kind::Struct(members.collect())
        }
    }
}

impl Kind {
    /// Returns the type in Hive's syntax, with `quote` around the names of struct members.
    fn text(&self, quote: &str) -> String {
        match self {
            Self::Scalar(name) => (*name).to_owned(),
            Self::Array(element) => format!("array<{}>", element.text(quote)),
            Self::Struct(members) => {
                let member = |(name, kind): &(String, Self)| format!("{quote}{name}{quote}:{}", kind.text(quote));
                format!("struct<{}>", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// Returns a description, truncated to the length that the Glue catalogue accepts.
fn comment(description: &str) -> String {
    truncated(description, MAX_COMMENT_BYTES).to_owned()
}

/// Returns the longest beginning of a text that has at most `max_bytes` and ends between two characters.
fn truncated(text: &str, max_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(max_bytes)).unwrap_or(text)
}

/// Returns a text in quotes, with escapes, and with a space for each control character.
fn quoted(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for char in text.chars() {
        match char {
            char if char == quote || char == '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => quoted.push(' '),
            char => quoted.push(char),
        }
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(fields: &str) -> Table {
        Table::new(&Schema::parse(&format!("schema: A.B\nfields:\n{fields}\n"), "a.yml").unwrap())
    }

    /// Returns the name and type of the columns before the standard fields.
    fn columns(table: &Table) -> Vec<(String, String)> {
        let columns = table.columns.iter().take_while(|column| column.name != "p_log_type");
        columns.map(|column| (column.name.clone(), column.kind.text(""))).collect()
    }

    fn check(fields: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
        assert_eq!(columns(&table(fields)), expected);
    }

    fn mappings(fields: &str) -> Vec<(String, String)> {
        let mappings = table(fields).serde.into_iter();
        mappings.filter_map(|(name, key)| Some((name.strip_prefix("mapping.")?.to_owned(), key))).collect()
    }

    fn check_mappings(fields: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(name, key)| ((*name).to_owned(), (*key).to_owned())).collect();
        assert_eq!(mappings(fields), expected);
    }

    #[test]
    fn every_type_has_its_column_type() {
        check(
            "- {name: Id, type: string}\n- {name: j, type: json}\n- {name: s, type: smallint}\n- {name: i, type: int}\n- {name: l, type: bigint}",
            &[("id", "string"), ("j", "string"), ("s", "smallint"), ("i", "int"), ("l", "bigint")],
        );
        check(
            "- {name: f, type: float}\n- {name: b, type: boolean}\n- {name: t, type: timestamp}",
            &[("f", "double"), ("b", "boolean"), ("t", "timestamp")],
        );
        check(
            "- {name: a, type: array, element: {type: object, fields: [{name: User.Name, type: string}, {name: n, type: array, element: {type: int}}]}}",
            &[("a", "array<struct<user_name:string,n:array<int>>>")],
        );
    }

    #[test]
    fn fields_of_one_column_with_different_types_are_text() {
        check(
            "- {name: a b, type: int}\n- {name: a.b, type: int}\n- {name: c d, type: int}\n- {name: c.d, type: boolean}",
            &[("a_b", "int"), ("c_d", "string")],
        );
    }

    #[test]
    fn every_key_has_a_name_of_its_own_at_every_depth() {
        let fields = "- {name: a, type: object, fields: [{name: ID, type: string}, {name: Id, type: int}, {name: id, type: boolean}]}\n- {name: Id, type: int}";
        check(fields, &[("a", "struct<id_:string,id:int,id__:boolean>"), ("id", "int")]);
        check_mappings(fields, &[("id", "Id"), ("id_", "ID"), ("id__", "id")]);
    }

    #[test]
    fn names_that_athena_refuses_are_changed() {
        let fields = "- {name: Hour, type: int}\n- {name: log-status, type: string}\n- {name: log_status, type: int}\n- {name: P_Row_Id, type: int}";
        check(fields, &[("hour_", "int"), ("log_status", "string"), ("log_status_", "int"), ("p_row_id_", "int")]);
        check_mappings(
            fields,
            &[
                ("hour_", "Hour"),
                ("log_status", "log-status"),
                ("log_status_", "log_status"),
                ("p_row_id_", "P_Row_Id"),
            ],
        );
    }

    #[test]
    fn comments_are_cut_between_characters() {
        assert_eq!(truncated("ab\u{e9}", 3), "ab");
        assert_eq!(truncated("ab\u{e9}", 4), "ab\u{e9}");
    }

    #[test]
    fn quotes_are_escaped() {
        assert_eq!(quoted("It's\n\\ \"own\".", '\''), "'It\\'s \\\\ \"own\".'");
        assert_eq!(quoted("It's\n\\ \"own\".", '"'), "\"It's \\\\ \\\"own\\\".\"");
    }
}
