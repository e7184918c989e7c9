//! The policy by which the collector lists the API.

use collector::{Sweep, UnixSeconds, VendorPolicy};

const MINUTE: UnixSeconds = 60;
const HOUR: UnixSeconds = 60 * MINUTE;
const DAY: UnixSeconds = 24 * HOUR;

/// The policy for the audit log. Its events appear at once, so a small overlap and a short sweep suffice.
pub const POLICY: VendorPolicy = VendorPolicy {
    tick_seconds: MINUTE,
    overlap_seconds: MINUTE as u32,
    sweeps: &[Sweep { interval_seconds: HOUR, reach_seconds: 2 * HOUR as u32 }],
    first_window_seconds: DAY,
    max_window_seconds: 30 * DAY,
    retention: None,
    dedup_horizon_seconds: 30 * DAY,
    split_after_pages: None,
    silence: None,
    no_data_advice: "check that the toy still records its events",
    start_delay: None,
    fetches_ahead: 0,
};
