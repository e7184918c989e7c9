//! The content of the simulated tenant: its blobs and their records. It is fixed when the simulator is created.
//!
//! The text of a generated record is made each time it is needed. So a blob needs only a few dozen bytes of memory, and
//! a repeated record four bytes.

mod blob;
mod ids;
mod latency;
mod owners;
mod plan;
mod repeats;
mod supplied;

use std::io;

use jiff::Timestamp;

use super::behaviours::Behaviours;
use super::content_type::ContentType;
use super::records::{RecordForm, RecordSettings, RecordSpec};
use crate::options::Options;
use crate::seeded_rng::{SeededRng, mix};
use owners::Owners;

pub(super) use blob::{Blob, RETENTION};
pub(super) use plan::random_content_type;

/// The blobs and records of all content types.
#[derive(Debug)]
pub(super) struct Content {
    seed: u64,
    tenant: String,
    source: RecordSource,
    /// The blobs of each content type, in the order of [`ContentType::ALL`]. Within a feed, they have the order in
    /// which listings show them.
    pub(super) feeds: [Vec<Blob>; 5],
    /// For each blob of `feeds`, its position when the blobs of its feed are sorted by the time at which they became
    /// available, from 1.
    ordinals: [Vec<u32>; 5],
}

/// The source of the records' texts: the generator, or the records that the caller supplied.
#[derive(Debug)]
enum RecordSource {
    Generated { record_settings: RecordSettings, owners: Owners, behaviours: Box<Behaviours> },
    Supplied(Vec<String>),
}

impl Content {
    /// Generates the content, or arranges the supplied records in blobs.
    ///
    /// # Errors
    /// A supplied record is malformed, or there are more records than a `u32` can number.
    pub(super) fn new(options: &Options, behaviours: &Behaviours) -> io::Result<Self> {
        let (source, feeds) = match &options.records {
            Some(lines) => {
                let (records, feeds) = supplied::feeds(lines, options, behaviours)?;
                (RecordSource::Supplied(records), feeds)
            }
            None => generated_content(options, behaviours)?,
        };
        let ordinals = feeds.each_ref().map(|feed| ordinals(feed));
        Ok(Self { seed: options.seed, tenant: behaviours.tenant_id.clone(), source, feeds, ordinals })
    }

    /// Returns the text of a record in this form; an empty text if there is no such record.
    pub(super) fn record_text(&self, record: u32, form: RecordForm) -> String {
        match &self.source {
            RecordSource::Supplied(records) => records.get(record as usize).cloned().unwrap_or_default(),
            RecordSource::Generated { record_settings, owners, behaviours } => {
                let Some((content_type, index)) = owners.owner(record) else { return String::new() };
                let blob = &self.feeds[content_type.index()][index as usize];
                let blob = (blob.created, blob.is_delayed);
                record_settings
                    .record(&record_spec(self.seed, content_type, owners.number(record), blob, behaviours), form)
            }
        }
    }

    /// Returns the `Id` of a generated record, without generating the whole record. `None` for a supplied record.
    pub(super) fn record_id(&self, record: u32) -> Option<String> {
        match &self.source {
            RecordSource::Supplied(_) => None,
            RecordSource::Generated { record_settings, owners, behaviours } => {
                let content_type = owners.content_type(record);
                let number = id_number(self.seed, content_type, owners.number(record), behaviours);
                Some(record_settings.id(content_type, number))
            }
        }
    }

    /// Returns `true` if clients get the record in different forms, depending on the permissions of their tokens.
    pub(super) fn has_two_forms(&self, record: u32) -> bool {
        match &self.source {
            RecordSource::Supplied(_) => false,
            RecordSource::Generated { owners, .. } => owners.content_type(record) == ContentType::Dlp,
        }
    }

    /// Returns the content type of the blob that owns the record, and the blob's index in its feed. `None` for a
    /// supplied record, which no blob owns.
    pub(super) fn owner(&self, record: u32) -> Option<(ContentType, u32)> {
        match &self.source {
            RecordSource::Supplied(_) => None,
            RecordSource::Generated { owners, .. } => owners.owner(record),
        }
    }

