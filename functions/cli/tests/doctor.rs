//! Tests `audit-pull doctor` from outside, against the simulators.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A simulator in its own process, and the variables with which it is found.
struct Simulator {
    child: Child,
    variables: BTreeMap<String, String>,
}

impl Simulator {
    fn start(vendor: &str, behaviours: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_audit-pull"));
        command.args(["simulate", vendor, "--port", "0", "--behaviours", behaviours]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let count = if vendor == "openai" { 2 } else { 5 };
        let printed = BufReader::new(child.stdout.as_mut().unwrap()).lines().take(count).map(Result::unwrap);
        let variable = |line: String| {
            let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('\'').to_owned())
        };
        let variables = printed.map(variable).collect();
        Self { child, variables }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn doctor(vendor: &str, variables: &BTreeMap<String, String>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-pull"));
    command.args(["doctor", vendor]).args(arguments).envs(variables).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn in_lake(lake: &Path) -> [&str; 2] {
    ["--lake", lake.to_str().unwrap()]
}

#[test]
fn a_good_set_up_passes_and_its_lake_can_be_pulled_into() {
    for vendor in ["openai", "microsoft365"] {
        let (simulator, lake) = (Simulator::start(vendor, "{}"), tempfile::tempdir().unwrap());
        for _ in 0..2 {
            let output = doctor(vendor, &simulator.variables, &in_lake(lake.path()));
            assert_eq!(output.status.code(), Some(0), "{output:?}");
            assert!(text(&output).contains("✓ table") && text(&output).contains("– alarms: not checked because"));
            let mut pull = Command::new(env!("CARGO_BIN_EXE_audit-pull"));
            pull.args(["pull", vendor]).args(in_lake(lake.path())).envs(&simulator.variables);
            assert_eq!(pull.output().unwrap().status.code(), Some(0));
        }
    }
}

#[test]
fn the_exit_code_tells_the_kind_of_the_fault() {
    let forbidden = Simulator::start("openai", r#"{"audit_logging":"off_forbidden"}"#);
    let output = doctor("openai", &forbidden.variables, &["--json"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let report: Value = serde_json::from_str(&text(&output)).unwrap();
    let steps = report["steps"].as_array().unwrap();
    let failed: Vec<_> = steps.iter().filter(|step| step["ok"] == false).collect();
    assert_eq!((failed.len(), &failed[0]["step"], &failed[0]["code"]), (1, &"auditing".into(), &"auditing-off".into()));
    assert!(failed[0]["cause"].is_string() && failed[0]["fix"].is_string());
    assert!(steps.iter().any(|step| step["step"] == "bucket" && step["ok"].is_null()), "no lake is named");

    let closed = [("OPENAI_BASE_URL", "http://127.0.0.1:1/v1"), ("OPENAI_ADMIN_KEY", "sk-admin-canary")];
    let mut variables: BTreeMap<_, _> = closed.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let output = doctor("openai", &variables, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output).contains("✗ host") && text(&output).contains("host-unreachable"), "{output:?}");

    variables.insert("OPENAI_ADMIN_KEY".to_owned(), "sk-proj-canary".to_owned());
    let output = doctor("openai", &variables, &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output).contains("wrong-key-kind") && !text(&output).contains("canary"), "{output:?}");
}

#[test]
fn a_lake_that_cannot_be_made_is_a_fault_of_bucket_and_table() {
    let (simulator, folder) = (Simulator::start("openai", "{}"), tempfile::tempdir().unwrap());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = doctor("openai", &simulator.variables, &in_lake(&file.join("lake")));
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = text(&output);
    assert!(text.contains("✗ bucket: bucket-failed") && text.contains("✗ table: table-failed"), "{text}");
    assert!(text.contains("– state (openai_audit") && text.contains("name a directory that can be written"), "{text}");
}
