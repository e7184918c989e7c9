//! Records that come again: in another blob of their feed, days later, or in another content type's feed.

use jiff::{SignedDuration, Timestamp};

use super::super::behaviours::Behaviours;
use super::super::content_type::ContentType;
use super::blob::Blob;
use super::owners::Owners;
use crate::dice::Dice;
use crate::options::Options;

/// What comes again days later does so after this long at the least.
const LATER: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Puts some records in a second blob.
pub(super) fn put(feeds: &mut [Vec<Blob>; 5], owners: &Owners, options: &Options, behaviours: &Behaviours) {
    for content_type in ContentType::ALL {
        let mut dice = Dice::new(options.seed, "again", content_type as u64);
        let by_time = by_time(&feeds[content_type.place()]);
        for record in owners.of(content_type) {
            if dice.chance(behaviours.repeated) {
                anywhere(&mut feeds[content_type.place()], record, &mut dice);
            }
            if dice.chance(behaviours.repeated_days_later) {
                later(&mut feeds[content_type.place()], &by_time, owners, record, &mut dice);
            }
            if dice.chance(behaviours.repeated_elsewhere) {
                anywhere(&mut feeds[elsewhere(content_type).place()], record, &mut dice);
            }
        }
    }
}

/// The general feed has something of every other.
fn elsewhere(content_type: ContentType) -> ContentType {
    if content_type == ContentType::General { ContentType::Exchange } else { ContentType::General }
}

/// When the feed's blobs became available, and their places; in that order.
fn by_time(feed: &[Blob]) -> Vec<(Timestamp, usize)> {
    let mut by_time: Vec<_> = feed.iter().enumerate().map(|(place, blob)| (blob.created, place)).collect();
    by_time.sort_unstable();
    by_time
}

fn anywhere(feed: &mut [Blob], record: u32, dice: &mut Dice) {
    let place = dice.below(feed.len());
    if let Some(blob) = feed.get_mut(place) {
        blob.again.push(record);
    }
}

/// In a blob that comes days later; not at all where the feed ends before.
fn later(feed: &mut [Blob], by_time: &[(Timestamp, usize)], owners: &Owners, record: u32, dice: &mut Dice) {
    let home = owners.home(record).and_then(|(_, place)| feed.get(place as usize));
    let Some(from) = home.and_then(|blob| blob.created.checked_add(LATER).ok()) else { return };
    let first = by_time.partition_point(|(created, _)| *created < from);
    if let Some((_, place)) = by_time[first..].get(dice.below(by_time.len() - first)) {
        feed[*place].again.push(record);
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

    fn nothing() -> Behaviours {
        Behaviours { repeated: 0.0, repeated_days_later: 0.0, repeated_elsewhere: 0.0, ..Behaviours::default() }
    }

    /// Every repetition: the blob it is a part of, and the one it is repeated in.
    fn repetitions(content: &Content) -> Vec<[(ContentType, Timestamp); 2]> {
        let mut all = Vec::new();
        for (feed, content_type) in content.feeds.iter().zip(ContentType::ALL) {
            for blob in feed {
                for record in &blob.again {
                    let (home, place) = content.home(*record).unwrap();
                    let created = content.feeds[home.place()][place as usize].created;
                    all.push([(home, created), (content_type, blob.created)]);
                }
            }
        }
        all
    }

    #[test]
    fn b56_nothing_comes_again_unless_it_is_said_to() {
        assert!(repetitions(&content(&nothing())).is_empty());
    }

    #[test]
    fn b56_a_share_comes_again_in_another_blob_of_its_feed() {
        let all = repetitions(&content(&Behaviours { repeated: 0.5, ..nothing() }));
        assert!((400..600).contains(&all.len()) && all.iter().all(|[home, other]| home.0 == other.0), "{}", all.len());
    }

    #[test]
    fn b56_a_share_comes_again_five_days_later() {
        let all = repetitions(&content(&Behaviours { repeated_days_later: 1.0, ..nothing() }));
        assert!(all.len() > 50, "{}", all.len());
        for [(home, first), (other, again)] in all {
            assert!(home == other && first.duration_until(again) >= LATER, "{first} {again}");
        }
    }

    #[test]
    fn b56_a_share_comes_again_in_the_feed_of_another_content_type() {
        let all = repetitions(&content(&Behaviours { repeated_elsewhere: 0.5, ..nothing() }));
        assert!((400..600).contains(&all.len()), "{}", all.len());
        assert!(all.iter().all(|[home, other]| home.0 != other.0));
    }
}
