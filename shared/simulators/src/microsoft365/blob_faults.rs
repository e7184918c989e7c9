//! Blobs whose fetch always fails, and blobs that are sent very slowly.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content_type::ContentType;
use crate::dice::Dice;
use crate::moment::{end_of_time, is_end_of_time};
use crate::plain;

/// A choice of the blobs of each content type. A blob's ordinal is its position among all blobs of the content type in
/// the order of creation, listed or not; the first is 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlobChoice {
    /// This share of the blobs, 0 to 1, chosen by the seed.
    Share(f64),
    /// This many blobs from the first on.
    First(u32),
    /// The blobs with these ordinals.
    Ordinals(Vec<u32>),
}

/// Blobs whose fetch always fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokenBlobs {
    /// The blobs.
    pub blobs: BlobChoice,
    /// The content type of the blobs. By default every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// The HTTP status of the error.
    pub status: u16,
    /// The error's code, such as `AF20051`. By default the usual code of the status, which for 404 is `AF20050`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The time from which the blobs can be fetched, by the simulator's clock. By default never.
    #[serde(default = "end_of_time", skip_serializing_if = "is_end_of_time")]
    pub until: Timestamp,
}

/// Blobs whose body is sent one byte at a time: the first byte at once, each other one after a pause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TricklingBlobs {
    /// The blobs.
    pub blobs: BlobChoice,
    /// The content type of the blobs. By default every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// The pause before every byte but the first; in JSON `trickle_milliseconds`.
    #[serde(rename = "trickle_milliseconds", with = "plain::milliseconds")]
    pub pause: Duration,
}

/// The properties by which a blob is chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlobKey {
    pub(super) content_type: ContentType,
    /// The blob's position in the order of creation, from 1.
    pub(super) ordinal: u32,
    pub(super) seed: u64,
}

impl BlobChoice {
    fn includes(&self, about: &str, content_type: Option<ContentType>, blob: BlobKey) -> bool {
        content_type.is_none_or(|chosen| chosen == blob.content_type)
            && match self {
                Self::Share(share) => {
                    let about = format!("{about} {}", blob.content_type.name());
                    Dice::new(blob.seed, &about, blob.ordinal.into()).chance(*share)
                }
                Self::First(count) => blob.ordinal <= *count,
                Self::Ordinals(ordinals) => ordinals.contains(&blob.ordinal),
            }
    }
}

impl BlobKey {
    /// Returns `true` if the blob is in the share whose first record is broken.
    pub(super) fn is_among(self, share: f64) -> bool {
        share > 0.0 && BlobChoice::Share(share).includes("broken record", None, self)
    }
}

impl BrokenBlobs {
    /// Returns `true` if the blob's fetch fails at `now`.
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

    fn chosen(choice: &BlobChoice, content_type: ContentType, seed: u64) -> Vec<u32> {
        let blob = |ordinal| BlobKey { content_type, ordinal, seed };
        (1..=1_000).filter(|ordinal| choice.includes("test", Some(ContentType::Entra), blob(*ordinal))).collect()
    }

    #[test]
    fn blobs_are_chosen_by_ordinal_number_or_by_seed() {
        let entra = |choice| chosen(&choice, ContentType::Entra, 1);
        assert_eq!(entra(BlobChoice::First(3)), [1, 2, 3]);
        assert_eq!(entra(BlobChoice::Ordinals(vec![7, 2])), [2, 7]);
        let share = BlobChoice::Share(0.2);
        assert!((150..250).contains(&entra(share.clone()).len()));
        assert_eq!(entra(share.clone()), entra(share.clone()));
        assert_ne!(entra(share.clone()), chosen(&share, ContentType::Entra, 2));
        assert!(chosen(&BlobChoice::First(3), ContentType::Dlp, 1).is_empty());
    }
}
