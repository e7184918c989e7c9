//! The ledger as the simulator writes it.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::super::content::Content;
use super::super::content_type::ContentType;
use super::super::records::RecordForm;
use super::bit_set::BitSet;
use crate::ledger::{Entry, Ledger as File};

/// A blob that became visible, in one form of its records. A blob has a second entry if clients also get it in the
/// other form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct VisibleBlob {
    pub(in super::super) content_type: ContentType,
    /// The blob's index in its feed.
    pub(in super::super) number: u32,
    pub(in super::super) form: RecordForm,
    /// The time at which the blob became available: the `contentCreated` of listings.
    pub(in super::super) created: Timestamp,
    pub(in super::super) visible_at: Timestamp,
}

/// All blobs that became visible, in that order.
#[derive(Debug)]
pub(in super::super) struct LedgerWriter {
    visible_blobs: Vec<VisibleBlob>,
    /// The indices of the blobs in `visible`, by content type and [form](RecordForm).
    recorded_blobs: [[BitSet; 2]; 5],
    /// The numbers of those blobs' records, by content type and [form](RecordForm).
    recorded_records: [[BitSet; 2]; 5],
    counts: [u64; 5],
    /// The file to which every record is appended as a line of JSON, if the caller asked for one.
    file: Option<File>,
}

impl LedgerWriter {
    /// Returns an empty ledger. With a `path`, it also appends every record to that file, which is created if it is
    /// missing.
    pub(in super::super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(|path| File::open("microsoft365", Some(path))).transpose()?;
        Ok(Self {
            visible_blobs: Vec::new(),
            recorded_blobs: Default::default(),
            recorded_records: Default::default(),
            counts: [0; 5],
            file,
        })
    }

    pub(in super::super) fn visible_blobs(&self) -> &[VisibleBlob] {
        &self.visible_blobs
    }

    /// Returns `true` if the blob became visible, in either form.
    pub(in super::super) fn has_blob(&self, content_type: ContentType, index: usize) -> bool {
        self.recorded_blobs[content_type.index()].iter().any(|bits| bits.contains(index as u32))
    }

    /// Records that a blob and all its records became visible. Does nothing if the blob was recorded in this form
    /// before.
    pub(in super::super) fn record_blob(&mut self, content: &Content, visible: VisibleBlob) {
        let feed = visible.content_type.index();
        if !self.recorded_blobs[feed][visible.form as usize].insert(visible.number) {
            return;
        }
        self.visible_blobs.push(visible);
        for record in record_numbers(content, visible) {
            let form = form_of(content, record, visible.form);
            if self.recorded_records[feed][form as usize].insert(record) {
                self.counts[feed] += 1;
                self.append_to_file(content, visible, record, form);
            }
        }
    }

    /// Records that a client gets the blob in the form `visible.form`. Does nothing if the blob was recorded in this
    /// form before, or if none of its records has two forms.
    pub(in super::super) fn record_form(&mut self, content: &Content, visible: VisibleBlob) {
        let is_new = !self.recorded_blobs[visible.content_type.index()][visible.form as usize].contains(visible.number);
        if is_new && record_numbers(content, visible).any(|record| content.has_two_forms(record)) {
            self.record_blob(content, visible);
        }
    }

    fn append_to_file(&mut self, content: &Content, visible: VisibleBlob, record: u32, form: RecordForm) {
        if let Some(file) = &mut self.file {
            let event_number = record as usize * 2 + form as usize;
            let entry =
                Entry { log_type: visible.content_type.log_type(), event_number, visible_at: visible.visible_at };
            file.record(entry, || content.record_text(record, form));
        }
    }

    /// Returns the number of distinct records that became visible, per log type. Log types without records are left
    /// out.
    pub(in super::super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = ContentType::ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0);
        let mut counts: Vec<_> = counts.map(|(content_type, count)| (content_type.log_type(), count)).collect();
        counts.sort_unstable();
        counts
    }

    /// Returns the number of distinct records that are not visible yet in the form `wanted`. The first `passed` blobs
    /// of each feed are not counted: they are visible, or never will be.
    pub(in super::super) fn pending(&self, content: &Content, passed: [usize; 5], wanted: RecordForm) -> usize {
        let mut count = 0;
        for content_type in ContentType::ALL {
            let feed = content_type.index();
            let upcoming = content.feeds[feed].get(passed[feed]..).unwrap_or_default();
            let is_new = |record: &u32| {
                let form = form_of(content, *record, wanted);
                !self.recorded_records[feed][form as usize].contains(*record)
            };
            // A repeated record is not counted a second time if one of these blobs owns it.
            let is_owned_here = |record: &u32| {
                let owner = content.owner(*record);
                owner.is_some_and(|(owner, index)| owner == content_type && index as usize >= passed[feed])
            };
            count += upcoming.iter().flat_map(|blob| blob.own_records()).filter(is_new).count();
            let repeated = upcoming.iter().flat_map(|blob| blob.repeated_records.iter().copied());
            count += repeated.filter(|record| is_new(record) && !is_owned_here(record)).collect::<HashSet<_>>().len();
        }
        count
    }
}

/// Returns the numbers of a blob's records, in no particular order.
fn record_numbers(content: &Content, visible: VisibleBlob) -> impl Iterator<Item = u32> {
    let blob = &content.feeds[visible.content_type.index()][visible.number as usize];
    blob.own_records().chain(blob.repeated_records.iter().copied())
}

/// Returns the form in which a record is sent to a client that gets the form `wanted`. Most records have only the full
/// form.
pub(super) fn form_of(content: &Content, record: u32, wanted: RecordForm) -> RecordForm {
    if content.has_two_forms(record) { wanted } else { RecordForm::Full }
}
