//! Repeats records in a second blob: in a blob of the same content type, at any time or days later, or in a blob of
//! another content type.

use jiff::{SignedDuration, Timestamp};

use super::super::behaviours::Behaviours;
use super::super::content_type::ContentType;
use super::blob::Blob;
use super::owners::Owners;
use crate::options::Options;
use crate::seeded_rng::SeededRng;

/// The minimum time between the first blob of a record and the blob that repeats the record days later.
const MIN_REPEAT_DELAY: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Adds some records to a second blob. The behaviours decide the share of these records.
pub(super) fn add_repeats(feeds: &mut [Vec<Blob>; 5], owners: &Owners, options: &Options, behaviours: &Behaviours) {
    for content_type in ContentType::ALL {
        let mut rng = SeededRng::new(options.seed, "again", content_type as u64);
        let blobs_by_time = blobs_by_time(&feeds[content_type.index()]);
        for record in owners.numbers_of(content_type) {
            if rng.chance(behaviours.repeated_records) {
                repeat_anywhere(&mut feeds[content_type.index()], record, &mut rng);
            }
            if rng.chance(behaviours.repeated_days_later) {
                repeat_days_later(&mut feeds[content_type.index()], &blobs_by_time, owners, record, &mut rng);
            }
            if rng.chance(behaviours.repeated_elsewhere) {
                repeat_anywhere(&mut feeds[repeating_content_type(content_type).index()], record, &mut rng);
            }
        }
    }
}

/// Returns the other content type whose blobs repeat records of `content_type`.
fn repeating_content_type(content_type: ContentType) -> ContentType {
    if content_type == ContentType::General { ContentType::Exchange } else { ContentType::General }
}

/// Returns the time at which each blob of the feed became available, with the blob's index, sorted by time.
fn blobs_by_time(feed: &[Blob]) -> Vec<(Timestamp, usize)> {
    let mut blobs_by_time: Vec<_> = feed.iter().enumerate().map(|(index, blob)| (blob.created, index)).collect();
    blobs_by_time.sort_unstable();
    blobs_by_time
}

fn repeat_anywhere(feed: &mut [Blob], record: u32, rng: &mut SeededRng) {
    let index = rng.below(feed.len());
    if let Some(blob) = feed.get_mut(index) {
        blob.repeated_records.push(record);
    }
}

/// Adds the record to a random blob that became available at least [`MIN_REPEAT_DELAY`] after the record's first blob.
/// Does nothing if the feed has no such blob.
fn repeat_days_later(
    feed: &mut [Blob],
    blobs_by_time: &[(Timestamp, usize)],
    owners: &Owners,
    record: u32,
    rng: &mut SeededRng,
) {
    let owner = owners.owner(record).and_then(|(_, index)| feed.get(index as usize));
    let Some(from) = owner.and_then(|blob| blob.created.checked_add(MIN_REPEAT_DELAY).ok()) else { return };
    let first = blobs_by_time.partition_point(|(created, _)| *created < from);
    if let Some((_, index)) = blobs_by_time[first..].get(rng.below(blobs_by_time.len() - first)) {
        feed[*index].repeated_records.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Content;
    use super::*;

    fn content(behaviours: &Behaviours) -> Content {
        let options = Options { events: 1_000, ..Options::new("2026-11-22T09:00:00Z".parse().unwrap()) };
        Content::new(&options, behaviours).unwrap()
    }

    fn without_repeats() -> Behaviours {
        Behaviours { repeated_records: 0.0, repeated_days_later: 0.0, repeated_elsewhere: 0.0, ..Behaviours::default() }
    }

    /// Returns, for every repeated record, the blob that owns it and the blob that repeats it: each with its content
    /// type and the time at which it became available.
    fn repetitions(content: &Content) -> Vec<[(ContentType, Timestamp); 2]> {
        let mut repeats = Vec::new();
        for (feed, content_type) in content.feeds.iter().zip(ContentType::ALL) {
            for blob in feed {
                for record in &blob.repeated_records {
                    let (owner, index) = content.owner(*record).unwrap();
                    let created = content.feeds[owner.index()][index as usize].created;
                    repeats.push([(owner, created), (content_type, blob.created)]);
                }
            }
        }
        repeats
    }

    #[test]
    fn b56_no_record_is_repeated_by_default() {
        assert!(repetitions(&content(&without_repeats())).is_empty());
    }

    #[test]
    fn b56_a_share_of_records_is_repeated_in_another_blob_of_its_feed() {
        let repeats = repetitions(&content(&Behaviours { repeated_records: 0.5, ..without_repeats() }));
        assert!(
            (400..600).contains(&repeats.len()) && repeats.iter().all(|[owner, other]| owner.0 == other.0),
            "{}",
            repeats.len()
        );
    }

    #[test]
    fn b56_a_share_of_records_is_repeated_five_days_later() {
        let repeats = repetitions(&content(&Behaviours { repeated_days_later: 1.0, ..without_repeats() }));
        assert!(repeats.len() > 50, "{}", repeats.len());
        for [(owner, first), (other, repeated)] in repeats {
            assert!(owner == other && first.duration_until(repeated) >= MIN_REPEAT_DELAY, "{first} {repeated}");
        }
    }

    #[test]
    fn b56_a_share_of_records_is_repeated_in_the_feed_of_another_content_type() {
        let repeats = repetitions(&content(&Behaviours { repeated_elsewhere: 0.5, ..without_repeats() }));
        assert!((400..600).contains(&repeats.len()), "{}", repeats.len());
        assert!(repeats.iter().all(|[owner, other]| owner.0 != other.0));
    }
}
