//! Tests `audit-pull schema` from outside, as people and scripts use it.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

const LOG_TYPES: [&str; 6] = [
    "OpenAI.Audit",
    "Microsoft365.Audit.AzureActiveDirectory",
    "Microsoft365.Audit.Exchange",
    "Microsoft365.Audit.General",
    "Microsoft365.Audit.SharePoint",
    "Microsoft365.DLP.All",
];

fn schema(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_audit-pull")).arg("schema").args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = schema(arguments);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn list_names_every_log_type_and_its_table() {
    let text = printed(&["list"]);
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), LOG_TYPES);
    assert!(rows.iter().all(|row| row[1] == row[0].to_lowercase().replace('.', "_")), "{text}");
    assert!(rows.iter().all(|row| row.last().unwrap().parse::<usize>().unwrap() > 10), "{text}");
}

/// `show` prints a schema file. It can be passed to the commands in place of a log type.
#[test]
fn a_shown_schema_can_be_passed_as_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("schema.yml");
    let path = file.to_str().unwrap();
    for log_type in LOG_TYPES {
        fs::write(&file, printed(&["show", log_type])).unwrap();
        for command in ["show", "json-schema", "athena", "duckdb", "glue"] {
            assert_eq!(printed(&[command, path]), printed(&[command, log_type]), "{command} {log_type}");
        }
    }
}

#[test]
fn c11_duckdb_prints_a_query_over_the_lake_that_is_given() {
    for log_type in LOG_TYPES {
        let files = format!("'lake/{}/dt=*/hour=*/*.ndjson.*'", log_type.to_lowercase().replace('.', "_"));
        let query = printed(&["duckdb", log_type]);
        assert!(query.contains("SELECT *\nFROM read_json(\n") && query.contains(&files), "{query}");
        let other = printed(&["duckdb", log_type, "--lake", "s3://bucket/audit/"]);
        assert_eq!(other, query.replace("'lake/", "'s3://bucket/audit/"));
    }
    // DuckDB cannot tell two keys of this object apart, so the object is read as JSON.
    let query = printed(&["duckdb", "Microsoft365.DLP.All"]);
    assert!(query.contains("    'SharePointMetaData': 'JSON',\n"), "{query}");
}

#[test]
fn json_schemas_are_json() {
    for log_type in LOG_TYPES {
        let text = printed(&["json-schema", log_type]);
        let json_schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json_schema["title"], log_type);
        assert_eq!(json_schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(json_schema["properties"]["p_row_id"]["type"], "string");
    }
}

#[test]
fn athena_tables_have_the_location_of_the_lines() {
    for log_type in LOG_TYPES {
        let text = printed(&["athena", log_type]);
        let table = log_type.to_lowercase().replace('.', "_");
        assert!(text.starts_with(&format!("CREATE EXTERNAL TABLE IF NOT EXISTS `{table}` (\n")), "{text}");
        assert!(text.contains(&format!("LOCATION 's3://BUCKET/PREFIX{table}/'")), "{text}");
        assert!(text.contains(&format!("{table}/dt=${{dt}}/hour=${{hour}}/'")), "{text}");
        assert!(text.contains("  `p_event_time` timestamp"), "{text}");
    }
}

#[test]
fn glue_tables_are_in_the_stack() {
    let stack = include_str!("../../../infra/lake.yaml");
    for log_type in LOG_TYPES {
        let text = printed(&["glue", log_type]);
        assert!(text.contains("    Type: AWS::Glue::Table\n") && stack.contains(&text), "{text}");
    }
}

#[test]
fn unknown_log_types_are_refused() {
    for command in ["show", "json-schema", "athena", "glue"] {
        let output = schema(&[command, "OpenAI.Audits"]);
        let printed = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true));
        assert!(printed.contains("OpenAI.Audits is no file") && printed.contains("Microsoft365.DLP.All"), "{printed}");
    }
    assert_eq!(schema(&[]).status.code(), Some(2));
}
