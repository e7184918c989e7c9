//! Tests the program from outside, as people and scripts use it.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use flate2::read::GzDecoder;
use serde_json::Value;

#[test]
fn a_second_demo_delivers_nothing_again() {
    let lake = tempfile::tempdir().unwrap();
    let demo = || {
        let output =
            audit_pull().args(["demo", "--events", "300", "--json", "--lake"]).arg(lake.path()).output().unwrap();
        assert_eq!(exit_code(&output), 0, "{output:?}");
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        let streams = shown["streams"].as_array().unwrap().clone();
        assert_eq!(streams.len(), 6);
        for stream in &streams {
            assert_eq!((&stream["delivered"], &stream["duplicates"]), (&stream["served"], &Value::from(0)), "{stream}");
        }
        streams
    };
    let first = demo();
    let sum = |field: &str| first.iter().map(|stream| stream[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("served"), 600);
    assert_eq!(lines(lake.path()).len(), 600);
    let objects = files(lake.path());
    let second = demo();
    assert_eq!(files(lake.path()), objects);
    assert_eq!(
        first.iter().map(|stream| &stream["delivered"]).collect::<Vec<_>>(),
        second.iter().map(|stream| &stream["delivered"]).collect::<Vec<_>>()
    );
}

#[test]
fn demo_prints_a_table_for_people() {
    let lake = tempfile::tempdir().unwrap();
    let output =
        audit_pull().args(["demo", "--events", "50", "--seed", "9", "--lake"]).arg(lake.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text.contains("in the lake exactly once"), "{text}");
    assert_eq!(text.lines().filter(|line| line.trim_start().starts_with('{')).count(), 3, "{text}");
    assert_eq!(output.stderr, b"", "no progress bar where there is no terminal");
}

#[test]
fn objects_have_the_documented_paths() {
    let lake = tempfile::tempdir().unwrap();
    let simulator = Simulator::start("openai", &["--events", "40"]);
    assert_eq!(exit_code(&simulator.pull("openai", lake.path())), 0);
    let files = files(lake.path());
    assert!(!files.is_empty());
    for file in files {
        let parts: Vec<_> = file.split('/').collect();
        let [table, date, hour, name] = parts[..] else { panic!("{file}") };
        assert_eq!(table, "openai_audit");
        assert!(date.strip_prefix("dt=").is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok()), "{file}");
        assert!(hour.strip_prefix("hour=").is_some_and(|hour| hour.len() == 2 && hour < "24"), "{file}");
        let seq = name.strip_prefix("openai-").and_then(|rest| rest.strip_suffix(".ndjson.gz"));
        assert!(seq.is_some_and(|seq| seq.len() == 12 && seq.parse::<u64>().is_ok()), "{file}");
    }
    assert_eq!(fs::read_dir(lake.path().join(".audit-pull/tmp")).unwrap().count(), 0);
}

#[test]
fn a_second_pull_delivers_nothing_again() {
    for vendor in ["openai", "microsoft365"] {
        let lake = tempfile::tempdir().unwrap();
        let simulator = Simulator::start(vendor, &["--events", "120"]);
        for _ in 0..3 {
            assert_eq!(exit_code(&simulator.pull(vendor, lake.path())), 0);
            // The last simulated events become visible only seconds after the start.
            pause(2);
        }
        let before = files(lake.path());
        let output = simulator.pull(vendor, lake.path());
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        let delivered = |stream: &Value| stream["delivered"].as_u64().unwrap();
        assert_eq!(shown["streams"].as_array().unwrap().iter().map(delivered).sum::<u64>(), 0, "{shown}");
        assert_eq!(files(lake.path()), before);
        simulator.check(lake.path(), 120);
    }
}

