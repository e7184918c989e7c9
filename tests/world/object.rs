//! Objects of the bucket: their bytes and their parsed content.

use std::io::Read;

use collector::UnixSeconds;
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use schema::RowId;

use super::intern::fingerprint_bytes;

/// An object's bytes. Their `Debug` text, which traces and interned worlds use, is their [`canonical_content`].
#[derive(Clone, PartialEq, Eq)]
pub struct Body(pub Vec<u8>);

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&canonical_content(&self.0))
    }
}

/// One object of the bucket.
#[derive(Clone)]
pub struct Object {
    /// The object's bytes.
    pub body: Body,
    /// The content type.
    pub content_type: String,
    /// The lines; empty for other kinds of objects.
    pub lines: Vec<Line>,
    /// The [`canonical_content`] of the bytes.
    pub canonical_content: String,
}

/// One line of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The line's `p_row_id`.
    pub row_id: RowId,
    /// The identity of the line's event.
    pub identity: String,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.canonical_content)
    }
}

impl Object {
    /// Parses an object that was put at `key`.
    ///
    /// # Errors
    /// The key is that of an object of lines, but the bytes are not lines.
    pub fn read(key: &str, body: &Body, content_type: &str) -> Result<Self, String> {
        let lines = if key.ends_with(".ndjson.gz") { lines(&body.0)? } else { Vec::new() };
        let canonical_content = canonical_content(&body.0);
        Ok(Self { body: body.clone(), content_type: content_type.to_owned(), lines, canonical_content })
    }
}

/// Returns an object's content without the times at which it was written (`p_parse_time`, `born_at`), because nothing
/// reads them again: the row ids of its lines, or the fields of a birth record.
pub fn canonical_content(body: &[u8]) -> String {
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
        None => format!("{:032x}", fingerprint_bytes(body)),
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

/// Returns the identity of a line's event: OpenAI's `id`, or Microsoft's `Id` with the operation, because there the
/// same `Id` with other content is another event.
pub fn identity_of_line(line: &serde_json::Value) -> Option<String> {
    if let Some(id) = line["id"].as_str() {
        return Some(id.to_owned());
    }
    Some(format!("{}|{}", line["Id"].as_str()?, line["Operation"].as_str()?))
}

/// Returns the `seq` in the key of an object of lines.
pub fn seq_of_key(key: &str) -> Option<u64> {
    key.strip_suffix(".ndjson.gz")?.rsplit('-').next()?.parse().ok()
}

/// Returns the partition of an object that is put at `now`, as it stands in the key.
pub fn partition(now: UnixSeconds) -> String {
    Timestamp::from_second(now).unwrap_or_default().strftime("dt=%Y-%m-%d/hour=%H").to_string()
}

/// Splits the key of an object of lines into its table's folder, its partition and its file name.
pub fn parts_of_key(key: &str) -> Option<(&str, &str, &str)> {
    seq_of_key(key)?;
    let (folder, rest) = key.split_at(key.find("dt=")?);
    let (partition, name) = rest.rsplit_once('/')?;
    Some((folder, partition, name))
}

/// Returns the high-water mark of `seq` in a birth record.
pub fn seq_of_record(record: &Object) -> Option<u64> {
    let record: serde_json::Value = serde_json::from_slice(&record.body.0).ok()?;
    record["seq"].as_u64()
}
