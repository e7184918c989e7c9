//! Objects of the bucket: their bytes, and what they say.

use std::io::Read;

use collector::UnixSeconds;
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use schema::RowId;

use super::intern::fingerprint_bytes;

/// An object's bytes. A trace, and the identity of a world, know them by what they say, see [`canonical_content`].
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
    /// Its bytes.
    pub body: Body,
    /// Its type.
    pub content_type: String,
    /// Its lines; none where it is no object of lines.
    pub lines: Vec<Line>,
    /// What it says.
    pub canonical_content: String,
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
        f.write_str(&self.canonical_content)
    }
}

impl Object {
    /// Reads what was put at `key`.
    ///
    /// # Errors
    /// Says what is wrong with an object of lines that does not hold lines.
    pub fn read(key: &str, body: &Body, content_type: &str) -> Result<Self, String> {
        let lines = if key.ends_with(".ndjson.gz") { lines(&body.0)? } else { Vec::new() };
        let canonical_content = canonical_content(&body.0);
        Ok(Self { body: body.clone(), content_type: content_type.to_owned(), lines, canonical_content })
    }
}

/// What an object says: the row ids of its lines, or the fields of a birth record. The times of writing
/// (`p_parse_time`, `born_at`) are left out, because nobody reads them again.
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

/// Which event a line is: OpenAI's `id`; Microsoft's `Id` with the operation, for there the same
/// `Id` with other content is another event.
pub fn identity_of_line(line: &serde_json::Value) -> Option<String> {
    if let Some(id) = line["id"].as_str() {
        return Some(id.to_owned());
    }
    Some(format!("{}|{}", line["Id"].as_str()?, line["Operation"].as_str()?))
}

/// The `seq` in the key of an object of lines.
pub fn seq_of_key(key: &str) -> Option<u64> {
    key.strip_suffix(".ndjson.gz")?.rsplit('-').next()?.parse().ok()
}

/// The partition of what is collected at `now`, as keys have it.
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

/// The `seq` that a birth record's mark has reached.
pub fn seq_of_record(record: &Object) -> Option<u64> {
    let record: serde_json::Value = serde_json::from_slice(&record.body.0).ok()?;
    record["seq"].as_u64()
}
