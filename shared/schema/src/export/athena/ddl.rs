//! Writes the table as a `CREATE EXTERNAL TABLE` statement.

use super::{Column, INPUT_FORMAT, OUTPUT_FORMAT, PARTITIONS, PROPERTIES, SERDE, Table, quoted};
use crate::language::model::Schema;

/// The S3 location of the table folders. The user replaces `BUCKET` by the bucket's name and `PREFIX` by the
/// deployment's prefix.
const LOCATION: &str = "s3://BUCKET/PREFIX";

impl Schema {
    /// Returns a `CREATE EXTERNAL TABLE` over the lines of a bucket. The user replaces `BUCKET` and `PREFIX` in it.
    pub fn athena(&self) -> String {
        let table = Table::new(self);
        let location = format!("{LOCATION}{}/", table.name);
        let partitions = PARTITIONS.map(|(name, kind)| format!("`{name}` {kind}")).join(", ");
        let template = format!("{location}dt=${{dt}}/hour=${{hour}}/");
        let properties = PROPERTIES.into_iter().chain([("storage.location.template", template.as_str())]);
        let comment = match table.comment.is_empty() {
            true => String::new(),
            false => format!("COMMENT {}\n", sql_string(&table.comment)),
        };
        format!(
            "CREATE EXTERNAL TABLE IF NOT EXISTS `{}` (
{}
)
{comment}PARTITIONED BY ({partitions})
ROW FORMAT SERDE '{SERDE}'
WITH SERDEPROPERTIES (
{}
)
STORED AS INPUTFORMAT '{INPUT_FORMAT}'
OUTPUTFORMAT '{OUTPUT_FORMAT}'
LOCATION '{location}'
TBLPROPERTIES (
{}
);",
            table.name,
            rows(table.columns.iter().map(column)),
            rows(table.serde.iter().map(property)),
            rows(properties.map(property)),
        )
    }
}

/// Joins rows with commas, each on a line of its own.
fn rows(rows: impl Iterator<Item = String>) -> String {
    rows.map(|row| format!("  {row}")).collect::<Vec<_>>().join(",\n")
}

fn column(column: &Column) -> String {
    let comment = match column.comment.is_empty() {
        true => String::new(),
        false => format!(" COMMENT {}", sql_string(&column.comment)),
    };
    format!("`{}` {}{comment}", column.name, column.kind.text("`"))
}

fn property((name, value): (impl AsRef<str>, impl AsRef<str>)) -> String {
    format!("{} = {}", sql_string(name.as_ref()), sql_string(value.as_ref()))
}

fn sql_string(text: &str) -> String {
    quoted(text, '\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_defines_the_whole_table() {
        let text = "schema: Acme.Audit\ndescription: What Acme's systems log.\nfields:\n- {name: Owner, type: object, fields: [{name: from, type: string}], description: The user.}\n- {name: n, type: string, indicators: [username]}\n";
        let expected = "CREATE EXTERNAL TABLE IF NOT EXISTS `acme_audit` (
  `owner` struct<`from`:string> COMMENT 'The user.',
  `n` string,
  `p_log_type` string COMMENT 'Log type: the name of the schema.',
  `p_row_id` string COMMENT 'Names the event: the same event has the same one everywhere.',
  `p_event_time` timestamp COMMENT 'Moment of the event, UTC; without one, p_parse_time.',
  `p_parse_time` timestamp COMMENT 'Moment at which the line was made, UTC.',
  `p_source_id` string COMMENT 'Identifier of the source that the event came from.',
  `p_source_label` string COMMENT 'Label of the source.',
  `p_schema_version` int COMMENT 'Revision of the schema.',
  `p_any_usernames` array<string> COMMENT 'User names in the event.',
  `p_nonconforming` string COMMENT 'Values that did not fit their declared type or whose name was taken, by their path.',
  `p_udm` struct<`actor_user`:string,`assigned_admin_role`:string,`destination_ip`:string,`destination_port`:bigint,`event_type`:string,`http_status`:bigint,`source_ip`:string,`source_port`:bigint,`user`:string,`user_agent`:string> COMMENT 'The values of the data model\\'s names, such as source_ip and actor_user: one set of names for all log types.'
)
COMMENT 'What Acme\\'s systems log.'
PARTITIONED BY (`dt` string, `hour` int)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES (
  'case.insensitive' = 'false',
  'ignore.malformed.json' = 'false',
  'mapping.owner' = 'Owner'
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
}
