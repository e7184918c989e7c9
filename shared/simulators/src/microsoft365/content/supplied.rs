//! Records that the caller supplied in [`Options::records`]. Each is the text of a JSON object
//! `{"content_type":…,"record":{…},"created":…}`, of which `created` is optional.

use std::collections::HashMap;
use std::io;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::behaviours::Behaviours;
use super::super::content_type::ContentType;
use super::blob::Blob;
use crate::canonical::canonical;
use crate::moment::after_milliseconds;
use crate::options::Options;

/// Records without `created` become available at most this long before the start.
const SUPPLIED_SPAN_MILLISECONDS: i64 = 1_800_000;

/// An element of [`Options::records`].
#[derive(Deserialize)]
struct SuppliedLine<'a> {
    content_type: String,
    #[serde(borrow)]
    record: &'a RawValue,
    /// The time at which the record's blob becomes available; `None` for a time shortly before the start.
    created: Option<Timestamp>,
}

/// A supplied record: its index among the distinct records, and the time at which its blob becomes available.
#[derive(Debug, Clone, Copy)]
struct SuppliedRecord {
    number: u32,
    created: Option<Timestamp>,
}

/// Returns the texts of the distinct records, and the blobs of each content type, in the order of [`ContentType::ALL`].
/// The blobs name the records by their indices.
///
/// # Errors
/// An element of `lines` is malformed.
pub(super) fn feeds(
    lines: &[String],
    options: &Options,
    behaviours: &Behaviours,
) -> io::Result<(Vec<String>, [Vec<Blob>; 5])> {
    let mut records = Vec::new();
    let mut number_by_record = HashMap::new();
    let mut by_content_type: [Vec<SuppliedRecord>; 5] = Default::default();
    for (index, text) in lines.iter().enumerate() {
        let (content_type, record, created) = parse_line(text).map_err(|problem| invalid(index, &problem))?;
        let number = u32::try_from(records.len()).map_err(|_| invalid(index, "there are too many"))?;
        let number = *number_by_record.entry(canonical(record)).or_insert_with(|| {
            records.push(record.to_owned());
            number
        });
        by_content_type[content_type.index()].push(SuppliedRecord { number, created });
    }
    Ok((records, by_content_type.map(|records| blobs(&records, options, behaviours))))
}

fn invalid(index: usize, problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("record {}: {problem}", index + 1))
}

fn parse_line(text: &str) -> Result<(ContentType, &str, Option<Timestamp>), String> {
    let line: SuppliedLine<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let content_type = ContentType::named(&line.content_type)
        .ok_or_else(|| format!("unknown content type {:?}", line.content_type))?;
    Ok((content_type, line.record.get(), line.created))
}

/// Returns the blobs of one content type, in the order in which listings show them. Records with different `created`
/// never share a blob.
fn blobs(records: &[SuppliedRecord], options: &Options, behaviours: &Behaviours) -> Vec<Blob> {
    let size = behaviours.records_per_blob.max(1);
    let groups = records.chunk_by(|one, other| one.created == other.created);
    let chunks: Vec<_> = groups.flat_map(|group| group.chunks(size)).collect();
    let step_milliseconds = SUPPLIED_SPAN_MILLISECONDS / (chunks.len() as i64 + 1);
    let blob = |(number, records): (usize, &[SuppliedRecord])| {
        let default_created = after_milliseconds(
            options.now,
            step_milliseconds * (number as i64 + 1) - SUPPLIED_SPAN_MILLISECONDS - 1_000,
        );
        let created = records.first().and_then(|record| record.created).unwrap_or(default_created);
        Blob {
            created,
            listed_at: created.max(options.now),
            is_delayed: false,
            own_records: 0..0,
            repeated_records: records.iter().map(|record| record.number).collect(),
        }
    };
    let mut blobs: Vec<_> = chunks.into_iter().enumerate().map(blob).collect();
    blobs.sort_by_key(|blob| (blob.listed_at, blob.created));
    blobs
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::super::records::RecordForm;
    use super::super::Content;
    use super::*;

    fn options(lines: &[String]) -> Options {
        Options { records: Some(lines.to_vec()), ..Options::new("2026-11-22T09:00:00Z".parse().unwrap()) }
    }

    fn line(content_type: &str, record: &str) -> String {
        format!(r#"{{"content_type":"{content_type}","record":{record}}}"#)
    }

    #[test]
    fn supplied_records_stay_unchanged_and_lie_just_before_the_start() {
        let lines = [
            line("DLP.All", r#"{"Id":"a","n":1.0}"#),
            line("dlp.all", r#"{"n":1.0,"Id":"a"}"#),
            line("Audit.General", r#"{"Id":"b"}"#),
            line("DLP.All", "17"),
        ];
        let options = options(&lines);
        let content = Content::new(&options, &Behaviours::default()).unwrap();
        assert_eq!(content.record_numbers(ContentType::Dlp, 0), [0, 0, 2]);
        let age = content.feeds[ContentType::Dlp.index()][0].created.duration_until(options.now);
        assert!(age > SignedDuration::ZERO && age <= SignedDuration::from_mins(31), "{age}");
        for form in [RecordForm::Full, RecordForm::Redacted] {
            let raw = [0, 1, 2].map(|number| content.record_text(number, form));
            assert_eq!(raw, [r#"{"Id":"a","n":1.0}"#, r#"{"Id":"b"}"#, "17"]);
        }
    }

    #[test]
    fn supplied_records_may_name_when_their_blob_becomes_available() {
        let created = |id: &str, created: &str| {
            format!(r#"{{"content_type":"DLP.All","record":{{"Id":"{id}"}},"created":"2026-11-{created}Z"}}"#)
        };
        let lines = [
            created("ahead", "23T10:00:00"),
            created("a", "20T10:00:01"),
            created("b", "20T10:00:01"),
            created("c", "20T10:00:00.5"),
            line("DLP.All", r#"{"Id":"d"}"#),
        ];
        let options = options(&lines);
        let content = Content::new(&options, &Behaviours::default()).unwrap();
        let feed = &content.feeds[ContentType::Dlp.index()];
        let records: Vec<_> = feed.iter().map(|blob| blob.repeated_records.clone()).collect();
        assert_eq!(records, [vec![3], vec![1, 2], vec![4], vec![0]]);
        let at = |text: &str| format!("2026-11-{text}Z").parse::<Timestamp>().unwrap();
        assert_eq!((feed[0].created, feed[0].listed_at), (at("20T10:00:00.5"), options.now));
        assert_eq!((feed[3].created, feed[3].listed_at), (at("23T10:00:00"), at("23T10:00:00")));
        assert_eq!([0, 1, 2, 3].map(|index| content.ordinal(ContentType::Dlp, index)), [1, 2, 3, 4]);
    }

    #[test]
    fn err_the_message_names_the_number_of_the_malformed_record() {
        let check = |text: &str, part: &str| {
            let lines = [line("DLP.All", "{}"), text.to_owned()];
            let error = Content::new(&options(&lines), &Behaviours::default()).unwrap_err();
            assert!(error.to_string().starts_with("record 2: ") && error.to_string().contains(part), "{error}");
        };
        check("{}", "content_type");
        check("nonsense", "expected");
        check(r#"{"content_type":"Audit.Nothing","record":{}}"#, "Audit.Nothing");
    }
}
