//! Plans the generated blobs: the time at which each one becomes available and is listed, and how many records it owns.

use std::io;
use std::ops::Range;

use jiff::Timestamp;

use super::super::behaviours::Behaviours;
use super::super::content_type::ContentType;
use super::super::records::HugeBlob;
use super::blob::Blob;
use crate::moment::after_milliseconds;
use crate::options::Options;
use crate::seeded_rng::SeededRng;

/// A late blob that became available before the start did so at most this long before the start.
const LATE_SPAN_MILLISECONDS: i64 = 3_600_000;
/// The blobs that an outage delayed become available within this time after the end of the outage.
const CATCH_UP_MILLISECONDS: i64 = 600_000;
/// The share of each content type among the generated records, in percent, in the order of [`ContentType::ALL`].
const CONTENT_TYPE_PERCENT: [usize; 5] = [30, 25, 25, 15, 5];
/// The usual size of each record of a huge blob. The records are larger if the content type has too few of them.
const LARGE_RECORD_BYTES: usize = 24_000;

/// The generated blobs of all content types.
pub(super) struct BlobPlan {
    /// The blobs of each content type, not yet sorted. Their records are numbered from 0, first all of one content
    /// type, then all of the next one.
    pub(super) feeds: [Vec<Blob>; 5],
    pub(super) huge: Option<HugeBlob>,
}

impl BlobPlan {
    /// Plans the blobs for `options.events` records.
    ///
    /// # Errors
    /// There are more records than a `u32` can number.
    pub(super) fn new(options: &Options, behaviours: &Behaviours) -> io::Result<Self> {
        if u32::try_from(options.events).is_err() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} events are too many", options.events)));
        }
        let mut plan = Self { feeds: Default::default(), huge: None };
        let mut first = 0;
        for (content_type, count) in record_counts(options.events) {
            let huge = behaviours.huge_blob.filter(|(chosen, _)| *chosen == content_type && count > 0);
            let huge = huge.map(|(_, bytes)| {
                let records = (bytes / LARGE_RECORD_BYTES).clamp(1, count);
                HugeBlob { content_type, records, record_bytes: bytes.div_ceil(records) }
            });
            let size = huge.as_ref().map(|huge| huge.records);
            plan.huge = plan.huge.or(huge);
            // The check at the start of the function makes sure that the number fits.
            let numbers = first..first + u32::try_from(count).unwrap_or(u32::MAX);
            first = numbers.end;
            plan.feeds[content_type.index()] = planned_blobs(content_type, numbers, size, options, behaviours);
        }
        Ok(plan)
    }
}

/// Returns the number of records of each content type. Every content type gets one record, as long as there are enough;
/// the other records are divided by [`CONTENT_TYPE_PERCENT`].
fn record_counts(events: usize) -> [(ContentType, usize); 5] {
    let left = events.saturating_sub(CONTENT_TYPE_PERCENT.len());
    let mut rest = left - CONTENT_TYPE_PERCENT.iter().map(|share| left * share / 100).sum::<usize>();
    ContentType::ALL.map(|content_type| {
        let index = content_type.index();
        (
            content_type,
            usize::from(index < events) + left * CONTENT_TYPE_PERCENT[index] / 100 + std::mem::take(&mut rest),
        )
    })
}

/// Returns a random content type. Each one is as frequent as [`CONTENT_TYPE_PERCENT`] says.
pub(in super::super) fn random_content_type(rng: &mut SeededRng) -> ContentType {
    let mut left = rng.below(CONTENT_TYPE_PERCENT.iter().sum());
    for (content_type, share) in ContentType::ALL.into_iter().zip(CONTENT_TYPE_PERCENT) {
        if left < share {
            return content_type;
        }
        left -= share;
    }
    ContentType::Entra
}

/// Returns blobs of this content type that together own the records `numbers`. If `first_size` is given, the first blob
/// has that many records and is not late.
fn planned_blobs(
    content_type: ContentType,
    mut numbers: Range<u32>,
    first_size: Option<usize>,
    options: &Options,
    behaviours: &Behaviours,
) -> Vec<Blob> {
    let mut blobs: Vec<Blob> = Vec::new();
    while !numbers.is_empty() {
        let mut rng = SeededRng::new(options.seed, content_type.log_type(), blobs.len() as u64);
        let size = 1 + rng.below(behaviours.records_per_blob.max(1));
        let size = first_size.filter(|_| blobs.is_empty()).unwrap_or(size).min(numbers.len());
        // The second blob is always late, so that every content type with two blobs has a late one.
        let is_late =
            rng.chance(behaviours.late_blobs) && !(blobs.is_empty() && first_size.is_some()) || blobs.len() == 1;
        let same = rng.chance(behaviours.same_instant);
        let same = blobs.last().filter(|_| same && !is_late).map(|blob| (blob.created, blob.is_delayed));
        let (created, is_delayed) = same.unwrap_or_else(|| random_created(is_late, options, behaviours, &mut rng));
        let listed_at = listed_at(created, is_late, options, behaviours, &mut rng);
        let end = numbers.start + u32::try_from(size).unwrap_or(u32::MAX);
        blobs.push(Blob {
            created,
            listed_at,
            is_delayed,
            own_records: numbers.start..end,
            repeated_records: Vec::new(),
        });
        numbers.start = end;
    }
    blobs
}

