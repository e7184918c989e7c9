//! The stack of `infra/lake.yaml` has the tables that are generated from the schemas.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::PathBuf;

use schema::{LogType, schema};

/// What stands before the tables and after them.
const BEGIN: &str = "cargo test -p schema --test lake -- --ignored\n";
const END: &str = "  # The end of the tables.\n";
/// Bytes of a template that is read from a bucket, which `sam deploy` puts a nested stack into
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
const LONGEST_TEMPLATE: usize = 1_000_000;
/// Characters of a column's type in the Glue catalogue
/// (<https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html>).
const LONGEST_TYPE: usize = 131_072;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/lake.yaml")
}

/// The file as it is, and as it should be.
fn stack() -> (String, String) {
    let file = fs::read_to_string(path()).unwrap();
    let (before, rest) = file.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let tables: String = LogType::ALL.into_iter().map(|log_type| schema(log_type).glue_table() + "\n").collect();
    let expected = format!("{before}{BEGIN}{tables}{END}{after}");
    (file, expected)
}

#[test]
fn the_tables_are_the_generated_ones() {
    let (file, expected) = stack();
    let differs = file.lines().zip(expected.lines()).find(|(is, should)| is != should);
    assert!(file == expected, "infra/lake.yaml is behind the schemas: {BEGIN}writes it; first: {differs:?}");
}

#[test]
#[ignore = "writes infra/lake.yaml"]
fn write_the_tables() {
    fs::write(path(), stack().1).unwrap();
}

#[test]
fn the_template_is_within_the_limits() {
    let (_, expected) = stack();
    assert!(expected.len() <= LONGEST_TEMPLATE, "{} bytes", expected.len());
    assert!(expected.lines().all(|line| line.len() <= LONGEST_TYPE));
}
