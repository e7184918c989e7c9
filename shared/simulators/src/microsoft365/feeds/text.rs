//! The body of a blob: an array of records. It is produced piece by piece, so that only one record needs to be in
//! memory.

use std::sync::Arc;
use std::vec::IntoIter;

use super::super::content::Content;
use super::super::records::RecordForm;

/// Produces the body of a blob, one record at a time.
pub(super) struct BlobText {
    content: Arc<Content>,
    form: RecordForm,
    records: IntoIter<u32>,
    /// The text before the next record: an opening bracket or a comma. `None` after the closing bracket.
    before: Option<&'static str>,
}

impl BlobText {
    /// Returns the pieces of an array of these records. With `has_mark`, it begins with a byte order mark.
    pub(super) fn new(content: Arc<Content>, records: Vec<u32>, form: RecordForm, has_mark: bool) -> Self {
        let before = if has_mark { "\u{feff}[" } else { "[" };
        Self { content, form, records: records.into_iter(), before: Some(before) }
    }
}

impl Iterator for BlobText {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let before = self.before?;
        let Some(record) = self.records.next() else {
            self.before = None;
            // If the array has no records, its opening bracket was not sent yet.
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

    /// Another task can send the text, at the pace of the client.
    #[test]
    fn b55_the_body_of_a_blob_can_be_sent_by_another_task() {
        fn outlives<T: Send + 'static>(text: T) -> T {
            text
        }
        let text = outlives(BlobText::new(content(&Behaviours::default()), vec![1], RecordForm::Full, false));
        assert_eq!(text.count(), 2);
    }

    #[test]
    fn the_body_of_a_blob_is_an_array_of_its_records() {
        let content = content(&Behaviours::default());
        for has_mark in [false, true] {
            for count in [0, 1, 3] {
                let records: Vec<_> = (0..count).collect();
                let text: String = BlobText::new(Arc::clone(&content), records, RecordForm::Full, has_mark).collect();
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
        let blobs = (0..content.feeds[ContentType::Exchange.index()].len()).map(|index| {
            let records = content.records(ContentType::Exchange, index);
            let pieces = BlobText::new(Arc::clone(&content), records, RecordForm::Full, false);
            pieces.fold((0, 0), |(longest, whole), piece| (piece.len().max(longest), whole + piece.len()))
        });
        let (longest, whole) = blobs.max_by_key(|(_, whole)| *whole).unwrap();
        // The blob has all 250 records of its content type, so each is about a 250th of it.
        assert!((BYTES..BYTES + 1_000_000).contains(&whole) && longest < BYTES / 240, "{longest} of {whole}");
    }
}
