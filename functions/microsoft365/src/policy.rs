//! How the API is listed.

use collector::{Retention, StartDelay, Sweep, UnixSeconds, VendorPolicy};

const MINUTE: UnixSeconds = 60;
const HOUR: UnixSeconds = 60 * MINUTE;
const DAY: UnixSeconds = 24 * HOUR;

/// How long the API keeps what it lists, in seconds.
pub(crate) const KEEPS: UnixSeconds = 7 * DAY;

/// Pages of one window: some 200 blobs each, all of which are known before the oldest is fetched.
const MOST_PAGES: u32 = 100;

/// How a content type is listed.
///
/// Blobs turn up in the listing after the time they are listed under, without a promise of how
/// long after: hence the overlap and the sweeps. The API takes windows of up to 24 hours within
/// the last 7 days. Records have come again 5 days later in a new blob, which itself is kept for
/// 7 days: hence the horizon.
pub const POLICY: VendorPolicy = VendorPolicy {
    tick_seconds: 5 * MINUTE,
    overlap: 3 * HOUR as u32,
    sweeps: &[Sweep { every: HOUR, reach: DAY as u32 }, Sweep { every: DAY, reach: 7 * DAY as u32 }],
    first_window: DAY,
    longest_window: DAY,
    retention: Some(Retention { keeps: KEEPS, margin: 10 * MINUTE }),
    horizon: 30 * DAY,
    split_after_pages: Some(MOST_PAGES),
    silence: None,
    start_delay: Some(StartDelay {
        within: 12 * HOUR,
        cause: "Microsoft 365 takes up to 12 hours after a subscription starts to show its first content",
    }),
    fetches_ahead: 16,
};