#[cfg(feature = "python")]
#[test]
fn a_pull_uses_custom_models() {
    let (lake, models) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = "AnalysisType: datamodel\nDataModelID: Own\nEnabled: true\nFilename: own.py\nLogTypes: [OpenAI.Audit]\n\
                 Mappings:\n- {Name: kind, Path: type}\n- {Name: shout, Method: shout}\n";
    fs::write(models.path().join("own.yml"), model).unwrap();
    fs::write(models.path().join("own.py"), "def shout(event):\n    return event.get('TYPE').upper()\n").unwrap();
    let simulator = Simulator::start("openai", &["--events", "40", "--span", "86400"]);
    let mut pull = simulator.pull_command("openai", lake.path());
    assert_eq!(exit_code(&pull.arg("--models").arg(models.path()).output().unwrap()), 0);
    let lines = lines(lake.path());
    assert!(!lines.is_empty());
    for line in &lines {
        let kind = line["type"].as_str().unwrap();
        assert_eq!(line["p_udm"], serde_json::json!({"kind": kind, "shout": kind.to_uppercase()}));
    }
    fs::write(models.path().join("own.py"), "import boto3\n").unwrap();
    let mut pull = simulator.pull_command("openai", lake.path());
    assert_eq!(exit_code(&pull.arg("--models").arg(models.path()).output().unwrap()), 2);
}

/// A lake that was installed late lacks the old events. A backfill is killed, runs beside a pull, and in the end every
/// event is in the lake once.
#[test]
fn a_backfill_delivers_what_the_schedule_never_lists() {
    for vendor in ["openai", "microsoft365"] {
        let lake = tempfile::tempdir().unwrap();
        let simulator = Simulator::start(vendor, &["--events", "300", "--span", "172800"]);
        // The simulated events lie in the last days, and this stream begins now.
        let mut pull = simulator.pull_command(vendor, lake.path());
        pull.args(["--lookback-days", "0"]);
        pull.output().unwrap();
        let watermark = || {
            let output = audit_pull().args(["status", "--json", "--lake"]).arg(lake.path()).output().unwrap();
            let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
            shown["streams"].as_array().unwrap().iter().map(|stream| stream["watermark"].clone()).collect::<Vec<_>>()
        };
        let from = collector::Clock::now(&adapters::clock::SystemClock) - std::time::Duration::from_secs(5 * 86_400);
        let backfill = || {
            let mut command = audit_pull();
            command.args(["backfill", vendor, "--json", "--from"]).arg(from.to_string());
            command.arg("--lake").arg(lake.path()).envs(&simulator.variables).stderr(Stdio::null());
            command
        };
        let mut killed = backfill().stdout(Stdio::null()).spawn().unwrap();
        pause(1);
        killed.kill().unwrap();
        killed.wait().unwrap();
        // The last simulated events become visible only seconds after the start.
        pause(3);
        let before = watermark();
        let output = backfill().output().unwrap();
        assert_eq!(exit_code(&output), 0, "{output:?}");
        assert_eq!(watermark(), before);
        simulator.check(lake.path(), 300);
        let shown: Value = serde_json::from_slice(&backfill().output().unwrap().stdout).unwrap();
        let delivered = |stream: &Value| stream["delivered"].as_u64().unwrap();
        assert_eq!(shown["streams"].as_array().unwrap().iter().map(delivered).sum::<u64>(), 0, "{shown}");
    }
}

/// Several pulls of one lake run at the same time and are killed at different moments. In the end every event is in the
/// lake exactly once.
#[test]
fn killed_pulls_lose_and_duplicate_nothing() {
    for (vendor, faults) in [("openai", "none"), ("microsoft365", "none")] {
        let lake = tempfile::tempdir().unwrap();
        let simulator = Simulator::start(vendor, &["--events", "400", "--faults", faults]);
        for round in 1..6_u64 {
            let mut pulls: Vec<Child> = (0..3).map(|_| simulator.start_pull(vendor, lake.path())).collect();
            for (nth, pull) in (1..).zip(&mut pulls) {
                std::thread::park_timeout(std::time::Duration::from_millis(round * 13 * nth));
                pull.kill().unwrap();
                pull.wait().unwrap();
            }
        }
        let (mut one, mut other) =
            (simulator.start_pull(vendor, lake.path()), simulator.start_pull(vendor, lake.path()));
        one.wait().unwrap();
        other.wait().unwrap();
        pause(4);
        // With faults, a tick may leave work for the next one.
        let ends = (0..10).find(|_| exit_code(&simulator.pull(vendor, lake.path())) == 0);
        assert!(ends.is_some(), "{vendor} never drained");
        simulator.check(lake.path(), 400);
    }
}

