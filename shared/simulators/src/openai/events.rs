//! The events: made up by seed, or given.

use std::io;

use super::behaviours::Behaviours;
use super::event::Event;
use super::given::given;
use super::late::{LATE_WITHIN, visible_at};
use super::made::made;
use crate::dice::{Dice, hash, mix};
use crate::options::Options;

/// The largest crowd.
const LARGEST_CROWD: usize = 3_000;
/// Events of the very second of the one before: share.
const SAME_SECOND: f64 = 0.15;

/// All events, in list order: newest first, in one second in an order of their own.
///
/// # Errors
/// A given record is not JSON.
pub(super) fn events(options: &Options, behaviours: &Behaviours) -> io::Result<Vec<Event>> {
    let mut events = match &options.records {
        Some(records) => given(records, &options.visible_at, options.now)?,
        None => made_up(options, behaviours),
    };
    events.sort_by_cached_key(|event| (-i128::from(event.effective_at), mix(options.seed ^ hash(event.identity()))));
    Ok(events)
}

fn made_up(options: &Options, behaviours: &Behaviours) -> Vec<Event> {
    let crowd = ((options.events as f64 * behaviours.crowd) as usize).min(LARGEST_CROWD);
    let (first, now) = (options.first().as_second(), options.now.as_second());
    let last = now + options.ahead_seconds.max(0);
    let crowded = Dice::new(options.seed, "openai crowd", 0).between(first, now - 1);
    let all_past_soon = behaviours.late_past_soon && options.ahead_seconds <= 0;
    let mut previous = crowded;
    (0..options.events)
        .map(|number| {
            let mut dice = Dice::new(options.seed, "openai event", number as u64);
            // One at least, where there are any.
            let is_late = dice.chance(behaviours.late) || (number == crowd && behaviours.late > 0.0);
            let second = match number {
                _ if number < crowd => crowded,
                _ if is_late && all_past_soon => now - dice.between(1, LATE_WITHIN),
                _ if dice.chance(SAME_SECOND) => previous,
                _ => dice.between(first, last - 1),
            };
            previous = second;
            let visible_at = visible_at(second, is_late, options, behaviours, &mut dice);
            made(number, second, visible_at, behaviours, &mut dice)
        })
        .collect()
}
