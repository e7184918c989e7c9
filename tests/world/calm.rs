//! A worker alone at a vendor with permanent trouble: how soon events arrive.
//!
//! An event is healthy when some listing shows it outside that listing's broken spans, as itself or in a blob that is not
//! broken. Permanent trouble elsewhere must not keep it from the bucket.

use collector::{Head, UnixSeconds};

use super::lone::{Lone, Ticked};
use super::scene::{Entry, Scene, SceneStream};
use super::simulation::Simulation;

/// Ticks within which a worker alone delivers every healthy event once all are visible.
///
/// An event that became visible late is found by the next hourly sweep, which is due 60 ticks after the last one; what is
/// left is for a sweep whose windows must be halved around what is broken. Of 10,000 seeds the slowest takes 61 ticks.
/// Ticks at which the trouble [delays](super::trouble::Trouble::delays) every event do not count.
pub const MAX_CALM_TICKS: usize = 66;
/// Ticks in all. A scene whose trouble delays everything for longer is a mistake of the scene.
const MAX_TICKS: usize = 2_000;

/// Ticks of a day in which nothing new happens.
const TICKS_PER_DAY: usize = 6;
/// Seconds between two of them.
const LONG_TICK_SECONDS: i64 = 14_400;

impl Lone {
    /// Ticks with the trouble still there until every healthy event is delivered; returns the ticks that counted. `note`
    /// is given the clock and each tick.
    ///
    /// # Errors
    /// Names the promise that is broken, or an event that was not delivered in time.
    pub fn deliver_healthy(&mut self, mut note: impl FnMut(UnixSeconds, &Ticked)) -> Result<usize, String> {
        self.world.clock = self.world.clock.max(self.world.scene.all_visible_at());
        let mut counted = 0;
        for _ in 0..MAX_TICKS {
            let Some(missing) = missing(&self.world) else { return Ok(counted) };
            if counted == MAX_CALM_TICKS {
                return Err(format!("{missing} after {MAX_CALM_TICKS} ticks, though only others have trouble"));
            }
            counted += usize::from(!self.world.scene.trouble.delays(self.world.clock));
            let ticked = self.tick()?;
            note(self.world.clock, &ticked);
            self.world.judge.violation.clone().map_or(Ok(()), Err)?;
            self.world.clock += self.world.scene.policy.tick_seconds;
            self.pass_down_time();
        }
        Err(format!("{:?} after {MAX_TICKS} ticks, most of which the trouble delayed", missing(&self.world)))
    }

