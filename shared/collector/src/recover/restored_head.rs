//! The head that a rebuild gives a stream whose state was lost.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::base::head::{Head, HeadTimes, LastCommit, ListingState, Restoring};
use crate::base::policy::VendorPolicy;
use crate::base::time::{UnixSeconds, Window};
use crate::state::birth::{BirthRecord, lookback};

/// Nothing within this time after the end of the deduplication horizon is listed again, in seconds, so that every event
/// that is listed again was delivered within the horizon and is in the restored ledger, whatever the delay of its
/// delivery.
const HORIZON_MARGIN_SECONDS: UnixSeconds = 2 * 86_400;
/// Versions of a restored head are this many times the seconds since 1970. They are thus higher than all versions that
/// the stream's heads have had, and no write that still expects an older head can succeed.
const VERSIONS_PER_SECOND: u64 = 1_000_000;

/// Returns the first version of a head that is restored at `now`, above the version `before`.
pub(crate) fn restored_version(now: UnixSeconds, before: u64) -> u64 {
    u64::try_from(now).unwrap_or(0).saturating_mul(VERSIONS_PER_SECOND).max(before + 1)
}

/// The place from which a restored stream is listed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resumption {
    pub(crate) floor: UnixSeconds,
    /// The watermarks of the listings that the birth record names. Any other listing begins at the floor.
    pub(crate) watermarks: BTreeMap<String, UnixSeconds>,
    /// The span whose events may be lost, because the vendor or the ledger no longer has them.
    pub(crate) gap: Option<Window>,
}

/// Returns the place from which a stream is listed again at `now`. Everything before it was delivered, or can no longer
/// be delivered once.
///
/// The birth record has the point up to which each listing was settled when its mark was last raised: listed, swept, and
/// nothing pending. If it has none, the stream is listed again from its floor on, or from the oldest content that the
/// vendor still has. `newest` is the time of the newest object.
pub(crate) fn resumption(
    birth: &BirthRecord,
    policy: &VendorPolicy,
    lookback_seconds: UnixSeconds,
    newest: Option<UnixSeconds>,
    now: UnixSeconds,
) -> Resumption {
    let horizon = now - policy.dedup_horizon_seconds + HORIZON_MARGIN_SECONDS;
    let born = birth.born_at.parse::<Timestamp>().ok().map(Timestamp::as_second);
    let first = birth.floor.or_else(|| Some(born? - lookback(lookback_seconds, policy)));
    let first = first.unwrap_or(horizon);
    let kept_from = policy.retention.map(|retention| now - retention.keep_seconds + retention.margin_seconds);
    let unknown = kept_from.map_or(first, |kept_from| first.max(newest.map_or(kept_from, |at| at.min(kept_from))));
    let settled = birth.settled.values().copied().min().unwrap_or(unknown);
    let end = kept_from.map_or(horizon, |kept_from| kept_from.max(horizon));
    Resumption {
        floor: if birth.settled.is_empty() { unknown.max(horizon) } else { first.max(horizon) },
        watermarks: birth.settled.iter().map(|(id, at)| (id.clone(), (*at).max(horizon))).collect(),
        gap: (settled < end).then_some(Window { from: settled, to: end }),
    }
}

/// Returns the head of a stream whose state was lost, as it is while it is being restored.
pub(crate) fn restored_head(birth: &BirthRecord, resumption: &Resumption, now: UnixSeconds) -> Head {
    let created_at = birth.born_at.parse::<Timestamp>().ok().map(Timestamp::as_second);
    let listing = |watermark: &UnixSeconds| ListingState { watermark: *watermark, ..ListingState::default() };
    Head {
        version: restored_version(now, 0),
        id: birth.id.clone(),
        seq: birth.seq,
        intent: None,
        restoring: Some(Restoring { since: now, after: String::new() }),
        last_commit: LastCommit::default(),
        floor: resumption.floor,
        listings: resumption.watermarks.iter().map(|(id, at)| (id.clone(), listing(at))).collect(),
        times: HeadTimes { written_at: now, created_at, ..HeadTimes::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::policy::Retention;
    use crate::testing::{NOW, policy};

    const DAY: i64 = 86_400;
    const HORIZON: i64 = NOW - 28 * DAY;

    fn birth(floor: Option<i64>, settled: &[(&str, i64)]) -> BirthRecord {
        let settled = settled.iter().map(|(id, at)| ((*id).to_owned(), *at)).collect();
        let born_at = Timestamp::from_second(NOW - 10 * DAY).unwrap().to_string();
        BirthRecord { id: "i".to_owned(), born_at, seq: 7, owner: None, floor, settled }
    }

    fn resume(birth: &BirthRecord, retention: bool, newest: Option<i64>) -> (i64, Vec<i64>, Option<(i64, i64)>) {
        let retention = retention.then_some(Retention { keep_seconds: 7 * DAY, margin_seconds: 600 });
        let policy = VendorPolicy { retention, ..policy() };
        let at = resumption(birth, &policy, 3 * DAY, newest, NOW);
        (at.floor, at.watermarks.into_values().collect(), at.gap.map(|gap| (gap.from, gap.to)))
    }

    #[test]
    fn ok_listing_resumes_where_everything_was_settled() {
        let settled = [("a", NOW - 500), ("b", NOW - 9_000)];
        let expected = (NOW - 12 * DAY, vec![NOW - 500, NOW - 9_000], None);
        assert_eq!(resume(&birth(Some(NOW - 12 * DAY), &settled), false, None), expected);
        assert_eq!(resume(&birth(Some(NOW - 12 * DAY), &settled), true, None), expected);
    }

    #[test]
    fn ok_without_a_settled_point_listing_resumes_at_the_floor_or_the_retention() {
        assert_eq!(resume(&birth(None, &[]), false, Some(NOW)), (NOW - 13 * DAY, vec![], None));
        let kept_from = NOW - 7 * DAY + 600;
        assert_eq!(resume(&birth(None, &[]), true, Some(NOW - DAY)), (kept_from, vec![], None));
        // Nothing was delivered since the vendor dropped its content: the span between is a gap.
        let newest = NOW - 9 * DAY;
        assert_eq!(resume(&birth(None, &[]), true, Some(newest)), (newest, vec![], Some((newest, kept_from))));
    }

    #[test]
    fn ok_nothing_beyond_the_horizon_of_the_ledger_is_listed_again() {
        let old = [("a", NOW - 50 * DAY)];
        let gap = Some((NOW - 50 * DAY, HORIZON));
        assert_eq!(resume(&birth(Some(NOW - 90 * DAY), &old), false, None), (HORIZON, vec![HORIZON], gap));
        let unreadable = BirthRecord { born_at: String::new(), ..birth(None, &[]) };
        assert_eq!(resume(&unreadable, false, None), (HORIZON, vec![], None));
    }

    #[test]
    fn ok_versions_rise_above_all_earlier_ones() {
        assert!(restored_version(NOW, 0) > 1_000_000 && restored_version(NOW, u64::MAX - 1) == u64::MAX);
        assert!(restored_version(NOW + 1, restored_version(NOW, 0) + 999_999) >= restored_version(NOW + 1, 0));
    }
}
