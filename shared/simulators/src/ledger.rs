//! The ledger of every event that was ever visible.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// An event that was visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The log type of the event, for example `OpenAI.Audit`.
    pub log_type: &'static str,
    /// The identity of the event. OpenAI: its `id`, or the event itself if it has none. Microsoft 365: the record in
    /// canonical form, because records with the same `Id` and different content are different events.
    pub identity: String,
    /// The event as it was sent.
    pub raw: String,
    /// The time when it became visible.
    pub at: Timestamp,
    /// The time when the vendor drops it; `None` if it never does.
    pub until: Option<Timestamp>,
}

impl Served {
    /// Returns `true` if the event is a JSON object. Only an object can become a line; other values are served to see
    /// them rejected.
    pub fn is_object(&self) -> bool {
        self.raw.trim_start().starts_with('{')
    }
}

/// The entry of an event. The event itself is looked up by its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) log_type: &'static str,
    pub(crate) event: usize,
    pub(crate) at: Timestamp,
}

#[derive(Serialize)]
struct Line<'a> {
    source: &'a str,
    log_type: &'a str,
    id: Option<String>,
    at: String,
    raw: &'a RawValue,
}

/// The entries in the order in which events became visible, each event once. A file can record them as well.
#[derive(Debug)]
pub(crate) struct Ledger {
    source: &'static str,
    entries: Vec<Entry>,
    seen: HashSet<(&'static str, usize)>,
    file: Option<File>,
}

impl Ledger {
    /// Returns an empty ledger that appends to the file at `path`, if there is one.
    pub(crate) fn open(source: &'static str, path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(|path| File::options().create(true).append(true).open(path)).transpose()?;
        Ok(Self { source, entries: Vec::new(), seen: HashSet::new(), file })
    }

    /// Records that an event became visible, unless it is recorded already. `raw` returns its JSON.
    pub(crate) fn record(&mut self, entry: Entry, raw: impl FnOnce() -> String) {
        if !self.seen.insert((entry.log_type, entry.event)) {
            return;
        }
        self.entries.push(entry);
        if let Some(file) = &mut self.file {
            // Each line is one write, so that a reader sees complete lines. A full disk must not change the served
            // events.
            let _ = line(self.source, entry, &raw()).and_then(|line| file.write_all(&line));
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the number of entries per log type. A log type without entries is left out.
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

fn line(source: &str, entry: Entry, raw: &str) -> io::Result<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Identified {
        #[serde(alias = "Id")]
        id: Option<serde_json::Value>,
    }
    let id = serde_json::from_str::<Identified>(raw).ok().and_then(|event| event.id).map(|id| match id {
        serde_json::Value::String(id) => id,
        other => other.to_string(),
    });
    let raw: &RawValue = serde_json::from_str(raw)?;
    let mut line = serde_json::to_vec(&Line { source, log_type: entry.log_type, id, at: entry.at.to_string(), raw })?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_recorded_once_and_as_it_was_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.ndjson");
        let mut ledger = Ledger::open("openai", Some(&path)).unwrap();
        let entry = Entry { log_type: "OpenAI.Audit", event: 3, at: Timestamp::UNIX_EPOCH };
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
