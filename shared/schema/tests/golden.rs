//! Events and their lines, side by side: `golden/{log type}/{case}.event.json` and `.line.json`.
//!
//! The line is laid out with one member per row. Set `UPDATE_GOLDEN=1` to write what the normaliser says now, and read
//! the difference before you commit it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schema::{LineContext, LogType, Normalizer};

const CASES_PER_LOG_TYPE: usize = 8;
/// 2026-08-21 08:45:00 UTC.
const PARSE_SECOND: i64 = 1_787_301_900;

#[expect(clippy::disallowed_methods, reason = "a switch for whoever maintains the files")]
fn is_update() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

fn line(log_type: LogType, event: &[u8]) -> String {
    let parse_time = Timestamp::from_second(PARSE_SECOND).unwrap();
    let context = LineContext { source_id: "acme", source_label: "Acme Corp", parse_time };
    let mut out = Vec::new();
    Normalizer::new(log_type).normalize(event, &context, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// A row for every member of the line.
fn laid_out(line: &str) -> String {
    let (mut text, mut depth, mut in_string, mut escaped) = (String::new(), 0, false, false);
    for char in line.chars() {
        let outside = !in_string;
        match char {
            '"' if !escaped => in_string = !in_string,
            '{' | '[' if outside => depth += 1,
            '}' | ']' if outside => depth -= 1,
            _ => {}
        }
        escaped = char == '\\' && !escaped;
        text.push_str(if outside && char == '}' && depth == 0 { "\n" } else { "" });
        text.push(char);
        text.push_str(if outside && depth == 1 && matches!(char, '{' | ',') && (char == ',' || text.len() == 1) {
            "\n  "
        } else {
            ""
        });
    }
    text
}

fn events(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut events: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with(".event.json")).collect();
    events.sort();
    events
}

#[test]
fn every_event_becomes_its_line() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for log_type in LogType::ALL {
        let events = events(&golden.join(log_type.name()));
        assert!(events.len() >= CASES_PER_LOG_TYPE, "{}: {}", log_type.name(), events.len());
        for event in events {
            let got = laid_out(&line(log_type, &fs::read(&event).unwrap()));
            let path = PathBuf::from(event.to_string_lossy().replace(".event.json", ".line.json"));
            if is_update() {
                fs::write(&path, &got).unwrap();
            }
            assert_eq!(got, fs::read_to_string(&path).unwrap(), "{}", path.display());
        }
    }
}

#[test]
fn a_record_of_a_megabyte() {
    let text = "Zusammenfassung \\u00fcber \\\"alles\\\"\\n".repeat(30_000);
    let event =
        format!(r#"{{"Id":"1","Data":"{text}","CreationTime":"2026-08-21T08:44:05","Item":{{"Subject":"{text}"}}}}"#);
    assert!(event.len() > 1 << 20);
    let line = line(LogType::Exchange, event.as_bytes());
    assert_eq!(line.matches(&text).count(), 2);
    assert_eq!(line.matches('\n').count(), 1);
}
