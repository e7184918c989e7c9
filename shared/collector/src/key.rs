//! Where things lie in the bucket.

use jiff::Timestamp;
use jiff::tz::Offset;
use schema::RowId;

use crate::policy::Compression;
use crate::stream::Stream;

/// The key of object number `seq` of the stream. `now` is the moment the intent is set, so that
/// partitions only ever grow forward.
pub(crate) fn object(prefix: &str, stream: &Stream, seq: u64, now: Timestamp, compression: Compression) -> String {
    let at = Offset::UTC.to_datetime(now);
    format!(
        "{prefix}{table}/dt={date}/hour={hour:02}/{source}-{seq:012}.ndjson.{suffix}",
        table = stream.log_type.table(),
        date = at.date(),
        hour = at.hour(),
        source = stream.source,
        suffix = compression.suffix(),
    )
}

/// The key of the stream's birth record.
pub(crate) fn birth(prefix: &str, stream: &Stream) -> String {
    format!("{prefix}_state/{}-{}.json", stream.source, stream.log_type.table())
}

/// The key of a rejected input: made of its hash, so that putting it again changes nothing.
pub(crate) fn rejected(prefix: &str, stream: &Stream, row_id: RowId) -> String {
    format!("{prefix}rejected/{}/{}-{row_id}.json", stream.log_type.table(), stream.source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::SourceId;

    fn stream() -> Stream {
        Stream {
            source: SourceId::try_from("acme".to_owned()).unwrap(),
            label: "Acme".into(),
            log_type: schema::LogType::OpenAiAudit,
            listings: vec!["organization"],
        }
    }

    #[test]
    fn ok_keys() {
        let now = "2026-11-22T03:59:59.9Z".parse().unwrap();
        assert_eq!(
            object("logs/", &stream(), 42, now, Compression::Gzip),
            "logs/openai_audit/dt=2026-11-22/hour=03/acme-000000000042.ndjson.gz"
        );
        assert_eq!(birth("", &stream()), "_state/acme-openai_audit.json");
        assert_eq!(
            rejected("p/", &stream(), RowId { hour: 0, hash: [1; 12] }),
            "p/rejected/openai_audit/acme-00000000010101010101010101010101.json"
        );
    }
}