#[test]
fn own_records_are_served_and_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let records = directory.path().join("records.ndjson");
    let lake = directory.path().join("lake");
    let now = fs::metadata(directory.path()).unwrap().modified().unwrap();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() - 60;
    let record = |id: &str, name: &str| format!(r#"{{"id":"{id}","type":"{name}","effective_at":{now},"actor":null}}"#);
    fs::write(&records, format!("{}\n\n{}\n", record("a", "user.added"), record("b", "user.cloned"))).unwrap();
    let simulator = Simulator::start("openai", &["--records", records.to_str().unwrap()]);
    let pull = |arguments: &[&str]| {
        let mut command = audit_pull();
        command.args(["pull", "openai", "--lake"]).arg(&lake).args(arguments).envs(&simulator.variables);
        let output = command.output().unwrap();
        assert_eq!(exit_code(&output), 0, "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // An event of an unpublished type is delivered like any other, and reported as drift once.
    let first = pull(&[]);
    assert!(
        first.contains("Drift:") && first.contains(r#"events of an unknown type: 1, such as "user.cloned""#),
        "{first}"
    );
    assert!(!pull(&[]).contains("Drift"));
    let json: Value = serde_json::from_str(&pull(&["--json"])).unwrap();
    assert_eq!(json["streams"][0]["unknown_record_types"], 0);
    let ids: BTreeSet<_> = lines(&lake).iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
}

#[test]
fn each_outcome_has_its_exit_code() {
    let lake = tempfile::tempdir().unwrap();
    let simulator = Simulator::start("openai", &["--events", "5"]);
    let check = |key: &str, url: &str, expected: i32, part: &str| {
        let output = audit_pull()
            .args(["pull", "openai", "--lake"])
            .arg(lake.path())
            .env("OPENAI_ADMIN_KEY", key)
            .env("OPENAI_BASE_URL", url)
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(exit_code(&output), expected, "{printed}");
        assert!(printed.contains(part), "{printed}");
        assert!(!format!("{output:?}").contains("canary"), "{output:?}");
    };
    let url = &simulator.variables["OPENAI_BASE_URL"];
    // The vendor may not know a new key yet, so a refused key needs a person only after the third refusal in a row.
    for expected in [1, 1, 3] {
        check("sk-admin-canary", url, expected, "openai/openai_audit: ");
    }
    check("sk-admin-canary", "http://127.0.0.1:1/v1", 1, "could not connect");
    check("sk-admin-canary", "http://127.0.0.1:1", 2, "must end in /v1");
    check("", url, 2, "OPENAI_ADMIN_KEY not set");
    check("canary", url, 2, "neither the JSON object");
    check(&simulator.variables["OPENAI_ADMIN_KEY"], url, 0, "");
    assert_eq!(exit_code(&audit_pull().args(["pull", "nobody", "--lake", "x"]).output().unwrap()), 2);
    assert_eq!(exit_code(&audit_pull().arg("demo").output().unwrap()), 2);
}

#[test]
fn a_secret_is_read_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let simulator = Simulator::start("microsoft365", &["--events", "30"]);
    let of = |name: &str| simulator.variables[name].as_str();
    let secret = serde_json::json!({
        "source_id": "acme",
        "source_label": "Äcme",
        "tenant_id": of("MICROSOFT365_TENANT_ID"),
        "client_id": of("MICROSOFT365_CLIENT_ID"),
        "client_secret": of("MICROSOFT365_CLIENT_SECRET"),
    });
    let (file, lake) = (directory.path().join("secret.json"), directory.path().join("lake"));
    fs::write(&file, secret.to_string()).unwrap();
    let mut pull = audit_pull();
    pull.args(["pull", "microsoft365", "--prefix", "team/", "--lake"]).arg(&lake).arg("--secret").arg(&file);
    for name in ["MICROSOFT365_API_URL", "MICROSOFT365_LOGIN_URL"] {
        pull.env(name, of(name));
    }
    let output = pull.output().unwrap();
    assert_eq!(exit_code(&output), 0, "{output:?}");
    let lines = lines(&lake.join("team"));
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| line["p_source_id"] == "acme" && line["p_source_label"] == "Äcme"));
    fs::write(&file, "{}").unwrap();
    let output = pull.output().unwrap();
    assert_eq!(exit_code(&output), 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("tenant_id is missing"), "{output:?}");
}

/// Runs a command that fails, with `--json`. Returns the exit code and the message in the JSON object.
fn refused_as_json(arguments: &[&str], key: &str) -> (i32, String) {
    let output = audit_pull().args(arguments).arg("--json").env("OPENAI_ADMIN_KEY", key).output().unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(printed["error"]["exit_code"], exit_code(&output));
    assert!(!output.stderr.is_empty());
    (exit_code(&output), printed["error"]["message"].as_str().unwrap().to_owned())
}

