//! Checks that every golden event becomes its golden line. `golden/README.md` explains how to read and add such pairs.
//!
//! Set `UPDATE_GOLDEN=1` to write the lines that the normaliser returns now. Read the difference before you commit it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schema::{LineContext, LogType, Normalizer, schema};
use serde_json::Value;
use serde_json::value::RawValue;

const CASES_PER_LOG_TYPE: usize = 16;
/// 2026-08-21 08:45:00 UTC.
const PARSE_SECOND: i64 = 1_787_301_900;
/// The longest row of a golden file of lines, in characters. Only a value that cannot be broken may be longer.
const MAX_ROW_CHARS: usize = 120;
/// The number of spaces before the members of an object in a list of lines.
const LIST_INDENT: usize = 3;

#[expect(clippy::disallowed_methods, reason = "a switch for whoever maintains the files")]
fn is_update_requested() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

fn line(log_type: LogType, event: &str) -> String {
    let parse_time = Timestamp::from_second(PARSE_SECOND).unwrap();
    let context = LineContext { source_id: "acme", source_label: "Acme Corp", parse_time };
    let mut out = Vec::new();
    Normalizer::new(log_type).normalize(event.as_bytes(), &context, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Splits JSON, which has no white space between tokens, at each `separator` that is outside of strings and inside of
/// exactly `depth` objects and arrays.
fn split_json(json: &str, separator: char, depth: usize) -> Vec<&str> {
    let (mut parts, mut from, mut open, mut is_in_string, mut is_escaped) = (Vec::new(), 0, 0, false, false);
    for (at, char) in json.char_indices() {
        match char {
            '"' if !is_escaped => is_in_string = !is_in_string,
            '{' | '[' if !is_in_string => open += 1,
            '}' | ']' if !is_in_string => open -= 1,
            _ if char == separator && !is_in_string && open == depth => {
                parts.push(&json[from..at]);
                from = at + 1;
            }
            _ => {}
        }
        is_escaped = char == '\\' && is_in_string && !is_escaped;
    }
    parts.push(&json[from..]);
    parts
}

/// Returns the members of an object or the elements of an array.
fn members(container: &str) -> Vec<&str> {
    split_json(&container[1..container.len() - 1], ',', 0)
}

/// Formats a value with one row per member or element if `is_broken`, or if it is too long for its row. `used_chars` is
/// the number of characters before the value in the row.
fn formatted(value: &str, is_broken: bool, indent: usize, used_chars: usize) -> String {
    let is_container = value.len() > 2 && value.starts_with(['{', '[']);
    if !is_container || !(is_broken || used_chars + value.chars().count() + 1 > MAX_ROW_CHARS) {
        return value.to_owned();
    }
    let row = |member: &&str| {
        let key = if value.starts_with('{') { split_json(member, ':', 0)[0].len() + 1 } else { 0 };
        let (key, inner) = member.split_at(key);
        let indent = indent + 2;
        format!("{:indent$}{key}{}", "", formatted(inner, false, indent, indent + key.chars().count()))
    };
    let rows: Vec<String> = members(value).iter().map(row).collect();
    let (begin, end) = (&value[..1], &value[value.len() - 1..]);
    format!("{begin}\n{}\n{:indent$}{end}", rows.join(",\n"), "")
}

/// Formats an object with as many members per row as fit.
fn formatted_in_rows(object: &str) -> String {
    let mut rows: Vec<String> = Vec::new();
    for member in members(object) {
        let length = member.chars().count();
        match rows.last_mut().filter(|row| LIST_INDENT + row.chars().count() + length + 2 <= MAX_ROW_CHARS) {
            Some(row) => *row = format!("{row},{member}"),
            None => rows.push(member.to_owned()),
        }
    }
    format!("  {{{}}}", rows.join(&format!(",\n{:LIST_INDENT$}", "")))
}

/// Returns the expected content of the golden file of lines for a file of events.
fn expected(log_type: LogType, path: &Path) -> String {
    let events = fs::read_to_string(path).unwrap();
    let line = |event: &str| line(log_type, event).trim_end_matches('\n').to_owned();
    if path.to_string_lossy().ends_with(".event.json") {
        return formatted(&line(&events), true, 0, 0) + "\n";
    }
    let events: Vec<&RawValue> = serde_json::from_str(&events).unwrap();
    let lines: Vec<String> = events.iter().map(|event| formatted_in_rows(&line(event.get()))).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// Returns the paths of the files of a folder whose names contain `word`, each with the path that has `other` in place
/// of `word`.
fn files(folder: &Path, word: &str, other: &str) -> Vec<(PathBuf, PathBuf)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paired = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let pair = path.with_file_name(name.replace(word, other));
        name.contains(word).then_some((path, pair))
    };
    let mut files: Vec<_> = paths.filter_map(paired).collect();
    files.sort();
    files
}

#[test]
fn every_event_becomes_its_line() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for log_type in LogType::ALL {
        let folder = golden.join(log_type.name());
        let cases = files(&folder, ".event", ".line");
        assert!(cases.len() >= CASES_PER_LOG_TYPE, "{}: {}", log_type.name(), cases.len());
        for (events, lines) in cases {
            let expected = expected(log_type, &events);
            if is_update_requested() {
                fs::write(&lines, &expected).unwrap();
            }
            assert_eq!(fs::read_to_string(&lines).unwrap(), expected, "{}", lines.display());
        }
        for (lines, events) in files(&folder, ".line", ".event") {
            assert!(events.exists(), "{} has no event", lines.display());
        }
    }
}

