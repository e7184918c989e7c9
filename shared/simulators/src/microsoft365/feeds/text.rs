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
    separator: Option<&'static str>,
}

impl BlobText {
    /// Returns the pieces of the text of an array of these records. With `has_byte_order_mark`, the text begins with a
    /// byte order mark.
    pub(super) fn new(content: Arc<Content>, records: Vec<u32>, form: RecordForm, has_byte_order_mark: bool) -> Self {
        let separator = if has_byte_order_mark { "\u{feff}[" } else { "[" };
        Self { content, form, records: records.into_iter(), separator: Some(separator) }
    }
}

impl Iterator for BlobText {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let separator = self.separator?;
        let Some(record) = self.records.next() else {
            self.separator = None;
            // If the array has no records, its opening bracket was not sent yet.
            return Some(if separator == "," { "]".to_owned() } else { format!("{separator}]") });
        };
        self.separator = Some(",");
        Some(format!("{separator}{}", self.content.record_text(record, self.form)))
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

    /// The text can be moved to another task, which sends it at the pace of the client.
    #[test]
    fn b55_the_body_of_a_blob_can_be_sent_by_another_task() {
        fn require_send_static<T: Send + 'static>(text: T) -> T {
            text
        }
        let text =
            require_send_static(BlobText::new(content(&Behaviours::default()), vec![1], RecordForm::Full, false));
        assert_eq!(text.count(), 2);
    }

    #[test]
    fn the_body_of_a_blob_is_an_array_of_its_records() {
        let content = content(&Behaviours::default());
        for has_byte_order_mark in [false, true] {
            for count in [0, 1, 3] {
                let records: Vec<_> = (0..count).collect();
                let text: String =
                    BlobText::new(Arc::clone(&content), records, RecordForm::Full, has_byte_order_mark).collect();
                assert_eq!(text.starts_with('\u{feff}'), has_byte_order_mark);
                let array: Vec<Value> = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
                assert_eq!(array.len(), count as usize);
            }
        }
    }

    #[test]
    fn b55_fifty_megabytes_come_in_pieces_no_longer_than_a_record() {
        const BYTES: usize = 50_000_000;
        let huge_blob = Some((ContentType::Exchange, BYTES));
        let behaviours = Behaviours { huge_blob, repeated_records: 0.0, ..Behaviours::default() };
        let content = content(&behaviours);
        let blobs = (0..content.feeds[ContentType::Exchange.index()].len()).map(|index| {
            let records = content.record_numbers(ContentType::Exchange, index);
            let pieces = BlobText::new(Arc::clone(&content), records, RecordForm::Full, false);
            pieces.fold((0, 0), |(max_piece, total), piece| (piece.len().max(max_piece), total + piece.len()))
        });
        let (max_piece, total) = blobs.max_by_key(|(_, total)| *total).unwrap();
        // The blob has all 250 records of its content type, so each is about a 250th of it.
        assert!((BYTES..BYTES + 1_000_000).contains(&total) && max_piece < BYTES / 240, "{max_piece} of {total}");
    }
}
