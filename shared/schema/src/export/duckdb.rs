//! Exports a schema as a DuckDB query over the lines of a lake: one row per line, and each declared field with its type.
//!
//! The query names every column and its type. So DuckDB need not guess types from a sample, and undeclared fields in
//! lines do no harm. `p_udm` is a struct of the standard names of data models.
//!
//! DuckDB ignores the case of names. So an object with two keys that differ only by case has the type JSON. Of
//! top-level columns that differ only by case, the first one keeps its name and type, and the others are JSON under
//! changed names.

mod kind;

use std::collections::BTreeSet;

use self::kind::Kind;
use crate::language::model::Schema;
use crate::line::standard::{StandardField, StandardType};
use crate::udm::UdmType;

/// The partition columns. Their values come from the keys of objects in the lake.
const PARTITIONS: [&str; 2] = ["dt", "hour"];
/// The longest line that the query reads, in bytes. A line is about as long as its event, and an event has at most half
/// this length.
const MAX_LINE_BYTES: usize = 128 << 20;

/// A column: the key in a line, and the type of its values.
type Column = (String, Kind);

impl Schema {
    /// Returns a query over the lines of a lake. `lake` is the folder or `s3://` address that holds the tables.
    pub fn duckdb(&self, lake: &str) -> String {
        let (columns, clashing) = split_clashing(self.columns());
        let table = self.table();
        let files = sql_string(&format!("{}{table}/dt=*/hour=*/*.ndjson.*", folder(lake)));
        let (select, function, wanted) = match clashing.is_empty() {
            true => ("*".to_owned(), "read_json", format!("  columns = {{\n{}\n  }},\n", rows(&columns))),
            false => (selected(&columns, &clashing), "read_json_objects", String::new()),
        };
        format!(
            "-- One row per line of {table}. Each thread takes up to twice maximum_object_size of memory.
-- p_udm shows the standard names; with the type JSON it shows the names of other data models as well.
SELECT {select}
FROM {function}(
  {files},
{wanted}  format = 'newline_delimited',
  hive_partitioning = true,
  hive_types = {{'dt': DATE, 'hour': INTEGER}},
  maximum_object_size = {MAX_LINE_BYTES}
)"
        )
    }

    /// Returns the columns of a line, each key once. If fields of different types share a key, its column is JSON.
    fn columns(&self) -> Vec<Column> {
        let mut columns = kind::members(&self.root);
        columns.extend(self.standard_fields().iter().map(standard_column));
        columns
    }
}

fn standard_column(field: &StandardField) -> Column {
    let kind = match field.kind {
        StandardType::Time => Kind::Scalar("TIMESTAMP"),
        StandardType::Revision => Kind::Scalar("INTEGER"),
        StandardType::Set => Kind::Array(Box::new(Kind::Scalar("VARCHAR"))),
        StandardType::Object => Kind::JSON,
        StandardType::Udm => Kind::Struct(UdmType::standard().map(udm_member).collect()),
        StandardType::LogType | StandardType::RowId | StandardType::Text => Kind::Scalar("VARCHAR"),
    };
    (field.name.to_owned(), kind)
}

/// Returns the struct member of `p_udm` for a standard name of data models: its name and type.
fn udm_member((name, kind_of_name): (&str, UdmType)) -> Column {
    let kind = match kind_of_name {
        UdmType::Text => Kind::Scalar("VARCHAR"),
        UdmType::Integer => Kind::Scalar("BIGINT"),
        UdmType::Any => Kind::JSON,
    };
    (name.to_owned(), kind)
}

/// Returns the columns with unique names, and the names of the other columns. A name is not unique if a column before it
/// or a partition has the same name, regardless of case.
fn split_clashing(columns: Vec<Column>) -> (Vec<Column>, Vec<String>) {
    let mut taken: BTreeSet<String> = PARTITIONS.map(str::to_owned).into();
    let (unique, clashing): (Vec<_>, Vec<_>) =
        columns.into_iter().partition(|(name, _)| taken.insert(name.to_ascii_lowercase()));
    (unique, clashing.into_iter().map(|(name, _)| name).collect())
}

/// Returns the `SELECT` list of a query that reads each line as one JSON value, because some columns are `clashing`.
fn selected(columns: &[Column], clashing: &[String]) -> String {
    let mut taken: BTreeSet<String> = PARTITIONS.map(str::to_owned).into();
    taken.extend(columns.iter().map(|(name, _)| name.to_ascii_lowercase()));
    let structure = Kind::Struct(columns.to_vec()).structure();
    let mut parts = vec![format!("unnest(json_transform(json, {}))", sql_string(&structure))];
    for name in clashing {
        let mut unique_name = name.clone();
        while !taken.insert(unique_name.to_ascii_lowercase()) {
            unique_name.push('_');
        }
        parts.push(format!("json->{} AS \"{unique_name}\"", sql_string(&format!("$.\"{name}\""))));
    }
    parts.extend(PARTITIONS.map(str::to_owned));
    parts.join(",\n  ")
}

