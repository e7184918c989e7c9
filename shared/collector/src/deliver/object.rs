//! The bytes of an object: compressed lines.

use std::io::{self, BufRead, BufReader, Read, Write};

use schema::RowId;
use serde::Deserialize;

use crate::base::error::PortError;
use crate::base::policy::Compression;

/// The gzip level on zlib's scale. Compared with this level, level 6 makes objects 6 % smaller and takes a quarter more
/// time; level 1 makes them 50 % larger and takes half the time. `cargo bench` compares the levels.
const GZIP_LEVEL: u32 = 4;
/// The zstd level: the default of the library.
const ZSTD_LEVEL: i32 = 3;
/// Maximum length of a line, in bytes. Even the longest event stays below it, although the normalised line repeats the
/// event's payload.
const MAX_LINE_BYTES: u64 = 256 << 20;

impl Compression {
    /// Returns the suffix of an object's name.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
        }
    }

    /// Returns the object's `Content-Type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Gzip => "application/gzip",
            Self::Zstd => "application/zstd",
        }
    }

    /// Returns the compression of the object at `key`. The key decides, because the setting may have changed since the
    /// intent was set.
    pub(crate) fn of_key(key: &str) -> Self {
        if key.ends_with(".zst") { Self::Zstd } else { Self::Gzip }
    }

    /// Returns the lines, compressed.
    pub(crate) fn compress(self, lines: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
                encoder.write_all(lines)?;
                encoder.finish()
            }
            Self::Zstd => zstd::encode_all(lines, ZSTD_LEVEL),
        }
    }

    fn reader<'a>(self, object: &'a [u8]) -> io::Result<Box<dyn BufRead + 'a>> {
        Ok(match self {
            Self::Gzip => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(object))),
            Self::Zstd => Box::new(BufReader::new(zstd::Decoder::new(object)?)),
        })
    }
}

#[derive(Deserialize)]
struct LineRowId<'a> {
    #[serde(borrow)]
    p_row_id: std::borrow::Cow<'a, str>,
}

/// Returns the row ids of the lines of the object at `key`, in their order.
pub(crate) fn row_ids(key: &str, object: &[u8]) -> Result<Vec<RowId>, PortError> {
    read_row_ids(key, object).map_err(|why| {
        PortError::person(format!(
            "the object {key} is at the place of our next object but is not one of ours ({why}); \
             move it elsewhere, then the stream goes on"
        ))
    })
}

/// Returns the row ids of the lines of the object at `key`, in their order. The error is the reason why they cannot be
/// read.
pub(super) fn read_row_ids(key: &str, object: &[u8]) -> Result<Vec<RowId>, String> {
    let unreadable = |why: &dyn std::fmt::Display| why.to_string();
    let mut rows = Vec::new();
    for_each_line(key, object, |line| -> Result<(), String> {
        let identified: LineRowId<'_> = serde_json::from_slice(line).map_err(|why| unreadable(&why))?;
        rows.push(RowId::parse(&identified.p_row_id).ok_or_else(|| unreadable(&"a p_row_id is not 32 hex digits"))?);
        Ok(())
    })
    .map_err(|why| unreadable(&why))??;
    Ok(rows)
}

/// Calls `visit` with each line of the object at `key`, with its line feed if it has one, until `visit` fails.
///
/// # Errors
/// The outer error is that of an object that cannot be decompressed, the inner one that of `visit`.
pub(crate) fn for_each_line<E>(
    key: &str,
    object: &[u8],
    mut visit: impl FnMut(&[u8]) -> Result<(), E>,
) -> io::Result<Result<(), E>> {
    let mut reader = Compression::of_key(key).reader(object)?;
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(Ok(()));
        }
        if let Err(error) = visit(&line) {
            return Ok(Err(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_row_ids_are_read_from_a_compressed_object() {
        let ids = [RowId { hour: 7, hash: [7; 12] }, RowId { hour: 0, hash: [0xfe; 12] }];
        let lines: String =
            ids.iter().map(|id| format!("{{\"payload\":{{\"p_row_id\":\"no\"}},\"p_row_id\":\"{id}\"}}\n")).collect();
        for (compression, key) in [(Compression::Gzip, "a.ndjson.gz"), (Compression::Zstd, "a.ndjson.zst")] {
            let object = compression.compress(lines.as_bytes()).unwrap();
            assert_eq!(row_ids(key, &object).unwrap(), ids);
            assert_eq!(row_ids(key, &compression.compress(b"").unwrap()).unwrap(), []);
        }
    }

    #[test]
    fn err_a_foreign_object_is_refused() {
        for object in [&b"hello"[..], &Compression::Gzip.compress(b"{\"a\":1}\n").unwrap()] {
            let error = row_ids("t/dt=x/s-1.ndjson.gz", object).unwrap_err();
            assert_eq!(error.recovery, crate::base::error::Recovery::Person);
            assert!(error.message.contains("t/dt=x/s-1.ndjson.gz"), "{error}");
        }
    }
}