/// Collects the paths of all values in a line, with `_` between the names.
fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| paths(element, at, found)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            let path = if at.is_empty() { name.clone() } else { format!("{at}_{name}") };
            paths(value, &path, found);
            found.insert(path);
        }),
        _ => {}
    }
}

#[test]
fn every_declared_field_is_in_some_line() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for log_type in LogType::ALL {
        let mut found = BTreeSet::new();
        for (lines, _) in files(&golden.join(log_type.name()), ".line", ".event") {
            paths(&serde_json::from_str(&fs::read_to_string(lines).unwrap()).unwrap(), "", &mut found);
        }
        let declared =
            schema(log_type).fields().into_iter().map(|field| field.path.replace("[]", "").replace('.', "_"));
        let missing: Vec<String> = declared.filter(|path| !found.contains(path)).collect();
        assert_eq!(missing, Vec::<String>::new(), "{}", log_type.name());
    }
}

/// An event of more than a megabyte, and its expected line: its members before the standard fields, and its row id.
/// `TEXT` takes the place of a long text. The expected values were computed without the normaliser.
struct LargeRecord {
    log_type: LogType,
    event: &'static str,
    own_members: &'static str,
    row_id: &'static str,
}

const MICROSOFT_EVENT: &str =
    r#"{"Data":"TEXT","CreationTime":"2026-08-21T08:44:05","Id":"large","RecordType":"1","Operation":"TEXT"}"#;
const MICROSOFT_MEMBERS: &str =
    r#""Id":"large","RecordType":1,"CreationTime":"2026-08-21 08:44:05.000000000","Operation":"TEXT","Data":"TEXT""#;

const LARGE_RECORDS: [LargeRecord; 6] = [
    LargeRecord {
        log_type: LogType::OpenAiAudit,
        event: r#"{"Data":"TEXT","id":"large","type":"project.updated","effective_at":1787301845,"project.updated":{"id":"p","changes_requested":{"title":"TEXT"}}}"#,
        own_members: r#""id":"large","type":"project.updated","effective_at":"2026-08-21 08:44:05.000000000","project":{"id":"p"},"project_updated":{"id":"p","changes_requested":{"title":"TEXT"}},"Data":"TEXT""#,
        row_id: "00079358d3804c3f95f10d146d0ba3d9",
    },
    LargeRecord {
        log_type: LogType::AzureActiveDirectory,
        event: MICROSOFT_EVENT,
        own_members: MICROSOFT_MEMBERS,
        row_id: "0007935866aa87c1247f3fd94201af02",
    },
    LargeRecord {
        log_type: LogType::Exchange,
        event: MICROSOFT_EVENT,
        own_members: MICROSOFT_MEMBERS,
        row_id: "00079358cc30f45d788c1bb7012fefae",
    },
    LargeRecord {
        log_type: LogType::General,
        event: MICROSOFT_EVENT,
        own_members: r#""Id":"large","RecordType":1,"CreationTime":"2026-08-21 08:44:05.000000000","Operation":"TEXT","payload":{"Data":"TEXT","CreationTime":"2026-08-21T08:44:05","Id":"large","RecordType":"1","Operation":"TEXT"}"#,
        row_id: "00079358e26ce3a56ed9488efff5826c",
    },
    LargeRecord {
        log_type: LogType::SharePoint,
        event: MICROSOFT_EVENT,
        own_members: MICROSOFT_MEMBERS,
        row_id: "0007935825e0b9b9e90b8bbf1f6c5de4",
    },
    LargeRecord {
        log_type: LogType::Dlp,
        event: MICROSOFT_EVENT,
        own_members: MICROSOFT_MEMBERS,
        row_id: "0007935837d34c0bf04d057a978b920c",
    },
];

#[test]
fn a_record_of_a_megabyte_becomes_its_line() {
    let text = r#"Zusammenfassung \u00fcber \"alles\"\n"#.repeat(15_000);
    for LargeRecord { log_type, event, own_members, row_id } in LARGE_RECORDS {
        let event = event.replace("TEXT", &text);
        assert!(event.len() > 1 << 20);
        let standard = format!(
            r#""p_log_type":"{}","p_row_id":"{row_id}","p_event_time":"2026-08-21 08:44:05.000000000","p_parse_time":"2026-08-21 08:45:00.000000000","p_source_id":"acme","p_source_label":"Acme Corp","p_schema_version":0"#,
            log_type.name()
        );
        let expected = format!("{{{},{standard}}}\n", own_members.replace("TEXT", &text));
        let line = line(log_type, &event);
        let differs = line.bytes().zip(expected.bytes()).position(|(is, should)| is != should);
        assert!(line == expected, "{} from byte {differs:?} of {}", log_type.name(), expected.len());
    }
}
