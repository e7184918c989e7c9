//! The events: made up by seed, or given.

use std::io;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::behaviours::Behaviours;
use super::given::given;
use super::payloads::payload;
use super::people::{EMAILS, PLACES, PROJECTS, USER_AGENTS};
use super::types;
use crate::dice::{Dice, hash, mix};
use crate::fields::Fields;
use crate::options::{Options, after};

/// Types that are seen every day.
const FREQUENT: [&str; 7] = [
    "login.succeeded",
    "login.succeeded",
    "login.failed",
    "logout.succeeded",
    "api_key.created",
    "api_key.updated",
    "user.updated",
];
/// Types that are yet to come.
const UNHEARD_OF: [&str; 3] = ["agent.delegated", "vault.secret.read", "tenant.agent.paused"];
/// One event in so many shares its second with a crowd.
const CROWD: usize = 8;
/// The largest crowd.
const LARGEST_CROWD: usize = 3_000;
/// Late events of the past happened at most this long before the start, milliseconds.
const LATE_WITHIN: i64 = 240_000;

/// An event and when it can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// None in an event that was given without.
    pub(super) id: Option<String>,
    /// What the vendor calls it in a cursor: the id, also where the event does not show it.
    pub(super) cursor: String,
    /// Seconds since 1970.
    pub(super) effective_at: i64,
    pub(super) visible_at: Timestamp,
    pub(super) is_tenant_scoped: bool,
    pub(super) raw: String,
}

impl Event {
    /// Which event it is: its id, or else all that it is.
    pub(super) fn identity(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.raw)
    }
}

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
    let crowd = (options.events / CROWD).min(LARGEST_CROWD);
    let first = options.first().as_second();
    let last = options.now.as_second() + options.ahead_seconds.max(0);
    let mut dice = Dice::new(options.seed, "openai crowd", 0);
    let crowded = dice.between(first, options.now.as_second() - 1);
    let mut previous = crowded;
    (0..options.events)
        .map(|number| {
            let mut dice = Dice::new(options.seed, "openai event", number as u64);
            let is_late = dice.chance(behaviours.late) || number == crowd;
            let second = match number {
                _ if number < crowd => crowded,
                _ if is_late && options.ahead_seconds == 0 => {
                    options.now.as_second() - dice.between(1, LATE_WITHIN / 1_000)
                }
                _ if dice.chance(0.15) => previous,
                _ => dice.between(first, last - 1),
            };
            previous = second;
            let visible_at = visible_at(second, is_late, options, behaviours, &mut dice);
            made(number, second, visible_at, behaviours, &mut dice)
        })
        .collect()
}

/// What happened before the start can be seen at the start, or a moment after if it is late; what
/// happens later, when it happens, or minutes to hours after.
fn visible_at(second: i64, is_late: bool, options: &Options, behaviours: &Behaviours, dice: &mut Dice) -> Timestamp {
    let at = Timestamp::from_second(second).unwrap_or(options.now);
    let longest = behaviours.latest_seconds.max(1) * 1_000;
    match (is_late, at < options.now) {
        (false, true) => options.now,
        (false, false) => at,
        // Later than any collector looks back is no lateness but a loss.
        (true, true) if at < after(options.now, -LATE_WITHIN) => options.now,
        (true, true) => after(options.now, dice.between(1_000, 3_000)),
        (true, false) if dice.chance(0.9) => after(at, dice.between(1_000, longest / 100 + 1_000).min(longest)),
        (true, false) => after(at, dice.between(1_000, longest)),
    }
}

pub(super) fn made(
    number: usize,
    effective_at: i64,
    visible_at: Timestamp,
    behaviours: &Behaviours,
    dice: &mut Dice,
) -> Event {
    let event_type = match number % 3 {
        _ if dice.chance(behaviours.unheard_of) => dice.pick(&UNHEARD_OF),
        0 => types::by_number(number / 3),
        _ => dice.pick(&FREQUENT),
    };
    let id = format!("audit_log-{}", dice.alphanumeric(24));
    let mut fields = Fields(vec![
        ("object", json!("organization.audit_log")),
        ("id", json!(id)),
        ("type", json!(event_type)),
        ("effective_at", json!(effective_at)),
    ]);
    if dice.chance(0.4) {
        let (id, name) = dice.pick(&PROJECTS);
        fields.0.push(("project", json!({"id": id, "name": name})));
    }
    if let Some(actor) = actor(dice) {
        fields.0.push(("actor", actor));
    }
    if let Some(payload) = payload(event_type, dice, behaviours.empty_login_payload) {
        fields.0.push((event_type, payload));
    }
    if dice.chance(behaviours.unheard_of) {
        fields.0.push(("source", json!(dice.pick(&["cloud_console", "adminapi", "scim", "backfill"]))));
    }
    if dice.chance(behaviours.awkward) {
        fields.0.push(("awkward", awkward(dice)));
    }
    let raw = fields.to_json();
    let is_tenant_scoped = types::is_tenant_scoped(event_type);
    Event { cursor: id.clone(), id: Some(id), effective_at, visible_at, is_tenant_scoped, raw }
}

/// A session, an API key, `null`, or nothing at all.
fn actor(dice: &mut Dice) -> Option<Value> {
    let email = dice.pick(&EMAILS);
    let user = json!({"id": format!("user-{:x}", hash(email)), "email": email});
    match dice.below(20) {
        0 => None,
        1 => Some(Value::Null),
        2..=4 => {
            let mut key = json!({"type": "user", "user": user});
            if dice.chance(0.8) {
                key["id"] = json!(format!("key_{}", dice.alphanumeric(12)));
            }
            Some(json!({"type": "api_key", "api_key": key}))
        }
        5 => Some(json!({"type": "api_key", "api_key": {
            "id": format!("key_{}", dice.alphanumeric(12)), "type": "service_account",
            "service_account": {"id": format!("svc_acct_{}", dice.alphanumeric(8))},
        }})),
        _ => Some(json!({"type": "session", "session": session(user, dice)})),
    }
}

fn session(user: Value, dice: &mut Dice) -> Value {
    let [country, city, region, region_code, latitude, longitude] = dice.pick(&PLACES);
    let ip = match dice.below(4) {
        0 => format!("2001:db8:{}::{}", dice.hex(3), dice.hex(2)),
        1 => format!("198.51.100.{}", dice.below(256)),
        _ => format!("203.0.113.{}", dice.below(256)),
    };
    let mut session = json!({"user": user, "ip_address": ip});
    if dice.chance(0.9) {
        session["user_agent"] = json!(dice.pick(&USER_AGENTS));
        session["ja3"] = json!(dice.hex(32));
        session["ja4"] = json!(format!("t13d1516h2_{}_{}", dice.hex(12), dice.hex(12)));
        session["ip_address_details"] = json!({
            "country": country, "city": city, "region": region, "region_code": region_code,
            "asn": dice.between(64_496, 64_511).to_string(), "latitude": latitude, "longitude": longitude,
        });
    }
    session
}

fn awkward(dice: &mut Dice) -> Value {
    match dice.below(3) {
        0 => json!("tab\t, bell\u{7}, line\u{2028}separator, quote \", backslash \\, zero \u{0}, 🦀"),
        1 => json!("x".repeat(10_000)),
        _ => json!((0..500).map(|number| format!("203.0.{}.{}/32", number / 250, number % 250)).collect::<Vec<_>>()),
    }
}
