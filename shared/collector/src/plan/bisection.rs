//! The search for the broken seconds of a span that cannot be listed as a whole.
//!
//! The span is halved, and halves that fail are halved again. Pieces that touch listed time or the span's own edges are
//! tried first, because the edges of the broken part lie in them. When many pieces fail in a row, every longer piece is
//! probably broken, so short samples are taken at random. When a sample can be listed, the search continues at the
//! sample's edges. The search ends early after too many failures in a row.

use std::collections::HashSet;

use crate::base::time::{UnixSeconds, Window};

/// Number of consecutive failures after which a search lists short samples of the span instead of halving it. A normal
/// search has fewer failures: it finds each of the two edges of a broken part of a day in at most 17 halvings.
const SAMPLE_AFTER: u32 = 36;
/// Some searches of a span whose earlier searches found nothing take short samples sooner: after this many failures in
/// a row.
const SAMPLE_SOONER_AFTER: u32 = 4;
/// Number of failures in a row after which a search ends.
const MAX_FAILURES_IN_A_ROW: u32 = 48;
/// The first samples are as long as the span halved this many times.
const SAMPLE_SHIFT: u32 = 10;
/// Number of samples of the same length. The samples after them are half as long.
const SAMPLES_OF_ONE_LENGTH: u32 = 2;

/// The first pieces of a search are at least as long as the span halved this many times. 17 halvings turn a day into a
/// second.
const MAX_HALVINGS: u32 = 17;
/// Each search that found nothing adds this many halvings to the first pieces of the next search, modulo
/// [`MAX_HALVINGS`]. The two numbers have no common factor, so every length is tried in the end.
const HALVINGS_STEP: u32 = 3;

/// One search in one span.
#[derive(Debug)]
pub(crate) struct Bisection {
    /// The pieces that were not tried yet.
    untried: Vec<Window>,
    /// The bounds (`from` and `to`) of the whole span and of all listed pieces.
    edges: HashSet<UnixSeconds>,
    /// The single seconds that failed, and the pieces that were given up.
    broken: Vec<Window>,
    failures_in_a_row: u32,
    /// Number of failures in a row after which samples are taken.
    sample_after: u32,
    whole_seconds: i64,
    /// The random state that chooses between pieces of the same length, and the places of samples.
    random: u64,
}

impl Bisection {
    /// Returns a search in a span that failed `attempts` times. No piece is longer than `max_seconds`.
    pub(crate) fn new(whole: Window, attempts: u32, max_seconds: i64, random: u64) -> Self {
        let max_seconds = max_seconds.max(1);
        let untried = match attempts {
            0 | 1 => split_evenly(whole, (whole.seconds() / 2).clamp(1, max_seconds)),
            _ => split_from_both_edges(
                whole,
                whole.seconds() >> (attempts * HALVINGS_STEP % MAX_HALVINGS + 1),
                max_seconds,
            ),
        };
        Self {
            untried,
            edges: HashSet::from([whole.from, whole.to]),
            broken: Vec::new(),
            failures_in_a_row: 0,
            sample_after: sample_after(attempts),
            whole_seconds: whole.seconds(),
            random,
        }
    }

    /// Returns the piece to list next; `None` when the search has ended.
    pub(crate) fn next_piece(&mut self) -> Option<Window> {
        if self.failures_in_a_row >= MAX_FAILURES_IN_A_ROW {
            return None;
        }
        if let Some(number) = self.failures_in_a_row.checked_sub(self.sample_after) {
            return self.sample(number);
        }
        let order = |piece: &Window| (self.is_edge(piece), piece.seconds(), self.rank(piece));
        let (at, _) = self.untried.iter().enumerate().max_by_key(|(_, piece)| order(piece))?;
        Some(self.untried.swap_remove(at))
    }

    /// Takes a short piece at random from the untried pieces. `number` is the number of samples in a row before this
    /// one; the samples get shorter as it rises.
    fn sample(&mut self, number: u32) -> Option<Window> {
        let untried: i64 = self.untried.iter().map(Window::seconds).sum();
        self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let mut second =
            i64::try_from((self.random >> 32) % u64::try_from(untried).ok().filter(|all| *all > 0)?).ok()?;
        let at = self.untried.iter().position(|piece| {
            second -= piece.seconds();
            second < 0
        })?;
        let piece = self.untried.swap_remove(at);
        let length = (self.whole_seconds >> (SAMPLE_SHIFT + number / SAMPLES_OF_ONE_LENGTH).min(62)).max(1);
        let from = (piece.to + second).min(piece.to - length).max(piece.from);
        let sample = Window { from, to: piece.to.min(from + length) };
        self.untried.extend(piece.without(sample));
        Some(sample)
    }

