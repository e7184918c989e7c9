//! Tests `audit-pull verify` and `audit-pull rebuild` from outside, on a local lake of both simulated vendors.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

const VENDORS: [&str; 2] = ["openai", "microsoft365"];
/// A pull is repeated at most this often until nothing is left.
const MAX_PULLS: usize = 20;

/// The simulator of a vendor, which is stopped when the test ends.
struct Simulator {
    process: Child,
    variables: BTreeMap<String, String>,
}

impl Simulator {
    fn start(vendor: &str) -> Self {
        Self::start_with(vendor, &["--events", "60"])
    }

    fn start_with(vendor: &str, arguments: &[&str]) -> Self {
        let mut command = audit_pull();
        command.args(["simulate", vendor, "--port", "0"]).args(arguments).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let count = if vendor == "openai" { 2 } else { 5 };
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines().take(count);
        let variables = lines.map(|line| {
            let line = line.unwrap();
            let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('\'').to_owned())
        });
        let variables = variables.collect();
        Self { process, variables }
    }

    fn pull_command(&self, vendor: &str, lake: &Path) -> Command {
        let mut command = audit_pull();
        command.args(["pull", vendor, "--lake"]).arg(lake).envs(&self.variables);
        command
    }

    fn pull(&self, vendor: &str, lake: &Path) -> Output {
        self.pull_command(vendor, lake).output().unwrap()
    }

    /// Pulls until nothing is left.
    fn drain(&self, vendor: &str, lake: &Path) {
        for _ in 0..MAX_PULLS {
            match exit_code(&self.pull(vendor, lake)) {
                0 => return,
                code => assert_eq!(code, 1),
            }
        }
        panic!("the pulls do not end");
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn audit_pull() -> Command {
    Command::new(env!("CARGO_BIN_EXE_audit-pull"))
}

fn exit_code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Runs a command on the lake with `--json`. Returns its exit code and its JSON.
fn run(command: &str, lake: &Path, more: &[&str]) -> (i32, Value) {
    let output = audit_pull().args([command, "--json", "--lake"]).arg(lake).args(more).output().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (exit_code(&output), json)
}

fn lose_state(lake: &Path) {
    for file in ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm"] {
        let _ = fs::remove_file(lake.join(".audit-pull").join(file));
    }
}

/// Returns all objects of the lake with the number of their lines.
fn objects(lake: &Path) -> BTreeMap<PathBuf, usize> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, usize>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with(".audit-pull") {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "gz") {
                let text = std::io::read_to_string(GzDecoder::new(fs::File::open(&path).unwrap())).unwrap();
                found.insert(path, text.lines().count());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(lake, &mut found);
    found
}

#[test]
fn a_lost_state_is_restored_and_both_vendors_go_on_without_a_duplicate() {
    let lake = tempfile::tempdir().unwrap();
    let mut all = 0;
    for vendor in VENDORS {
        let simulator = Simulator::start(vendor);
        simulator.drain(vendor, lake.path());
        let (code, report) = run("verify", lake.path(), &[]);
        assert_eq!((code, &report["ok"], &report["findings"]), (0, &Value::Bool(true), &Value::Array(vec![])));
        let before = objects(lake.path());
        let (_, state) = run("status", lake.path(), &[]);
        lose_state(lake.path());
        let stopped = simulator.pull(vendor, lake.path());
        assert!(exit_code(&stopped) == 3 && String::from_utf8_lossy(&stopped.stderr).contains("`audit-pull rebuild`"));
        assert_eq!(run("verify", lake.path(), &[]).0, 3);
        let (code, rebuilt) = run("rebuild", lake.path(), &["--ticks-stopped"]);
        assert_eq!(code, 0, "{rebuilt}");
        let streams = rebuilt["streams"].as_array().unwrap();
        assert_eq!(streams.len(), state["streams"].as_array().unwrap().len());
        assert!(streams.iter().all(|stream| stream["outcome"] == "rebuilt" && stream["rows"].is_u64()), "{rebuilt}");
        let rows: u64 = streams.iter().filter_map(|stream| stream["rows"].as_u64()).sum();
        assert_eq!(rows, before.values().sum::<usize>() as u64);
        assert!(rows > 0);
        // Microsoft 365 shows its last content seconds later. In the end the lake has every event once.
        all += 60;
        for _ in 0..MAX_PULLS {
            simulator.drain(vendor, lake.path());
            if objects(lake.path()).values().sum::<usize>() >= all {
                break;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(500));
        }
        let after = objects(lake.path());
        assert!(before.iter().all(|(path, lines)| after.get(path) == Some(lines)));
        assert_eq!(after.values().sum::<usize>(), all, "{vendor}: events were delivered again, or not at all");
        let (code, report) = run("verify", lake.path(), &[]);
        assert_eq!((code, &report["findings"]), (0, &Value::Array(vec![])));
        let (code, again) = run("rebuild", lake.path(), &[]);
        assert!(code == 0 && again["streams"].as_array().unwrap().iter().all(|one| one["outcome"] == "not_needed"));
    }
}

