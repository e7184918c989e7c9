//! Tests `audit-pull simulate` from outside, as the author of another collector uses it.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

const VENDORS: [&str; 2] = ["openai", "microsoft365"];

fn simulate(vendor: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-pull"));
    command.args(["simulate", vendor]).args(arguments);
    command
}

/// Returns the behaviours that the arguments result in.
fn shown(vendor: &str, arguments: &[&str]) -> Value {
    let output = simulate(vendor, arguments).arg("--show-behaviours").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(vendor: &str, arguments: &[&str]) -> String {
    let output: Output = simulate(vendor, arguments).output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(2), &b""[..]), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A simulator in its own process, and the variables that it printed.
struct Simulator {
    child: Child,
    variables: BTreeMap<String, String>,
}

impl Simulator {
    fn start(vendor: &str, arguments: &[&str]) -> Self {
        let mut child = simulate(vendor, arguments).args(["--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let count = if vendor == "openai" { 2 } else { 5 };
        let printed = BufReader::new(child.stdout.as_mut().unwrap()).lines().take(count).map(Result::unwrap);
        let variable = |line: String| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('\'').to_owned()))
        };
        let variables = printed.map(|line| variable(line).unwrap()).collect();
        Self { child, variables }
    }

    /// Requests a page of the OpenAI audit log.
    fn page(&self, query: &str) -> Value {
        let (origin, _) = self.variables["OPENAI_BASE_URL"].strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(origin).unwrap();
        let key = &self.variables["OPENAI_ADMIN_KEY"];
        write!(
            stream,
            "GET /v1/organization/audit_logs?{query} HTTP/1.1\r\nhost: {origin}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn shown_behaviours_include_faults_and_given_ones() {
    for (vendor, late) in VENDORS.into_iter().zip(["late_events", "late_blobs"]) {
        let storm = shown(vendor, &["--faults", "storm", "--seed", "7"]);
        assert_ne!(storm, shown(vendor, &["--faults", "storm", "--seed", "8"]));
        assert_ne!(storm, shown(vendor, &[]));
        let mut expected = storm;
        (expected[late], expected["transport"]["cut"]) = (json!(0.2), json!(0.5));
        // The second is an earlier name, which is still accepted.
        for name in [late, "late"] {
            let given = json!({name: 0.2, "transport": {"cut": 0.5}}).to_string();
            let changed = shown(vendor, &["--faults", "storm", "--seed", "7", "--behaviours", &given]);
            assert_eq!(changed, expected);
        }
    }
}

#[test]
fn shown_behaviours_can_be_passed_as_a_file() {
    let directory = tempfile::tempdir().unwrap();
    for vendor in VENDORS {
        let storm = shown(vendor, &["--faults", "storm", "--seed", "3"]);
        let file = directory.path().join(vendor);
        fs::write(&file, storm.to_string()).unwrap();
        assert_eq!(shown(vendor, &["--behaviours", file.to_str().unwrap()]), storm);
    }
}

#[test]
fn the_readme_names_every_switch_of_openai() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Simulate a vendor\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let behaviours = shown("openai", &[]);
    let switches = behaviours.as_object().unwrap().keys().chain(behaviours["transport"].as_object().unwrap().keys());
    for switch in switches {
        assert!(section.contains(&format!("`{switch}`")), "{switch}");
    }
}

#[test]
fn err_invalid_behaviours_are_reported() {
    for vendor in VENDORS {
        let check = |given: &str, part: &str| {
            let printed = refused(vendor, &["--port", "0", "--behaviours", given]);
            assert!(printed.starts_with("audit-pull: ") && printed.contains(part), "{given}: {printed}");
        };
        check(r#"{"lates":1}"#, "--behaviours: unknown behaviour `lates`: use ");
        check(r#"{"late":2}"#, "is a share: use a number from 0 to 1, not 2");
        check(r#"{"late""#, "--behaviours: not JSON: ");
        check("no such file", "cannot read --behaviours no such file: ");
        assert!(refused(vendor, &[]).contains("--port"), "the port is needed where something is served");
    }
}

#[test]
fn given_behaviours_are_served() {
    let given = json!({
        "keys": [{"key": "sk-admin-of-another"}], "short_pages": 1.0, "late": 0.0,
        "script": [{"operation": "audit_logs", "number": 2, "fault": {"answer": {"status": 429, "body": "{\"slow\":1}"}}}],
    });
    let simulator = Simulator::start("openai", &["--events", "200", "--behaviours", &given.to_string()]);
    assert_eq!(simulator.variables["OPENAI_ADMIN_KEY"], "sk-admin-of-another");
    let page = simulator.page("limit=100");
    assert!(page["data"].as_array().unwrap().len() < 100 && page["has_more"] == true);
    assert_eq!(simulator.page("limit=100"), json!({"slow": 1}));
    let given = json!({"client_secrets": ["it's another"], "tenant_id": "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f11"});
    let simulator = Simulator::start("microsoft365", &["--events", "1", "--behaviours", &given.to_string()]);
    assert_eq!(simulator.variables["MICROSOFT365_TENANT_ID"], "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f11");
    assert_eq!(simulator.variables["MICROSOFT365_CLIENT_SECRET"], r"it'\''s another");
}

#[test]
fn events_happen_after_the_start_and_the_ledger_has_all_visible_ones() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("ledger.ndjson");
    let arguments = ["--events", "60", "--span", "1", "--ahead", "6", "--ledger", ledger.to_str().unwrap()];
    let simulator = Simulator::start("openai", &arguments);
    let listed =
        |tenant: bool| simulator.page(&format!("limit=100&tenant_only={tenant}"))["data"].as_array().unwrap().len();
    let first = listed(false) + listed(true);
    assert!(first < 60, "{first}");
    std::thread::park_timeout(std::time::Duration::from_secs(7));
    // Some events of the last moments may not be visible yet.
    let all = listed(false) + listed(true);
    assert!(all > first && lines(&ledger) >= all, "{first} {all}");
}

fn lines(file: &Path) -> usize {
    fs::read_to_string(file).unwrap().lines().count()
}