    /// Returns the numbers of a blob's records in the order in which they are sent. The order of generated records is
    /// random, not that of their times.
    pub(super) fn record_numbers(&self, content_type: ContentType, index: usize) -> Vec<u32> {
        let Some(blob) = self.feeds[content_type.index()].get(index) else { return Vec::new() };
        let mut records: Vec<_> = blob.own_records.clone().chain(blob.repeated_records.iter().copied()).collect();
        if matches!(self.source, RecordSource::Generated { .. }) {
            let mut rng = SeededRng::new(self.seed, "order", mix(index as u64) ^ content_type as u64);
            rng.shuffle(&mut records);
        }
        records
    }

    /// Returns the position of a blob when the blobs of its feed are sorted by the time at which they became available,
    /// from 1. `index` is its position in the feed itself.
    pub(super) fn ordinal(&self, content_type: ContentType, index: usize) -> u32 {
        self.ordinals[content_type.index()].get(index).copied().unwrap_or_default()
    }

    /// Returns the id of the blob with this index in its feed.
    pub(super) fn id(&self, content_type: ContentType, index: usize) -> String {
        let created = self.feeds[content_type.index()].get(index).map(|blob| blob.created).unwrap_or_default();
        ids::id(self.seed, &self.tenant, content_type, created, index)
    }

    /// Returns the content type of the blob with this id, and the blob's index in its feed; `None` if there is no such
    /// blob.
    pub(super) fn find(&self, id: &str) -> Option<(ContentType, usize)> {
        let indices = ids::index_candidates(id);
        let all = ContentType::ALL.into_iter().flat_map(|content_type| indices.map(|index| (content_type, index)));
        all.filter_map(|(content_type, index)| Some((content_type, index?)))
            .filter(|(content_type, index)| *index < self.feeds[content_type.index()].len())
            .find(|(content_type, index)| self.id(*content_type, *index) == id)
    }
}

/// Returns, for each blob of a feed, its position when the blobs are sorted by the time at which they became available,
/// from 1. Blobs of the same time keep their order.
fn ordinals(feed: &[Blob]) -> Vec<u32> {
    let mut indices: Vec<_> = (0..feed.len()).collect();
    indices.sort_by_key(|index| feed[*index].created);
    let mut ordinals = vec![0; feed.len()];
    for (ordinal, index) in (1..).zip(indices) {
        ordinals[index] = ordinal;
    }
    ordinals
}

/// Returns the specification from which a record is generated. `created` is the time at which its blob became
/// available, and `is_delayed` says whether an outage delayed the blob.
pub(super) fn record_spec(
    seed: u64,
    content_type: ContentType,
    number: usize,
    (created, is_delayed): (Timestamp, bool),
    behaviours: &Behaviours,
) -> RecordSpec {
    let mut rng = SeededRng::new(seed, "happened", mix(number as u64) ^ content_type as u64);
    let happened_at_seconds = latency::random_event_seconds(created, is_delayed, behaviours, &mut rng);
    RecordSpec {
        content_type,
        number,
        id_number: id_number(seed, content_type, number, behaviours),
        happened_at_seconds,
    }
}

/// Returns the number from which the `Id` of a record is made. It is usually the record's own number; a record that
/// shares its `Id` has the number of the record before it.
fn id_number(seed: u64, content_type: ContentType, number: usize, behaviours: &Behaviours) -> usize {
    let is_shared =
        || SeededRng::new(seed, "same id", mix(number as u64) ^ content_type as u64).chance(behaviours.same_id);
    if number.is_multiple_of(2) && behaviours.same_id > 0.0 && is_shared() { number - 1 } else { number }
}

fn generated_content(options: &Options, behaviours: &Behaviours) -> io::Result<(RecordSource, [Vec<Blob>; 5])> {
    let plan = plan::BlobPlan::new(options, behaviours)?;
    let mut feeds = plan.feeds;
    for (feed, content_type) in feeds.iter_mut().zip(ContentType::ALL) {
        let mut number = content_type as u64;
        // Blobs of the same time are listed in random order.
        feed.sort_by_cached_key(|blob| {
            number += 1;
            (blob.listed_at, blob.created, mix(options.seed ^ mix(number)))
        });
    }
    let owners = Owners::new(&feeds);
    repeats::add_repeats(&mut feeds, &owners, options, behaviours);
    let record_settings = RecordSettings::new(options, behaviours).with_huge_blob(plan.huge);
    Ok((RecordSource::Generated { record_settings, owners, behaviours: Box::new(behaviours.clone()) }, feeds))
}
