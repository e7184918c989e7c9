//! Counts the objects and lines of the present day.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::time::Duration;

use adapters::ListObjects;
use collector::{Bucket, Clock, PortError, Stream};
use flate2::read::MultiGzDecoder;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use zstd::stream::read::Decoder as ZstdDecoder;

/// At most this many objects are listed per log type and day.
const MAX_LISTED_OBJECTS: usize = 20_000;
/// The lines of at most this many objects are counted per stream: a day of one object per tick of five minutes.
const MAX_READ_OBJECTS: usize = 300;
/// No further object is read after this time.
const MAX_READ_TIME: Duration = Duration::from_secs(60);
/// An object with more bytes of lines than this is not counted to its end.
const MAX_LINE_BYTES: u64 = 1 << 30;
/// Objects are decompressed in parts of this size.
const CHUNK_BYTES: usize = 64 << 10;

/// The objects and lines of one stream in the present day (UTC, by the time of collection).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Today {
    /// The number of objects.
    pub(super) objects_today: u64,
    /// `true` if there are more objects than were listed.
    pub(super) has_more_objects: bool,
    /// The number of lines in the objects that were read, the newest first.
    pub(super) lines_today: u64,
    /// `true` if there are objects that were not read.
    pub(super) has_more_lines: bool,
}

/// The keys of the day's objects by stream, and whether there are more.
type Keys<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a str>>;

/// Counts the objects and lines of the day of `clock` for each of the streams, in the same order.
///
/// # Errors
/// The bucket cannot be listed or an object cannot be read.
pub(super) async fn count(
    bucket: &(impl Bucket + ListObjects),
    clock: &impl Clock,
    prefix: &str,
    streams: &[Stream],
) -> Result<Vec<Today>, PortError> {
    let now = clock.now();
    let end = now.saturating_add(MAX_READ_TIME).unwrap_or(Timestamp::MAX);
    let tables: BTreeSet<String> = streams.iter().map(|stream| stream.log_type.table()).collect();
    let mut lists = BTreeMap::new();
    for table in tables {
        let list = bucket.list(&day_prefix(prefix, &table, now), MAX_LISTED_OBJECTS).await?;
        lists.insert(table, list);
    }
    let mut keys = Keys::new();
    for (table, list) in &lists {
        for key in &list.keys {
            if let Some(source) = source_of(key) {
                keys.entry((table, source)).or_default().push(key);
            }
        }
    }
    let mut counts = Vec::new();
    for stream in streams {
        let table = stream.log_type.table();
        let keys = keys.get(&(table.as_str(), stream.source.as_str())).map(Vec::as_slice).unwrap_or_default();
        let has_more_objects = lists.get(&table).is_some_and(|list| !list.is_complete);
        let (lines_today, is_complete) = count_lines(bucket, clock, keys, end).await?;
        let has_more_lines = has_more_objects || !is_complete;
        counts.push(Today { objects_today: keys.len() as u64, has_more_objects, lines_today, has_more_lines });
    }
    Ok(counts)
}

/// Counts the lines of the newest objects. Returns `true` beside the number if all objects were read.
async fn count_lines(
    bucket: &impl Bucket,
    clock: &impl Clock,
    keys: &[&str],
    end: Timestamp,
) -> Result<(u64, bool), PortError> {
    let mut lines = 0;
    for key in keys.iter().rev().take(MAX_READ_OBJECTS) {
        if end.duration_since(clock.now()) <= SignedDuration::ZERO {
            return Ok((lines, false));
        }
        // Somebody may have moved the object meanwhile.
        let Some(body) = bucket.get(key).await? else { return Ok((lines, false)) };
        let counted = lines_in(key, &body);
        lines += counted
            .map_err(|error| PortError::person(format!("{key}: {error}; nothing but this program may write there")))?;
    }
    Ok((lines, keys.len() <= MAX_READ_OBJECTS))
}

/// Returns the prefix of the keys that the table's objects of the day of `now` have.
fn day_prefix(prefix: &str, table: &str, now: Timestamp) -> String {
    format!("{prefix}{table}/dt={}/", Offset::UTC.to_datetime(now).date())
}

