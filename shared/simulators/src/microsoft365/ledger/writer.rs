//! The part of the ledger that is written while the simulator runs.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::super::content::Content;
use super::super::content_type::ContentType;
use super::super::records::Form;
use super::bits::Bits;
use crate::ledger::{Entry, Ledger as File};

/// A blob that became visible, or was sent in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct VisibleBlob {
    pub(in super::super) content_type: ContentType,
    /// The blob's place in its feed.
    pub(in super::super) number: u32,
    pub(in super::super) form: Form,
    /// The time when it became available, as listings show it.
    pub(in super::super) created: Timestamp,
    pub(in super::super) at: Timestamp,
}

/// All visible blobs, in order.
#[derive(Debug)]
pub(in super::super) struct LedgerWriter {
    visible: Vec<VisibleBlob>,
    /// Blobs by content type and form.
    blobs: [[Bits; 2]; 5],
    /// Records by log type and form.
    records: [[Bits; 2]; 5],
    counts: [u64; 5],
    /// A file that records every event as a line, if there is one.
    file: Option<File>,
}

impl LedgerWriter {
    /// Returns an empty book that appends to the file at `path`, if there is one.
    pub(in super::super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(|path| File::open("microsoft365", Some(path))).transpose()?;
        Ok(Self { visible: Vec::new(), blobs: Default::default(), records: Default::default(), counts: [0; 5], file })
    }

    pub(in super::super) fn visible(&self) -> &[VisibleBlob] {
        &self.visible
    }

    /// Returns `true` if the blob became visible, in any form.
    pub(in super::super) fn has(&self, content_type: ContentType, place: usize) -> bool {
        self.blobs[content_type.place()].iter().any(|bits| bits.contains(place as u32))
    }

    /// Records that a blob became visible, with all its records.
    pub(in super::super) fn record_blob(&mut self, content: &Content, visible: VisibleBlob) {
        let feed = visible.content_type.place();
        if !self.blobs[feed][visible.form as usize].insert(visible.number) {
            return;
        }
        self.visible.push(visible);
        for record in numbers(content, visible) {
            let form = form(content, record, visible.form);
            if self.records[feed][form as usize].insert(record) {
                self.counts[feed] += 1;
                self.write(content, visible, record, form);
            }
        }
    }

    /// Records that a visible blob is sent in this form, if the form makes a difference.
    pub(in super::super) fn record_form(&mut self, content: &Content, visible: VisibleBlob) {
        let is_news = !self.blobs[visible.content_type.place()][visible.form as usize].contains(visible.number);
        if is_news && numbers(content, visible).any(|record| content.has_forms(record)) {
            self.record_blob(content, visible);
        }
    }

    fn write(&mut self, content: &Content, visible: VisibleBlob, record: u32, form: Form) {
        if let Some(file) = &mut self.file {
            let event = record as usize * 2 + form as usize;
            let entry = Entry { log_type: visible.content_type.log_type(), event, at: visible.at };
            file.record(entry, || content.raw(record, form));
        }
    }

    /// Returns the number of distinct visible records, per log type. A log type without records is left out.
    pub(in super::super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = ContentType::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0);
        let mut counts: Vec<_> = counts.map(|(content_type, count)| (content_type.log_type(), count)).collect();
        counts.sort_unstable();
        counts
    }

    /// Returns the number of distinct records that will become visible in that form. The first `past` blobs of each
    /// feed will not.
    pub(in super::super) fn pending(&self, content: &Content, past: [usize; 5], wanted: Form) -> usize {
        let mut count = 0;
        for content_type in ContentType::ALL {
            let feed = content_type.place();
            let coming = content.feeds[feed].get(past[feed]..).unwrap_or_default();
            let is_new = |record: &u32| {
                let form = form(content, *record, wanted);
                !self.records[feed][form as usize].contains(*record)
            };
            // A record that one of these blobs owns is counted there, and not where it is repeated.
            let is_part = |record: &u32| {
                let owner = content.owner(*record);
                owner.is_some_and(|(owner, place)| owner == content_type && place as usize >= past[feed])
            };
            count += coming.iter().flat_map(|blob| blob.own()).filter(is_new).count();
            let repeated = coming.iter().flat_map(|blob| blob.repeated.iter().copied());
            count += repeated.filter(|record| is_new(record) && !is_part(record)).collect::<HashSet<_>>().len();
        }
        count
    }
}

/// Returns the records of a blob, in no particular order.
fn numbers(content: &Content, visible: VisibleBlob) -> impl Iterator<Item = u32> {
    let blob = &content.feeds[visible.content_type.place()][visible.number as usize];
    blob.own().chain(blob.repeated.iter().copied())
}

/// Returns the form of a record for the wanted form. Most records have only one.
pub(super) fn form(content: &Content, record: u32, wanted: Form) -> Form {
    if content.has_forms(record) { wanted } else { Form::Full }
}