    /// Returns a pseudo-random rank, which orders pieces independently of their time.
    fn rank(&self, piece: &Window) -> u64 {
        (piece.from.unsigned_abs() ^ self.random).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
    }

    /// Returns `true` if the piece touches a listed piece or an edge of the whole span.
    fn is_edge(&self, piece: &Window) -> bool {
        self.edges.contains(&piece.from) || self.edges.contains(&piece.to)
    }

    /// Records that the piece was listed.
    pub(crate) fn record_listed(&mut self, piece: Window) {
        (self.failures_in_a_row, self.sample_after) = (0, SAMPLE_AFTER);
        self.edges.extend([piece.from, piece.to]);
    }

    /// Records that the piece failed, and splits it.
    pub(crate) fn record_failed(&mut self, piece: Window) {
        self.failures_in_a_row += 1;
        self.split(piece);
    }

    /// Replaces the piece by its halves. A single second cannot be halved and counts as broken.
    pub(crate) fn split(&mut self, piece: Window) {
        if piece.seconds() > 1 { self.untried.extend(piece.halves()) } else { self.broken.push(piece) }
    }

    /// Splits a piece that has too many pages: into the `dense` part and the parts before and after it, or into halves
    /// if no such part is known.
    pub(crate) fn split_around(&mut self, piece: Window, dense: Option<Window>) {
        match dense {
            Some(dense) => self.untried.extend(piece.without(dense).chain([dense])),
            None => self.split(piece),
        }
    }

    /// Records that the piece failed and that its halves would fail as well.
    pub(crate) fn give_up(&mut self, piece: Window) {
        self.failures_in_a_row += 1;
        self.broken.push(piece);
    }

    /// Puts back a piece for which there was no time.
    pub(crate) fn put_back(&mut self, piece: Window) {
        self.untried.push(piece);
    }

    /// Returns everything that was not listed, the oldest first. Neighbouring pieces are joined.
    pub(crate) fn unresolved(self) -> Vec<Window> {
        let mut pieces = self.untried;
        pieces.extend(self.broken);
        pieces.sort_unstable();
        let mut joined: Vec<Window> = Vec::new();
        for piece in pieces {
            match joined.last_mut() {
                Some(last) if last.to == piece.from => last.to = piece.to,
                _ => joined.push(piece),
            }
        }
        joined
    }
}

/// Splits the window into pieces of at most `seconds`.
fn split_evenly(window: Window, seconds: i64) -> Vec<Window> {
    let begins = std::iter::successors(Some(window.from), |from| Some(from + seconds));
    let begins = begins.take_while(|from| *from < window.to);
    begins.map(|from| Window { from, to: window.to.min(from + seconds) }).collect()
}

/// Splits the window into pieces that double in length from each edge to the middle, from `shortest` up to
/// `max_seconds`. The pieces at the edges are tried first and are short, because a search may have time for only a few
/// pieces.
fn split_from_both_edges(window: Window, shortest: i64, max_seconds: i64) -> Vec<Window> {
    let (mut pieces, mut middle) = (Vec::new(), window);
    let mut length = shortest.clamp(1, max_seconds);
    while middle.seconds() > 2 * length {
        let (first, last) = (middle.from + length, middle.to - length);
        pieces.extend([Window { to: first, ..middle }, Window { from: last, ..middle }]);
        middle = Window { from: first, to: last };
        length = (2 * length).min(max_seconds);
    }
    pieces.extend(split_evenly(middle, (middle.seconds() / 2).clamp(1, max_seconds)));
    pieces
}

