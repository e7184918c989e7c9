//! The record types that the vendors publish. A type that is not among them is reported as drift.
//!
//! They affect only the counts and names of drift. Vendors also send types that they did not publish, and such events
//! become lines too.

use std::ops::RangeInclusive;

use crate::drift::Names;
use crate::event::json::{Document, Kind};

/// A vendor's record types.
#[derive(Debug)]
pub(crate) struct RecordTypes {
    /// The member that holds an event's type.
    field: &'static str,
    published: Published,
}

/// The types of a published list.
#[derive(Debug)]
enum Published {
    /// The names, sorted.
    Names(Vec<&'static str>),
    /// The range from the lowest to the highest published number. Vendors also send numbers in this range that they
    /// never published, or no longer publish.
    Numbers(RangeInclusive<i64>),
}

impl RecordTypes {
    /// Reads a published list with one name per line. `field` is the member that holds the type.
    pub(super) fn named(field: &'static str, list: &'static str) -> Self {
        let mut names: Vec<_> = entries(list).collect();
        names.sort_unstable();
        Self { field, published: Published::Names(names) }
    }

    /// Reads a published list whose lines begin with a number. `field` is the member that holds the type.
    pub(super) fn numbered(field: &'static str, list: &'static str) -> Self {
        let numbers = || entries(list).filter_map(|entry| entry.split(' ').next()?.parse().ok());
        let (lowest, highest) = (numbers().min().unwrap_or(i64::MIN), numbers().max().unwrap_or(i64::MAX));
        Self { field, published: Published::Numbers(lowest..=highest) }
    }

    /// Returns `true` if the event has a type that is not published, and adds the type to `names`.
    ///
    /// An event without a type, or with a value that cannot be a type, returns `false`: it counts as drift of another
    /// kind.
    pub(crate) fn is_unknown(&self, event: &Document<'_>, names: &mut Names) -> bool {
        let Some(id) = event.get(Document::ROOT, self.field) else { return false };
        let text = match event.kind(id) {
            Kind::String => event.text(id),
            Kind::Number => event.raw(id).into(),
            _ => return false,
        };
        let is_published = match &self.published {
            Published::Names(published) => published.binary_search(&&*text).is_ok(),
            Published::Numbers(published) => text.parse().map_or(true, |number| published.contains(&number)),
        };
        if !is_published {
            names.note(|name| name.push_str(&text));
        }
        !is_published
    }
}

/// Returns the lines of a list, except comments and empty lines.
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
    fn the_lists_are_complete() {
        let openai = entries(include_str!("../../record_types/OpenAI.txt"));
        assert_eq!(openai.collect::<HashSet<_>>().len(), 145 + 2);
        let numbers = entries(include_str!("../../record_types/Microsoft365.txt"));
        let numbers = numbers.map(|entry| entry.split_once(' ').unwrap().0.parse::<i64>().unwrap());
        assert_eq!(numbers.collect::<HashSet<_>>().len(), 257);
        assert!(
            matches!(&LogType::Exchange.spec().record_types.published, Published::Numbers(known) if *known == (1..=463))
        );
    }

    #[test]
    fn types_of_openai_are_names() {
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
    fn types_of_microsoft_are_numbers_up_to_the_highest() {
        for log_type in LogType::ALL.into_iter().filter(|log_type| *log_type != LogType::OpenAiAudit) {
            // 131 was published once. 117 is sent but was never published.
            for known in ["1", "463", "131", "117", r#""8""#, "8.0", r#""AzureActiveDirectory""#, "null", "[464]"] {
                check(log_type, &format!(r#"{{"RecordType":{known}}}"#), &[]);
            }
            check(log_type, r#"{"RecordType":464}"#, &["464"]);
            check(log_type, r#"{"RecordType":"-1"}"#, &["-1"]);
        }
    }
}
