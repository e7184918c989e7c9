//! Keys, permissions, and features that an organization does not have.

use std::time::Duration;

use jiff::Timestamp;
use simulators::openai::{ADMIN_KEY, AuditLogging, Key};

use super::*;
use crate::openai::world::{event, start_time};

const NEW_KEY: &str = "sk-admin-simulated-rotated-Hq3x";
const TENANT_LISTING: &str = "tenant_only=true";

/// Creates an event of the tenant's listing, `seconds` after the start.
fn tenant_event(id: &str, seconds: i64) -> String {
    event(id, seconds).replace("login.succeeded", "tenant.user.added")
}

/// Creates two keys: the old one is valid until `until`, and the new one from a minute before that.
fn rotated_at(until: Timestamp) -> Vec<Key> {
    let overlap = Duration::from_secs(60);
    vec![Key { until, ..Key::new(ADMIN_KEY) }, Key { from: until - overlap, ..Key::new(NEW_KEY) }]
}

impl World {
    /// Returns the number of requests of the tenant's listing so far.
    fn tenant_requests(&self) -> usize {
        self.running.received_requests().iter().filter(|asked| asked.target.contains(TENANT_LISTING)).count()
    }
}

#[tokio::test]
async fn f06_a_rotated_key_is_read_once_and_collection_goes_on() {
    let world = five_pages();
    world.simulator.change(|it| it.keys = rotated_at(start_time()));
    world.key.rotate(NEW_KEY);
    let worker = world.worker().await;
    assert_drained(&tick(&worker).await, 450);
    assert_eq!((world.key.fresh_reads(), world.requests()), (1, REQUESTS_WITHOUT_FAULTS + 1));
    // A warm process has the new key, and a cold one finds it in the secret store.
    world.minutes(1);
    assert_drained(&tick(&worker).await, 0);
    assert_drained(&world.tick().await.unwrap(), 0);
    assert_eq!(world.key.fresh_reads(), 1);
    world.assert_exact();
}

#[tokio::test]
async fn f06_a_key_rotated_while_warm_in_the_middle_of_paging() {
    let mut records: Vec<_> = (0..450).map(|number| (event(&format!("new-{number}"), number), 450)).collect();
    records.push((event("old", -60), 0));
    let world = World::with_visible_times(records);
    let worker = world.worker().await;
    assert_drained(&tick(&worker).await, 1);

    world.minutes(9);
    // No sweep is due, so all pages are of new events. The third page is the first that is refused.
    world.simulator.change(|it| it.keys = rotated_at(world.time.now() + Duration::from_millis(150)));
    world.key.rotate(NEW_KEY);
    let (before, last) = (world.requests(), world.running.received_requests().len());
    assert_drained(&tick(&worker).await, 450);
    let statuses: Vec<_> = world.running.received_requests()[last..].iter().filter_map(|asked| asked.status).collect();
    assert_eq!(statuses, [200, 200, 401, 200, 200, 200, 200]);
    assert_eq!((world.key.fresh_reads(), world.requests()), (1, before + 7));
    world.assert_exact();
}