#[test]
fn d2_an_unusable_secret_or_lake_is_a_usage_error() {
    let directory = tempfile::tempdir().unwrap();
    let (empty, lake) = (directory.path().join("empty"), directory.path().join("lake"));
    fs::write(&empty, "").unwrap();
    let under_a_file = empty.join("lake");
    let (empty, lake) = (empty.to_str().unwrap(), lake.to_str().unwrap());
    let (folder, under_a_file) = (directory.path().to_str().unwrap(), under_a_file.to_str().unwrap());
    for vendor in ["openai", "microsoft365"] {
        for secret in ["/nope", folder, empty] {
            let (code, message) = refused_as_json(&["pull", vendor, "--lake", lake, "--secret", secret], "");
            assert!(code == 2 && message.contains(secret), "{message}");
        }
    }
    for (key, lake, part) in [("canary", lake, "neither the JSON object"), ("sk-admin-x", under_a_file, "cannot make")]
    {
        let (code, message) = refused_as_json(&["pull", "openai", "--lake", lake], key);
        assert!(code == 2 && message.contains(part) && !message.contains("canary"), "{message}");
    }
}

#[test]
fn d7_json_is_one_object_also_when_the_configuration_is_wrong() {
    let missing = refused_as_json(&["pull", "openai", "--lake", "x"], "");
    assert!(missing.0 == 2 && missing.1.contains("OPENAI_ADMIN_KEY not set"), "{missing:?}");
    let unknown = refused_as_json(&["pull", "nobody", "--lake", "x"], "sk-admin-x");
    assert!(unknown.0 == 2 && unknown.1.contains("nobody"), "{unknown:?}");
    let demo = refused_as_json(&["demo", "--lake", ""], "");
    assert!(demo.0 == 2 && !demo.1.is_empty(), "{demo:?}");
}

/// Tries a key or a client secret in every argument and variable in which it could be put by mistake.
#[test]
fn b6_no_message_repeats_a_key_that_stands_in_a_wrong_place() {
    let directory = tempfile::tempdir().unwrap();
    let (lake, file) = (directory.path().join("lake"), directory.path().join("file"));
    fs::write(&file, "").unwrap();
    let (lake, file) = (lake.to_str().unwrap(), file.to_str().unwrap());
    for key in ["sk-admin-canary", "sk-canary0123456789abcdefghijklmnop", "abc8Q~canary.defghijklmnopqrstuvwxyz012345"]
    {
        let (within, equals) = (format!("{file}/{key}"), format!("--prefix={key}"));
        let slash = format!("{key}/");
        for arguments in [
            &[key][..],
            &["pull", key, "--lake", lake],
            &["pull", "openai", key, "--lake", lake],
            &["pull", "openai", "--lake", &within],
            &["pull", "openai", "--lake", lake, "--secret", key],
            &["pull", "openai", "--lake", lake, "--secret", &within],
            &["pull", "openai", "--lake", lake, &equals],
            &["pull", "openai", "--lake", lake, "--prefix", &slash],
            &["pull", "openai", "--lake", lake, "--lookback-days", key],
            &["demo", "--lake", lake, "--seed", key],
            &["normalize", "--log-type", key],
            &["normalize", "--schema", key],
            &["normalize", "--log-type", "OpenAI.Audit", "--source-id", &slash],
            &["schema", "show", key],
            &["completions", key],
            &["simulate", "openai", "--port", "0", "--behaviours", key],
            &["simulate", "openai", "--port", "0", "--records", &within],
            &["simulate", "openai", "--port", "0", "--ledger", &within],
        ] {
            check_hidden(audit_pull().env("OPENAI_ADMIN_KEY", "sk-admin-x").args(arguments));
            check_hidden(audit_pull().env("OPENAI_ADMIN_KEY", "sk-admin-x").args(arguments).arg("--json"));
        }
        for (vendor, name) in [
            ("openai", "OPENAI_BASE_URL"),
            ("openai", "OPENAI_LISTINGS"),
            ("microsoft365", "MICROSOFT365_API_URL"),
            ("microsoft365", "MICROSOFT365_LOGIN_URL"),
            ("microsoft365", "MICROSOFT365_TENANT_ID"),
        ] {
            for text in [key, &format!("https://user:{key}@host/v1"), &format!("https://host/{key}/v1")] {
                let mut pull = audit_pull();
                pull.args(["pull", vendor, "--lake", lake]).env("OPENAI_ADMIN_KEY", "sk-admin-x");
                for name in ["MICROSOFT365_TENANT_ID", "MICROSOFT365_CLIENT_ID", "MICROSOFT365_CLIENT_SECRET"] {
                    pull.env(name, "x");
                }
                check_hidden(pull.env(name, text));
            }
        }
    }
}

