//! The policy by which the collector lists the API.

use collector::{Silence, Sweep, UnixSeconds, VendorPolicy};

const MINUTE: UnixSeconds = 60;
const HOUR: UnixSeconds = 60 * MINUTE;
const DAY: UnixSeconds = 24 * HOUR;

/// A window with more pages is split.
const MAX_PAGES: u32 = 50;

/// The policy for the audit log.
///
/// The vendor documents no bound for delays, no order and no retention. So each tick lists the last ten minutes again,
/// and an hourly sweep lists the last day and the hour before it again. An event that appears within a day is therefore
/// found.
pub const POLICY: VendorPolicy = VendorPolicy {
    tick_seconds: MINUTE,
    overlap_seconds: 10 * MINUTE as u32,
    sweeps: &[Sweep { interval_seconds: HOUR, reach_seconds: DAY as u32 }],
    first_window_seconds: DAY,
    max_window_seconds: 30 * DAY,
    retention: None,
    dedup_horizon_seconds: 400 * DAY,
    split_after_pages: Some(MAX_PAGES),
    silence: Some(Silence {
        after_seconds: 7 * DAY,
        advice: "an organization that is used has events: check that audit logging is on (Organization settings, \
                 Data controls, Data retention), and that the key is this organization's",
    }),
    no_data_advice: "check that audit logging is still on (Organization settings, Data controls, Data retention), and that \
                     the organization is still in use",
    start_delay: None,
    fetches_ahead: 0,
};
