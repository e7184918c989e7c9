//! Decides which attempt at a blob is the last one. If the last attempt fails, the blob is given up.

use crate::base::policy::Retention;
use crate::base::time::UnixSeconds;

/// A blob is given up if it has been missing or unreadable in every attempt for this long, in seconds.
const GIVE_UP_AFTER_SECONDS: UnixSeconds = 86_400;
/// The last attempt at a pending blob is made this long before the vendor stops listing it, in seconds.
const GIVE_UP_BEFORE_SECONDS: UnixSeconds = 900;

/// The reason why an attempt at a blob is the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastAttempt {
    /// The vendor drops the blob soon.
    Expiring,
    /// The blob has been missing or unreadable for too long.
    MissingTooLong,
}

impl LastAttempt {
    /// Returns how long the blob was tried, as a part of a sentence.
    pub(crate) fn duration_text(self) -> String {
        match self {
            Self::Expiring => "until the vendor drops it".to_owned(),
            Self::MissingTooLong => format!("for {} hours", GIVE_UP_AFTER_SECONDS / 3_600),
        }
    }
}

/// Returns the time of the last attempt at a blob that became available at `created`. It is shortly before the vendor
/// stops listing the blob. Returns `None` if the vendor has no retention.
pub(crate) fn last_attempt_at(created: UnixSeconds, retention: Option<Retention>) -> Option<UnixSeconds> {
    retention.map(|retention| created + retention.keep_seconds - retention.margin_seconds - GIVE_UP_BEFORE_SECONDS)
}

/// Returns the reason why an attempt that is made now is the last one; `None` if it is not the last one. `now` is the
/// vendor's time and `our_now` is the time by our clock. `missing_since`, by our clock, is the time since which every
/// attempt has found the blob missing or unreadable.
pub(crate) fn last_attempt(
    created: UnixSeconds,
    missing_since: Option<UnixSeconds>,
    retention: Option<Retention>,
    now: UnixSeconds,
    our_now: UnixSeconds,
) -> Option<LastAttempt> {
    if last_attempt_at(created, retention).is_some_and(|last| now >= last) {
        return Some(LastAttempt::Expiring);
    }
    let is_missing_too_long = missing_since.is_some_and(|since| our_now - since >= GIVE_UP_AFTER_SECONDS);
    is_missing_too_long.then_some(LastAttempt::MissingTooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETENTION: Option<Retention> = Some(Retention { keep_seconds: 604_800, margin_seconds: 600 });
    const LAST: UnixSeconds = 604_800 - 600 - GIVE_UP_BEFORE_SECONDS;

    #[test]
    fn ok_a_blob_is_given_up_before_the_vendor_stops_listing_it() {
        assert_eq!(last_attempt(0, None, RETENTION, LAST - 1, 0), None);
        assert_eq!(last_attempt(0, None, RETENTION, LAST, 0), Some(LastAttempt::Expiring));
        assert_eq!(last_attempt(0, None, None, i64::MAX, 0), None);
    }

    #[test]
    fn ok_a_blob_that_is_only_missing_is_given_up_after_a_day() {
        assert_eq!(last_attempt(0, Some(100), RETENTION, 0, 100 + GIVE_UP_AFTER_SECONDS - 1), None);
        assert_eq!(
            last_attempt(0, Some(100), RETENTION, 0, 100 + GIVE_UP_AFTER_SECONDS),
            Some(LastAttempt::MissingTooLong)
        );
        assert_eq!(LastAttempt::MissingTooLong.duration_text(), "for 24 hours");
    }
}
