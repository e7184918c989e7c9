//! Generates one event.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::awkward::{Awkward, SURROGATE_STAND_IN, with_lone_surrogates};
use super::behaviours::Behaviours;
use super::event::Event;
use super::payloads::payload;
use super::people::{EMAILS, PLACES, PROJECTS, USER_AGENTS};
use super::types;
use crate::fields::Fields;
use crate::seeded_rng::{SeededRng, happens, hash};

/// Two thirds of all events have one of these types. A type that is listed twice is twice as frequent.
const FREQUENT_TYPES: [&str; 7] = [
    "login.succeeded",
    "login.succeeded",
    "login.failed",
    "logout.succeeded",
    "api_key.created",
    "api_key.updated",
    "user.updated",
];
/// Event types that are not in the API's specification.
const UNPUBLISHED_TYPES: [&str; 3] = ["agent.delegated", "vault.secret.read", "tenant.agent.paused"];
/// Values of the field `source`, which the API sent only for a time.
const SOURCES: [&str; 4] = ["cloud_console", "adminapi", "scim", "backfill"];

/// Generates an event that happened at `effective_at`, in seconds since 1970. `number` and `rng` decide its type and
/// its content.
pub(super) fn generated_event(
    number: usize,
    effective_at: i64,
    visible_at: Timestamp,
    behaviours: &Behaviours,
    rng: &mut SeededRng,
) -> Event {
    let awkward = rng.chance(behaviours.awkward_payloads).then(|| Awkward::random(rng));
    let event_type = match (awkward, number % 3) {
        (Some(awkward), _) => awkward.event_type(),
        _ if rng.chance(behaviours.unpublished_fields_and_types) => rng.pick(&UNPUBLISHED_TYPES),
        (None, 0) => types::event_type_by_number(number / 3),
        (None, _) => rng.pick(&FREQUENT_TYPES),
    };
    let id = format!("audit_log-{}", rng.alphanumeric(24));
    let mut fields = Fields(vec![
        ("object", json!("organization.audit_log")),
        ("id", json!(id)),
        ("type", json!(event_type)),
        ("effective_at", json!(effective_at)),
    ]);
    if let Some(project_json) = project_json(behaviours, rng) {
        fields.0.push(("project", project_json));
    }
    if let Some(actor_json) = actor_json(behaviours, rng) {
        fields.0.push(("actor", actor_json));
    }
    let payload = match awkward {
        Some(awkward) => Some(awkward.payload(rng)),
        None => payload(event_type, rng, behaviours),
    };
    if let Some(payload) = payload {
        let earlier = types::earlier_name(event_type).filter(|_| happens(behaviours.earlier_names, rng));
        fields.0.push((earlier.unwrap_or(event_type), payload));
    }
    if rng.chance(behaviours.unpublished_fields_and_types) {
        fields.0.push(("source", json!(rng.pick(&SOURCES))));
    }
    let is_tenant_scoped = types::is_tenant_scoped(event_type);
    let raw = with_lone_surrogates(&fields.to_json());
    Event { cursor: id.clone(), id: Some(id), effective_at, visible_at, is_tenant_scoped, raw }
}

/// Returns the project in which an event happened; `None` if it has none, which is more frequent.
fn project_json(behaviours: &Behaviours, rng: &mut SeededRng) -> Option<Value> {
    let has_lone_surrogate = rng.chance(behaviours.lone_surrogates);
    if !has_lone_surrogate && !rng.chance(0.4) {
        return None;
    }
    let (id, name) = rng.pick(&PROJECTS);
    let name = if has_lone_surrogate { format!("{name} {SURROGATE_STAND_IN}") } else { name.to_owned() };
    Some(json!({"id": id, "name": name}))
}

/// Returns the actor of an event: a session, an API key, or `null`. `None` if the event has no such field.
fn actor_json(behaviours: &Behaviours, rng: &mut SeededRng) -> Option<Value> {
    if rng.chance(behaviours.sparse_actors) {
        return match rng.below(4) {
            0 => None,
            1 => Some(Value::Null),
            2 => Some(bare_session(rng)),
            _ => Some(api_key_without_id(rng)),
        };
    }
    Some(match rng.below(18) {
        0..=2 => {
            let mut actor_json = api_key_without_id(rng);
            actor_json["api_key"]["id"] = json!(format!("key_{}", rng.alphanumeric(12)));
            actor_json
        }
        3 => json!({"type": "api_key", "api_key": {
            "id": format!("key_{}", rng.alphanumeric(12)), "type": "service_account",
            "service_account": {"id": format!("svc_acct_{}", rng.alphanumeric(8))},
        }}),
        _ => json!({"type": "session", "session": session_json(behaviours, rng)}),
    })
}

