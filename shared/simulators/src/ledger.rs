//! The ledger: a record of every event that clients could ever see.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// An event that clients could see, at least for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedEvent {
    /// The log type of the event, for example `OpenAI.Audit`.
    pub log_type: &'static str,
    /// The identity of the event: a text that all copies of the event have in common. OpenAI: the event's `id`, or the
    /// event's text if it has no `id`. Microsoft 365: the canonical JSON of the record, because two records may have
    /// the same `Id` and different content.
    pub identity: String,
    /// The event as it was sent.
    pub raw: String,
    /// The time from which clients could see the event.
    pub visible_at: Timestamp,
    /// The time from which clients can no longer see the event, because the vendor drops it; `None` if the vendor never
    /// does.
    pub visible_until: Option<Timestamp>,
}

impl ServedEvent {
    /// Returns `true` if the event is a JSON object. A collector delivers only objects; tests also serve other values,
    /// to check that they are rejected.
    pub fn is_object(&self) -> bool {
        self.raw.trim_start().starts_with('{')
    }
}

/// A ledger entry. It holds the number of the event instead of the text, because the simulator can produce the text
/// again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) log_type: &'static str,
    pub(crate) event_number: usize,
    pub(crate) visible_at: Timestamp,
}

/// A ledger entry as it is written to the ledger's file.
#[derive(Serialize)]
struct LedgerLine<'a> {
    source: &'a str,
    log_type: &'a str,
    id: Option<String>,
    at: String,
    raw: &'a RawValue,
}

/// The ledger entries, in the order in which the events became visible. Each event has one entry. If there is a file,
/// every entry is also appended to it.
#[derive(Debug)]
pub(crate) struct Ledger {
    source: &'static str,
    entries: Vec<Entry>,
    recorded: HashSet<(&'static str, usize)>,
    file: Option<File>,
}

impl Ledger {
    /// Returns an empty ledger. With a `path`, it also appends every entry to that file, which is created if it is
    /// missing.
    pub(crate) fn open(source: &'static str, path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(|path| File::options().create(true).append(true).open(path)).transpose()?;
        Ok(Self { source, entries: Vec::new(), recorded: HashSet::new(), file })
    }

    /// Records that an event became visible. Does nothing if the event was recorded before. `raw` returns the event's
    /// JSON.
    pub(crate) fn record(&mut self, entry: Entry, raw: impl FnOnce() -> String) {
        if !self.recorded.insert((entry.log_type, entry.event_number)) {
            return;
        }
        self.entries.push(entry);
        if let Some(file) = &mut self.file {
            // Each line is written at once, so that a reader sees only complete lines. A failed write is ignored,
            // because a full disk must not change what the simulator serves.
            let _ = ledger_line(self.source, entry, &raw()).and_then(|ledger_line| file.write_all(&ledger_line));
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the number of events per log type. Log types without events are left out.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64)> {
        let mut counts: Vec<(&'static str, u64)> = Vec::new();
        for entry in &self.entries {
            match counts.iter_mut().find(|(log_type, _)| *log_type == entry.log_type) {
                Some((_, count)) => *count += 1,
                None => counts.push((entry.log_type, 1)),
            }
        }
        counts.sort_unstable();
        counts
    }
}

fn ledger_line(source: &str, entry: Entry, raw: &str) -> io::Result<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct EventWithId {
        #[serde(alias = "Id")]
        id: Option<serde_json::Value>,
    }
    let id = serde_json::from_str::<EventWithId>(raw).ok().and_then(|event| event.id).map(|id| match id {
        serde_json::Value::String(id) => id,
        other => other.to_string(),
    });
    let raw: &RawValue = serde_json::from_str(raw)?;
    let mut ledger_line = serde_json::to_vec(&LedgerLine {
        source,
        log_type: entry.log_type,
        id,
        at: entry.visible_at.to_string(),
        raw,
    })?;
    ledger_line.push(b'\n');
    Ok(ledger_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_recorded_once_and_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.ndjson");
        let mut ledger = Ledger::open("openai", Some(&path)).unwrap();
        let entry = Entry { log_type: "OpenAI.Audit", event_number: 3, visible_at: Timestamp::UNIX_EPOCH };
        for _ in 0..2 {
            ledger.record(entry, || r#"{"id":"a",  "n":1.0}"#.to_owned());
        }
        assert_eq!(ledger.counts(), [("OpenAI.Audit", 1)]);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"source\":\"openai\",\"log_type\":\"OpenAI.Audit\",\"id\":\"a\",\"at\":\"1970-01-01T00:00:00Z\",\"raw\":{\"id\":\"a\",  \"n\":1.0}}\n"
        );
    }
}
