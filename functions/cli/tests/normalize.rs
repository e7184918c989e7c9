//! Tests `audit-pull normalize` from outside, as scripts use it.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const EVENTS: &str = concat!(
    r#"{"id":"a","type":"login.failed","effective_at":1787301845,"new":{"x":1},"actor":{"session":{"ip_address":"192.0.2.1"}}}"#,
    "\n\n",
    "nonsense\n",
    "[1]\r\n",
    r#"{"id":"b","type":"login.failed","effective_at":"never"}"#,
);

fn normalize(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_audit-pull"))
        .arg("normalize")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // This may fail, because a command that stops early closes its input.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    })
}

fn values(bytes: &[u8]) -> Vec<Value> {
    String::from_utf8(bytes.to_vec()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn exit_code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[test]
fn lines_go_to_standard_output_and_reasons_to_standard_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rejected.ndjson");
    let time = ["--parse-time", "2026-01-02T04:04:05.6+01:00"];
    let source = ["--source-id", "acme", "--source-label", "Äcme", "--rejected", file.to_str().unwrap()];
    let output = normalize(&[&["--log-type", "OpenAI.Audit"], &time[..], &source[..]].concat(), EVENTS.as_bytes());
    assert_eq!(exit_code(&output), 0, "{output:?}");
    let lines = values(&output.stdout);
    assert_eq!(lines.iter().map(|line| &line["id"]).collect::<Vec<_>>(), ["a", "b"]);
    for line in &lines {
        assert_eq!(line["p_parse_time"], "2026-01-02 03:04:05.600000000");
        assert_eq!((&line["p_source_id"], &line["p_source_label"]), (&json!("acme"), &json!("Äcme")));
    }
    assert_eq!(lines[0]["p_any_ip_addresses"], json!(["192.0.2.1"]));
    assert_eq!(lines[0]["new"], json!({"x": 1}));
    assert_eq!(lines[1]["p_nonconforming"], json!({"effective_at": "never"}));
    let mut reasons = values(&output.stderr);
    let drift = &reasons.pop().unwrap()["drift"];
    assert_eq!((&drift["undeclared_fields"], &drift["undeclared_field_names"]), (&json!(1), &json!(["new"])));
    let others = ["unknown_record_types", "nonconforming", "missing_required"].map(|count| &drift[count]);
    assert_eq!(others, [&json!(0), &json!(1), &json!(0)]);
    assert_eq!(reasons.iter().map(|reason| &reason["line"]).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(reasons[1]["reason"], "not an object but an array");
    let mut rejected = values(&fs::read(&file).unwrap());
    assert_eq!(rejected.iter().map(|event| &event["raw"]).collect::<Vec<_>>(), ["nonsense", "[1]"]);
    rejected.iter_mut().for_each(|event| drop(event.as_object_mut().unwrap().remove("raw")));
    assert_eq!(rejected, reasons);
}

#[test]
fn strict_rejects_what_default_mode_sets_aside() {
    let output = normalize(&["--log-type", "OpenAI.Audit", "--strict"], EVENTS.as_bytes());
    assert_eq!(exit_code(&output), 0);
    let lines = values(&output.stdout);
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].get("new"), lines[0].get("p_schema_version")), (None, None));
    assert_eq!(values(&output.stderr).len(), 3);
}

#[test]
fn a_schema_file_can_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("own.yml");
    let schema = file.to_str().unwrap();
    fs::write(&file, "schema: Own.Log\nfields:\n- {name: at, type: timestamp, isEventTime: true}\n").unwrap();
    let output = normalize(&["--schema", schema], b"{\"at\":\"2026-01-02T03:04:05Z\"}");
    let lines = values(&output.stdout);
    assert_eq!(lines[0]["p_log_type"], "Own.Log");
    assert_eq!(lines[0]["p_event_time"], "2026-01-02 03:04:05.000000000");
    fs::write(&file, "schema: Own.Log\nfields:\n- {name: at, type: tim}\n").unwrap();
    let output = normalize(&["--schema", schema], b"{}\n");
    let printed = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((exit_code(&output), output.stdout.is_empty()), (2, true));
    assert!(printed.contains("own.yml: at: no type is called tim"), "{printed}");
}

#[test]
fn d6_a_source_id_that_no_source_may_have_is_refused() {
    for id in ["a b", "", "ä", "a/b", &"x".repeat(65)] {
        let output = normalize(&["--log-type", "OpenAI.Audit", "--source-id", id], b"{}");
        assert_eq!((exit_code(&output), output.stdout.as_slice()), (2, &b""[..]), "{id:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("--source-id") && error.contains("1 to 64 of the characters"), "{error}");
    }
    let output = normalize(&["--log-type", "OpenAI.Audit", "--source-id", "acme.eu-1_x"], b"{}");
    assert_eq!(values(&output.stdout)[0]["p_source_id"], "acme.eu-1_x");
    let without = normalize(&["--log-type", "OpenAI.Audit"], b"{}");
    assert_eq!(values(&without.stdout)[0].get("p_source_id"), None);
}

#[test]
fn wrong_arguments_are_usage_errors() {
    let check = |arguments: &[&str], part: &str| {
        let output = normalize(arguments, b"{}\n");
        let printed = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!((exit_code(&output), output.stdout.is_empty()), (2, true), "{arguments:?}");
        assert!(printed.contains(part), "{printed}");
    };
    check(&[], "--log-type");
    check(&["--log-type", "OpenAI.Audits"], "Microsoft365.DLP.All");
    check(&["--log-type", "OpenAI.Audit", "--schema", "x.yml"], "cannot be used with");
    check(&["--schema", "no/such/file"], "cannot read no/such/file");
    check(&["--log-type", "OpenAI.Audit", "--parse-time", "noon"], "--parse-time");
    check(&["--log-type", "OpenAI.Audit", "--rejected", "no/such/file"], "cannot write no/such/file");
}

/// The program prints each line soon after it read the event, even if the input has not ended.
#[test]
fn lines_are_written_before_the_input_ends() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_audit-pull"))
        .args(["normalize", "--log-type", "Microsoft365.Audit.General"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut lines = BufReader::new(stdout).lines();
    let text = "x".repeat(1 << 20);
    for id in 0..10 {
        writeln!(stdin, r#"{{"Id":"{id}","Data":"{text}"}}"#).unwrap();
        stdin.flush().unwrap();
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["Id"], json!(id.to_string()));
        assert_eq!(line["payload"]["Data"], json!(text));
    }
    drop(stdin);
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn it_succeeds_when_the_reader_of_its_output_goes_away() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_audit-pull"))
        .args(["normalize", "--log-type", "OpenAI.Audit"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // The input has no end, so the command must notice by itself that nobody reads its output.
    while stdin.write_all(b"{}\n").is_ok() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!((exit_code(&output), String::from_utf8_lossy(&output.stderr).as_ref()), (0, ""));
}
