//! Records that were given: lines `{"content_type":…,"record":{…}}`.

use std::collections::HashMap;
use std::io;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::behaviours::Behaviours;
use super::super::content_type::ContentType;
use super::blob::Blob;
use crate::canonical::canonical;
use crate::moment::after_milliseconds;
use crate::options::Options;

/// They became available this long before the start, milliseconds.
const WITHIN: i64 = 1_800_000;

/// A line.
#[derive(Deserialize)]
struct Line<'a> {
    content_type: String,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// Distinct records once, and the feeds, each blob with as many as it may have.
pub(super) fn feeds(
    lines: &[String],
    options: &Options,
    behaviours: &Behaviours,
) -> io::Result<(Vec<String>, [Vec<Blob>; 5])> {
    let mut records = Vec::new();
    let mut known = HashMap::new();
    let mut of_type: [Vec<u32>; 5] = Default::default();
    for (place, text) in lines.iter().enumerate() {
        let (content_type, record) = read(text).map_err(|what| wrong(place, &what))?;
        let number = u32::try_from(records.len()).map_err(|_| wrong(place, "there are too many"))?;
        let number = *known.entry(canonical(record)).or_insert_with(|| {
            records.push(record.to_owned());
            number
        });
        of_type[content_type.place()].push(number);
    }
    Ok((records, of_type.map(|numbers| blobs(&numbers, options, behaviours))))
}

fn wrong(place: usize, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("record {}: {what}", place + 1))
}

fn read(text: &str) -> Result<(ContentType, &str), String> {
    let line: Line<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let content_type = ContentType::named(&line.content_type)
        .ok_or_else(|| format!("unknown content type {:?}", line.content_type))?;
    Ok((content_type, line.record.get()))
}

fn blobs(numbers: &[u32], options: &Options, behaviours: &Behaviours) -> Vec<Blob> {
    let chunks = numbers.chunks(behaviours.records_per_blob.max(1));
    let step = WITHIN / (chunks.len() as i64 + 1);
    let blob = |(number, records): (usize, &[u32])| Blob {
        created: after_milliseconds(options.now, step * (number as i64 + 1) - WITHIN - 1_000),
        listed: options.now,
        held_up: false,
        own: 0..0,
        again: records.to_vec(),
    };
    chunks.enumerate().map(blob).collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::super::records::Form;
    use super::super::Content;
    use super::*;

    fn options(lines: &[String]) -> Options {
        Options { records: Some(lines.to_vec()), ..Options::new("2026-11-22T09:00:00Z".parse().unwrap()) }
    }

    fn line(content_type: &str, record: &str) -> String {
        format!(r#"{{"content_type":"{content_type}","record":{record}}}"#)
    }

    #[test]
    fn given_records_are_kept_as_they_are_and_lie_just_before_the_start() {
        let lines = [
            line("DLP.All", r#"{"Id":"a","n":1.0}"#),
            line("dlp.all", r#"{"n":1.0,"Id":"a"}"#),
            line("Audit.General", r#"{"Id":"b"}"#),
            line("DLP.All", "17"),
        ];
        let options = options(&lines);
        let content = Content::new(&options, &Behaviours::default()).unwrap();
        assert_eq!(content.records(ContentType::Dlp, 0), [0, 0, 2]);
        let age = content.feeds[ContentType::Dlp.place()][0].created.duration_until(options.now);
        assert!(age > SignedDuration::ZERO && age <= SignedDuration::from_mins(31), "{age}");
        for form in [Form::Full, Form::Redacted] {
            let raw = [0, 1, 2].map(|number| content.raw(number, form));
            assert_eq!(raw, [r#"{"Id":"a","n":1.0}"#, r#"{"Id":"b"}"#, "17"]);
        }
    }

    #[test]
    fn err_a_line_says_its_number() {
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
