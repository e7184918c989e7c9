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
