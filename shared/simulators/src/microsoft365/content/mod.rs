//! The content of the tenant's feeds: the blobs and their records. It is fixed at the start. Generated records are made
//! only when they are needed, so the memory is a few dozen bytes per blob and four bytes per repeated record.

mod blob;
mod given;
mod ids;
mod latency;
mod owners;
mod plan;
mod repeats;

use std::io;

use jiff::Timestamp;

use super::behaviours::Behaviours;
use super::content_type::ContentType;
use super::records::{Form, RecordSettings, RecordSpec};
use crate::dice::{Dice, mix};
use crate::options::Options;
use owners::Owners;

pub(super) use blob::{Blob, RETENTION};
pub(super) use plan::by_share;

/// The content of all feeds.
#[derive(Debug)]
pub(super) struct Content {
    seed: u64,
    tenant: String,
    source: Source,
    /// The blobs per content type, in the order of their listing.
    pub(super) feeds: [Vec<Blob>; 5],
    /// The position of each blob in the order of creation, per content type, from 1.
    ordinals: [Vec<u32>; 5],
}

/// The origin of the records.
#[derive(Debug)]
enum Source {
    Generated { record_settings: RecordSettings, owners: Owners, behaviours: Box<Behaviours> },
    Given(Vec<String>),
}

impl Content {
    /// Returns the content of all feeds.
    ///
    /// # Errors
    /// A given line is not a record with its content type, or there are too many records to number.
    pub(super) fn new(options: &Options, behaviours: &Behaviours) -> io::Result<Self> {
        let (source, feeds) = match &options.records {
            Some(lines) => {
                let (records, feeds) = given::feeds(lines, options, behaviours)?;
                (Source::Given(records), feeds)
            }
            None => generated(options, behaviours)?,
        };
        let ordinals = feeds.each_ref().map(|feed| ordinals(feed));
        Ok(Self { seed: options.seed, tenant: behaviours.tenant_id.clone(), source, feeds, ordinals })
    }

    /// Returns the record as it is sent.
    pub(super) fn raw(&self, record: u32, form: Form) -> String {
        match &self.source {
            Source::Given(records) => records.get(record as usize).cloned().unwrap_or_default(),
            Source::Generated { record_settings, owners, behaviours } => {
                let Some((content_type, place)) = owners.owner(record) else { return String::new() };
                let blob = &self.feeds[content_type.place()][place as usize];
                let blob = (blob.created, blob.is_delayed);
                record_settings
                    .record(&record_spec(self.seed, content_type, owners.number(record), blob, behaviours), form)
            }
        }
    }

    /// Returns the `Id` of a generated record without making the record.
    pub(super) fn record_id(&self, record: u32) -> Option<String> {
        match &self.source {
            Source::Given(_) => None,
            Source::Generated { record_settings, owners, behaviours } => {
                let content_type = owners.content_type(record);
                let number = id_number(self.seed, content_type, owners.number(record), behaviours);
                Some(record_settings.id(content_type, number))
            }
        }
    }

    /// Returns `true` if the form of the record depends on the permissions of the token.
    pub(super) fn has_forms(&self, record: u32) -> bool {
        match &self.source {
            Source::Given(_) => false,
            Source::Generated { owners, .. } => owners.content_type(record) == ContentType::Dlp,
        }
    }

    /// Returns the feed and the place of the blob that owns the record. Given records have no owner.
    pub(super) fn owner(&self, record: u32) -> Option<(ContentType, u32)> {
        match &self.source {
            Source::Given(_) => None,
            Source::Generated { owners, .. } => owners.owner(record),
        }
    }

    /// Returns the records of a blob in the order in which they are sent, which is not the order in which they
    /// happened.
    pub(super) fn records(&self, content_type: ContentType, place: usize) -> Vec<u32> {
        let Some(blob) = self.feeds[content_type.place()].get(place) else { return Vec::new() };
        let mut records: Vec<_> = blob.own.clone().chain(blob.repeated.iter().copied()).collect();
        if matches!(self.source, Source::Generated { .. }) {
            let mut dice = Dice::new(self.seed, "order", mix(place as u64) ^ content_type as u64);
            dice.shuffle(&mut records);
        }
        records
    }

    /// Returns the position of the blob at that place in the order of creation, from 1.
    pub(super) fn ordinal(&self, content_type: ContentType, place: usize) -> u32 {
        self.ordinals[content_type.place()].get(place).copied().unwrap_or_default()
    }

    /// Returns the id of the blob at that place.
    pub(super) fn id(&self, content_type: ContentType, place: usize) -> String {
        let created = self.feeds[content_type.place()].get(place).map(|blob| blob.created).unwrap_or_default();
        ids::id(self.seed, &self.tenant, content_type, created, place)
    }

    /// Returns the feed and the place of the blob with that id.
    pub(super) fn find(&self, id: &str) -> Option<(ContentType, usize)> {
        let places = ids::places(id);
        let all = ContentType::ALL.into_iter().flat_map(|content_type| places.map(|place| (content_type, place)));
        all.filter_map(|(content_type, place)| Some((content_type, place?)))
            .filter(|(content_type, place)| *place < self.feeds[content_type.place()].len())
            .find(|(content_type, place)| self.id(*content_type, *place) == id)
    }
}

/// Returns the position of each blob of a feed in the order of creation. Of blobs of one instant, the one that is
/// listed first comes first.
fn ordinals(feed: &[Blob]) -> Vec<u32> {
    let mut places: Vec<_> = (0..feed.len()).collect();
    places.sort_by_key(|place| feed[*place].created);
    let mut ordinals = vec![0; feed.len()];
    for (ordinal, place) in (1..).zip(places) {
        ordinals[place] = ordinal;
    }
    ordinals
}

/// Returns the description of the record with that number, from the time of its blob and whether an outage delayed the
/// blob.
pub(super) fn record_spec(
    seed: u64,
    content_type: ContentType,
    number: usize,
    (created, is_delayed): (Timestamp, bool),
    behaviours: &Behaviours,
) -> RecordSpec {
    let mut dice = Dice::new(seed, "happened", mix(number as u64) ^ content_type as u64);
    let happened = latency::happened(created, is_delayed, behaviours, &mut dice);
    RecordSpec { content_type, number, id_number: id_number(seed, content_type, number, behaviours), happened }
}

/// Returns the number of the record whose `Id` a record has. Records share an `Id` in pairs, of which one has its own.
fn id_number(seed: u64, content_type: ContentType, number: usize, behaviours: &Behaviours) -> usize {
    let is_shared = || Dice::new(seed, "same id", mix(number as u64) ^ content_type as u64).chance(behaviours.same_id);
    if number.is_multiple_of(2) && behaviours.same_id > 0.0 && is_shared() { number - 1 } else { number }
}

fn generated(options: &Options, behaviours: &Behaviours) -> io::Result<(Source, [Vec<Blob>; 5])> {
    let plan = plan::Plan::new(options, behaviours)?;
    let mut feeds = plan.feeds;
    for (feed, content_type) in feeds.iter_mut().zip(ContentType::ALL) {
        let mut number = content_type as u64;
        // Blobs of one instant are listed in random order.
        feed.sort_by_cached_key(|blob| {
            number += 1;
            (blob.listed, blob.created, mix(options.seed ^ mix(number)))
        });
    }
    let owners = Owners::new(&feeds);
    repeats::add_repeats(&mut feeds, &owners, options, behaviours);
    let record_settings = RecordSettings::new(options, behaviours).with_huge(plan.huge);
    Ok((Source::Generated { record_settings, owners, behaviours: Box::new(behaviours.clone()) }, feeds))
}
