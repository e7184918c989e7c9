//! The order in which the blobs of a window are tried, and the number of failures after which the attempt ends.
//!
//! Broken blobs often lie next to each other. A walk starts at one blob of the window and goes outwards: it tries newer
//! and older blobs alternately, and stops on a side after many failures in a row. If blobs are left when it has stopped
//! on both sides, a few of them are probed, and the next walk starts at a probe that could be consumed. Healthy blobs
//! are thus found wherever they lie.

use std::cell::{Cell, RefCell};

/// Number of failures in a row after which a walk stops on one side.
const MAX_FAILED_IN_A_ROW: u32 = 10;
/// Number of failures in a row after which a walk stops on one side, if the last of them is a refusal: a failure that
/// needs a person now, or if it persists.
const MAX_REFUSED_IN_A_ROW: u32 = 3;
/// Number of blobs that are probed after a walk ended early.
const PROBES: usize = 8;
/// The limits on failures in a row ([`MAX_FAILED_IN_A_ROW`], [`MAX_REFUSED_IN_A_ROW`]) double with each failed attempt
/// at the window, at most this many times.
const MAX_DOUBLINGS: u32 = 6;
/// The number of probes doubles with each failed attempt at the window, at most this many times.
const MAX_PROBE_DOUBLINGS: u32 = 3;

/// The order in which blobs are tried, and the end of the walk. A blob is identified by its index in a list from the
/// oldest to the newest. The methods take a shared reference, because the prefetch takes blobs from the walk while the
/// caller records outcomes.
#[derive(Debug)]
pub(crate) enum BlobWalk {
    /// A walk from one blob outwards.
    Outwards(Sides),
    /// Probes of single blobs, which end when one can be consumed. The indexes are in reverse order.
    Probes(RefCell<Vec<usize>>),
}

/// The two directions of a walk.
#[derive(Debug)]
pub(crate) struct Sides {
    start_index: usize,
    attempts: u32,
    older: Side,
    newer: Side,
}

#[derive(Debug)]
struct Side {
    /// The index of the next blob to try on this side.
    next_index: Cell<usize>,
    /// The number of blobs on this side that were not tried yet.
    untried_count: Cell<usize>,
    failed_in_a_row: Cell<u32>,
    is_closed: Cell<bool>,
}

impl BlobWalk {
    /// Returns a walk over `count` blobs from the index `start_index` outwards. `attempts` is the number of failed
    /// attempts at their window.
    pub(crate) fn outwards(count: usize, start_index: usize, attempts: u32) -> Self {
        let start_index = start_index.min(count);
        let older = Side::new(start_index.saturating_sub(1), start_index);
        Self::Outwards(Sides { start_index, attempts, older, newer: Side::new(start_index, count - start_index) })
    }

    /// Returns a walk that probes a few of `count` blobs: the newest, and others at random.
    pub(crate) fn probes(count: usize, attempts: u32, mut random: impl FnMut() -> u64) -> Self {
        let mut probes: Vec<usize> = count.checked_sub(1).into_iter().collect();
        for _ in 1..PROBES << attempts.min(MAX_PROBE_DOUBLINGS) {
            let index = random().checked_rem(count as u64).and_then(|index| usize::try_from(index).ok());
            probes.extend(index.filter(|index| !probes.contains(index)));
        }
        probes.reverse();
        Self::Probes(RefCell::new(probes))
    }

    /// Returns the index of the next blob to try; `None` if the walk has ended.
    pub(crate) fn next(&self) -> Option<usize> {
        match self {
            Self::Outwards(sides) => sides.next(),
            Self::Probes(probes) => probes.borrow_mut().pop(),
        }
    }

    /// Records that the blob was consumed. Returns `true` if the walk ends.
    pub(crate) fn record_consumed(&self, index: usize) -> bool {
        match self {
            Self::Outwards(sides) => {
                let side = sides.side(index);
                side.failed_in_a_row.set(0);
                side.is_closed.set(false);
                false
            }
            Self::Probes(_) => true,
        }
    }

    /// Records that the blob failed. Returns `true` if the walk ends.
    pub(crate) fn record_failed(&self, index: usize, needs_person: bool) -> bool {
        match self {
            Self::Outwards(sides) => sides.record_failed(index, needs_person),
            Self::Probes(_) => false,
        }
    }
}

impl Sides {
    fn next(&self) -> Option<usize> {
        let distance = |side: &Side| side.peek().map(|index| index.abs_diff(self.start_index));
        match (distance(&self.older), distance(&self.newer)) {
            (Some(older), Some(newer)) if older < newer => self.older.take(usize::wrapping_sub),
            (_, Some(_)) => self.newer.take(usize::wrapping_add),
            (Some(_), None) => self.older.take(usize::wrapping_sub),
            (None, None) => None,
        }
    }

    fn side(&self, index: usize) -> &Side {
        if index < self.start_index { &self.older } else { &self.newer }
    }

