//! Finds the streams of a deployment, without any secret.

use adapters::ListObjects;
use collector::{Bucket, SourceId, Stream, UnixSeconds};
use jiff::Timestamp;
use schema::LogType;
use serde::Deserialize;

use crate::exit::Failed;
use crate::vendor::VendorSpec;

/// At most this many streams are shown.
pub(super) const MAX_STREAMS: usize = 10_000;

/// Returns the streams whose birth records are in the bucket, by their source and table: all, or those of one vendor.
///
/// Every stream has a birth record since its first tick. To list these records takes one request per thousand streams,
/// while the heads lie between all ledgers of the table.
///
/// # Errors
/// The records cannot be listed, or there are too many.
pub(crate) async fn find(
    bucket: &impl ListObjects,
    prefix: &str,
    vendor: Option<&VendorSpec>,
) -> Result<Vec<Stream>, Failed> {
    let records = format!("{prefix}_state/");
    let list = bucket.list(&records, MAX_STREAMS).await?;
    if !list.is_complete {
        return Err(Failed::usage(format!("there are more than {MAX_STREAMS} streams under {records}; use --prefix")));
    }
    let streams = list.keys.iter().filter_map(|key| stream(key.strip_prefix(&records)?));
    Ok(streams.filter(|stream| vendor.is_none_or(|vendor| is_of(stream.log_type, vendor))).collect())
}

/// The part of a birth record that is shown.
#[derive(Deserialize)]
struct Birth {
    born_at: String,
}

/// Returns the time of the stream's first tick, from its birth record; `None` if the record has no time.
///
/// # Errors
/// The record cannot be read.
pub(super) async fn born(bucket: &impl Bucket, prefix: &str, stream: &Stream) -> Result<Option<UnixSeconds>, Failed> {
    let key = format!("{prefix}_state/{}-{}.json", stream.source, stream.log_type.table());
    let record = bucket.get(&key).await?;
    let birth = record.and_then(|record| serde_json::from_slice::<Birth>(&record).ok());
    Ok(birth.and_then(|birth| birth.born_at.parse::<Timestamp>().ok()).map(Timestamp::as_second))
}

/// Returns the stream whose birth record has this name; `None` if the file is no birth record.
fn stream(name: &str) -> Option<Stream> {
    let name = name.strip_suffix(".json")?;
    LogType::ALL.into_iter().find_map(|log_type| {
        let source = name.strip_suffix(&log_type.table())?.strip_suffix('-')?;
        let source = SourceId::try_from(source.to_owned()).ok()?;
        Some(Stream { label: source.to_string(), source, log_type, listings: Vec::new() })
    })
}

/// Returns `true` if the log type is one of this vendor's. The names of tables begin with the vendor's.
pub(crate) fn is_of(log_type: LogType, vendor: &VendorSpec) -> bool {
    log_type.table().strip_prefix(vendor.name).is_some_and(|rest| rest.starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::VENDORS;

    #[test]
    fn a_birth_record_names_its_stream() {
        for (name, expected) in [
            ("acme-openai_audit.json", Some("acme/openai_audit")),
            ("a-b.c-microsoft365_audit_exchange.json", Some("a-b.c/microsoft365_audit_exchange")),
            ("demo-1-1000.json", None),
            ("openai_audit.json", None),
            ("-openai_audit.json", None),
            ("acme-openai_audit", None),
        ] {
            assert_eq!(stream(name).map(|stream| stream.name()).as_deref(), expected, "{name}");
        }
    }

    #[tokio::test]
    async fn the_time_of_the_first_tick_is_read() {
        let lake = tempfile::tempdir().unwrap();
        let bucket = adapters::local::LocalBucket::open(lake.path(), "").unwrap();
        let stream = stream("a-openai_audit.json").unwrap();
        assert_eq!(born(&bucket, "", &stream).await, Ok(None));
        let record = br#"{"id":"i","born_at":"1970-01-01T00:01:00.5Z","seq":3}"#;
        bucket.put_if_absent("_state/a-openai_audit.json", record.to_vec(), "").await.unwrap();
        assert_eq!(born(&bucket, "", &stream).await, Ok(Some(60)));
    }

    #[test]
    fn each_log_type_is_of_one_vendor() {
        for log_type in LogType::ALL {
            let vendors = VENDORS.into_iter().filter(|vendor| is_of(log_type, vendor));
            assert_eq!(vendors.count(), 1, "{}", log_type.name());
        }
    }
}
