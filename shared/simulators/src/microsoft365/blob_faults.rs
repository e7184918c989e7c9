//! Blobs that cannot be fetched, and blobs that are sent very slowly.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content_type::ContentType;
use crate::json_form;
use crate::moment::{end_of_time, is_end_of_time};
use crate::seeded_rng::SeededRng;

/// Chooses some of the blobs of a content type. The ordinal of a blob is its position, from 1, when all blobs of its
/// content type are sorted by their creation, whether they are listed yet or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlobChoice {
    /// A share of the blobs, from 0 to 1. The seed decides which blobs belong to it.
    Share(f64),
    /// The blobs with the ordinals from 1 to this number.
    First(u32),
    /// The blobs with these ordinals.
    Ordinals(Vec<u32>),
}

/// Blobs whose fetch fails, for ever or until a set time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenBlobs {
    /// The chosen blobs.
    pub blobs: BlobChoice,
    /// The content type to which the choice is restricted. By default it applies to each content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// The HTTP status of the error.
    pub status: u16,
    /// The error's code, such as `AF20051`. By default the code that the API usually sends with `status`, for example
    /// `AF20050` with 404.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The time from which the blobs can be fetched, by the simulator's clock. By default they never can.
    #[serde(default = "end_of_time", skip_serializing_if = "is_end_of_time")]
    pub until: Timestamp,
}

/// Blobs whose body is sent one byte at a time: the first byte at once, and every other byte after a pause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TricklingBlobs {
    /// The chosen blobs.
    pub blobs: BlobChoice,
    /// The content type to which the choice is restricted. By default it applies to each content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// The pause before every byte but the first. In JSON, the field is `trickle_milliseconds`.
    #[serde(rename = "trickle_milliseconds", with = "json_form::milliseconds")]
    pub pause: Duration,
}

/// The properties of a blob that a [`BlobChoice`] looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlobKey {
    pub(super) content_type: ContentType,
    /// The blob's ordinal, as [`BlobChoice`] describes it.
    pub(super) ordinal: u32,
    pub(super) seed: u64,
}

impl BlobChoice {
    fn includes(&self, purpose: &str, content_type: Option<ContentType>, blob: BlobKey) -> bool {
        content_type.is_none_or(|chosen| chosen == blob.content_type)
            && match self {
                Self::Share(share) => {
                    let purpose = format!("{purpose} {}", blob.content_type.name());
                    SeededRng::new(blob.seed, &purpose, blob.ordinal.into()).chance(*share)
                }
                Self::First(count) => blob.ordinal <= *count,
                Self::Ordinals(ordinals) => ordinals.contains(&blob.ordinal),
            }
    }
}

impl BlobKey {
    /// Returns `true` if the blob belongs to the `share` of blobs whose first record is broken. The seed decides it.
    pub(super) fn has_broken_record(self, share: f64) -> bool {
        share > 0.0 && BlobChoice::Share(share).includes("broken record", None, self)
    }
}

impl BrokenBlobs {
    /// Returns `true` if the fetch of the blob fails at `now`.
    pub(super) fn includes(&self, blob: BlobKey, now: Timestamp) -> bool {
        now < self.until && self.blobs.includes("broken blobs", self.content_type, blob)
    }
}

impl TricklingBlobs {
    /// Returns `true` if the blob is sent one byte at a time.
    pub(super) fn includes(&self, blob: BlobKey) -> bool {
        self.blobs.includes("trickling blobs", self.content_type, blob)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen_ordinals(choice: &BlobChoice, content_type: ContentType, seed: u64) -> Vec<u32> {
        let blob = |ordinal| BlobKey { content_type, ordinal, seed };
        (1..=1_000).filter(|ordinal| choice.includes("test", Some(ContentType::Entra), blob(*ordinal))).collect()
    }

    #[test]
    fn blobs_are_chosen_by_ordinal_number_or_by_seed() {
        let entra = |choice| chosen_ordinals(&choice, ContentType::Entra, 1);
        assert_eq!(entra(BlobChoice::First(3)), [1, 2, 3]);
        assert_eq!(entra(BlobChoice::Ordinals(vec![7, 2])), [2, 7]);
        let share = BlobChoice::Share(0.2);
        assert!((150..250).contains(&entra(share.clone()).len()));
        assert_eq!(entra(share.clone()), entra(share.clone()));
        assert_ne!(entra(share.clone()), chosen_ordinals(&share, ContentType::Entra, 2));
        assert!(chosen_ordinals(&BlobChoice::First(3), ContentType::Dlp, 1).is_empty());
    }
}