#[test]
fn faults_of_a_lake_are_found_with_exit_code_3() {
    let lake = tempfile::tempdir().unwrap();
    let simulator = Simulator::start("openai");
    simulator.drain("openai", lake.path());
    let (path, lines) = objects(lake.path()).pop_last().unwrap();
    let text = std::io::read_to_string(GzDecoder::new(fs::File::open(&path).unwrap())).unwrap();
    let mut object = GzEncoder::new(Vec::new(), Compression::fast());
    write!(object, "{text}{}\nno line\n", text.lines().next().unwrap()).unwrap();
    fs::write(&path, object.finish().unwrap()).unwrap();
    let (code, report) = run("verify", lake.path(), &["--source", "openai", "--log-type", "OpenAI.Audit"]);
    let kinds: Vec<_> = report["findings"].as_array().unwrap().iter().map(|finding| finding["kind"].clone()).collect();
    assert_eq!((code, kinds), (3, vec!["duplicate_row".into(), "broken_line".into()]));
    let output = audit_pull().args(["verify", "--lake"]).arg(lake.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = format!("line {}: it is no line", lines + 2);
    assert!(text.contains("1 broken lines:") && text.contains(&line), "{text}");
}

#[test]
fn an_unknown_schema_version_stops_its_stream_and_no_other() {
    let lake = tempfile::tempdir().unwrap();
    let [openai, microsoft365] = VENDORS.map(Simulator::start);
    openai.drain("openai", lake.path());
    microsoft365.drain("microsoft365", lake.path());
    let database = rusqlite::Connection::open(lake.path().join(".audit-pull/state.sqlite")).unwrap();
    let change = "UPDATE heads SET head = replace(head, '\"schema\":1', '\"schema\":7') WHERE stream LIKE '%_dlp_all'";
    assert_eq!(database.execute(change, []).unwrap(), 1);
    drop(database);
    let before = objects(lake.path());
    let output = microsoft365.pull("microsoft365", lake.path());
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(exit_code(&output), 3);
    assert!(text.contains("microsoft365_dlp_all") && text.contains("schema version 7"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("schema version")).count(), 1);
    assert_eq!(exit_code(&openai.pull("openai", lake.path())), 0);
    let (code, rebuilt) = run("rebuild", lake.path(), &["--ticks-stopped"]);
    let failed = rebuilt["streams"].as_array().unwrap().iter().filter(|stream| stream["outcome"] == "failed");
    assert_eq!((code, failed.count()), (3, 1));
    assert_eq!(objects(lake.path()), before);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Checks that each of the events is in the lake once.
fn check_ids(lake: &Path, expected: usize) {
    let mut ids = Vec::new();
    for path in objects(lake).keys() {
        let text = std::io::read_to_string(GzDecoder::new(fs::File::open(path).unwrap())).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        ids.extend(lines.map(|line| line["id"].as_str().unwrap().to_owned()));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count), (expected, expected));
}

/// The vendor serves the events of the fixture again, and some new ones. The present version has another data model, so
/// its lines differ from those that the release would write.
#[test]
fn a_lake_of_the_last_release_is_continued_without_a_duplicate() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/release");
    let folder = tempfile::tempdir().unwrap();
    let (lake, models) = (folder.path().join("lake"), folder.path().join("models"));
    copy(&fixture.join("lake"), &lake);
    fs::create_dir(&models).unwrap();
    let model = "AnalysisType: datamodel\nDataModelID: Own\nEnabled: true\nLogTypes: [OpenAI.Audit]\nMappings:\n- {Name: own_id, Path: id}\n";
    fs::write(models.join("own.yml"), model).unwrap();
    let mut records = fs::read_to_string(fixture.join("records.ndjson")).unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    for number in 1..=5 {
        let at = now - 60 * number;
        records +=
            &format!("{{\"id\":\"audit_log-new-{number}\",\"type\":\"login.succeeded\",\"effective_at\":{at}}}\n");
    }
    let file = folder.path().join("records.ndjson");
    fs::write(&file, records).unwrap();
    let simulator = Simulator::start_with("openai", &["--records", file.to_str().unwrap()]);
    for is_lost in [false, true] {
        if is_lost {
            lose_state(&lake);
            assert_eq!(run("rebuild", &lake, &["--ticks-stopped"]).0, 0);
        }
        let pull = simulator.pull_command("openai", &lake).arg("--models").arg(&models).output().unwrap();
        assert_eq!(exit_code(&pull), 0, "{pull:?}");
        simulator.drain("openai", &lake);
        check_ids(&lake, 45);
        assert_eq!(fs::read_dir(lake.join("rejected/openai_audit")).unwrap().count(), 1);
        let (code, report) = run("verify", &lake, &[]);
        assert_eq!((code, &report["findings"]), (0, &Value::Array(vec![])), "{report}");
    }
    let newest = objects(&lake).into_keys().next_back().unwrap();
    let text = std::io::read_to_string(GzDecoder::new(fs::File::open(newest).unwrap())).unwrap();
    assert!(text.contains("own_id"), "the lines are those of the changed model");
}