fn user_json(rng: &mut SeededRng) -> Value {
    let email = rng.pick(&EMAILS);
    json!({"id": format!("user-{:x}", hash(email)), "email": email})
}

fn api_key_without_id(rng: &mut SeededRng) -> Value {
    json!({"type": "api_key", "api_key": {"type": "user", "user": user_json(rng)}})
}

fn bare_session(rng: &mut SeededRng) -> Value {
    json!({"type": "session", "session": {"user": user_json(rng), "ip_address": format!("203.0.113.{}", rng.below(256))}})
}

fn session_json(behaviours: &Behaviours, rng: &mut SeededRng) -> Value {
    let [country, city, region, region_code, latitude, longitude] = rng.pick(&PLACES);
    let ip = if rng.chance(behaviours.ipv6_sessions) {
        format!("2001:db8:{}::{}", rng.hex(3), rng.hex(2))
    } else {
        format!("{}.{}", rng.pick(&["198.51.100", "203.0.113"]), rng.below(256))
    };
    json!({
        "user": user_json(rng), "ip_address": ip, "user_agent": rng.pick(&USER_AGENTS),
        "ja3": rng.hex(32), "ja4": format!("t13d1516h2_{}_{}", rng.hex(12), rng.hex(12)),
        "ip_address_details": {
            "country": country, "city": city, "region": region, "region_code": region_code,
            "asn": rng.between(64_496, 64_511).to_string(), "latitude": latitude, "longitude": longitude,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the JSON texts of a thousand generated events.
    fn event_texts(behaviours: &Behaviours) -> Vec<String> {
        let event = |number| {
            generated_event(number, 7, Timestamp::UNIX_EPOCH, behaviours, &mut SeededRng::new(1, "made", number as u64))
        };
        (0..1_000).map(|number| event(number).raw).collect()
    }

    fn events(behaviours: &Behaviours) -> Vec<Value> {
        event_texts(behaviours).iter().map(|raw| serde_json::from_str(raw).unwrap()).collect()
    }

    fn default_behaviours() -> Behaviours {
        Behaviours::default()
    }

    fn count(events: &[Value], happens: impl Fn(&Value) -> bool) -> usize {
        events.iter().filter(|event| happens(event)).count()
    }

    #[test]
    fn b16_payloads_have_the_key_of_their_type_and_logins_have_none_or_an_empty_one() {
        let payload = |event: &Value| event.get(event["type"].as_str().unwrap()).cloned();
        let login = |event: &Value| matches!(event["type"].as_str(), Some("login.succeeded" | "logout.succeeded"));
        let events_of = events(&default_behaviours());
        assert!(events_of.iter().filter(|event| login(event)).all(|event| payload(event).is_none()));
        assert!(
            count(&events_of, |event| event["type"] == "login.failed"
                && event["login.failed"]["error_code"].is_string())
                > 50
        );
        let types_without_payload = ["resource.deleted", "tunnel.created", "tunnel.updated", "tunnel.deleted"];
        let lacks_payload =
            |event: &Value| login(event) || types_without_payload.contains(&event["type"].as_str().unwrap());
        assert!(
            events_of
                .iter()
                .filter(|event| !lacks_payload(event))
                .all(|event| payload(event).is_some_and(|p| p.is_object()))
        );
        let empty = events(&Behaviours { empty_login_payload: true, ..default_behaviours() });
        assert!(empty.iter().filter(|event| login(event)).all(|event| payload(event) == Some(json!({}))));
    }

    #[test]
    fn b17_an_optional_field_may_be_missing_and_is_never_a_placeholder() {
        let sparse = events(&Behaviours { sparse_actors: 1.0, ..default_behaviours() });
        for (share, what) in [
            (count(&sparse, |event| event.get("actor").is_none()), "no actor"),
            (count(&sparse, |event| event.get("actor").is_some_and(Value::is_null)), "actor null"),
            (count(&sparse, |event| event["actor"]["type"] == "session"), "session"),
            (count(&sparse, |event| event["actor"]["type"] == "api_key"), "api key"),
        ] {
            assert!((200..300).contains(&share), "{what}: {share}");
        }
        for event in &sparse {
            assert!(
                event["actor"]["session"].get("user_agent").is_none() && event["actor"]["api_key"].get("id").is_none()
            );
            assert!(event.get("project").is_none_or(|project_json| project_json["id"].is_string()), "{event}");
        }
        let full = events(&Behaviours { sparse_actors: 0.0, ..default_behaviours() });
        assert_eq!(
            count(&full, |event| event["actor"]["session"]["user_agent"].is_string()
                || event["actor"]["api_key"]["id"].is_string()),
            1_000
        );
    }

    #[test]
    fn b18_the_scopes_of_an_updated_key_stand_in_one_of_two_places() {
        let check = |scopes_requested, requested: bool, data: bool| {
            let events = events(&Behaviours { scopes_requested, ..default_behaviours() });
            let updated = |name| count(&events, |event| event["api_key.updated"][name]["scopes"].is_array());
            assert_eq!((updated("changes_requested") > 0, updated("data") > 0), (requested, data));
        };
        check(0.5, true, true);
        check(1.0, true, false);
        check(0.0, false, true);
    }

    #[test]
    fn b19_unpublished_types_and_fields_occur() {
        let strange =
            events(&Behaviours { unpublished_fields_and_types: 1.0, awkward_payloads: 0.0, ..default_behaviours() });
        let is_strange = |event: &Value| {
            let event_type = event["type"].as_str().unwrap();
            !types::is_known(event_type) && event[event_type].is_object() && event["source"].is_string()
        };
        assert_eq!(count(&strange, is_strange), 1_000);
        let plain = events(&Behaviours { unpublished_fields_and_types: 0.0, ..default_behaviours() });
        assert_eq!(
            count(&plain, |event| event.get("source").is_none() && types::is_known(event["type"].as_str().unwrap())),
            1_000
        );
    }

    #[test]
    fn b20_address_details_are_strings_and_objects_name_their_kind() {
        let events = events(&Behaviours { ipv6_sessions: 1.0, sparse_actors: 0.0, ..default_behaviours() });
        assert!(events.iter().all(|event| event["object"] == "organization.audit_log"));
        let sessions: Vec<_> = events.iter().filter_map(|event| event.pointer("/actor/session")).collect();
        assert!(sessions.len() > 500, "{}", sessions.len());
        for session_json in sessions {
            assert!(
                session_json["ip_address"].as_str().unwrap().parse::<std::net::Ipv6Addr>().is_ok(),
                "{session_json}"
            );
            let details = session_json["ip_address_details"].as_object().unwrap();
            assert!(details.len() == 7 && details.values().all(Value::is_string), "{details:?}");
        }
    }

    #[test]
    fn b30_awkward_text_and_lists_occur() {
        let events = events(&Behaviours { awkward_payloads: 1.0, ..default_behaviours() });
        let text = |event: &Value, pointer: &str| {
            event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let name = |event: &Value| text(event, "/project.created/data/name");
        let description = |event: &Value| text(event, "/organization.updated/changes_requested/description");
        for (share, what) in [
            (count(&events, |event| name(event).contains(['\u{0}', '\u{7}']) && name(event).contains('🦀')), "names"),
            (count(&events, |event| description(event).len() > 10_000), "10 kB"),
            (count(&events, |event| text(event, "/certificate.deleted/certificate").lines().count() > 100), "PEM"),
            (count(&events, |event| event.pointer("/ip_allowlist.updated/allowed_ips/499").is_some()), "a long list"),
        ] {
            assert!((200..300).contains(&share), "{what}: {share}");
        }
    }

    #[test]
    fn b30_half_a_surrogate_pair_is_valid_json() {
        for raw in event_texts(&Behaviours { lone_surrogates: 1.0, ..default_behaviours() }) {
            assert!(raw.contains(r#" \ud83d""#), "{raw}");
            assert!(serde_json::from_str::<Value>(&raw).is_err());
            assert!(serde_json::from_str::<&serde_json::value::RawValue>(&raw).is_ok());
        }
        assert!(event_texts(&default_behaviours()).iter().all(|raw| serde_json::from_str::<Value>(raw).is_ok()));
    }
}