#[track_caller]
fn check_hidden(command: &mut Command) {
    let output = command.output().unwrap();
    assert_eq!(exit_code(&output), 2, "{output:?}");
    let printed = [&output.stdout[..], &output.stderr].concat();
    assert!(!printed.is_empty() && !String::from_utf8_lossy(&printed).contains("canary"), "{output:?}");
}

#[test]
fn d8_every_shell_gets_completions_and_the_manual_names_every_command() {
    let printed = |arguments: &[&str]| {
        let output = audit_pull().args(arguments).output().unwrap();
        assert_eq!((exit_code(&output), output.stderr.len()), (0, 0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("lookback-days"), "{shell}");
    }
    let manual = printed(&["man"]);
    for name in ["completions", "demo", "man", "normalize", "pull", "schema", "simulate"] {
        assert!(manual.contains(&format!(".TH audit-pull-{name} 1")), "{name}: {manual}");
    }
    assert!(manual.starts_with(".ie") && manual.contains(".TH audit-pull 1") && manual.contains("Exit codes"));
    assert_eq!(exit_code(&audit_pull().args(["completions", "tcsh"]).output().unwrap()), 2);
}

#[test]
fn d5_a_ledger_that_cannot_be_written_is_named_and_not_the_port() {
    let output = audit_pull()
        .args(["simulate", "openai", "--port", "0", "--ledger", "/nope/x", "--events", "1"])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(exit_code(&output), 2);
    assert!(printed.contains("cannot write --ledger /nope/x") && !printed.contains("port"), "{printed}");
}

/// Runs the commands of the README that compare a lake with a ledger.
fn run_check_of_the_readme(folder: &Path) -> Output {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let is_check = |line: &&str| ["ids()", "ids <", "gzip -dc", "test -s"].iter().any(|start| line.starts_with(start));
    let commands: Vec<_> = readme.lines().filter(is_check).collect();
    assert_eq!(commands.len(), 4, "{commands:?}");
    Command::new("sh").arg("-c").arg(commands.join("\n")).current_dir(folder).output().unwrap()
}

#[test]
fn d5_the_check_of_the_readme_needs_no_jq_and_cannot_pass_on_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let simulator = Simulator::start("openai", &["--events", "40"]);
    fs::write(folder.path().join("ledger.ndjson"), "").unwrap();
    assert!(!run_check_of_the_readme(folder.path()).status.success(), "nothing was served and nothing pulled");
    for _ in 0..3 {
        assert_eq!(exit_code(&simulator.pull("openai", &lake)), 0);
        // The last simulated events become visible only seconds after the start.
        pause(2);
    }
    fs::copy(&simulator.ledger, folder.path().join("ledger.ndjson")).unwrap();
    let output = run_check_of_the_readme(folder.path());
    assert!(String::from_utf8_lossy(&output.stdout).contains("each once, none lost"), "{output:?}");
    let ledger = fs::read_to_string(&simulator.ledger).unwrap();
    let one_is_missing: Vec<_> = ledger.lines().skip(1).collect();
    fs::write(folder.path().join("ledger.ndjson"), one_is_missing.join("\n") + "\n").unwrap();
    assert!(!run_check_of_the_readme(folder.path()).status.success());
}

#[test]
fn lost_state_stops_the_stream_with_a_message_what_to_do() {
    let lake = tempfile::tempdir().unwrap();
    let simulator = Simulator::start("openai", &["--events", "20"]);
    assert_eq!(exit_code(&simulator.pull("openai", lake.path())), 0);
    let before = files(lake.path());
    for file in ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm"] {
        let _ = fs::remove_file(lake.path().join(".audit-pull").join(file));
    }
    let output = simulator.pull("openai", lake.path());
    assert_eq!(exit_code(&output), 3);
    assert!(String::from_utf8_lossy(&output.stderr).contains("`audit-pull rebuild`"), "{output:?}");
    assert_eq!(files(lake.path()), before);
}

