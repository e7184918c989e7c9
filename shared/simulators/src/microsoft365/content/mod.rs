//! Everything the tenant's feeds have to show: which blobs there are, and what is in each. It is
//! settled at the start and never changes. Made-up records are not held but made when asked for: what
//! is kept is a few dozen bytes a blob, and four for each time a record comes again.

mod again;
mod blob;
mod given;
mod ids;
mod latency;
mod owners;
mod plan;

use std::io;

use jiff::Timestamp;

use super::behaviours::Behaviours;
use super::content_type::ContentType;
use super::records::{Form, Made, Recipe};
use crate::dice::{Dice, mix};
use crate::options::Options;
use owners::Owners;

pub(super) use blob::{Blob, KEPT};
pub(super) use plan::by_share;

/// All content.
#[derive(Debug)]
pub(super) struct Content {
    seed: u64,
    tenant: String,
    source: Source,
    /// By content type, each in the order in which blobs are listed.
    pub(super) feeds: [Vec<Blob>; 5],
    /// By content type, the number of each blob in the order of creation, the first being 1.
    ordinals: [Vec<u32>; 5],
}

/// Where the records come from.
#[derive(Debug)]
enum Source {
    Made { recipe: Recipe, owners: Owners, behaviours: Box<Behaviours> },
    Given(Vec<String>),
}

impl Content {
    /// All content.
    ///
    /// # Errors
    /// A given line is not a record with its content type, or there are more records than can be numbered.
    pub(super) fn new(options: &Options, behaviours: &Behaviours) -> io::Result<Self> {
        let (source, feeds) = match &options.records {
            Some(lines) => {
                let (records, feeds) = given::feeds(lines, options, behaviours)?;
                (Source::Given(records), feeds)
            }
            None => made_up(options, behaviours)?,
        };
        let ordinals = feeds.each_ref().map(|feed| ordinals(feed));
        Ok(Self { seed: options.seed, tenant: behaviours.tenant_id.clone(), source, feeds, ordinals })
    }

    /// The record as it is sent.
    pub(super) fn raw(&self, record: u32, form: Form) -> String {
        match &self.source {
            Source::Given(records) => records.get(record as usize).cloned().unwrap_or_default(),
            Source::Made { recipe, owners, behaviours } => {
                let Some((content_type, place)) = owners.home(record) else { return String::new() };
                let blob = &self.feeds[content_type.place()][place as usize];
                let blob = (blob.created, blob.held_up);
                recipe.record(&made(self.seed, content_type, owners.number(record), blob, behaviours), form)
            }
        }
    }

    /// The `Id` that a made-up record bears, without the record being made.
    pub(super) fn record_id(&self, record: u32) -> Option<String> {
        match &self.source {
            Source::Given(_) => None,
            Source::Made { recipe, owners, behaviours } => {
                let content_type = owners.content_type(record);
                let number = named_as(self.seed, content_type, owners.number(record), behaviours);
                Some(recipe.id(content_type, number))
            }
        }
    }

    /// Whether what is sent of that record depends on what the token permits.
    pub(super) fn has_forms(&self, record: u32) -> bool {
        match &self.source {
            Source::Given(_) => false,
            Source::Made { owners, .. } => owners.content_type(record) == ContentType::Dlp,
        }
    }

    /// The feed and place of the blob that the record is a part of, and not only repeated in. Of given
    /// records there is none: each is wherever it was given.
    pub(super) fn home(&self, record: u32) -> Option<(ContentType, u32)> {
        match &self.source {
            Source::Given(_) => None,
            Source::Made { owners, .. } => owners.home(record),
        }
    }

    /// The records of a blob in the order in which they are sent, which tells nothing about when they happened.
    pub(super) fn records(&self, content_type: ContentType, place: usize) -> Vec<u32> {
        let Some(blob) = self.feeds[content_type.place()].get(place) else { return Vec::new() };
        let mut records: Vec<_> = blob.own.clone().chain(blob.again.iter().copied()).collect();
        if matches!(self.source, Source::Made { .. }) {
            let mut dice = Dice::new(self.seed, "order", mix(place as u64) ^ content_type as u64);
            dice.shuffle(&mut records);
        }
        records
    }

    /// The number, in the order of creation, of the blob at that place; the first is 1.
    pub(super) fn ordinal(&self, content_type: ContentType, place: usize) -> u32 {
        self.ordinals[content_type.place()].get(place).copied().unwrap_or_default()
    }

    /// The id of the blob at that place.
    pub(super) fn id(&self, content_type: ContentType, place: usize) -> String {
        let created = self.feeds[content_type.place()].get(place).map(|blob| blob.created).unwrap_or_default();
        ids::id(self.seed, &self.tenant, content_type, created, place)
    }

    /// Where the blob of that id is.
    pub(super) fn find(&self, id: &str) -> Option<(ContentType, usize)> {
        let places = ids::places(id);
        let all = ContentType::ALL.into_iter().flat_map(|content_type| places.map(|place| (content_type, place)));
        all.filter_map(|(content_type, place)| Some((content_type, place?)))
            .filter(|(content_type, place)| *place < self.feeds[content_type.place()].len())
            .find(|(content_type, place)| self.id(*content_type, *place) == id)
    }
}

/// The number of each blob of a feed in the order of creation. Of one instant, the one that is listed first comes first.
fn ordinals(feed: &[Blob]) -> Vec<u32> {
    let mut places: Vec<_> = (0..feed.len()).collect();
    places.sort_by_key(|place| feed[*place].created);
    let mut ordinals = vec![0; feed.len()];
    for (ordinal, place) in (1..).zip(places) {
        ordinals[place] = ordinal;
    }
    ordinals
}

/// The record of that number, of a blob which became available then and was held up by an outage or not.
pub(super) fn made(
    seed: u64,
    content_type: ContentType,
    number: usize,
    (created, held_up): (Timestamp, bool),
    behaviours: &Behaviours,
) -> Made {
    let mut dice = Dice::new(seed, "happened", mix(number as u64) ^ content_type as u64);
    let happened = latency::happened(created, held_up, behaviours, &mut dice);
    Made { content_type, number, named_as: named_as(seed, content_type, number, behaviours), happened }
}

/// The number of the record whose `Id` a record bears. They share in pairs, for the other one has to bear
/// the `Id` that is its own.
fn named_as(seed: u64, content_type: ContentType, number: usize, behaviours: &Behaviours) -> usize {
    let is_shared = || Dice::new(seed, "same id", mix(number as u64) ^ content_type as u64).chance(behaviours.same_id);
    if number.is_multiple_of(2) && behaviours.same_id > 0.0 && is_shared() { number - 1 } else { number }
}

fn made_up(options: &Options, behaviours: &Behaviours) -> io::Result<(Source, [Vec<Blob>; 5])> {
    let plan = plan::Plan::new(options, behaviours)?;
    let mut feeds = plan.feeds;
    for (feed, content_type) in feeds.iter_mut().zip(ContentType::ALL) {
        let mut number = content_type as u64;
        // Several of one instant are listed in no order in particular.
        feed.sort_by_cached_key(|blob| {
            number += 1;
            (blob.listed, blob.created, mix(options.seed ^ mix(number)))
        });
    }
    let owners = Owners::new(&feeds);
    again::put(&mut feeds, &owners, options, behaviours);
    let recipe = Recipe::new(options, behaviours).with_huge(plan.huge);
    Ok((Source::Made { recipe, owners, behaviours: Box::new(behaviours.clone()) }, feeds))
}
