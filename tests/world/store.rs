//! Heads, ledgers and objects, as values.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use collector::{Head, LedgerHour, LedgerItem, LedgerKind, Stream};
use flate2::read::MultiGzDecoder;
use schema::RowId;

use super::call::Body;

/// The place of an item of the ledger: stream, kind, hour, `seq`.
pub type ItemPlace = (String, LedgerKind, u32, u64);

/// The state and the bucket.
#[derive(Debug, Clone, Default)]
pub struct Store {
    /// Heads by the stream's name.
    pub heads: BTreeMap<String, HeadRow>,
    /// Items by their place.
    pub ledger: BTreeMap<ItemPlace, LedgerItem>,
    /// Objects by their key.
    pub objects: BTreeMap<String, Arc<Object>>,
}

/// A head, and what the mutants need to know of its past.
#[derive(Debug, Clone)]
pub struct HeadRow {
    /// The head.
    pub head: Head,
    /// The version at which `seq` or the intent last changed.
    pub shaped_at: u64,
}

/// One object of the bucket.
#[derive(Clone)]
pub struct Object {
    /// Its bytes.
    pub body: Body,
    /// Its type.
    pub content_type: String,
    /// Its lines; none where it is no object of lines.
    pub lines: Vec<Line>,
    /// What it says.
    pub essence: String,
}

/// One line of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `p_row_id`
    pub row_id: RowId,
    /// Which event it is.
    pub identity: String,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.essence)
    }
}

impl Object {
    /// Reads what was put at `key`.
    ///
    /// # Errors
    /// Says what is wrong with an object of lines that does not hold lines.
    pub fn read(key: &str, body: &Body, content_type: &str) -> Result<Self, String> {
        let lines = if key.ends_with(".ndjson.gz") { lines(&body.0)? } else { Vec::new() };
        let essence = essence(&body.0);
        Ok(Self { body: body.clone(), content_type: content_type.to_owned(), lines, essence })
    }
}

/// What an object says: the row ids of its lines, or the fields of a birth record. The times of writing
/// (`p_parse_time`, `born_at`) are left out, because nobody reads them again.
pub fn essence(body: &[u8]) -> String {
    if let Ok(lines) = lines(body) {
        return lines.iter().map(|line| format!("{} ", line.row_id)).collect();
    }
    let mut value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    if value["id"].is_string()
        && let Some(record) = value.as_object_mut()
    {
        record.remove("born_at");
        return format!("born {value}");
    }
    match value["raw"].as_str() {
        Some(raw) => format!("rejected {raw}"),
        None => format!("{:032x}", super::intern::fingerprint_bytes(body)),
    }
}

fn lines(body: &[u8]) -> Result<Vec<Line>, String> {
    let mut text = String::new();
    MultiGzDecoder::new(body).read_to_string(&mut text).map_err(|error| format!("not gzip of UTF-8: {error}"))?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("its last line has no end".into());
    }
    text.lines().map(line).collect()
}

fn line(text: &str) -> Result<Line, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| format!("{text}: {error}"))?;
    let row_id = value["p_row_id"].as_str().and_then(RowId::parse).ok_or_else(|| format!("no p_row_id: {text}"))?;
    let identity = identity_of_line(&value).ok_or_else(|| format!("not an event of ours: {text}"))?;
    Ok(Line { row_id, identity })
}

/// Which event a line is: OpenAI's `id`; Microsoft's `Id` with the operation, for there the same
/// `Id` with other content is another event.
pub fn identity_of_line(line: &serde_json::Value) -> Option<String> {
    if let Some(id) = line["id"].as_str() {
        return Some(id.to_owned());
    }
    Some(format!("{}|{}", line["Id"].as_str()?, line["Operation"].as_str()?))
}

impl Store {
    /// The stream's objects of lines, by key.
    pub fn objects_of<'a>(
        &'a self,
        prefix: &'a str,
        stream: &'a Stream,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Object>)> {
        let folder = format!("{prefix}{}/", stream.log_type.table());
        let name = format!("/{}-", stream.source);
        self.objects.iter().filter(move |(key, _)| key.starts_with(&folder) && key.contains(&name))
    }

    /// The identities of the stream's lines.
    pub fn delivered<'a>(&'a self, prefix: &'a str, stream: &'a Stream) -> BTreeSet<&'a str> {
        let lines = self.objects_of(prefix, stream).flat_map(|(_, object)| &object.lines);
        lines.map(|line| line.identity.as_str()).collect()
    }

    /// How many inputs of the stream were rejected.
    pub fn rejected(&self, prefix: &str, stream: &Stream) -> usize {
        let folder = format!("{prefix}rejected/{}/", stream.log_type.table());
        self.objects.keys().filter(|key| key.starts_with(&folder)).count()
    }

    /// The items of one bucket of a ledger after a `seq`, in ascending order.
    pub fn items(&self, stream: &str, kind: LedgerKind, hour: u32, after_seq: Option<u64>) -> Vec<LedgerItem> {
        let from = (stream.to_owned(), kind, hour, 0);
        let to = (stream.to_owned(), kind, hour, u64::MAX);
        let after = |item: &&LedgerItem| after_seq.is_none_or(|after| item.seq > after);
        self.ledger.range(from..=to).map(|(_, item)| item).filter(after).cloned().collect()
    }

    /// Those of `hours` in which commit `seq` of the stream has an item.
    pub fn visible_hours(&self, stream: &str, seq: u64, hours: &[LedgerHour]) -> Vec<LedgerHour> {
        let has_item = |hour: &&LedgerHour| self.ledger.contains_key(&(stream.to_owned(), hour.kind, hour.hour, seq));
        hours.iter().filter(has_item).copied().collect()
    }

    /// All row entries of a stream's ledger, as hour and entry.
    pub fn ledger_rows(&self, stream: &str) -> BTreeSet<(u32, u64)> {
        let rows = self.ledger.iter().filter(|((of, kind, ..), _)| of == stream && *kind == LedgerKind::Rows);
        rows.flat_map(|(_, item)| item.entries.iter().map(|entry| (item.hour, *entry))).collect()
    }
}

/// The `seq` in an object's key.
pub fn seq_of_key(key: &str) -> Option<u64> {
    key.strip_suffix(".ndjson.gz")?.rsplit('-').next()?.parse().ok()
}
