//! Writes the table as a resource of a CloudFormation stack.

use super::{Column, INPUT_FORMAT, OUTPUT_FORMAT, PARTITIONS, PROPERTIES, SERDE, Table, quoted, truncated};
use crate::language::model::Schema;

/// The S3 location of the table folders, made of the stack's parameters.
const LOCATION: &str = "s3://${BucketName}/${Prefix}";
/// The longest description of a table in the Glue catalogue, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 2_048;

impl Schema {
    /// Returns the table of [`Schema::athena`] as an `AWS::Glue::Table` in YAML, with a line feed at its end. It is a resource
    /// for a stack that has the parameters `BucketName` and `Prefix` and the resource `Database`.
    pub fn glue_table(&self) -> String {
        let table = Table::new(self);
        let resource: String = self.name.chars().filter(char::is_ascii_alphanumeric).collect();
        let description = match table.comment.is_empty() {
            true => String::new(),
            false => {
                format!("        Description: {}\n", yaml_string(truncated(&table.comment, MAX_DESCRIPTION_BYTES)))
            }
        };
        let location = format!("{LOCATION}{}/", table.name);
        let partition = |(name, kind)| format!("          - {{ Name: {name}, Type: {kind} }}\n");
        format!(
            "  {resource}Table:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: {name}
{description}        TableType: EXTERNAL_TABLE
        PartitionKeys:
{partitions}        Parameters:
          EXTERNAL: \"TRUE\"
{properties}          storage.location.template: !Sub {location}dt=${{!dt}}/hour=${{!hour}}/
        StorageDescriptor:
          Location: !Sub {location}
          InputFormat: {INPUT_FORMAT}
          OutputFormat: {OUTPUT_FORMAT}
          SerdeInfo:
            SerializationLibrary: {SERDE}
            Parameters:
{serde}          Columns:
{columns}",
            name = table.name,
            partitions = PARTITIONS.map(partition).concat(),
            properties = PROPERTIES.map(|(name, value)| format!("          {name}: {}\n", yaml_string(value))).concat(),
            serde = table
                .serde
                .iter()
                .map(|(name, value)| format!("              {name}: {}\n", yaml_string(value)))
                .collect::<String>(),
            columns = table.columns.iter().map(column).collect::<String>(),
        )
    }
}

/// Writes a column. In the Glue catalogue, names inside of types have no quotes.
fn column(column: &Column) -> String {
    let comment = match column.comment.is_empty() {
        true => String::new(),
        false => format!(", Comment: {}", yaml_string(&column.comment)),
    };
    let (name, kind) = (yaml_string(&column.name), yaml_string(&column.kind.text("")));
    format!("            - {{ Name: {name}, Type: {kind}{comment} }}\n")
}

fn yaml_string(text: &str) -> String {
    quoted(text, '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_defines_the_whole_table() {
        let text = "schema: Acme.Audit\ndescription: 'What \"Acme\" logs.'\nfields:\n- {name: Owner, type: object, fields: [{name: from, type: string}], description: The user.}\n- {name: n, type: string}\n";
        let expected = r#"  AcmeAuditTable:
    Type: AWS::Glue::Table
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref Database
      TableInput:
        Name: acme_audit
        Description: "What \"Acme\" logs."
        TableType: EXTERNAL_TABLE
        PartitionKeys:
          - { Name: dt, Type: string }
          - { Name: hour, Type: int }
        Parameters:
          EXTERNAL: "TRUE"
          classification: "json"
          projection.enabled: "true"
          projection.dt.type: "date"
          projection.dt.format: "yyyy-MM-dd"
          projection.dt.range: "2026-01-01,NOW"
          projection.hour.type: "integer"
          projection.hour.range: "0,23"
          projection.hour.digits: "2"
          storage.location.template: !Sub s3://${BucketName}/${Prefix}acme_audit/dt=${!dt}/hour=${!hour}/
        StorageDescriptor:
          Location: !Sub s3://${BucketName}/${Prefix}acme_audit/
          InputFormat: org.apache.hadoop.mapred.TextInputFormat
          OutputFormat: org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat
          SerdeInfo:
            SerializationLibrary: org.openx.data.jsonserde.JsonSerDe
            Parameters:
              case.insensitive: "false"
              ignore.malformed.json: "false"
              mapping.owner: "Owner"
          Columns:
            - { Name: "owner", Type: "struct<from:string>", Comment: "The user." }
            - { Name: "n", Type: "string" }
"#;
        let resource = Schema::parse(text, "a.yml").unwrap().glue_table();
        assert_eq!(&resource[..expected.len()], expected);
        let standard = &resource[expected.len()..];
        assert!(standard.starts_with("            - { Name: \"p_log_type\", Type: \"string\", Comment: \"Log type"));
        assert!(standard.ends_with("for all log types.\" }\n") && standard.lines().count() == 9, "{standard}");
    }
}
