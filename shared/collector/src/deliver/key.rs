//! The keys of objects in the bucket.

use jiff::Timestamp;
use jiff::tz::Offset;
use schema::RowId;

use crate::base::policy::Compression;
use crate::base::stream::Stream;

/// Returns the key of object number `seq` of the stream. `now` is the time at which the intent is set; it determines
/// the partition, so that no object is added to an earlier hour.
pub(crate) fn object_key(prefix: &str, stream: &Stream, seq: u64, now: Timestamp, compression: Compression) -> String {
    format!(
        "{prefix}{table}/{partition}/{source}-{seq:012}.ndjson.{suffix}",
        table = stream.log_type.table(),
        partition = partition(now),
        source = stream.source,
        suffix = compression.suffix(),
    )
}

/// Returns the partition of an object that is collected at `now`.
fn partition(now: Timestamp) -> String {
    let at = Offset::UTC.to_datetime(now);
    format!("dt={}/hour={:02}", at.date(), at.hour())
}

/// Returns `true` if the key lies in an earlier partition than `now`. A key in a later partition was set by a tick
/// whose clock is ahead. It is not stale, because two ticks whose clocks disagree about the hour would otherwise seal
/// each other's intents.
pub(crate) fn is_stale(key: &str, now: Timestamp) -> bool {
    let current = partition(now);
    let of_key = key.rfind("/dt=").and_then(|at| key[at + 1..].get(..current.len()));
    of_key.is_none_or(|of_key| of_key < current.as_str())
}

/// The parts of an object's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ObjectKey<'a> {
    /// The partition, in hours since 1970.
    pub(crate) hour: u32,
    pub(crate) source: &'a str,
    pub(crate) seq: u64,
}

/// Returns the folder of all objects of a table.
pub(crate) fn table_folder(prefix: &str, table: &str) -> String {
    format!("{prefix}{table}/")
}

/// Returns a text that comes after all keys of the partitions before `hour`, in hours since 1970, and before all others.
pub(crate) fn partition_start(prefix: &str, table: &str, hour: u32) -> String {
    let at = Timestamp::from_second(i64::from(hour) * 3_600).unwrap_or(Timestamp::MIN);
    format!("{}{}/", table_folder(prefix, table), partition(at))
}

/// Returns the parts of the key of an object of this table; `None` if the key is not one that [`object_key`] makes.
pub(crate) fn parse<'a>(prefix: &str, table: &str, key: &'a str) -> Option<ObjectKey<'a>> {
    let place = key.strip_prefix(prefix)?.strip_prefix(table)?.strip_prefix("/dt=")?;
    let (date, place) = place.split_once("/hour=")?;
    let (of_day, name) = place.split_once('/')?;
    let date: jiff::civil::Date = date.parse().ok()?;
    let of_day: i8 = of_day.parse().ok().filter(|hour| (0..24).contains(hour))?;
    let second = Offset::UTC.to_timestamp(date.at(of_day, 0, 0, 0)).ok()?.as_second();
    let name = name.strip_suffix(".ndjson.gz").or_else(|| name.strip_suffix(".ndjson.zst"))?;
    let (source, seq) = name.rsplit_once('-')?;
    let is_number = seq.len() >= 12 && seq.bytes().all(|digit| digit.is_ascii_digit());
    let parsed =
        ObjectKey { hour: u32::try_from(second / 3_600).ok()?, source, seq: seq.parse().ok().filter(|_| is_number)? };
    Some(parsed)
}

/// Returns the row id in the key of a rejected input of this stream; `None` if [`rejected_key`] does not make such a key.
pub(crate) fn parse_rejected(prefix: &str, stream: &Stream, key: &str) -> Option<RowId> {
    let name = key.strip_prefix(prefix)?.strip_prefix("rejected/")?.strip_prefix(&stream.log_type.table())?;
    let (source, row_id) = name.strip_prefix('/')?.strip_suffix(".json")?.rsplit_once('-')?;
    RowId::parse(row_id).filter(|_| source == stream.source.as_str())
}