/// Returns the number of failures in a row after which a search takes samples, for a span that failed `attempts` times.
/// Successive searches get different numbers. Each search may have time for only a few pieces, and the healthy seconds
/// may lie at an edge or anywhere else.
fn sample_after(attempts: u32) -> u32 {
    match (attempts, attempts % 3) {
        (0 | 1, _) | (_, 0) => SAMPLE_AFTER,
        (_, 1) => 0,
        _ => SAMPLE_SOONER_AFTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    const fn window(from: i64, to: i64) -> Window {
        Window { from, to }
    }

    /// Searches a day in which these spans are broken. Returns the unresolved windows, and the number of pieces that
    /// were tried.
    fn search(broken: &[Window]) -> (Vec<Window>, u32) {
        let (mut bisection, mut tries) = (Bisection::new(window(0, DAY), 1, DAY, 7), 0);
        while let Some(piece) = bisection.next_piece() {
            tries += 1;
            assert!(tries < 1_000, "the search does not end");
            let is_broken = broken.iter().any(|broken| broken.overlaps(&piece));
            if is_broken { bisection.record_failed(piece) } else { bisection.record_listed(piece) }
        }
        (bisection.unresolved(), tries)
    }

    #[test]
    fn ok_single_broken_seconds_are_found() {
        for broken in [vec![window(0, 1)], vec![window(DAY - 1, DAY)], vec![window(40_001, 40_002)]] {
            let (left, tries) = search(&broken);
            assert!(tries <= 40, "{tries}");
            assert_eq!(left, broken);
        }
        let two = [window(3_600, 3_601), window(70_000, 70_001)];
        assert_eq!(search(&two).0, two);
        let many: Vec<_> = (0..12).map(|number| window(number * 7_000 + 13, number * 7_000 + 14)).collect();
        assert_eq!(search(&many).0, many);
    }

    #[test]
    fn ok_three_broken_hours_are_found_to_the_second() {
        for from in [0, 1, 36_000, 50_000, DAY - 10_800] {
            let broken = [window(from, from + 10_800)];
            let (left, tries) = search(&broken);
            assert_eq!(left, broken, "from {from}");
            assert!(tries <= 120, "{tries}");
        }
    }

    #[test]
    fn ok_broken_hours_at_both_edges_are_found() {
        let broken = [window(0, 7_200), window(DAY - 3_600, DAY)];
        assert_eq!(search(&broken).0, broken);
    }

    #[test]
    fn ok_many_broken_seconds_are_found_in_one_search() {
        for (count, every) in [(86, 1_000), (480, 180)] {
            let broken: Vec<_> = (0..count).map(|number| window(number * every + 7, number * every + 8)).collect();
            let mut bisection = Bisection::new(window(0, DAY), 1, DAY, 99);
            let mut tries = 0;
            while let Some(piece) = bisection.next_piece() {
                tries += 1;
                let is_broken = broken.iter().any(|broken| broken.overlaps(&piece));
                if is_broken { bisection.record_failed(piece) } else { bisection.record_listed(piece) }
            }
            assert_eq!(bisection.unresolved(), broken);
            assert!(tries <= 30 * count, "{tries} for {count}");
        }
    }

    #[test]
    fn ok_healthy_time_between_broken_spans_is_found_after_a_few_searches() {
        let broken = [window(0, 40_000), window(43_600, DAY)];
        let (mut searches, mut left) = (0, vec![window(0, DAY)]);
        while left == [window(0, DAY)] {
            searches += 1;
            let mut bisection = Bisection::new(window(0, DAY), searches, DAY, u64::from(searches) << 40);
            while let Some(piece) = bisection.next_piece() {
                let is_broken = broken.iter().any(|broken| broken.overlaps(&piece));
                if is_broken { bisection.record_failed(piece) } else { bisection.record_listed(piece) }
            }
            left = bisection.unresolved();
        }
        assert!(left == broken && searches <= 5, "{left:?} after {searches} searches");
    }

    #[test]
    fn ok_the_search_of_a_wholly_broken_span_is_bounded() {
        let (left, tries) = search(&[window(0, DAY)]);
        assert_eq!(left, [window(0, DAY)]);
        assert!(tries <= MAX_FAILURES_IN_A_ROW, "{tries}");
    }

    #[test]
    fn ok_a_dense_part_becomes_a_piece_of_its_own() {
        let mut bisection = Bisection::new(window(0, 100), 1, DAY, 7);
        let piece = bisection.next_piece().unwrap();
        bisection.split_around(piece, Some(Window { from: piece.from + 10, to: piece.from + 11 }));
        let other = if piece.from == 0 { window(50, 100) } else { window(0, 50) };
        let mut pieces: Vec<Window> = std::iter::from_fn(|| bisection.next_piece()).collect();
        pieces.sort_unstable();
        let at = piece.from;
        let mut expected = vec![window(at, at + 10), window(at + 10, at + 11), window(at + 11, piece.to), other];
        expected.sort_unstable();
        assert_eq!(pieces, expected);
    }

    #[test]
    fn ok_no_piece_is_longer_than_a_window_may_be() {
        let mut bisection = Bisection::new(window(0, 25), 1, 10, 7);
        let mut pieces = Vec::new();
        while let Some(piece) = bisection.next_piece() {
            bisection.record_listed(piece);
            pieces.push((piece.from, piece.to));
        }
        pieces.sort_unstable();
        assert_eq!(pieces, [(0, 10), (10, 20), (20, 25)]);
        assert!(bisection.unresolved().is_empty());
    }

    #[test]
    fn ok_untried_pieces_are_unresolved() {
        let mut bisection = Bisection::new(window(0, 8), 1, DAY, 7);
        let piece = bisection.next_piece().unwrap();
        bisection.put_back(piece);
        assert_eq!(bisection.unresolved(), [window(0, 8)]);
    }

    #[test]
    fn ok_every_third_search_only_samples() {
        let max_sample = DAY >> SAMPLE_SHIFT;
        let begin = |attempts| Bisection::new(window(0, DAY), attempts, DAY, 7);
        let mut bisection = begin(4);
        let mut tries = 0;
        while let Some(piece) = bisection.next_piece() {
            tries += 1;
            assert!((1..=max_sample).contains(&piece.seconds()), "{piece:?}");
            bisection.record_failed(piece);
        }
        assert_eq!((tries, bisection.unresolved()), (MAX_FAILURES_IN_A_ROW, vec![window(0, DAY)]));
        // After a sample was listed, the pieces at the edges are searched and no further sample is taken.
        let mut bisection = begin(4);
        let sample = bisection.next_piece().unwrap();
        bisection.record_listed(sample);
        let next = bisection.next_piece().unwrap();
        assert!(next.seconds() > max_sample, "{next:?}");
        assert!([next.from, next.to].iter().any(|edge| [0, sample.from, sample.to, DAY].contains(edge)), "{next:?}");
    }

    #[test]
    fn ok_a_search_after_one_that_found_nothing_begins_at_the_edges() {
        let pieces = split_from_both_edges(window(0, 100), 4, DAY);
        let expected = [(0, 4), (96, 100), (4, 12), (88, 96), (12, 28), (72, 88), (28, 50), (50, 72)];
        assert_eq!(pieces, expected.map(|(from, to)| window(from, to)));
        assert!(split_from_both_edges(window(0, 100), 4, 10).iter().all(|piece| piece.seconds() <= 10));
        // Successive searches begin with pieces of different lengths.
        let first = |attempts| Bisection::new(window(0, DAY), attempts, DAY, 7).next_piece().unwrap().seconds();
        let lengths: HashSet<_> = (2..2 + MAX_HALVINGS).map(|attempts| (first(attempts) * 3 / 2).ilog2()).collect();
        assert!(lengths.len() >= 10, "{lengths:?}");
    }

    #[test]
    fn ok_short_edges_of_a_broken_day_are_found_with_six_requests_per_search() {
        for healthy in [10, 733, 4_000, 40_000] {
            let broken = window(healthy, healthy + DAY);
            let mut left = window(0, broken.to + healthy);
            let mut attempts = 1;
            for search in 0.. {
                assert!(search < 60, "{healthy}: {left:?} is left");
                let mut bisection = Bisection::new(left, attempts, 10 * DAY, search << 40);
                let mut is_in_vain = true;
                for _ in 0..6 {
                    let Some(piece) = bisection.next_piece() else { break };
                    if piece.overlaps(&broken) {
                        bisection.record_failed(piece);
                    } else {
                        bisection.record_listed(piece);
                        is_in_vain = false;
                    }
                }
                let unresolved = bisection.unresolved();
                left = Window { from: unresolved[0].from, to: unresolved[unresolved.len() - 1].to };
                if left == broken {
                    break;
                }
                attempts += u32::from(is_in_vain);
            }
        }
    }
}