    fn record_failed(&self, index: usize, needs_person: bool) -> bool {
        let side = self.side(index);
        let failed = side.failed_in_a_row.get() + 1;
        side.failed_in_a_row.set(failed);
        let limit = if needs_person { MAX_REFUSED_IN_A_ROW } else { MAX_FAILED_IN_A_ROW };
        if failed >= limit << self.attempts.min(MAX_DOUBLINGS) {
            side.is_closed.set(true);
        }
        self.older.peek().is_none()
            && self.newer.peek().is_none()
            && [&self.older, &self.newer].iter().any(|side| side.is_closed.get())
    }
}

impl Side {
    fn new(next_index: usize, untried_count: usize) -> Self {
        Self {
            next_index: Cell::new(next_index),
            untried_count: Cell::new(untried_count),
            failed_in_a_row: Cell::new(0),
            is_closed: Cell::new(false),
        }
    }

    fn peek(&self) -> Option<usize> {
        (self.untried_count.get() > 0 && !self.is_closed.get()).then(|| self.next_index.get())
    }

    fn take(&self, step: impl Fn(usize, usize) -> usize) -> Option<usize> {
        let index = self.peek()?;
        self.next_index.set(step(index, 1));
        self.untried_count.set(self.untried_count.get() - 1);
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks to the end. Returns the indexes that were tried, in their order.
    fn walk(walk: &BlobWalk, is_healthy: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut tried = Vec::new();
        while let Some(index) = walk.next() {
            tried.push(index);
            let ended = if is_healthy(index) { walk.record_consumed(index) } else { walk.record_failed(index, false) };
            if ended {
                break;
            }
        }
        tried
    }

    #[test]
    fn ok_a_walk_goes_from_the_oldest_on_or_alternates_outwards() {
        assert_eq!(walk(&BlobWalk::outwards(4, 0, 0), |_| true), [0, 1, 2, 3]);
        assert_eq!(walk(&BlobWalk::outwards(4, 4, 0), |_| true), [3, 2, 1, 0]);
        assert_eq!(walk(&BlobWalk::outwards(6, 2, 0), |_| true), [2, 3, 1, 4, 0, 5]);
        assert_eq!(walk(&BlobWalk::outwards(0, 0, 0), |_| true), [] as [usize; 0]);
        assert_eq!(walk(&BlobWalk::outwards(2, 9, 0), |_| true), [1, 0]);
    }

    #[test]
    fn ok_a_walk_ends_when_many_fail_in_a_row() {
        assert_eq!(walk(&BlobWalk::outwards(99, 0, 0), |_| false).len(), 10);
        assert_eq!(walk(&BlobWalk::outwards(99, 0, 2), |_| false).len(), 40);
        assert_eq!(walk(&BlobWalk::outwards(9_999, 0, 99), |_| false).len(), 640);
        let refused = BlobWalk::outwards(99, 0, 0);
        let ended: Vec<_> =
            (0..3).map(|_| refused.next().is_some_and(|index| refused.record_failed(index, true))).collect();
        assert_eq!(ended, [false, false, true]);
        // Nine failed blobs do not reach the limit, so all are tried.
        assert_eq!(walk(&BlobWalk::outwards(9, 0, 0), |_| false).len(), 9);
        // A consumed blob resets the count of failures in a row.
        assert_eq!(walk(&BlobWalk::outwards(99, 0, 0), |index| index == 9).len(), 20);
    }

    #[test]
    fn ok_a_side_that_fails_does_not_end_the_other() {
        let tried = walk(&BlobWalk::outwards(200, 100, 0), |index| index >= 100);
        assert_eq!(tried.iter().filter(|index| **index < 100).count(), 10);
        assert_eq!(tried.iter().filter(|index| **index >= 100).count(), 100);
    }

    #[test]
    fn ok_a_late_success_reopens_its_side() {
        let walk = BlobWalk::outwards(30, 0, 0);
        let indexes: Vec<_> = (0..12).filter_map(|_| walk.next()).collect();
        let ended = indexes[..10].iter().filter(|index| walk.record_failed(**index, false)).count();
        assert_eq!((ended, walk.next()), (1, None));
        assert!(!walk.record_consumed(indexes[10]));
        assert_eq!(walk.next(), Some(12));
    }

    #[test]
    fn ok_the_newest_and_random_other_blobs_are_probed_once_each() {
        let mut random = 5;
        let mut numbers = || {
            random += 3;
            random
        };
        let probes = walk(&BlobWalk::probes(100, 0, &mut numbers), |_| false);
        assert_eq!((probes[0], probes.len()), (99, 8));
        assert_eq!(walk(&BlobWalk::probes(100, 0, &mut numbers), |index| index == 99), [99]);
        assert_eq!(walk(&BlobWalk::probes(2, 9, &mut numbers), |_| false), [1, 0]);
        assert!(walk(&BlobWalk::probes(9_999, 9, numbers), |_| false).len() > 60);
        assert_eq!(BlobWalk::probes(0, 0, || 7).next(), None);
    }
}