/// Returns the time at which a blob becomes available, and `true` if an outage delayed it.
fn random_created(is_late: bool, options: &Options, behaviours: &Behaviours, rng: &mut SeededRng) -> (Timestamp, bool) {
    if is_late && options.ahead_seconds == 0 {
        return (after_milliseconds(options.now, -rng.between(1_000, LATE_SPAN_MILLISECONDS)), false);
    }
    let span = options.now.as_millisecond() - options.span_start().as_millisecond();
    let last = span + options.ahead_seconds.max(0) * 1_000 - 1_000;
    if rng.chance(behaviours.delayed_blobs) {
        // All delayed blobs of a simulator wait for the end of the same outage.
        let end = SeededRng::new(options.seed, "flood", 0).between(0, last);
        return (
            after_milliseconds(options.span_start(), (end + rng.between(0, CATCH_UP_MILLISECONDS)).min(last)),
            true,
        );
    }
    (after_milliseconds(options.span_start(), rng.between(0, last)), false)
}

/// Returns the time from which listings show a blob that became available at `created`.
///
/// A blob from before the start is listed from the start on, or one to three seconds later if it is late. A later blob
/// is listed when it becomes available, or seconds to hours after that if it is late.
fn listed_at(
    created: Timestamp,
    is_late: bool,
    options: &Options,
    behaviours: &Behaviours,
    rng: &mut SeededRng,
) -> Timestamp {
    let max_delay_milliseconds = behaviours.max_delay_seconds.max(1) * 1_000;
    match (is_late, created < options.now) {
        (false, true) => options.now,
        (false, false) => created,
        // This blob is listed at the start instead of late: collectors do not look back that far, so they would miss
        // it.
        (true, true) if created < after_milliseconds(options.now, -LATE_SPAN_MILLISECONDS) => options.now,
        (true, true) => after_milliseconds(options.now, rng.between(1_000, 3_000)),
        (true, false) if rng.chance(0.9) => after_milliseconds(
            created,
            rng.between(1_000, max_delay_milliseconds / 20 + 1_000).min(max_delay_milliseconds),
        ),
        (true, false) => after_milliseconds(created, rng.between(1_000, max_delay_milliseconds)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn options(events: usize) -> Options {
        Options { events, ..Options::new("2026-11-22T09:00:00Z".parse().unwrap()) }
    }

    fn blobs(events: usize, behaviours: &Behaviours) -> Vec<Blob> {
        BlobPlan::new(&options(events), behaviours).unwrap().feeds.into_iter().flatten().collect()
    }

    #[test]
    fn every_content_type_gets_records() {
        for events in [0, 1, 4, 5, 7, 100, 1_001] {
            let counts = record_counts(events).map(|(_, count)| count);
            assert_eq!(counts.iter().sum::<usize>(), events, "{counts:?}");
            assert!(events < 5 || counts.iter().all(|count| *count > 0), "{counts:?}");
        }
    }

    #[test]
    fn every_record_is_in_one_blob_and_some_blobs_are_late_or_share_an_instant() {
        let blobs = blobs(1_000, &Behaviours::default());
        let mut records: Vec<_> = blobs.iter().flat_map(Blob::own_records).collect();
        records.sort_unstable();
        assert!(records.into_iter().eq(0..1_000));
        let now = options(0).now;
        let instants: HashSet<_> = blobs.iter().map(|blob| blob.created).collect();
        assert!(instants.len() < blobs.len(), "no two blobs share an instant");
        let late = blobs.iter().filter(|blob| blob.listed_at > now).count();
        assert!((1..=30).contains(&late), "{late}");
        assert!(blobs.iter().all(|blob| blob.created < now && now < blob.created + super::super::RETENTION));
    }

    #[test]
    fn b50_a_dozen_blobs_may_share_an_instant() {
        let blobs = blobs(1_000, &Behaviours { same_instant: 0.95, ..Behaviours::default() });
        let of_instant = |at: Timestamp| blobs.iter().filter(|blob| blob.created == at).count();
        assert!(blobs.iter().map(|blob| of_instant(blob.created)).max() > Some(12));
    }

    #[test]
    fn b58_blobs_that_an_outage_delayed_become_available_together() {
        let blobs = blobs(1_000, &Behaviours { delayed_blobs: 1.0, late_blobs: 0.0, ..Behaviours::default() });
        let is_delayed: Vec<_> = blobs.iter().filter(|blob| blob.is_delayed).map(|blob| blob.created).collect();
        // The second blob of each content type is late instead of delayed.
        assert!(is_delayed.len() * 10 > blobs.len() * 8, "{} of {}", is_delayed.len(), blobs.len());
        let (first, last) = (is_delayed.iter().min().unwrap(), is_delayed.iter().max().unwrap());
        assert!(first.duration_until(*last).as_millis() <= i128::from(CATCH_UP_MILLISECONDS));
    }

    #[test]
    fn b55_a_huge_blob_has_enough_bytes_and_no_additional_records() {
        let check = |events, bytes, expected: (usize, usize)| {
            let behaviours = Behaviours { huge_blob: Some((ContentType::General, bytes)), ..Behaviours::default() };
            let plan = BlobPlan::new(&options(events), &behaviours).unwrap();
            let huge = plan.huge.unwrap();
            assert_eq!((huge.records, huge.record_bytes), expected);
            assert_eq!(plan.feeds[ContentType::General.index()][0].own_records().len(), huge.records);
            assert_eq!(plan.feeds.iter().flatten().map(Blob::len).sum::<usize>(), events);
        };
        check(1_000, 240_000, (10, 24_000));
        check(1_000, 48_000_000, (150, 320_000));
        check(1_000, 1, (1, 1));
    }

    #[test]
    fn err_too_many_events() {
        let error = BlobPlan::new(&options(usize::MAX), &Behaviours::default()).err().unwrap();
        assert!(error.to_string().contains("too many"), "{error}");
    }
}