/// Returns one line of SQL per column, with its name and type.
fn rows(columns: &[Column]) -> String {
    let row = |(name, kind): &Column| format!("    {}: {}", sql_string(name), sql_string(&kind.name()));
    columns.iter().map(row).collect::<Vec<_>>().join(",\n")
}

/// Returns the lake's path with a trailing slash. An empty path means the working directory and stays empty.
fn folder(lake: &str) -> String {
    if lake.is_empty() || lake.ends_with('/') { lake.to_owned() } else { format!("{lake}/") }
}

/// Returns a text as an SQL string literal.
fn sql_string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(fields: &str, lake: &str) -> String {
        Schema::parse(&format!("schema: A.B\nfields:\n{fields}\n"), "a.yml").unwrap().duckdb(lake)
    }

    #[test]
    fn c11_the_query_has_every_column_with_its_type() {
        let fields = "- {name: User, type: object, fields: [{name: id.x, type: string}, {name: ID, type: int}, {name: Id, type: int}]}\n- {name: n, type: array, element: {type: object, fields: [{name: from, type: timestamp}]}}\n- {name: u, type: string, indicators: [username]}";
        let expected = r#"-- One row per line of a_b. Each thread takes up to twice maximum_object_size of memory.
-- p_udm shows the standard names; with the type JSON it shows the names of other data models as well.
SELECT *
FROM read_json(
  'it''s/a_b/dt=*/hour=*/*.ndjson.*',
  columns = {
    'User': 'JSON',
    'n': 'STRUCT("from" TIMESTAMP)[]',
    'u': 'VARCHAR',
    'p_log_type': 'VARCHAR',
    'p_row_id': 'VARCHAR',
    'p_event_time': 'TIMESTAMP',
    'p_parse_time': 'TIMESTAMP',
    'p_source_id': 'VARCHAR',
    'p_source_label': 'VARCHAR',
    'p_schema_version': 'INTEGER',
    'p_any_usernames': 'VARCHAR[]',
    'p_nonconforming': 'JSON',
    'p_udm': 'STRUCT("actor_user" VARCHAR, "assigned_admin_role" VARCHAR, "destination_ip" VARCHAR, "destination_port" BIGINT, "event_type" VARCHAR, "http_status" BIGINT, "source_ip" VARCHAR, "source_port" BIGINT, "user" VARCHAR, "user_agent" VARCHAR)'
  },
  format = 'newline_delimited',
  hive_partitioning = true,
  hive_types = {'dt': DATE, 'hour': INTEGER},
  maximum_object_size = 134217728
)"#;
        assert_eq!(query(fields, "it's"), expected);
    }

    #[test]
    fn c11_columns_that_clash_by_case_or_with_a_partition_are_json_under_other_names() {
        let fields = "- {name: Id, type: string}\n- {name: ID, type: int}\n- {name: id, type: int}\n- {name: Hour, type: int}\n- {name: o, type: object, fields: [{name: a, type: array, element: {type: float}}]}";
        let query = query(fields, "s3://bucket/prefix/");
        let (select, from) = query.split_once("\nFROM ").unwrap();
        let (_, select) = select.split_once("SELECT ").unwrap();
        let parts: Vec<&str> = select.split(",\n  ").collect();
        assert!(
            parts[0].starts_with(r#"unnest(json_transform(json, '{"Id":"VARCHAR","o":{"a":["DOUBLE"]},"p_log_type""#)
        );
        assert_eq!(
            parts[1..],
            [
                r#"json->'$."ID"' AS "ID_""#,
                r#"json->'$."id"' AS "id__""#,
                r#"json->'$."Hour"' AS "Hour_""#,
                "dt",
                "hour"
            ]
        );
        assert!(from.starts_with("read_json_objects(\n  's3://bucket/prefix/a_b/dt=*"), "{from}");
    }

    #[test]
    fn c11_no_built_in_schema_has_columns_that_clash() {
        for log_type in crate::LogType::ALL {
            let query = crate::schema(log_type).duckdb("");
            assert!(
                query.contains(&format!("  '{}/dt=*", log_type.table())) && query.contains("SELECT *\n"),
                "{query}"
            );
        }
    }
}
