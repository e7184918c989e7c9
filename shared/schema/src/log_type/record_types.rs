//! The record types that the vendors publish, to tell that one has come up since.
//!
//! Nothing but a count depends on them: vendors send what they have not published, and that becomes a line too.

use std::ops::RangeInclusive;

use crate::drift::Names;
use crate::event::json::{Document, Kind};

/// A vendor's record types.
#[derive(Debug)]
pub(crate) struct RecordTypes {
    /// Where an event says its own.
    field: &'static str,
    known: Known,
}

#[derive(Debug)]
enum Known {
    /// Sorted.
    Names(Vec<&'static str>),
    /// From the lowest to the highest published number. Numbers between that are not published occur: some were once,
    /// and are still sent.
    Numbers(RangeInclusive<i64>),
}

impl RecordTypes {
    pub(super) fn named(field: &'static str, list: &'static str) -> Self {
        let mut names: Vec<_> = entries(list).collect();
        names.sort_unstable();
        Self { field, known: Known::Names(names) }
    }

    pub(super) fn numbered(field: &'static str, list: &'static str) -> Self {
        let numbers = || entries(list).filter_map(|entry| entry.split(' ').next()?.parse().ok());
        let (lowest, highest) = (numbers().min().unwrap_or(i64::MIN), numbers().max().unwrap_or(i64::MAX));
        Self { field, known: Known::Numbers(lowest..=highest) }
    }

    /// Whether the event says a type that is not known; it is noted in `names`. What says none is not of an unknown type,
    /// and neither is what says one that cannot be one, which is counted as what it is: missing, or a misfit.
    pub(crate) fn is_unknown(&self, event: &Document<'_>, names: &mut Names) -> bool {
        let Some(id) = event.get(Document::ROOT, self.field) else { return false };
        let text = match event.kind(id) {
            Kind::String => event.text(id),
            Kind::Number => event.raw(id).into(),
            _ => return false,
        };
        let is_known = match &self.known {
            Known::Names(known) => known.binary_search(&&*text).is_ok(),
            Known::Numbers(known) => text.parse().map_or(true, |number| known.contains(&number)),
        };
        if !is_known {
            names.note(|name| name.push_str(&text));
        }
        !is_known
    }
}

/// The lines of a list that are no comments.
fn entries(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::event::json;
    use crate::log_type::LogType;

    fn check(log_type: LogType, event: &str, unknown: &[&str]) {
        let document = json::parse(event.as_bytes()).unwrap();
        let mut names = Names::default();
        assert_eq!(log_type.spec().record_types.is_unknown(&document, &mut names), !unknown.is_empty(), "{event}");
        assert_eq!(names.all(), unknown, "{event}");
    }

    #[test]
    fn lists_are_whole() {
        let openai = entries(include_str!("../../record_types/OpenAI.txt"));
        assert_eq!(openai.collect::<HashSet<_>>().len(), 145 + 2);
        let numbers = entries(include_str!("../../record_types/Microsoft365.txt"));
        let numbers = numbers.map(|entry| entry.split_once(' ').unwrap().0.parse::<i64>().unwrap());
        assert_eq!(numbers.collect::<HashSet<_>>().len(), 257);
        assert!(matches!(&LogType::Exchange.spec().record_types.known, Known::Numbers(known) if *known == (1..=463)));
    }

    #[test]
    fn openais_are_names() {
        let check = |event, unknown: &[&str]| check(LogType::OpenAiAudit, event, unknown);
        check(r#"{"type":"api_key.created"}"#, &[]);
        check(r#"{"type":"tenant.user.looked_up"}"#, &[]);
        check(r#"{"type":"api_key.rot\u0061ted"}"#, &["api_key.rotated"]);
        check(r#"{"type":""}"#, &[""]);
        check(r#"{"type":7}"#, &["7"]);
        check(r#"{"type":null}"#, &[]);
        check(r#"{"type":["x"]}"#, &[]);
        check("{}", &[]);
    }

    #[test]
    fn microsofts_are_numbers_up_to_the_highest() {
        for log_type in LogType::ALL.into_iter().filter(|log_type| *log_type != LogType::OpenAiAudit) {
            // 131 was published once; 117 is sent and never was.
            for known in ["1", "463", "131", "117", r#""8""#, "8.0", r#""AzureActiveDirectory""#, "null", "[464]"] {
                check(log_type, &format!(r#"{{"RecordType":{known}}}"#), &[]);
            }
            check(log_type, r#"{"RecordType":464}"#, &["464"]);
            check(log_type, r#"{"RecordType":"-1"}"#, &["-1"]);
        }
    }
}
