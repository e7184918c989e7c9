//! The bucket compared with the simulator's ledger of the events that it served.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use collector::Stream;
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use schema::{LineContext, Normalizer, RowId};
use simulators::ServedEvent;

use super::memory_store::MemoryStore;

/// The length to which `Debug` cuts an identity, in characters.
const MAX_IDENTITY_CHARS: usize = 200;

/// The result of the comparison.
#[derive(Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// Lines in the bucket.
    pub lines: usize,
    /// Inputs kept under `rejected/`.
    pub rejected: usize,
    /// Identities of events that were served and not delivered.
    pub lost: Vec<String>,
    /// Identities of events that were delivered more than once.
    pub duplicated: Vec<String>,
    /// Row ids that were delivered and never served.
    pub unexpected: Vec<String>,
}

impl fmt::Debug for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shortened = |identities: &[String]| identities.iter().map(|it| shortened(it)).collect::<Vec<_>>();
        f.debug_struct("Reconciliation")
            .field("lines", &self.lines)
            .field("rejected", &self.rejected)
            .field("lost", &shortened(&self.lost))
            .field("duplicated", &shortened(&self.duplicated))
            .field("unexpected", &self.unexpected)
            .finish()
    }
}

impl Reconciliation {
    /// Returns `true` if no event is lost, duplicated or unexpected.
    pub fn is_exact(&self) -> bool {
        self.lost.is_empty() && self.duplicated.is_empty() && self.unexpected.is_empty()
    }
}

/// Compares a stream's objects with the events that its vendor served. An event is recognised by its row id;
/// input that cannot become a line, by the row id under which it is rejected.
///
/// # Errors
/// An object is damaged.
pub fn reconcile(store: &MemoryStore, stream: &Stream, served: &[ServedEvent]) -> Result<Reconciliation, String> {
    let mut due = served_by_row_id(stream, served);
    let mut result = Reconciliation::default();
    for (key, body) in objects(store, stream) {
        for line in lines(&key, &body)? {
            result.lines += 1;
            result.count(&mut due, &row_id(&key, &line)?);
        }
    }
    let rejected = format!("rejected/{}/{}-", stream.log_type.table(), stream.source);
    for (key, _) in store.objects(&rejected) {
        result.rejected += 1;
        result.count(&mut due, key.trim_start_matches(&rejected).trim_end_matches(".json"));
    }
    result.lost = due.into_values().filter(|(_, times)| *times == 0).map(|(identity, _)| identity).collect();
    Ok(result)
}

impl Reconciliation {
    fn count(&mut self, due: &mut BTreeMap<String, (String, u32)>, row_id: &str) {
        match due.get_mut(row_id) {
            None => self.unexpected.push(row_id.to_owned()),
            Some((identity, times)) => {
                *times += 1;
                if *times == 2 {
                    self.duplicated.push(identity.clone());
                }
            }
        }
    }
}

/// Returns the first characters of an identity.
fn shortened(identity: &str) -> String {
    identity.chars().take(MAX_IDENTITY_CHARS).collect()
}

/// Returns the served events by row id: the identity, and the number of deliveries so far.
fn served_by_row_id(stream: &Stream, served: &[ServedEvent]) -> BTreeMap<String, (String, u32)> {
    let normalizer = Normalizer::new(stream.log_type);
    let context = LineContext {
        source_id: stream.source.as_str(),
        source_label: &stream.label,
        parse_time: Timestamp::UNIX_EPOCH,
    };
    let row_id = |raw: &str| -> RowId {
        let outcome = normalizer.normalize(raw.as_bytes(), &context, &mut Vec::new());
        outcome.map_or_else(|rejection| rejection.row_id, |line| line.row_id)
    };
    let of_stream = served.iter().filter(|event| event.log_type == stream.log_type.name());
    of_stream.map(|event| (row_id(&event.raw).to_string(), (event.identity.clone(), 0))).collect()
}

/// Returns the stream's objects, by key.
fn objects(store: &MemoryStore, stream: &Stream) -> Vec<(String, Vec<u8>)> {
    store.objects(&format!("{}/", stream.log_type.table()))
}

/// Returns the lines of each of a stream's objects, in the order of their keys.
///
/// # Errors
/// An object is damaged.
pub fn delivered(store: &MemoryStore, stream: &Stream) -> Result<Vec<Vec<String>>, String> {
    objects(store, stream).iter().map(|(key, body)| lines(key, body)).collect()
}

/// Returns an object's lines.
fn lines(key: &str, body: &[u8]) -> Result<Vec<String>, String> {
    let mut text = String::new();
    MultiGzDecoder::new(body).read_to_string(&mut text).map_err(|error| format!("{key}: {error}"))?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(format!("{key}: the last line has no end"));
    }
    // A line ends with LF and nothing else: other line separators are part of it.
    Ok(text.split_terminator('\n').map(str::to_owned).collect())
}

fn row_id(key: &str, line: &str) -> Result<String, String> {
    let line: serde_json::Value =
        serde_json::from_str(line).map_err(|error| format!("{key}: not a line ({error}): {line}"))?;
    line["p_row_id"].as_str().map(str::to_owned).ok_or_else(|| format!("{key}: not a line of ours: {line}"))
}
