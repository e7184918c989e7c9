//! Permanent trouble made from a seed.

use std::collections::{BTreeMap, BTreeSet};

use collector::{UnixSeconds, Window};

use super::cast::{BEGIN, DAY, HOUR, MINUTE, Shape, add_blob, any_time};
use super::chance::Chance;
use super::scene::SceneStream;
use super::trouble::{BrokenBlob, BrokenSpan, Trouble, WrongClock};

/// Scenes that have trouble, per 1,000.
const TROUBLED_PER_MILLE: u64 = 560;
/// Scenes that have one certain kind of trouble, per 1,000 that have any.
const KIND_PER_MILLE: u64 = 650;
/// Broken spans of one scene.
const MAX_BROKEN_SPANS: i64 = 4;
/// Broken blobs of one scene.
const MAX_BROKEN_BLOBS: i64 = 30;
/// Down times of one scene.
const MAX_DOWN_TIMES: i64 = 2;

/// The permanent trouble of a scene of these streams. Blobs are added where more of them are to be broken than there are.
pub(super) fn trouble(chance: &mut Chance, shape: Shape, streams: &mut [SceneStream]) -> Trouble {
    let mut trouble = Trouble::default();
    if !chance.happens(TROUBLED_PER_MILLE) {
        return trouble;
    }
    if chance.happens(KIND_PER_MILLE) {
        trouble.spans = broken_spans(chance, shape, streams);
    }
    if shape == Shape::Blobs && chance.happens(KIND_PER_MILLE) {
        trouble.blobs = broken_blobs(chance, streams);
    }
    if chance.happens(KIND_PER_MILLE) {
        trouble.clock = wrong_clock(chance);
    }
    if chance.happens(KIND_PER_MILLE) {
        trouble.down = (0..chance.between(1, MAX_DOWN_TIMES)).map(|_| down_time(chance)).collect();
    }
    trouble
}

/// Spans of a second to hours. Two of three begin shortly before something that a listing shows.
fn broken_spans(chance: &mut Chance, shape: Shape, streams: &[SceneStream]) -> Vec<BrokenSpan> {
    let times: Vec<UnixSeconds> = streams.iter().flat_map(|of| &of.entries).map(|entry| entry.at).collect();
    let span = |chance: &mut Chance| {
        let seconds = chance.pick(&[1, 2, MINUTE, 10 * MINUTE, HOUR, 5 * HOUR]);
        let from = match chance.below(3) {
            0 => any_time(chance),
            _ => chance.pick(&times) - chance.between(0, seconds - 1),
        };
        let is_of_all = chance.happens(500);
        let listing = (!is_of_all).then(|| chance.pick(shape.listings()));
        BrokenSpan { listing, window: Window { from, to: from + seconds } }
    };
    (0..chance.between(1, MAX_BROKEN_SPANS)).map(|_| span(chance)).collect()
}

/// A few blobs or many, each broken in a way of its own.
fn broken_blobs(chance: &mut Chance, streams: &mut [SceneStream]) -> BTreeMap<String, BrokenBlob> {
    use BrokenBlob::{Fails, Missing, Trickles, Unreadable};
    let many = chance.between(1, MAX_BROKEN_BLOBS);
    let wanted = usize::try_from(chance.pick(&[1, 3, many])).unwrap_or(1);
    // Some of those that there were stay as they are.
    let healthy = chance.index(4);
    while blob_ids(streams).len() < wanted + healthy {
        let at = chance.index(streams.len());
        add_blob(chance, &mut streams[at]);
    }
    let mut ids: Vec<String> = blob_ids(streams).into_iter().collect();
    chance.shuffle(&mut ids);
    ids.into_iter().take(wanted).map(|id| (id, chance.pick(&[Fails, Missing, Unreadable, Trickles]))).collect()
}

fn blob_ids(streams: &[SceneStream]) -> BTreeSet<String> {
    let entries = streams.iter().flat_map(|of| &of.entries);
    entries.filter_map(|entry| entry.content.blob_id()).map(str::to_owned).collect()
}

/// A clock that is wrong by minutes to days in some periods, on either side of what the collector believes.
fn wrong_clock(chance: &mut Chance) -> WrongClock {
    let seconds = chance.pick(&[2 * MINUTE, 20 * MINUTE, HOUR - MINUTE, 2 * HOUR, DAY, 5 * DAY]);
    let ahead = if chance.happens(500) { seconds } else { -seconds };
    WrongClock { ahead, per_mille: chance.pick(&[100, 300, 600]), seed: chance.bits() }
}

/// Some hours of the storm, or after it.
fn down_time(chance: &mut Chance) -> Window {
    let from = BEGIN + chance.between(-HOUR, 8 * HOUR);
    Window { from, to: from + chance.between(HOUR, 6 * HOUR) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::cast_scene;

    /// Scenes from which shares are taken.
    const SCENES: u64 = 2_000;

    #[test]
    fn about_half_of_the_scenes_have_trouble_and_some_have_much_of_it() {
        let scenes: Vec<_> = (0..SCENES).map(|seed| cast_scene::scene(&mut Chance::new(seed))).collect();
        let troubled = scenes.iter().filter(|scene| !scene.trouble.is_none()).count();
        assert!((SCENES / 5 * 2..SCENES / 5 * 3).contains(&(troubled as u64)), "{troubled} of {SCENES}");
        let blobs: BTreeSet<usize> = scenes.iter().map(|scene| scene.trouble.blobs.len()).collect();
        assert_eq!(blobs.last(), Some(&(MAX_BROKEN_BLOBS as usize)));
        let kinds = scenes.iter().flat_map(|scene| scene.trouble.blobs.values());
        assert_eq!(kinds.map(|kind| format!("{kind:?}")).collect::<BTreeSet<_>>().len(), 4);
        let spans: BTreeSet<usize> = scenes.iter().map(|scene| scene.trouble.spans.len()).collect();
        assert_eq!(spans, BTreeSet::from([0, 1, 2, 3, 4]));
    }
}
