//! The ledger as it is kept.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::super::content::Content;
use super::super::content_type::ContentType;
use super::super::records::Form;
use super::bits::Bits;
use crate::ledger::{Entry, Ledger as File};

/// A blob that became visible, or became so in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Shown {
    pub(in super::super) content_type: ContentType,
    /// Its place in its feed.
    pub(in super::super) number: u32,
    pub(in super::super) form: Form,
    /// When it became available, as it is told.
    pub(in super::super) created: Timestamp,
    pub(in super::super) at: Timestamp,
}

/// What was shown, in order.
#[derive(Debug)]
pub(in super::super) struct Book {
    shown: Vec<Shown>,
    /// Blobs by content type and form.
    blobs: [[Bits; 2]; 5],
    /// Records by log type and form.
    records: [[Bits; 2]; 5],
    counts: [u64; 5],
    /// A line for every record too, where that was wished for.
    file: Option<File>,
}

impl Book {
    /// An empty one; its file is appended to.
    pub(in super::super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(|path| File::open("microsoft365", Some(path))).transpose()?;
        Ok(Self { shown: Vec::new(), blobs: Default::default(), records: Default::default(), counts: [0; 5], file })
    }

    pub(in super::super) fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// Whether that blob has become visible, in whatever form.
    pub(in super::super) fn has(&self, content_type: ContentType, place: usize) -> bool {
        self.blobs[content_type.place()].iter().any(|bits| bits.contains(place as u32))
    }

    /// A blob becomes visible, with all its records.
    pub(in super::super) fn show(&mut self, content: &Content, shown: Shown) {
        let feed = shown.content_type.place();
        if !self.blobs[feed][shown.form as usize].insert(shown.number) {
            return;
        }
        self.shown.push(shown);
        for record in numbers(content, shown) {
            let form = form(content, record, shown.form);
            if self.records[feed][form as usize].insert(record) {
                self.counts[feed] += 1;
                self.write(content, shown, record, form);
            }
        }
    }

    /// A blob that is visible is sent in this form. That is news only where it makes a difference.
    pub(in super::super) fn show_form(&mut self, content: &Content, shown: Shown) {
        let is_news = !self.blobs[shown.content_type.place()][shown.form as usize].contains(shown.number);
        if is_news && numbers(content, shown).any(|record| content.has_forms(record)) {
            self.show(content, shown);
        }
    }

    fn write(&mut self, content: &Content, shown: Shown, record: u32, form: Form) {
        if let Some(file) = &mut self.file {
            let event = record as usize * 2 + form as usize;
            let entry = Entry { log_type: shown.content_type.log_type(), event, at: shown.at };
            file.note(entry, || content.raw(record, form));
        }
    }

    /// How many distinct records were shown, by log type; what has none is left out.
    pub(in super::super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = ContentType::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0);
        let mut counts: Vec<_> = counts.map(|(content_type, count)| (content_type.log_type(), count)).collect();
        counts.sort_unstable();
        counts
    }

    /// Distinct records that are still to be shown, and will be in that form. `past` of each feed's blobs will not.
    pub(in super::super) fn pending(&self, content: &Content, past: [usize; 5], wanted: Form) -> usize {
        let mut count = 0;
        for content_type in ContentType::ALL {
            let feed = content_type.place();
            let coming = content.feeds[feed].get(past[feed]..).unwrap_or_default();
            let is_new = |record: &u32| {
                let form = form(content, *record, wanted);
                !self.records[feed][form as usize].contains(*record)
            };
            // What is a part of one of them is counted there, however often it comes again.
            let is_part = |record: &u32| {
                let home = content.home(*record);
                home.is_some_and(|(home, place)| home == content_type && place as usize >= past[feed])
            };
            count += coming.iter().flat_map(|blob| blob.own()).filter(is_new).count();
            let again = coming.iter().flat_map(|blob| blob.again.iter().copied());
            count += again.filter(|record| is_new(record) && !is_part(record)).collect::<HashSet<_>>().len();
        }
        count
    }
}

/// The records of a blob, in no order in particular.
fn numbers(content: &Content, shown: Shown) -> impl Iterator<Item = u32> {
    let blob = &content.feeds[shown.content_type.place()][shown.number as usize];
    blob.own().chain(blob.again.iter().copied())
}

/// The form a record has where that form is wanted: most have but one.
pub(super) fn form(content: &Content, record: u32, wanted: Form) -> Form {
    if content.has_forms(record) { wanted } else { Form::Full }
}
