//! All events of a simulator: generated from the seed, or supplied by the caller.

use std::io;

use super::behaviours::Behaviours;
use super::event::Event;
use super::generated_event::generated_event;
use super::late::{LATE_SPAN_SECONDS, visible_at};
use super::supplied::supplied_events;
use crate::options::Options;
use crate::seeded_rng::{SeededRng, hash, mix};

/// The largest number of events that [`Behaviours::crowded_events`] puts into one second.
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
    let crowd_size = ((options.events as f64 * behaviours.crowded_events) as usize).min(MAX_CROWD);
    let (first, now) = (options.span_start().as_second(), options.now.as_second());
    let last = now + options.ahead_seconds.max(0);
    let crowded_second = SeededRng::new(options.seed, "openai crowd", 0).between(first, now - 1);
    let all_past_soon = behaviours.late_past_soon && options.ahead_seconds <= 0;
    let mut previous_second = crowded_second;
    (0..options.events)
        .map(|number| {
            let mut rng = SeededRng::new(options.seed, "openai event", number as u64);
            // The first event after the crowd is always late, so that there is a late event unless
            // `behaviours.late_events` is 0.
            let is_late = rng.chance(behaviours.late_events) || (number == crowd_size && behaviours.late_events > 0.0);
            let event_second = match number {
                _ if number < crowd_size => crowded_second,
                _ if is_late && all_past_soon => now - rng.between(1, LATE_SPAN_SECONDS),
                _ if rng.chance(SAME_SECOND_SHARE) => previous_second,
                _ => rng.between(first, last - 1),
            };
            previous_second = event_second;
            let visible_at = visible_at(event_second, is_late, options, behaviours, &mut rng);
            generated_event(number, event_second, visible_at, behaviours, &mut rng)
        })
        .collect()
}
