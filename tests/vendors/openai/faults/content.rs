//! Malformed, unknown and changed events.

use serde_json::{Value, json};
use tests::rig::reconciliation::delivered;

use super::*;
use crate::openai::world::{event, start_time, stream};

/// Returns the delivered lines.
fn lines(world: &World) -> Vec<Value> {
    let objects = delivered(&world.store, &stream()).unwrap();
    objects.iter().flatten().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the line of this event.
#[track_caller]
fn line_of(world: &World, id: &str) -> Value {
    let mut found = lines(world).into_iter().filter(|line| line["id"] == id);
    let line = found.next().unwrap();
    assert!(found.next().is_none(), "{id} is there twice");
    line
}

/// Creates an event of this type with additional fields.
fn of_type(id: &str, event_type: &str, fields: &Value) -> String {
    let mut event = json!({"id": id, "type": event_type, "effective_at": start_time().as_second() - 60});
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event.to_string()
}

#[tokio::test]
async fn f22_unknown_types_and_fields_are_delivered_whole_and_counted() {
    let unheard = json!({"id": "d-1", "depth": 3, "to": {"agent.id": ["a", "b"]}});
    let world = World::with_events(vec![
        of_type("unknown-type", "agent.delegated", &json!({"agent.delegated": unheard})),
        of_type("null-actor", "login.failed", &json!({"actor": null, "login.failed": {"error_code": "bad_password"}})),
        of_type("no-payload", "api_key.created", &json!({"actor": {"type": "session"}})),
        of_type("more-fields", "logout.succeeded", &json!({"source": "scim", "zone": {"region": "eu"}})),
        of_type("odd-actor", "user.added", &json!({"actor": "mina", "user.added": {"id": 7}})),
        event("usual", -61),
    ]);
    let report = world.tick().await.unwrap();
    assert_drained(&report, 6);
    let drift = &report.lines.drift;
    assert_eq!(drift.unknown_record_types, 1, "{drift:?}");
    assert_eq!(drift.names.unknown_types.all(), ["agent.delegated"]);
    assert!((drift.nonconforming, drift.undeclared_fields) == (1, 2), "{drift:?}");
    assert_eq!(drift.names.undeclared.all(), ["zone", "agent.delegated"]);

    assert_eq!(line_of(&world, "unknown-type")["type"], "agent.delegated");
    let kept = json!({"id": "d-1", "depth": 3, "to": {"agent_id": ["a", "b"]}});
    assert_eq!(line_of(&world, "unknown-type")["agent_delegated"], kept);
    assert_eq!(line_of(&world, "null-actor").get("actor"), None);
    assert_eq!(line_of(&world, "null-actor")["login_failed"]["error_code"], "bad_password");
    assert_eq!(line_of(&world, "no-payload").get("api_key_created"), None);
    let more = line_of(&world, "more-fields");
    assert_eq!((&more["source"], &more["zone"]), (&json!("scim"), &json!({"region": "eu"})));
    assert_eq!(line_of(&world, "odd-actor")["p_nonconforming"]["actor"], "mina");
    // The next tick lists the events again and counts none of them again.
    world.minutes(1);
    let report = world.tick().await.unwrap();
    assert_drained(&report, 0);
    assert!(report.lines.drift.is_none(), "{:?}", report.lines.drift);
    world.assert_exact();
}

#[tokio::test]
async fn f22_an_event_that_changes_afterwards_is_counted_and_not_delivered_again() {
    let world = World::with_event_per_minute(50);
    assert_drained(&world.tick().await.unwrap(), 50);
    world.simulator.change(|it| it.reshaped_events = 1.0);
    world.minutes(61);
    let report = world.tick().await.unwrap();
    assert_drained(&report, 0);
    assert_eq!((report.listed.duplicates, report.listed.events), (50, 50));
    world.assert_exact();
}

#[tokio::test]
async fn f22_a_field_added_withdrawn_or_renamed_does_not_make_another_event() {
    let world = World::with_events(vec![event("audit_log-a", -60)]);
    let worker = world.worker().await;
    assert_drained(&tick(&worker).await, 1);
    let at = start_time().as_second() - 60;
    for changed in [
        format!(
            r#"{{"id":"audit_log-a","type":"login.succeeded","effective_at":{at},"actor":null,"source":"retool"}}"#
        ),
        format!(r#"{{"id":"audit_log-a","type":"login.succeeded","effective_at":{at}}}"#),
        format!(r#"{{"id":"audit_log-a","kind":"login.succeeded","effective_at":{at},"performer":null}}"#),
    ] {
        let page = format!(r#"{{"object":"list","data":[{changed}],"has_more":false}}"#);
        let again = Scripted::new(LIST, 1, Fault::answer(200, page)).having("tenant_only=false");
        world.simulator.change(|it| it.script = vec![again]);
        world.minutes(1);
        let report = tick(&worker).await;
        assert_drained(&report, 0);
        assert_eq!((report.listed.events, report.listed.duplicates), (1, 1), "{changed}");
    }
    world.assert_exact();
}

#[tokio::test]
async fn f25_an_element_that_is_no_event_is_rejected_once_and_affects_nothing_else() {
    let begin = start_time().as_second();
    let broken = ["7", "null", r#"["a", 5]"#, "\"text\""].map(str::to_owned);
    let no_id = format!(r#"{{"type":"login.succeeded","effective_at":{}}}"#, begin - 30);
    let no_time = r#"{"id":"no-time","type":"login.failed"}"#.to_owned();
    let odd_id = format!(r#"{{"id":7,"type":"login.failed","effective_at":{}}}"#, begin - 31);
    let good = (0..95).map(|number| event(&format!("e-{number}"), -60 - number));
    let world = World::with_events(good.chain(broken).chain([no_id, no_time, odd_id]).collect());
    let worker = world.worker().await;

    let report = tick(&worker).await;
    assert!(report.drained && report.failure.is_none(), "{report:?}");
    assert_eq!(
        (report.lines.delivered, report.lines.rejected, report.listed.events, world.watermark()),
        (98, 4, 102, 0)
    );
    let kept: Vec<Value> = rejected(&world);
    let mut raw: Vec<_> = kept.iter().filter_map(|record| record["raw"].as_str()).collect();
    raw.sort_unstable();
    assert_eq!(raw, ["\"text\"", "7", r#"["a", 5]"#, "null"]);
    for record in &kept {
        assert_eq!((record["source"].as_str(), record["log_type"].as_str()), (Some("openai"), Some("OpenAI.Audit")));
        assert!(record["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{record}");
    }

    // This process and others list the inputs again, and no rejection is counted twice.
    for _ in 0..3 {
        world.minutes(1);
        for report in [tick(&worker).await, world.tick().await.unwrap()] {
            assert_drained(&report, 0);
            assert!(report.listed.events >= 4 && report.listed.events == report.listed.duplicates, "{report:?}");
        }
    }
    assert_eq!(world.assert_exact().rejected, 4);
}

/// Returns the objects under `rejected/`.
fn rejected(world: &World) -> Vec<Value> {
    let objects = world.store.objects("rejected/openai_audit/");
    objects.iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
}

#[tokio::test]
async fn f25_pages_without_any_valid_event_are_rejected_whole() {
    let world = World::with_events((0..250).map(|number| number.to_string()).collect());
    let report = world.tick().await.unwrap();
    assert!(report.drained && report.failure.is_none(), "{report:?}");
    assert_eq!((report.lines.delivered, report.lines.rejected, world.watermark()), (0, 250, 0));
    assert!(world.store.objects("openai_audit/").is_empty());
    world.minutes(1);
    let report = world.tick().await.unwrap();
    assert_drained(&report, 0);
    assert_eq!(world.assert_exact().rejected, 250);
}

#[tokio::test]
async fn f27_very_large_events_are_lines_like_any_other() {
    const LONG: usize = 8 << 20;
    // Five of them exceed the maximum size of a page, so the client requests shorter pages.
    let large = |number: usize| {
        let text = format!("{number}-{}", "long ".repeat(LONG / 5 + 1));
        of_type(&format!("large-{number}"), "organization.updated", &json!({"organization.updated": {"id": text}}))
    };
    let world = World::with_events((0..5).map(large).chain([event("small", -60)]).collect());
    let reports = world.drain().await;
    assert!(reports.iter().all(|report| report.failure.is_none()), "{reports:?}");
    for number in 0..5 {
        let line = line_of(&world, &format!("large-{number}"));
        let text = line["organization_updated"]["id"].as_str().unwrap();
        assert!(text.len() > LONG && text.starts_with(&number.to_string()), "{} bytes", text.len());
    }
    world.assert_exact();
}

#[tokio::test]
async fn f27_lone_surrogates_and_control_characters_stay_within_their_line() {
    let controls: String = (0..32).map(|code| format!("\\u{code:04x}")).collect();
    let escapes = format!(r#"tab\t nl\n cr\r \u2028\u2029\u0085 {controls} \ud800 \udc00x \ud83d\ude00"#);
    let at = start_time().as_second() - 60;
    let raw = |id: &str, name: &str| {
        format!(
            r#"{{"id":"{id}","type":"group.created","effective_at":{at},"group.created":{{"id":"g","data":{{"group_name":"{name}"}}}}}}"#
        )
    };
    // The characters are sent as escapes, and also unescaped if JSON allows that.
    let world = World::with_events(vec![
        raw("escaped", &escapes),
        raw("raw", "\u{2028}\u{2029}\u{85}\u{7f}\u{feff}\u{fffe}🦀"),
        raw("plain", "x"),
    ]);
    assert_drained(&world.tick().await.unwrap(), 3);
    let name = |id: &str| line_of(&world, id)["group_created"]["data"]["group_name"].as_str().unwrap().to_owned();
    assert_eq!(name("raw"), "\u{2028}\u{2029}\u{85}\u{7f}\u{feff}\u{fffe}🦀");
    let controls: String = (0..32_u8).map(char::from).collect();
    let expected = format!("tab\t nl\n cr\r \u{2028}\u{2029}\u{85} {controls} \u{fffd} \u{fffd}x 😀");
    assert_eq!(name("escaped"), expected);
    world.assert_exact();
}

#[tokio::test]
async fn f27_a_byte_that_is_not_utf8_affects_only_itself() {
    // The vendor's event arrives with a byte in the middle that is not UTF-8.
    let event =
        of_type("stray", "group.created", &json!({"group.created": {"id": "g", "data": {"group_name": "a\u{fffd}b"}}}));
    let mut world = World::with_events(vec![event.clone(), crate::openai::world::event("usual", -61)]);
    let page = format!(r#"{{"object":"list","data":[{event}],"first_id":"stray","last_id":"stray","has_more":true}}"#);
    let (before, after) = page.split_once('\u{fffd}').unwrap();
    let bytes = [before.as_bytes(), b"\xff", after.as_bytes()].concat();
    world.settings.lookback_seconds = DAY;
    world.script(on_page(1, 1, &Fault::answer(200, bytes)));
    assert_drained(&world.tick().await.unwrap(), 2);
    assert_eq!(line_of(&world, "stray")["group_created"]["data"]["group_name"], "a\u{fffd}b");
    world.assert_exact();
}