/// Returns the source in the key of an object: `…/{source}-{seq}.ndjson.{suffix}`; `None` for other keys.
pub(crate) fn source_of(key: &str) -> Option<&str> {
    let name = key.rsplit('/').next()?;
    let name = name.strip_suffix(".ndjson.gz").or_else(|| name.strip_suffix(".ndjson.zst"))?;
    let (source, seq) = name.rsplit_once('-')?;
    (seq.len() >= 12 && seq.bytes().all(|digit| digit.is_ascii_digit())).then_some(source)
}

/// Counts the lines of an object.
fn lines_in(key: &str, body: &[u8]) -> io::Result<u64> {
    if key.ends_with(".zst") { line_ends(ZstdDecoder::new(body)?) } else { line_ends(MultiGzDecoder::new(body)) }
}

fn line_ends(lines: impl Read) -> io::Result<u64> {
    let mut lines = lines.take(MAX_LINE_BYTES);
    let (mut count, mut chunk) = (0, vec![0; CHUNK_BYTES]);
    loop {
        let read = lines.read(&mut chunk)?;
        if read == 0 {
            return Ok(count);
        }
        count += memchr::memchr_iter(b'\n', &chunk[..read]).count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use adapters::local::LocalBucket;
    use collector::SourceId;
    use schema::LogType;

    use super::*;
    use crate::clock::CliClock;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn stream(source: &str, log_type: LogType) -> Stream {
        let source = SourceId::try_from(source.to_owned()).unwrap();
        Stream { source, label: String::new(), log_type, listings: Vec::new() }
    }

    #[tokio::test]
    async fn the_objects_of_today_are_counted_by_stream() {
        let lake = tempfile::tempdir().unwrap();
        let (bucket, clock) = (LocalBucket::open(lake.path(), "p/").unwrap(), CliClock::default());
        clock.set("2026-11-22T12:00:00Z".parse().unwrap());
        let zstd = zstd::encode_all(&b"1\n2\n3\n"[..], 0).unwrap();
        for (key, body) in [
            ("p/openai_audit/dt=2026-11-22/hour=00/a-000000000001.ndjson.gz", gzip("1\n2\n")),
            ("p/openai_audit/dt=2026-11-22/hour=11/a-000000000002.ndjson.zst", zstd),
            ("p/openai_audit/dt=2026-11-22/hour=11/a-b-000000000007.ndjson.gz", gzip("")),
            ("p/openai_audit/dt=2026-11-21/hour=11/a-000000000000.ndjson.gz", gzip("1\n")),
            ("p/microsoft365_dlp_all/dt=2026-11-22/hour=11/a-000000000000.ndjson.gz", gzip("1\n")),
            ("p/openai_audit/dt=2026-11-22/hour=11/a-7.ndjson.gz", gzip("1\n")),
        ] {
            bucket.put_if_absent(key, body, "").await.unwrap();
        }
        let streams = [
            stream("a", LogType::OpenAiAudit),
            stream("a-b", LogType::OpenAiAudit),
            stream("a", LogType::Dlp),
            stream("b", LogType::Dlp),
        ];
        let counts = count(&bucket, &clock, "p/", &streams).await.unwrap();
        let counts: Vec<_> = counts.iter().map(|today| (today.objects_today, today.lines_today)).collect();
        assert_eq!(counts, [(2, 5), (1, 0), (1, 1), (0, 0)]);
    }

    #[tokio::test]
    async fn a_count_that_is_cut_off_says_so() {
        let lake = tempfile::tempdir().unwrap();
        let (bucket, clock) = (LocalBucket::open(lake.path(), "").unwrap(), CliClock::default());
        bucket.put_if_absent("k-000000000000.ndjson.gz", gzip("1\n"), "").await.unwrap();
        let later = clock.now() + Duration::from_secs(60);
        let many = vec!["k-000000000000.ndjson.gz"; MAX_READ_OBJECTS + 1];
        assert_eq!(count_lines(&bucket, &clock, &many, later).await, Ok((MAX_READ_OBJECTS as u64, false)));
        assert_eq!(count_lines(&bucket, &clock, &many[..3], later).await, Ok((3, true)));
        assert_eq!(count_lines(&bucket, &clock, &many[..3], Timestamp::MIN).await, Ok((0, false)));
        bucket.put_if_absent("broken.gz", b"no gzip".to_vec(), "").await.unwrap();
        assert!(
            count_lines(&bucket, &clock, &["broken.gz"], later).await.unwrap_err().message.starts_with("broken.gz: ")
        );
    }
}
