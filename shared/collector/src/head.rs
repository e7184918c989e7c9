//! A stream's one row of state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::window::UnixSeconds;

/// A stream's one row of state. Adapters store it as JSON beside its version and look at nothing else in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Counts the writes of this row; every write is conditional on the version that was read.
    pub version: u64,
    /// Made once, at the stream's birth; the birth record in the bucket bears the same.
    pub id: String,
    /// The number of the next object.
    pub seq: u64,
    /// The key that object will have; set before the put, cleared by the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// The first watermark: nothing older is ever asked for.
    pub floor: UnixSeconds,
    /// One a listing.
    pub listings: BTreeMap<String, ListingState>,
    /// When a recording was last started (Microsoft: a subscription).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_start: Option<UnixSeconds>,
    /// Blobs that were listed and could not be had, and when that was first so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, UnixSeconds>,
    /// The newest event time delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<UnixSeconds>,
    /// When this row was last written.
    pub written_at: UnixSeconds,
}

/// How far one listing has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingState {
    /// Everything the listing showed before this has been delivered.
    pub watermark: UnixSeconds,
    /// By a sweep's reach, in seconds: what happened longer than that before this moment was looked at again after it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub swept: BTreeMap<u32, UnixSeconds>,
    /// A sweep that a tick could not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweeping: Option<Sweeping>,
    /// How long windows are cut, in seconds, after some took too many pages or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<UnixSeconds>,
    /// The vendor does not offer this listing; asked again after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_offered_until: Option<UnixSeconds>,
}

/// A sweep that a tick could not end; the next goes on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweeping {
    /// Its reach, in seconds.
    pub reach: u32,
    /// When it began.
    pub began: UnixSeconds,
    /// Everything before this was looked at since.
    pub at: UnixSeconds,
}