/// Returns a text with which the keys of all rejected inputs of the stream begin. Keys of other streams may begin with
/// it as well.
pub(crate) fn rejected_start(prefix: &str, stream: &Stream) -> String {
    format!("{prefix}rejected/{}/{}-", stream.log_type.table(), stream.source)
}

/// Returns the key of a rejected input. It contains the input's row id, which is a hash, so that putting the same input
/// again changes nothing.
pub(crate) fn rejected_key(prefix: &str, stream: &Stream, row_id: RowId) -> String {
    format!("{prefix}rejected/{}/{}-{row_id}.json", stream.log_type.table(), stream.source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::stream::SourceId;

    fn stream() -> Stream {
        Stream {
            source: SourceId::try_from("acme".to_owned()).unwrap(),
            label: "Acme".into(),
            log_type: schema::LogType::OpenAiAudit,
            listings: vec!["organization"],
        }
    }

    #[test]
    fn ok_a_key_is_stale_in_a_later_hour() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let key = object_key("", &stream(), 1, at("2026-11-22T03:00:00Z"), Compression::Gzip);
        assert!(!is_stale(&key, at("2026-11-22T03:59:59Z")));
        for later in ["2026-11-22T04:00:00Z", "2026-11-23T03:00:00Z"] {
            assert!(is_stale(&key, at(later)), "{later}");
        }
        for earlier in ["2026-11-22T02:59:59Z", "2026-11-21T23:00:00Z"] {
            assert!(!is_stale(&key, at(earlier)), "{earlier}");
        }
        assert!(is_stale("somewhere/else", at("2026-11-22T03:00:00Z")));
    }

    #[test]
    fn ok_the_parts_of_a_key_are_read_back() {
        let now: Timestamp = "2026-11-22T03:59:59.9Z".parse().unwrap();
        let hour = u32::try_from(now.as_second() / 3_600).unwrap();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let key = object_key("logs/", &stream(), 1_234_567_890_123, now, compression);
            let parts = ObjectKey { hour, source: "acme", seq: 1_234_567_890_123 };
            assert_eq!(parse("logs/", "openai_audit", &key), Some(parts));
            assert_eq!((parse("", "openai_audit", &key), parse("logs/", "openai", &key)), (None, None));
            let start = |hour| partition_start("logs/", "openai_audit", hour);
            assert!(start(hour) < key && key < start(hour + 1));
        }
        let dashed = "openai_audit/dt=2026-11-22/hour=03/a-b-000000000001.ndjson.gz";
        assert_eq!(parse("", "openai_audit", dashed).map(|parts| (parts.source, parts.seq)), Some(("a-b", 1)));
        for other in [
            "openai_audit/dt=2026-11-22/hour=24/a-000000000001.ndjson.gz",
            "openai_audit/dt=2026-11-32/hour=03/a-000000000001.ndjson.gz",
            "openai_audit/dt=2026-11-22/hour=03/a-1.ndjson.gz",
            "openai_audit/dt=2026-11-22/hour=03/a-00000000000x.ndjson.gz",
            "openai_audit/dt=2026-11-22/hour=03/a-000000000001.parquet",
        ] {
            assert_eq!(parse("", "openai_audit", other), None, "{other}");
        }
        let row_id = RowId { hour: 7, hash: [9; 12] };
        let key = rejected_key("p/", &stream(), row_id);
        assert_eq!(parse_rejected("p/", &stream(), &key), Some(row_id));
        assert!(key.starts_with(&rejected_start("p/", &stream())));
        let other = Stream { source: SourceId::try_from("acme-2".to_owned()).unwrap(), ..stream() };
        assert_eq!(parse_rejected("p/", &stream(), &rejected_key("p/", &other, row_id)), None);
    }

    #[test]
    fn ok_keys_have_table_partition_source_and_number() {
        let now = "2026-11-22T03:59:59.9Z".parse().unwrap();
        assert_eq!(
            object_key("logs/", &stream(), 42, now, Compression::Gzip),
            "logs/openai_audit/dt=2026-11-22/hour=03/acme-000000000042.ndjson.gz"
        );
        assert_eq!(
            rejected_key("p/", &stream(), RowId { hour: 0, hash: [1; 12] }),
            "p/rejected/openai_audit/acme-00000000010101010101010101010101.json"
        );
    }
}
