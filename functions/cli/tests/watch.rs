//! Tests `audit-pull watch` and `audit-pull status` from outside, against both simulated vendors.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::Value;

const VENDORS: [&str; 2] = ["openai", "microsoft365"];
/// The number of events that each simulator serves.
const EVENTS: usize = 150;
/// An event is expected in the lake after at most this many polls.
const MAX_POLLS: u32 = 240;
const POLL_EVERY: Duration = Duration::from_millis(250);
/// The capacity of a pipe.
const PIPE_BYTES: usize = 64 << 10;

/// A process that is killed when the test ends.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.0.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Both simulated vendors, each with a ledger of the events that it has shown.
struct Simulators {
    _processes: Vec<Process>,
    variables: BTreeMap<String, String>,
    ledgers: Vec<PathBuf>,
}

impl Simulators {
    /// Starts the simulators. Part of OpenAI's events happen in the next `ahead` seconds; Microsoft 365 would show such
    /// events minutes later, so all of its events have happened before.
    fn start(folder: &Path, ahead: &str) -> Self {
        let (mut processes, mut variables, mut ledgers) = (Vec::new(), BTreeMap::new(), Vec::new());
        for vendor in VENDORS {
            let ledger = folder.join(format!("{vendor}.ndjson"));
            let events = EVENTS.to_string();
            let mut command = audit_pull();
            command.args(["simulate", vendor, "--port", "0", "--events", &events]);
            if vendor == "openai" {
                command.args(["--span", "40", "--ahead", ahead]);
            }
            command.arg("--ledger").arg(&ledger).stdout(Stdio::piped());
            let mut process = Process::start(&mut command);
            let count = if vendor == "openai" { 2 } else { 5 };
            for line in BufReader::new(process.0.stdout.as_mut().unwrap()).lines().take(count) {
                let line = line.unwrap();
                let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
                variables.insert(name.to_owned(), value.trim_matches('\'').to_owned());
            }
            processes.push(process);
            ledgers.push(ledger);
        }
        Self { _processes: processes, variables, ledgers }
    }

    fn watch(&self, lake: &Path, arguments: &[&str]) -> Command {
        let mut command = audit_pull();
        command.args(["watch", "--period-seconds", "openai=1", "--period-seconds", "microsoft365=1", "--lake"]);
        command.arg(lake).args(arguments).envs(&self.variables).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Returns the number of events that the vendors have shown.
    fn shown(&self) -> usize {
        self.ledgers.iter().map(|ledger| fs::read_to_string(ledger).unwrap_or_default().lines().count()).sum()
    }
}

fn audit_pull() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-pull"));
    for name in ["OPENAI_ADMIN_KEY", "MICROSOFT365_TENANT_ID", "MICROSOFT365_CLIENT_ID", "MICROSOFT365_CLIENT_SECRET"] {
        command.env_remove(name);
    }
    command
}

/// Returns the row ids of all lines in the lake.
fn row_ids(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with(".audit-pull") {
                found.extend(row_ids(&path));
            }
            continue;
        }
        let mut text = String::new();
        GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        found.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()["p_row_id"].as_str().unwrap().to_owned()),
        );
    }
    found
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let done = (0..MAX_POLLS).any(|_| {
        std::thread::park_timeout(POLL_EVERY);
        is_so()
    });
    assert!(done, "timed out: {what}");
}

fn status(lake: &Path, arguments: &[&str]) -> Output {
    audit_pull().args(["status", "--json", "--lake"]).arg(lake).args(arguments).output().unwrap()
}

fn streams(output: &Output) -> Vec<Value> {
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    shown["streams"].as_array().unwrap_or_else(|| panic!("{shown}")).clone()
}

#[test]
fn an_output_that_nobody_reads_holds_up_no_tick_and_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let simulators = Simulators::start(folder.path(), "1");
    let (unread, mut full) = std::io::pipe().unwrap();
    full.write_all(&[b'x'; PIPE_BYTES]).unwrap();
    let mut watch = Process::start(simulators.watch(&lake, &["--json"]).stdout(full).stderr(Stdio::null()));
    wait_until("all events are delivered", || row_ids(&lake).len() >= 2 * EVENTS);
    watch.signal("-TERM");
    assert_eq!(watch.exit_code(), Some(0));
    drop(unread);
}

