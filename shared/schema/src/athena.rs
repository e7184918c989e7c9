//! A schema as a table of Athena's (Hive DDL over the AWS Glue catalogue): one row a line.

use crate::compile::{Object, Schema, Type, Value};
use crate::log_type::table;
use crate::standard::Holds;

/// Put in place of `BUCKET` the bucket's name, and of `PREFIX` the deployment's prefix.
const LOCATION: &str = "s3://BUCKET/PREFIX";
/// The key's own columns.
const PARTITIONS: [&str; 2] = ["dt", "hour"];
/// Bytes that the Glue catalogue takes as a column's comment.
const LONGEST_COMMENT: usize = 255;

/// A column, or a member of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    /// In lower case: names differ by more than that, or not at all.
    name: String,
    /// The line's key in lower case, where it is not the name.
    key: Option<String>,
    kind: String,
    comment: String,
}

impl Schema {
    /// A `CREATE EXTERNAL TABLE` over the lines of a bucket; `BUCKET` and `PREFIX` in it are to be replaced.
    ///
    /// `dt` and `hour` are projected from the keys: there is nothing to crawl or repair. Objects are structs, times
    /// are timestamps; `json`, `p_nonconforming` and whatever fields of one column disagree about is a string that holds
    /// the JSON text. Undeclared fields are in the lines but have no column.
    pub fn athena(&self) -> String {
        let columns = self.columns();
        let keys = columns.iter().filter_map(|column| Some((&column.name, column.key.as_ref()?)));
        let mappings: String = keys.map(|(name, key)| format!(",\n  'mapping.{name}' = {}", quoted(key))).collect();
        let rows: Vec<String> = columns.iter().map(Column::row).collect();
        let comment =
            if self.description.is_empty() { "" } else { &format!("COMMENT {}\n", quoted(&self.description)) };
        let (table, columns) = (table(&self.name), rows.join(",\n"));
        format!(
            "CREATE EXTERNAL TABLE IF NOT EXISTS `{table}` (
{columns}
)
{comment}PARTITIONED BY (`dt` string, `hour` int)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES (
  'case.insensitive' = 'true',
  'ignore.malformed.json' = 'false'{mappings}
)
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION '{LOCATION}{table}/'
TBLPROPERTIES (
  'classification' = 'json',
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = '{LOCATION}{table}/dt=${{dt}}/hour=${{hour}}/'
);"
        )
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns = columns(&self.root);
        for field in self.standard() {
            let kind = match field.holds {
                Holds::Time => "timestamp",
                Holds::Revision => "int",
                Holds::Set => "array<string>",
                Holds::LogType | Holds::RowId | Holds::Text | Holds::Object => "string",
            };
            add(&mut columns, Column::new(field.name, kind.to_owned(), field.description));
        }
        for column in columns.iter_mut().filter(|column| PARTITIONS.contains(&column.name.as_str())) {
            let name = format!("{}_", column.name);
            column.key = Some(std::mem::replace(&mut column.name, name));
        }
        columns
    }
}

/// The columns of an object's fields, in their order.
fn columns(object: &Object) -> Vec<Column> {
    let mut columns = Vec::with_capacity(object.fields.len());
    for field in &object.fields {
        add(&mut columns, Column::new(&field.column, kind(&field.value), &field.description));
    }
    columns
}

fn add(columns: &mut Vec<Column>, new: Column) {
    match columns.iter_mut().find(|column| column.name == new.name) {
        Some(column) if column.kind != new.kind => "string".clone_into(&mut column.kind),
        Some(_) => {}
        None => columns.push(new),
    }
}

/// The type of a value's column.
fn kind(value: &Value) -> String {
    match &value.kind {
        Type::String | Type::Json => "string".to_owned(),
        Type::Integer(16) => "smallint".to_owned(),
        Type::Integer(32) => "int".to_owned(),
        Type::Integer(_) => "bigint".to_owned(),
        Type::Float => "double".to_owned(),
        Type::Boolean => "boolean".to_owned(),
        Type::Timestamp(_) => "timestamp".to_owned(),
        Type::Array(element) => format!("array<{}>", kind(element)),
        Type::Object(object) => {
            let member = |column: &Column| format!("`{}`:{}", column.name, column.kind);
            format!("struct<{}>", columns(object).iter().map(member).collect::<Vec<_>>().join(","))
        }
    }
}

