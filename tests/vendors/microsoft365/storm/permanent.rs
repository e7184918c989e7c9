//! Trouble of the vendor that never ends.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use simulators::Gateway;
use simulators::microsoft365::{Behaviours, BlobChoice, BrokenBlobs, BrokenSpan, ContentType, TricklingBlobs};
use tests::world::rng::SeededRng;

use super::super::world::begin;
use super::length::{DAY, HOUR, STORM};

/// The one trouble of a seed.
#[derive(Debug, Clone, Default)]
pub(super) struct Permanent {
    broken_spans: Vec<BrokenSpan>,
    broken_blobs: Vec<BrokenBlobs>,
    trickling_blobs: Vec<TricklingBlobs>,
    gateway: Vec<Gateway>,
}

impl Permanent {
    /// The trouble of that seed; one in eight has none.
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed ^ 0xBAD);
        let rng = &mut rng;
        match rng.below(8) {
            0 => Self::default(),
            1 | 2 => Self { broken_spans: broken_spans(rng), ..Self::default() },
            3..=5 => Self { broken_blobs: broken_blobs(rng), ..Self::default() },
            6 => Self { trickling_blobs: trickling_blobs(rng), ..Self::default() },
            _ => Self { gateway: vec![gateway(rng)], ..Self::default() },
        }
    }

    /// A vendor that has these ways, and the trouble.
    pub(super) fn with(&self, ways: Behaviours) -> Behaviours {
        let Self { broken_spans, broken_blobs, trickling_blobs, gateway } = self.clone();
        Behaviours { broken_spans, broken_blobs, trickling_blobs, gateway, ..ways }
    }

    /// Whether blobs are sent that cannot be read, the beginning of which is kept when they are given up.
    pub(super) fn sends_unreadable(&self) -> bool {
        self.broken_blobs.iter().any(|broken| broken.status == 200)
    }
}

/// One content type, or all of them.
fn content_type(rng: &mut SeededRng) -> Option<ContentType> {
    let all = ContentType::ALL.map(Some);
    if rng.happens(500) { rng.pick(&all) } else { None }
}

/// A span of a second to a day, somewhere in the time that has content. It ends long before the storm does, for as long as
/// nothing new can be listed nothing that is pending is tried again; and it is one, for a slow search in a span that is
/// broken at both of its ends never ends. Both have tests of their own.
fn broken_spans(rng: &mut SeededRng) -> Vec<BrokenSpan> {
    let length = rng.pick(&[1, 60, HOUR, 5 * HOUR, DAY]);
    let from = rng.between(-5 * DAY, STORM - DAY - length);
    let at = |seconds| begin() + SignedDuration::from_secs(seconds);
    let status = rng.pick(&[500, 503, 403, 404, 400]);
    let content_type = content_type(rng);
    vec![BrokenSpan { from: at(from), to: at(from + length), status, code: None, content_type }]
}

/// Some blobs, or all of one content type.
fn choice(rng: &mut SeededRng) -> BlobChoice {
    match rng.below(4) {
        0 => BlobChoice::First(rng.pick(&[1, 12, 30])),
        1 => BlobChoice::Share(rng.pick(&[0.05, 0.3, 0.6])),
        _ => BlobChoice::Ordinals((0..=rng.below(4)).map(|_| 1 + rng.below(40) as u32).collect()),
    }
}

fn broken_blobs(rng: &mut SeededRng) -> Vec<BrokenBlobs> {
    let status = rng.pick(&[500, 500, 404, 404, 403, 200]);
    vec![BrokenBlobs { blobs: choice(rng), content_type: content_type(rng), status, code: None, until: Timestamp::MAX }]
}

fn trickling_blobs(rng: &mut SeededRng) -> Vec<TricklingBlobs> {
    let blobs = BlobChoice::Ordinals((0..=rng.below(2)).map(|_| 1 + rng.below(30) as u32).collect());
    vec![TricklingBlobs { blobs, content_type: content_type(rng), pause: Duration::from_millis(1) }]
}

/// A gateway that answers some requests itself, its clock far off.
fn gateway(rng: &mut SeededRng) -> Gateway {
    let operation = rng.pick(&[None, Some("content"), Some("blob"), Some("token"), Some("subscriptions")]);
    Gateway {
        operation: operation.map(str::to_owned),
        share: rng.pick(&[0.05, 0.2]),
        status: rng.pick(&[502, 502, 404, 403, 200]),
        body: "<html>".to_owned(),
        date_offset_seconds: rng.pick(&[10 * DAY, -10 * DAY, 2 * HOUR, -2 * HOUR]),
    }
}