#[test]
fn a_closed_pipe_causes_no_panic() {
    let lake = tempfile::tempdir().unwrap();
    let mut demo = audit_pull();
    demo.args(["demo", "--events", "5", "--lake"]).arg(lake.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut demo = demo.spawn().unwrap();
    drop(demo.stdout.take());
    let output = demo.wait_with_output().unwrap();
    assert_eq!((exit_code(&output), String::from_utf8_lossy(&output.stderr).as_ref()), (0, ""));
}

#[test]
fn a_simulator_exits_with_success_on_an_interrupt() {
    for name in ["-INT", "-TERM"] {
        let mut simulator = Simulator::start("openai", &["--events", "1"]);
        let pid = simulator.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
        assert_eq!(simulator.child.wait().unwrap().code(), Some(0));
    }
}

/// A simulator with a ledger, in its own process.
struct Simulator {
    child: Child,
    variables: BTreeMap<String, String>,
    ledger: PathBuf,
    _directory: tempfile::TempDir,
}

impl Simulator {
    fn start(vendor: &str, more: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ledger = directory.path().join("ledger.ndjson");
        let mut child = audit_pull()
            .args(["simulate", vendor, "--port", "0", "--ledger"])
            .arg(&ledger)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let count = if vendor == "openai" { 2 } else { 5 };
        let printed = BufReader::new(child.stdout.as_mut().unwrap()).lines().take(count).map(Result::unwrap);
        let variable = |line: String| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('\'').to_owned()))
        };
        let variables: BTreeMap<_, _> = printed.map(|line| variable(line).unwrap()).collect();
        Self { child, variables, ledger, _directory: directory }
    }

    fn pull_command(&self, vendor: &str, lake: &Path) -> Command {
        let mut command = audit_pull();
        command.args(["pull", vendor, "--json", "--lake"]).arg(lake).envs(&self.variables);
        command
    }

    fn pull(&self, vendor: &str, lake: &Path) -> Output {
        self.pull_command(vendor, lake).output().unwrap()
    }

    fn start_pull(&self, vendor: &str, lake: &Path) -> Child {
        self.pull_command(vendor, lake).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Checks that the lake has exactly the events of the ledger, each once, and that there are `events` of them.
    fn check(&self, lake: &Path, events: usize) {
        let ledger = fs::read_to_string(&self.ledger).unwrap();
        let served: Vec<Value> = ledger.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(served.len(), events);
        let lines = lines(lake);
        let row_ids: BTreeSet<_> = lines.iter().map(|line| line["p_row_id"].as_str().unwrap()).collect();
        assert_eq!((lines.len(), row_ids.len()), (events, events));
        let ids = |values: &[Value], names: [&str; 2]| -> BTreeMap<String, usize> {
            let id = |value: &Value| names.iter().find_map(|name| value[name].as_str().map(str::to_owned));
            values.iter().filter_map(id).fold(BTreeMap::new(), |mut counts, id| {
                *counts.entry(id).or_default() += 1;
                counts
            })
        };
        let raw: Vec<Value> = served.iter().map(|entry| entry["raw"].clone()).collect();
        assert_eq!(ids(&lines, ["id", "Id"]), ids(&raw, ["id", "Id"]));
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn audit_pull() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-pull"));
    for name in ["OPENAI_ADMIN_KEY", "OPENAI_BASE_URL", "OPENAI_LISTINGS", "MICROSOFT365_API_URL"] {
        command.env_remove(name);
    }
    command
}

fn exit_code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn pause(seconds: u64) {
    std::thread::park_timeout(std::time::Duration::from_secs(seconds));
}

/// Returns the paths of all objects in the lake.
fn files(lake: &Path) -> Vec<String> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    if lake.exists() {
        walk(lake, &mut found);
    }
    let relative = |path: &PathBuf| path.strip_prefix(lake).unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> = found.iter().map(relative).filter(|path| !path.starts_with(".audit-pull")).collect();
    files.sort();
    files
}

fn lines(lake: &Path) -> Vec<Value> {
    let mut lines = Vec::new();
    for file in files(lake) {
        let mut text = String::new();
        GzDecoder::new(File::open(lake.join(file)).unwrap()).read_to_string(&mut text).unwrap();
        assert!(text.ends_with('\n'));
        lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    lines
}