/// Kills a watch twice while events arrive. In the end every event is in the lake exactly once, and the last watch ends
/// by SIGTERM with success.
#[test]
fn a_watch_delivers_every_event_once_through_kills_and_stops_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let simulators = Simulators::start(folder.path(), "12");
    for killed_after in [20, 60] {
        let watch = Process::start(simulators.watch(&lake, &["--json"]).stdout(Stdio::null()));
        wait_until("some events are delivered", || row_ids(&lake).len() >= killed_after);
        drop(watch);
    }
    // A file, because lines for a pipe that nobody reads are left out.
    let log = folder.path().join("ticks.ndjson");
    let mut watch = Process::start(simulators.watch(&lake, &["--json"]).stdout(File::create(&log).unwrap()));
    wait_until("all events are delivered", || row_ids(&lake).len() >= 2 * EVENTS);
    std::thread::park_timeout(Duration::from_secs(2));
    watch.signal("-TERM");
    assert_eq!(watch.exit_code(), Some(0));
    let ticks = fs::read_to_string(&log).unwrap();
    let ticks: Vec<Value> = ticks.lines().map(|line| serde_json::from_str(line).unwrap()).collect();

    let ids = row_ids(&lake);
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len(), simulators.shown()), (2 * EVENTS, 2 * EVENTS, 2 * EVENTS));
    for vendor in VENDORS {
        let of_vendor: Vec<_> = ticks.iter().filter(|tick| tick["vendor"] == vendor).collect();
        assert!(of_vendor.len() >= 2, "{vendor}: {} ticks", of_vendor.len());
        let time = |tick: &Value, name: &str| tick[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        let overlap = of_vendor.windows(2).find(|pair| time(pair[1], "began") < time(pair[0], "ended"));
        assert!(overlap.is_none(), "{overlap:?}");
    }

    let output = status(&lake, &[]);
    let streams = streams(&output);
    assert_eq!(streams.len(), 6, "{streams:?}");
    let sum = |name: &str| streams.iter().map(|stream| stream[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("lines_today"), sum("pending_spans")), (2 * EVENTS as u64, 0));
    assert!(streams.iter().all(|stream| stream["last_success"].is_string() && stream["gaps"] == 0), "{streams:?}");
}

#[test]
fn a_vendor_that_fails_does_not_delay_the_other_and_its_error_is_in_the_status() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let simulators = Simulators::start(folder.path(), "0");
    let mut command = simulators.watch(&lake, &[]);
    command.env("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
    let mut watch = Process::start(&mut command);
    wait_until("the other vendor is delivered", || row_ids(&lake).len() >= EVENTS / 2);
    watch.signal("-INT");
    assert_eq!(watch.exit_code(), Some(0));
    let (mut lines, mut errors) = (String::new(), String::new());
    watch.0.stdout.take().unwrap().read_to_string(&mut lines).unwrap();
    watch.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(lines.lines().any(|line| line.contains(" openai: ") && line.contains("openai_audit failed")), "{lines}");
    assert!(lines.lines().any(|line| line.contains(" microsoft365: ") && line.contains(" drained ")), "{lines}");
    assert!(errors.contains("openai/openai_audit: ") && errors.contains("could not connect"), "{errors}");

    let output = status(&lake, &["openai"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let streams = streams(&output);
    let error = streams[0]["last_error"]["message"].as_str().unwrap();
    assert!(streams.len() == 1 && error.contains("could not connect"), "{streams:?}");
}

#[test]
fn only_configured_vendors_take_part() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let simulators = Simulators::start(folder.path(), "0");
    let refused = |command: &mut Command, part: &str| {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(part) && !text.contains("canary"), "{text}");
    };
    refused(audit_pull().args(["watch", "--lake"]).arg(&lake), "OPENAI_ADMIN_KEY not set");
    let mut named = simulators.watch(&lake, &["openai", "microsoft365"]);
    refused(named.env_remove("MICROSOFT365_TENANT_ID"), "MICROSOFT365_TENANT_ID not set");
    refused(&mut simulators.watch(&lake, &["--secret", "openai=sk-admin-canary"]), "secret file");
    refused(&mut simulators.watch(&lake, &["--secret=openai=/sk-admin-canary"]), "secret file");
    refused(&mut simulators.watch(&lake, &["--secret", "sk-admin-canary"]), "must begin with openai or microsoft365");
    let mut one = simulators.watch(&lake, &["--json"]);
    one.env_remove("MICROSOFT365_TENANT_ID");
    let mut watch = Process::start(&mut one);
    wait_until("the configured vendor is delivered", || row_ids(&lake).len() >= EVENTS / 2);
    watch.signal("-INT");
    let output = watch.0.stderr.take().unwrap();
    let errors: Vec<_> = BufReader::new(output).lines().map(Result::unwrap).collect();
    assert_eq!(watch.exit_code(), Some(0));
    assert!(errors[0].contains("microsoft365 takes no part: MICROSOFT365_TENANT_ID not set"), "{errors:?}");
}

#[test]
fn a_second_interrupt_ends_a_watch_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // A vendor that accepts connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", silent.local_addr().unwrap());
    let mut command = audit_pull();
    command.args(["watch", "--lake"]).arg(folder.path().join("lake")).env("OPENAI_ADMIN_KEY", "sk-admin-x");
    let mut watch = Process::start(command.env("OPENAI_BASE_URL", url).stderr(Stdio::piped()).stdout(Stdio::null()));
    silent.accept().unwrap();
    let mut errors = BufReader::new(watch.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    watch.signal("-INT");
    assert!(errors.any(|line| line.contains("waits at most 30 s for the running ticks")));
    watch.signal("-INT");
    assert_eq!(watch.exit_code(), Some(1));
}

#[test]
fn a_status_without_a_stream_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, part) in
        [(&[][..], "is no lake yet"), (&["--bucket", "b"], "--table"), (&["--table", "t"], "--bucket")]
    {
        let mut command = audit_pull();
        command.arg("status").args(arguments);
        if arguments.is_empty() {
            command.arg("--lake").arg(folder.path());
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && text.contains(part), "{text}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "status creates nothing");
}
