//! All events of a simulator: generated from the seed, or supplied by the caller.

use std::io;

use super::behaviours::Behaviours;
use super::event::Event;
use super::generated_event::generated_event;
use super::late::{LATE_SPAN_SECONDS, visible_at};
use super::supplied::supplied_events;
use crate::options::Options;
use crate::seeded_rng::{SeededRng, hash, mix};

/// The largest number of events that [`Behaviours::crowd`] puts into one second.
const MAX_CROWD: usize = 3_000;
/// Share of events that happen in the same second as the event generated before.
const SAME_SECOND_SHARE: f64 = 0.15;

/// Returns all events, newest first. The order of events within one second depends only on the seed.
///
/// # Errors
/// A supplied event is not JSON.
pub(super) fn events(options: &Options, behaviours: &Behaviours) -> io::Result<Vec<Event>> {
    let mut events = match &options.records {
        Some(records) => supplied_events(records, &options.visible_at, options.now)?,
        None => generated(options, behaviours),
    };
    events.sort_by_cached_key(|event| (-i128::from(event.effective_at), mix(options.seed ^ hash(event.identity()))));
    Ok(events)
}

fn generated(options: &Options, behaviours: &Behaviours) -> Vec<Event> {
    let crowd = ((options.events as f64 * behaviours.crowd) as usize).min(MAX_CROWD);
    let (first, now) = (options.first().as_second(), options.now.as_second());
    let last = now + options.ahead_seconds.max(0);
    let crowded = SeededRng::new(options.seed, "openai crowd", 0).between(first, now - 1);
    let all_past_soon = behaviours.late_past_soon && options.ahead_seconds <= 0;
    let mut previous = crowded;
    (0..options.events)
        .map(|number| {
            let mut rng = SeededRng::new(options.seed, "openai event", number as u64);
            // At least this event is late, unless `behaviours.late` is 0.
            let is_late = rng.chance(behaviours.late) || (number == crowd && behaviours.late > 0.0);
            let second = match number {
                _ if number < crowd => crowded,
                _ if is_late && all_past_soon => now - rng.between(1, LATE_SPAN_SECONDS),
                _ if rng.chance(SAME_SECOND_SHARE) => previous,
                _ => rng.between(first, last - 1),
            };
            previous = second;
            let visible_at = visible_at(second, is_late, options, behaviours, &mut rng);
            generated_event(number, second, visible_at, behaviours, &mut rng)
        })
        .collect()
}
