//! The text of a blob. It is made one record at a time, so that only one record is in memory.

use std::sync::Arc;
use std::vec::IntoIter;

use super::super::content::Content;
use super::super::records::Form;

/// The parts of a blob's text, in order.
pub(super) struct Text {
    content: Arc<Content>,
    form: Form,
    records: IntoIter<u32>,
    /// The text before the next record; `None` after the end.
    before: Option<&'static str>,
}

impl Text {
    /// Returns the text of an array of these records, with a byte order mark if `has_mark`.
    pub(super) fn new(content: Arc<Content>, records: Vec<u32>, form: Form, has_mark: bool) -> Self {
        let before = if has_mark { "\u{feff}[" } else { "[" };
        Self { content, form, records: records.into_iter(), before: Some(before) }
    }
}

impl Iterator for Text {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let before = self.before?;
        let Some(record) = self.records.next() else {
            self.before = None;
            // An array without records still lacks its opening bracket.
            return Some(if before == "," { "]".to_owned() } else { format!("{before}]") });
        };
        self.before = Some(",");
        Some(format!("{before}{}", self.content.raw(record, self.form)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::super::behaviours::Behaviours;
    use super::super::super::content_type::ContentType;
    use super::*;
    use crate::options::Options;

    fn content(behaviours: &Behaviours) -> Arc<Content> {
        let options = Options { events: 1_000, ..Options::new("2026-11-22T09:00:00Z".parse().unwrap()) };
        Arc::new(Content::new(&options, behaviours).unwrap())
    }

    /// The text can be sent by another task, when the client is ready for more.
    #[test]
    fn b55_a_text_may_outlive_its_request() {
        fn outlives<T: Send + 'static>(text: T) -> T {
            text
        }
        let text = outlives(Text::new(content(&Behaviours::default()), vec![1], Form::Full, false));
        assert_eq!(text.count(), 2);
    }

    #[test]
    fn an_array_of_the_records_of_a_blob() {
        let content = content(&Behaviours::default());
        for has_mark in [false, true] {
            for count in [0, 1, 3] {
                let records: Vec<_> = (0..count).collect();
                let text: String = Text::new(Arc::clone(&content), records, Form::Full, has_mark).collect();
                assert_eq!(text.starts_with('\u{feff}'), has_mark);
                let array: Vec<Value> = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
                assert_eq!(array.len(), count as usize);
            }
        }
    }

    #[test]
    fn b55_fifty_megabytes_come_in_pieces_no_longer_than_a_record() {
        const BYTES: usize = 50_000_000;
        let huge_blob = Some((ContentType::Exchange, BYTES));
        let behaviours = Behaviours { huge_blob, repeated: 0.0, ..Behaviours::default() };
        let content = content(&behaviours);
        let blobs = (0..content.feeds[ContentType::Exchange.place()].len()).map(|place| {
            let records = content.records(ContentType::Exchange, place);
            let pieces = Text::new(Arc::clone(&content), records, Form::Full, false);
            pieces.fold((0, 0), |(longest, whole), piece| (piece.len().max(longest), whole + piece.len()))
        });
        let (longest, whole) = blobs.max_by_key(|(_, whole)| *whole).unwrap();
        // A quarter of the thousand records belong to Exchange.
        assert!((BYTES..BYTES + 1_000_000).contains(&whole) && longest < BYTES / 240, "{longest} of {whole}");
    }
}
