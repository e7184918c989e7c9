//! The permanent fault of a seed.

use std::time::Duration;

use jiff::Timestamp;
use simulators::Gateway;
use simulators::microsoft365::{Behaviours, BlobChoice, BrokenBlobs, BrokenSpan, ContentType, TricklingBlobs};
use tests::world::rng::SeededRng;

use super::length::STORM_SECONDS;
use crate::storm::{DAY, RefusedSpan, gateway, refused_span};

/// The permanent fault of a seed.
#[derive(Debug, Clone, Default)]
pub(super) struct PermanentFault {
    broken_spans: Vec<BrokenSpan>,
    broken_blobs: Vec<BrokenBlobs>,
    trickling_blobs: Vec<TricklingBlobs>,
    gateway: Vec<Gateway>,
}

impl PermanentFault {
    /// Picks the fault of a seed; one seed in eight has none.
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed ^ 0xBAD);
        let rng = &mut rng;
        match rng.below(8) {
            0 => Self::default(),
            1 | 2 => Self { broken_spans: broken_spans(rng), ..Self::default() },
            3..=5 => Self { broken_blobs: broken_blobs(rng), ..Self::default() },
            6 => Self { trickling_blobs: trickling_blobs(rng), ..Self::default() },
            _ => Self { gateway: vec![gateway_of_operation(rng)], ..Self::default() },
        }
    }

    /// Adds the fault to these behaviours.
    pub(super) fn add_to(&self, behaviours: Behaviours) -> Behaviours {
        let Self { broken_spans, broken_blobs, trickling_blobs, gateway } = self.clone();
        Behaviours { broken_spans, broken_blobs, trickling_blobs, gateway, ..behaviours }
    }

    /// Returns `true` if the vendor sends unreadable blobs, the beginning of which the collector keeps when it gives
    /// them up.
    pub(super) fn sends_unreadable(&self) -> bool {
        self.broken_blobs.iter().any(|broken| broken.status == 200)
    }
}

/// Picks one content type, or all (`None`).
fn content_type(rng: &mut SeededRng) -> Option<ContentType> {
    let all = ContentType::ALL.map(Some);
    if rng.happens(500) { rng.pick(&all) } else { None }
}

/// Picks one broken span within the time that has content. It is only one, because a slow search in a span that is
/// broken at both ends never ends; that case has a test of its own.
fn broken_spans(rng: &mut SeededRng) -> Vec<BrokenSpan> {
    let RefusedSpan { from, to, status } = refused_span(rng, -5 * DAY, STORM_SECONDS);
    vec![BrokenSpan { from, to, status, code: None, content_type: content_type(rng) }]
}

/// Picks the blobs that have a fault.
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

/// Picks a gateway that answers some requests of one operation, or of all.
fn gateway_of_operation(rng: &mut SeededRng) -> Gateway {
    let operation = rng.pick(&[None, Some("content"), Some("blob"), Some("token"), Some("subscriptions")]);
    gateway(rng, operation)
}
