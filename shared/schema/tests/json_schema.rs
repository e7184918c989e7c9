//! Checks the golden lines against the JSON Schema of their log type.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;

use schema::{LogType, schema};
use serde_json::{Value, json};

fn json_schema(log_type: LogType) -> Value {
    serde_json::to_value(schema(log_type).json_schema()).unwrap()
}

/// Returns the violations of the JSON Schema in a line.
fn errors(json_schema: &Value, line: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::new(json_schema).unwrap();
    validator.iter_errors(line).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn lines(log_type: LogType) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(log_type.name());
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let lines = paths.filter(|path| path.to_string_lossy().ends_with(".line.json"));
    lines.map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect()
}

#[test]
fn every_line_is_valid_and_its_standard_fields_are_described() {
    for log_type in LogType::ALL {
        let json_schema = json_schema(log_type);
        let lines = lines(log_type);
        assert!(!lines.is_empty());
        for line in lines {
            assert_eq!(errors(&json_schema, &line), Vec::<String>::new(), "{line}");
            let standard = line.as_object().unwrap().keys().filter(|name| name.starts_with("p_"));
            standard.for_each(|name| assert!(json_schema["properties"].get(name).is_some(), "{name}"));
        }
    }
}

#[test]
fn a_line_that_was_tampered_with_is_not_valid() {
    let json_schema = json_schema(LogType::OpenAiAudit);
    let line = lines(LogType::OpenAiAudit).remove(0);
    for (name, value) in [
        ("id", json!(1)),
        ("effective_at", json!("2026-11-22T07:00:00Z")),
        ("actor", json!("u")),
        ("p_row_id", json!("1")),
        ("p_log_type", json!("A.B")),
        ("p_any_emails", json!([])),
        ("p_schema_version", Value::Null),
    ] {
        let mut line = line.clone();
        line[name] = value;
        assert_eq!(errors(&json_schema, &line).len(), 1, "{name}");
    }
}
