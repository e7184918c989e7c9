//! Checks that `infra/lake.yaml` has the tables that are generated from the schemas.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::PathBuf;

use schema::{LogType, schema};

/// The lines of the file before and after the tables.
const BEGIN_MARKER: &str = "cargo test -p schema --test lake -- --ignored\n";
const END_MARKER: &str = "  # The end of the tables.\n";
/// The largest template that CloudFormation reads from S3, in bytes. `sam deploy` uploads a nested stack to S3
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
const MAX_TEMPLATE_BYTES: usize = 1_000_000;
/// The longest type of a column in the Glue catalogue, in characters
/// (<https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html>).
const MAX_TYPE_CHARS: usize = 131_072;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/lake.yaml")
}

/// Returns the content of the file as it is and as it should be.
fn stack() -> (String, String) {
    let file = fs::read_to_string(path()).unwrap();
    let (before, rest) = file.split_once(BEGIN_MARKER).unwrap();
    let (_, after) = rest.split_once(END_MARKER).unwrap();
    let tables: String = LogType::ALL.into_iter().map(|log_type| schema(log_type).glue_table() + "\n").collect();
    let expected = format!("{before}{BEGIN_MARKER}{tables}{END_MARKER}{after}");
    (file, expected)
}

#[test]
fn the_tables_are_the_generated_ones() {
    let (file, expected) = stack();
    let first_difference = file.lines().zip(expected.lines()).find(|(actual, expected)| actual != expected);
    assert!(
        file == expected,
        "infra/lake.yaml is behind the schemas: {BEGIN_MARKER}writes it; first: {first_difference:?}"
    );
}

#[test]
#[ignore = "writes infra/lake.yaml"]
fn write_the_tables() {
    fs::write(path(), stack().1).unwrap();
}

#[test]
fn the_template_is_within_the_limits() {
    let (_, expected) = stack();
    assert!(expected.len() <= MAX_TEMPLATE_BYTES, "{} bytes", expected.len());
    assert!(expected.lines().all(|line| line.len() <= MAX_TYPE_CHARS));
}