impl Column {
    /// Athena's names have no hyphen.
    fn new(column: &str, kind: String, comment: &str) -> Self {
        let key = column.to_ascii_lowercase();
        let name = key.replace('-', "_");
        Self { key: (name != key).then_some(key), name, kind, comment: comment.to_owned() }
    }

    fn row(&self) -> String {
        let comment = match self.comment.is_empty() {
            true => String::new(),
            false => format!(" COMMENT {}", quoted(cut(&self.comment, LONGEST_COMMENT))),
        };
        format!("  `{}` {}{comment}", self.name, self.kind)
    }
}

fn cut(text: &str, longest: usize) -> &str {
    text.get(..text.floor_char_boundary(longest)).unwrap_or(text)
}

/// A string of Hive's, on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for char in text.chars() {
        match char {
            '\'' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => quoted.push(' '),
            char => quoted.push(char),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn athena(fields: &str) -> String {
        Schema::parse(&format!("schema: A.B\nfields:\n{fields}\n"), "a.yml").unwrap().athena()
    }

    fn check(fields: &str, expected: &[&str]) {
        let text = athena(fields);
        let rows: Vec<_> = text.lines().skip(1).take_while(|line| !line.contains("`p_log_type`")).collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn types() {
        check(
            "- {name: Id, type: string, description: \"It's\\n\\\\ own.\"}\n- {name: j, type: json}\n- {name: s, type: smallint}\n- {name: i, type: int}\n- {name: l, type: bigint}",
            &[
                "  `id` string COMMENT 'It\\'s \\\\ own.',",
                "  `j` string,",
                "  `s` smallint,",
                "  `i` int,",
                "  `l` bigint,",
            ],
        );
        check(
            "- {name: f, type: float}\n- {name: b, type: boolean}\n- {name: t, type: timestamp}",
            &["  `f` double,", "  `b` boolean,", "  `t` timestamp,"],
        );
        check(
            "- {name: a, type: array, element: {type: object, fields: [{name: User.Name, type: string}, {name: n, type: array, element: {type: int}}]}}",
            &["  `a` array<struct<`user_name`:string,`n`:array<int>>>,"],
        );
    }

    #[test]
    fn names_that_athena_does_not_take() {
        check(
            "- {name: Hour, type: int}\n- {name: log-status, type: string}\n- {name: Log_Status, type: int}\n- {name: X, type: int}\n- {name: x, type: int}",
            &["  `hour_` int,", "  `log_status` string,", "  `x` int,"],
        );
        let text = athena("- {name: Hour, type: int}\n- {name: log-status, type: string}");
        assert!(text.contains("'mapping.hour_' = 'hour',\n  'mapping.log_status' = 'log-status'\n)"), "{text}");
    }

    #[test]
    fn the_whole_statement() {
        let text = "schema: Acme.Audit\ndescription: What Acme logs.\nfields:\n- {name: user, type: string, indicators: [username]}\n";
        let expected = "CREATE EXTERNAL TABLE IF NOT EXISTS `acme_audit` (
  `user` string,
  `p_log_type` string COMMENT 'Log type: the name of the schema.',
  `p_row_id` string COMMENT 'Names the event: the same event has the same one everywhere.',
  `p_event_time` timestamp COMMENT 'Moment of the event, UTC; without one, p_parse_time.',
  `p_parse_time` timestamp COMMENT 'Moment at which the line was made, UTC.',
  `p_source_id` string COMMENT 'Identifier of the source that the event came from.',
  `p_source_label` string COMMENT 'Label of the source.',
  `p_schema_version` int COMMENT 'Revision of the schema.',
  `p_any_usernames` array<string> COMMENT 'User names in the event.',
  `p_nonconforming` string COMMENT 'Values that did not fit their declared type or whose name was taken, by their path.'
)
COMMENT 'What Acme logs.'
PARTITIONED BY (`dt` string, `hour` int)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES (
  'case.insensitive' = 'true',
  'ignore.malformed.json' = 'false'
)
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://BUCKET/PREFIXacme_audit/'
TBLPROPERTIES (
  'classification' = 'json',
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-01-01,NOW',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://BUCKET/PREFIXacme_audit/dt=${dt}/hour=${hour}/'
);";
        assert_eq!(Schema::parse(text, "a.yml").unwrap().athena(), expected);
    }

    #[test]
    fn comments_end_at_a_character() {
        assert_eq!(cut("ab\u{e9}", 3), "ab");
        assert_eq!(cut("ab\u{e9}", 4), "ab\u{e9}");
    }
}