#[tokio::test]
async fn f06_a_key_that_stays_refused_needs_a_person_and_moves_no_watermark() {
    // The key is revoked, and the secret has the same key or another invalid one.
    for (secret, reads) in [(ADMIN_KEY, 1), (NEW_KEY, 2)] {
        let world = five_pages();
        let worker = world.worker().await;
        world.simulator.change(|it| it.keys = vec![Key::new("sk-admin-simulated-a-third")]);
        world.key.rotate(secret);
        let report = tick(&worker).await;
        assert_failed(&report, false, "put a valid key that has api.audit_logs.read into the secret");
        let message = report.failure.unwrap().message;
        assert!(!message.contains(ADMIN_KEY) && !message.contains(NEW_KEY), "{message}");
        assert_eq!((report.lines.delivered, world.watermark()), (0, -DAY));
        // Each listing makes two requests, for its window and for a half of it, and one more if there is another key.
        assert_eq!((world.requests(), world.key.fresh_reads()), (3 + reads, 4));
        assert!(world.elapsed() < 0.5, "nothing was waited for");

        // A new key may not be known everywhere yet, so a person is needed only if the refusal persists.
        for needs_person in [false, true, true] {
            world.minutes(1);
            assert_failed(&tick(&worker).await, needs_person, "put a valid key");
        }
        world.key.rotate("sk-admin-simulated-a-third");
        world.minutes(1);
        assert_drained(&tick(&worker).await, 450);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f06_a_secret_that_became_unreadable_is_reported_and_recovers() {
    let world = World::with_event_per_minute(5);
    let worker = world.worker().await;
    world.simulator.change(|it| it.keys = vec![Key::new(NEW_KEY)]);
    world.key.rotate("{not a key");
    assert_failed(&tick(&worker).await, true, "OpenAI secret the secret: it is neither");
    assert_eq!(world.watermark(), -7 * DAY);
    world.key.rotate(NEW_KEY);
    assert_drained(&tick(&worker).await, 5);
    world.assert_exact();
}

#[tokio::test]
async fn f07_a_missing_scope_is_named_whatever_the_shape_of_the_error() {
    for as_string in [0.0, 1.0] {
        let world = five_pages();
        let blind = Key { may_read_audit_logs: false, ..Key::new(ADMIN_KEY) };
        world.simulator.change(|it| (it.keys, it.error_as_string) = (vec![blind], as_string));
        let report = world.tick().await.unwrap();
        assert_failed(&report, true, "the admin key lacks the permission api.audit_logs.read: an owner must grant it");
        // Each listing requests its window and a half of it.
        assert_eq!((report.lines.delivered, world.watermark(), world.requests()), (0, -DAY, 4));
        assert!(world.elapsed() < 0.5, "nothing was waited for");
        // An owner grants the scope.
        world.simulator.change(|it| it.keys = vec![Key::new(ADMIN_KEY)]);
        assert_drained(&world.tick().await.unwrap(), 450);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f07_a_wrong_key_in_a_plain_string_error_is_reported_too() {
    let world = World::with_event_per_minute(5);
    world.simulator.change(|it| (it.keys, it.error_as_string) = (Vec::new(), 1.0));
    assert_failed(&world.tick().await.unwrap(), false, "put a valid key");
    // Each listing requests its first window and one of the others.
    assert_eq!(world.requests(), 4);
    for needs_person in [false, true] {
        assert_failed(&world.tick().await.unwrap(), needs_person, "put a valid key");
    }
}

#[tokio::test]
async fn f08_a_403_says_that_audit_logging_may_be_off_and_moves_no_watermark() {
    let world = World::with_events(
        (0..20).map(|n| event(&format!("e-{n}"), -600 * n - 1)).chain([tenant_event("t", -5)]).collect(),
    );
    world.simulator.change(|it| it.audit_logging = AuditLogging::OnForbidden);
    let worker = world.worker().await;
    for needs_person in [false, false, true] {
        let report = tick(&worker).await;
        assert_failed(&report, needs_person, "check that audit logging is on (Organization settings, Data controls");
        assert_eq!((report.lines.delivered, world.watermark(), report.notes.silence), (0, -7 * DAY, None));
        world.minutes(1);
    }
    // The refusal concerns all listings, so the tenant's listing does not count as not offered.
    // Each listing requests its first window and one of the others.
    assert_eq!((world.requests(), world.tenant_requests()), (12, 6));
    world.simulator.change(|it| it.audit_logging = AuditLogging::On);
    assert_drained(&tick(&worker).await, 21);
    world.assert_exact();
}

#[tokio::test]
async fn f08_a_log_that_stays_empty_is_reported_but_is_no_failure() {
    let mut world = World::with_visible_times(vec![(event("first", 4_000), 4_000)]);
    world.settings.lookback_seconds = DAY;
    world.simulator.change(|it| it.audit_logging = AuditLogging::OffEmpty);
    let worker = world.worker().await;
    for day in 1..=8 {
        let report = tick(&worker).await;
        assert_drained(&report, 0);
        let silence = report.notes.silence.as_deref();
        // The first tick looked back a day, which counts as the first day without an event.
        assert_eq!(silence.is_some(), day >= 7, "on day {day}: {silence:?}");
        assert!(silence.is_none_or(|words| words.contains(&format!("no event at all in {day} days"))
            && words.contains("check that audit logging is on")));
        world.minutes(24 * 60);
    }
}

#[tokio::test]
async fn f08_logging_that_is_turned_on_ends_the_silence() {
    let world = World::with_visible_times(vec![(event("first", 4_000), 4_000)]);
    world.simulator.change(|it| it.audit_logging = AuditLogging::OffEmpty);
    let worker = world.worker().await;
    assert!(tick(&worker).await.notes.silence.is_some());
    world.minutes(60);
    world.simulator.change(|it| it.audit_logging = AuditLogging::On);
    world.minutes(10);
    let report = tick(&worker).await;
    assert_drained(&report, 1);
    assert_eq!(report.notes.silence, None);
    world.assert_exact();
    // After the first event the note never comes back.
    world.minutes(30 * 24 * 60);
    assert_eq!(world.tick().await.unwrap().notes.silence, None);
}

#[tokio::test]
async fn f26_a_refused_tenant_listing_affects_nothing_else_and_is_retried_after_a_day() {
    for status in [400, 403] {
        let events = (0..20).map(|n| event(&format!("e-{n}"), -600 * n - 1)).chain([tenant_event("t", -5)]);
        let world = World::with_events(events.collect());
        world.simulator.change(|it| it.tenant_only_refused = Some(status));
        let worker = world.worker().await;
        let report = tick(&worker).await;
        assert_drained(&report, 20);
        // Two refusals are enough: of the first window and of one of the others.
        assert_eq!((report.notes.watermark_lag_seconds, world.watermark(), world.tenant_requests()), (Some(0), 0, 2));
        // Ticks come every two hours for a day and a half.
        for hours in (2..=36).step_by(2) {
            world.minutes(120);
            assert_drained(&tick(&worker).await, 0);
            assert_eq!(world.tenant_requests(), if hours < 24 { 2 } else { 4 }, "{status} after {hours} hours");
        }
        let tenant = &world.head().listings[openai::TENANT];
        assert_eq!(tenant.watermark, world.head().floor, "{tenant:?}");
        // The organization has the feature now: all its events are delivered, however old.
        world.simulator.change(|it| it.tenant_only_refused = None);
        world.minutes(12 * 60);
        assert_drained(&tick(&worker).await, 1);
        assert_eq!(world.head().listings[openai::TENANT].not_offered, None);
        world.assert_exact();
    }
}

/// Creates an organization with events in both listings, which are listed up to now.
async fn of_both_listings() -> World {
    let events = (0..20).map(|n| event(&format!("e-{n}"), -600 * n - 1)).chain([tenant_event("t", -5)]);
    let world = World::with_events(events.collect());
    assert_drained(&world.tick().await.unwrap(), 21);
    world.minutes(60);
    world
}

/// Returns a script that gives this answer to every list call of the listing in a tick.
fn always(tenant_only: bool, status: u16, body: &str) -> Vec<Scripted> {
    let (parameter, fault) = (format!("tenant_only={tenant_only}"), Fault::answer(status, body));
    (1..=40).map(|number| at(number, &parameter, fault.clone())).collect()
}

const HTML: &str = "<!DOCTYPE html><html><title>Just a moment...</title></html>";

#[tokio::test]
async fn a1_one_html_403_on_the_tenant_listing_is_tried_again_in_the_same_tick() {
    for body in
        [HTML, "", r#"{"message":"Forbidden"}"#, r#"{"error":"Forbidden"}"#, r#"{"error":{"message":"Forbidden"}}"#]
    {
        let world = of_both_listings().await;
        world.script(vec![at(1, TENANT_LISTING, Fault::answer(403, body))]);
        let report = world.tick().await.unwrap();
        assert_drained(&report, 0);
        assert_eq!((report.notes.not_offered.len(), world.head().listings[openai::TENANT].not_offered), (0, None));
        world.assert_exact();
    }
}

#[tokio::test]
async fn a1_html_403_for_a_whole_tick_fails_it_and_the_tenant_listing_stays_on() {
    let world = of_both_listings().await;
    for _ in 0..4 {
        world.script(always(true, 403, HTML));
        let report = world.tick().await.unwrap();
        assert_failed(&report, false, "(tenant): HTTP 403 ");
        assert_failed(&report, false, "the answer is not the API's but that of a gateway or proxy");
        assert_eq!((report.notes.not_offered.len(), world.head().listings[openai::TENANT].not_offered), (0, None));
        // The tenant's listing still counts in the lag.
        assert!(report.notes.watermark_lag_seconds.unwrap() > 0, "{report:?}");
        world.minutes(5);
    }
    world.script(Vec::new());
    assert_drained(&world.tick().await.unwrap(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn a2_an_answer_not_from_the_api_needs_no_person_whatever_its_status_and_listing() {
    const JSON: &str = r#"{"error":"Forbidden"}"#;
    const CODED: &str = r#"{"error":{"code":403,"message":"Forbidden","status":"PERMISSION_DENIED"}}"#;
    for status in [400, 401, 403, 404, 421, 425] {
        for (tenant_only, body) in [(false, HTML), (true, ""), (false, ""), (true, HTML), (false, JSON), (true, CODED)]
        {
            let world = of_both_listings().await;
            world.script(always(tenant_only, status, body));
            let report = world.tick().await.unwrap();
            assert_failed(&report, false, &format!("HTTP {status} "));
            assert_failed(&report, false, "the answer is not the API's but that of a gateway or proxy");
            assert_eq!((world.key.fresh_reads(), report.notes.not_offered.len()), (0, 0));
            world.script(Vec::new());
            world.minutes(1);
            assert_drained(&world.tick().await.unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn a2_an_edge_that_answers_some_requests_itself_loses_nothing() {
    let world = World::with_event_per_minute(450);
    world.simulator.change(|it| it.edge_page = 0.3);
    for _ in 0..10 {
        let report = world.tick().await.unwrap();
        assert!(report.failure.is_none_or(|failure| !failure.needs_person) && report.notes.not_offered.is_empty());
        world.minutes(1);
    }
    world.simulator.change(|it| it.edge_page = 0.0);
    world.drain().await;
    world.assert_exact();
}

#[tokio::test]
async fn a3_a_region_refusal_and_a_plain_400_need_a_person_once_they_persist_and_suspend_no_listing() {
    let region = r#"{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden",
        "param":null,"code":"unsupported_country_region_territory"}}"#;
    let region_in_words = r#"{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden",
        "param":null,"code":null}}"#;
    let plain = r#"{"error":{"message":"Bad request.","type":"invalid_request_error","param":null,"code":null}}"#;
    let not_served = "does not support the country or region";
    for (status, body, words) in [
        (403, region, not_served),
        (403, region_in_words, not_served),
        (400, plain, "Bad request"),
        (403, plain, "Bad request"),
    ] {
        for is_new in [true, false] {
            let world = if is_new { World::with_event_per_minute(5) } else { of_both_listings().await };
            for number in 1..=4 {
                world.script(always(true, status, body));
                let report = world.tick().await.unwrap();
                assert_failed(&report, number >= 3, words);
                assert!(report.notes.not_offered.is_empty(), "{report:?}");
                assert!(!world.head().listings[openai::TENANT].is_suspended(world.time.now().as_second()));
                world.minutes(1);
            }
            world.script(Vec::new());
            let report = world.tick().await.unwrap();
            assert!(report.drained && report.failure.is_none(), "{report:?}");
            // The count of refusals restarts.
            world.minutes(1);
            world.script(always(true, status, body));
            assert_failed(&world.tick().await.unwrap(), false, words);
        }
    }
}

#[tokio::test]
async fn a3_a_region_that_is_refused_for_one_request_passes_with_the_next_tick() {
    let world = of_both_listings().await;
    world.simulator.change(|it| it.region_refused = 1.0);
    let report = world.tick().await.unwrap();
    assert_failed(&report, false, "does not support the country or region that the calls come from");
    world.simulator.change(|it| it.region_refused = 0.0);
    world.minutes(1);
    assert_drained(&world.tick().await.unwrap(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn a4_a_listing_that_delivered_is_suspended_only_after_refusals_in_three_ticks_and_is_reported() {
    let world = of_both_listings().await;
    let is_off = || world.head().listings[openai::TENANT].is_suspended(world.time.now().as_second());
    // One refusal changes nothing.
    for refusals in 1..=2 {
        world.simulator.change(|it| it.tenant_only_refused = Some(403));
        for number in 1..=refusals {
            let report = world.tick().await.unwrap();
            assert_failed(
                &report,
                false,
                &format!("which answered before, is refused as not offered (tick {number} in a row"),
            );
            assert_eq!((report.notes.not_offered, is_off()), (vec![openai::TENANT], false));
            world.minutes(1);
        }
        world.simulator.change(|it| it.tenant_only_refused = None);
        assert_drained(&world.tick().await.unwrap(), 0);
        world.minutes(1);
    }
    world.simulator.change(|it| it.tenant_only_refused = Some(403));
    for _ in 0..2 {
        world.tick().await.unwrap();
        world.minutes(1);
    }
    // From then on every report names the listing, and the metric counts it.
    for _ in 0..3 {
        let report = world.tick().await.unwrap();
        assert_eq!((report.notes.not_offered, report.failure, is_off()), (vec![openai::TENANT], None, true));
        world.minutes(1);
    }
}

#[tokio::test]
async fn a4_a_generic_403_between_refusals_of_the_tenant_listing_counts_for_neither() {
    let world = of_both_listings().await;
    let generic = r#"{"error":{"message":"No.","type":"invalid_request_error","param":null,"code":null}}"#;
    for (is_generic, words) in [
        (false, "(tick 1 in a row"),
        (true, "HTTP 403"),
        (false, "(tick 1 in a row"),
        (true, "HTTP 403"),
        (true, "HTTP 403"),
    ] {
        world.simulator.change(|it| it.tenant_only_refused = Some(403).filter(|_| !is_generic));
        world.script(if is_generic { always(true, 403, generic) } else { Vec::new() });
        assert_failed(&world.tick().await.unwrap(), false, words);
        assert!(!world.head().listings[openai::TENANT].is_suspended(world.time.now().as_second()));
        world.minutes(1);
    }
    // This is the third refusal in a row; the server's error in between does not count.
    world.script(always(true, 500, ""));
    assert_failed(&world.tick().await.unwrap(), false, "HTTP 500");
    world.minutes(1);
    for needs_person in [false, false, true] {
        world.script(always(true, 403, generic));
        assert_failed(&world.tick().await.unwrap(), needs_person, "HTTP 403");
        world.minutes(1);
    }
}

#[tokio::test]
async fn e3_an_error_of_the_apis_own_that_may_pass_needs_a_person_once_it_persists() {
    let no = r#"{"error":{"message":"No.","type":"invalid_request_error","param":null,"code":null}}"#;
    for (status, words) in [(403, "check that audit logging is on"), (404, "OPENAI_BASE_URL"), (302, "redirects")] {
        let world = of_both_listings().await;
        for needs_person in [false, false, true, true] {
            world.script(always(false, status, no));
            assert_failed(&world.tick().await.unwrap(), needs_person, words);
            world.minutes(1);
        }
        world.script(Vec::new());
        assert!(world.tick().await.unwrap().drained);
        world.minutes(1);
        world.script(always(false, status, no));
        assert_failed(&world.tick().await.unwrap(), false, words);
    }
}

#[tokio::test]
async fn a6_a_page_without_data_and_events_without_ids_fail_no_tick() {
    let world = of_both_listings().await;
    let at = world.time.now().as_second() - 60;
    let event = format!(r#"{{"type":"login.succeeded","effective_at":{at},"actor":null}}"#);
    let bodies = [
        r#"{"object":"list","first_id":null,"last_id":null,"has_more":false}"#.to_owned(),
        r#"{"object":"list"}"#.to_owned(),
        format!(r#"{{"object":"list","data":[{event}],"last_id":null,"has_more":false}}"#),
        format!(r#"{{"object":"list","data":[{event}]}}"#),
    ];
    for body in bodies {
        world.script(always(false, 200, &body));
        let report = world.tick().await.unwrap();
        assert!(report.drained && report.failure.is_none(), "{body}: {report:?}");
        world.minutes(1);
    }
    // An answer that is not a page is a transient failure.
    world.script(always(false, 200, r#"{"object":"error"}"#));
    assert_failed(&world.tick().await.unwrap(), false, "not a list of events");
}

#[tokio::test]
async fn a6_data_that_is_null_is_an_empty_page() {
    let world = of_both_listings().await;
    world.simulator.change(|it| it.data_null = 1.0);
    for _ in 0..3 {
        assert_drained(&world.tick().await.unwrap(), 0);
        world.minutes(10);
    }
    world.assert_exact();
}

#[tokio::test]
async fn b6_a_rotated_secret_that_is_no_json_names_its_line() {
    let world = World::with_event_per_minute(5);
    let worker = world.worker().await;
    world.simulator.change(|it| it.keys = vec![Key::new(NEW_KEY)]);
    world.key.rotate("{\n\"admin_key\": \"sk-admin-x\",\n}");
    assert_failed(
        &tick(&worker).await,
        true,
        "the JSON breaks at line 3 column 1, after a comma that no field follows",
    );
}

#[tokio::test]
async fn b7_a_project_key_is_named_as_such() {
    let world = World::with_event_per_minute(5);
    let worker = world.worker().await;
    world.simulator.change(|it| it.keys = vec![Key::new(NEW_KEY)]);
    world.key.rotate("sk-proj-simulated");
    assert_failed(&tick(&worker).await, true, "it holds a project's API key, which cannot read the audit log");
}
