//! The policy by which the collector lists the API.

use collector::{Retention, StartDelay, Sweep, UnixSeconds, VendorPolicy};

const MINUTE: UnixSeconds = 60;
const HOUR: UnixSeconds = 60 * MINUTE;
const DAY: UnixSeconds = 24 * HOUR;

/// Time for which the API keeps the content that it lists.
pub(crate) const RETENTION_SECONDS: UnixSeconds = 7 * DAY;

/// A window with more pages is split. A page lists some 200 blobs, and the entries of all pages are in memory before
/// the first blob is fetched.
const MAX_PAGES: u32 = 100;

/// The policy for every content type.
///
/// The overlap and the sweeps find late blobs. Windows select blobs by creation time, but a blob may appear in the
/// listing later than that, and the vendor promises no bound for the delay. The API accepts windows of up to 24 hours
/// within the last 7 days. The horizon is long enough to recognise repeats: the vendor has sent records again 5 days
/// later in a new blob, and keeps that blob for another 7 days.
pub const POLICY: VendorPolicy = VendorPolicy {
    tick_seconds: 5 * MINUTE,
    overlap_seconds: 3 * HOUR as u32,
    sweeps: &[
        Sweep { interval_seconds: HOUR, reach_seconds: DAY as u32 },
        Sweep { interval_seconds: DAY, reach_seconds: 7 * DAY as u32 },
    ],
    first_window_seconds: DAY,
    max_window_seconds: DAY,
    retention: Some(Retention { keep_seconds: RETENTION_SECONDS, margin_seconds: 10 * MINUTE }),
    dedup_horizon_seconds: 30 * DAY,
    split_after_pages: Some(MAX_PAGES),
    silence: None,
    no_data_advice: "check that unified audit logging is on for the tenant, and that nobody stopped the subscription of \
                     this content type; a content type that is hardly used may be silent for days",
    start_delay: Some(StartDelay {
        max_seconds: 12 * HOUR,
        cause: "Microsoft 365 takes up to 12 hours after a subscription starts to show its first content",
    }),
    fetches_ahead: 16,
};