    /// Ticks on at a distance of hours with the trouble still there: for so long that the collector gives up blobs, and that
    /// the vendor drops what it lists. `note` is given the clock and each tick.
    ///
    /// # Errors
    /// Names the promise that is broken.
    pub fn outlast(&mut self, days: usize, mut note: impl FnMut(UnixSeconds, &Ticked)) -> Result<(), String> {
        for _ in 0..days * TICKS_PER_DAY {
            self.world.clock += LONG_TICK_SECONDS;
            let ticked = self.tick()?;
            note(self.world.clock, &ticked);
            self.world.judge.violation.clone().map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// While the vendor answers nothing, one tick is like the next.
    fn pass_down_time(&mut self) {
        let down = &self.world.scene.trouble.down;
        let now = self.world.clock;
        let ends = down.iter().filter(|down| (down.from..down.to).contains(&now)).map(|down| down.to);
        self.world.clock = ends.max().unwrap_or(now);
    }
}

/// The first healthy event that is not in the bucket, in words.
fn missing(world: &Simulation) -> Option<String> {
    world.scene.streams.iter().find_map(|of| {
        let name = of.stream.name();
        if world.judge.is_restored(&name) {
            return None;
        }
        let Some(row) = world.store.heads.get(&name) else { return Some(format!("{name}: no head")) };
        missing_of_stream(world, of, &row.head)
    })
}

fn missing_of_stream(world: &Simulation, of: &SceneStream, head: &Head) -> Option<String> {
    let delivered = world.store.delivered(&world.scene.settings.prefix, &of.stream);
    let is_due = |entry: &&Entry| is_kept(world, entry) && entry.at >= head.floor && entry.visible_at <= world.clock;
    of.entries.iter().filter(is_due).find_map(|entry| {
        let listing = healthy_listing(&world.scene, entry)?;
        let events = entry.content.events();
        let mut identities = events.iter().filter_map(|event| of.events[*event].identity.as_deref());
        let missing = identities.find(|identity| !delivered.contains(identity))?;
        Some(format!("{}: {missing}, which {listing} shows at {}, is not delivered", of.stream.name(), entry.at))
    })
}

/// A listing that hands out the entry.
fn healthy_listing(scene: &Scene, entry: &Entry) -> Option<&'static str> {
    entry.listings.iter().copied().find(|listing| !scene.is_broken(entry, listing))
}

/// Returns `true` if the collector may still list the entry.
fn is_kept(world: &Simulation, entry: &Entry) -> bool {
    let margin = world.scene.policy.retention.map_or(0, |retention| retention.margin);
    entry.at >= world.scene.kept_from(world.clock).saturating_add(margin)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use collector::Window;

    use super::*;
    use crate::world::cast::BEGIN;
    use crate::world::cast_scene;
    use crate::world::chance::Chance;
    use crate::world::trouble::{BrokenBlob, BrokenSpan, Trouble};

    /// Scenes among which one with blobs and one without are found.
    const SCENES: u64 = 20;

    /// A worker alone in the first scene with blobs, or without, that has this trouble.
    fn lone(has_blobs: bool, trouble: impl Fn(&Scene) -> Trouble) -> Lone {
        let scenes = (0..SCENES).map(|seed| cast_scene::scene(&mut Chance::new(seed)));
        let scene = scenes.into_iter().find(|scene| scene.has_blobs() == has_blobs).unwrap();
        let trouble = trouble(&scene);
        Lone::new(Simulation::new(Arc::new(Scene { trouble, ..scene }), BEGIN))
    }

    fn deliver(lone: &mut Lone) -> Result<usize, String> {
        lone.deliver_healthy(|_, _| ())
    }

    fn delivered(lone: &Lone) -> usize {
        let Simulation { scene, store, .. } = &lone.world;
        scene.streams.iter().map(|of| store.delivered(&scene.settings.prefix, &of.stream).len()).sum()
    }

    #[test]
    fn what_is_broken_is_not_waited_for_and_arrives_once_it_is_healed() {
        let all = Window { from: 0, to: UnixSeconds::MAX };
        let span = BrokenSpan { listing: None, window: all };
        let mut all_spans = lone(false, |_| Trouble { spans: vec![span], ..Trouble::default() });
        let mut all_blobs = lone(true, |scene| {
            let entries = scene.streams.iter().flat_map(|of| &of.entries);
            let ids = entries.filter_map(|entry| entry.content.blob_id());
            let blobs: BTreeMap<_, _> = ids.map(|id| (id.to_owned(), BrokenBlob::Fails)).collect();
            Trouble { blobs, ..Trouble::default() }
        });
        for lone in [&mut all_spans, &mut all_blobs] {
            assert_eq!((deliver(lone).map(|ticks| ticks <= 1), delivered(lone)), (Ok(true), 0));
            lone.world.heal();
            assert!(missing(&lone.world).unwrap().contains(" shows at "));
            lone.settle().unwrap();
            assert!(delivered(lone) > 0 && missing(&lone.world).is_none());
        }
    }

    #[test]
    fn a_healthy_event_that_is_never_delivered_is_named() {
        let mut lone = lone(false, |_| Trouble::default());
        deliver(&mut lone).unwrap();
        // The bucket loses what was delivered, and no tick delivers it again.
        lone.world.store.objects.retain(|key, _| key.contains("_state/"));
        let failure = deliver(&mut lone).unwrap_err();
        assert!(failure.contains("audit_log-") && failure.contains(&MAX_CALM_TICKS.to_string()), "{failure}");
    }

    #[test]
    fn ticks_of_a_vendor_that_is_down_do_not_count() {
        let down = vec![Window { from: 0, to: BEGIN + 30 * 86_400 }];
        let mut lone = lone(false, |_| Trouble { down: down.clone(), ..Trouble::default() });
        assert!(deliver(&mut lone).is_ok_and(|ticks| ticks <= 2));
        assert!(lone.world.clock >= BEGIN + 30 * 86_400);
    }
}
