//! Keys, permissions, and what an organization does not have.

use std::time::Duration;

use jiff::Timestamp;
use simulators::openai::{ADMIN_KEY, AuditLogging, Key};

use super::*;
use crate::openai::world::{begin, event};

const NEW_KEY: &str = "sk-admin-simulated-rotated-Hq3x";
const TENANT_LISTING: &str = "tenant_only=true";

/// An event of the tenant's listing, so many seconds after the beginning.
fn tenant_event(id: &str, seconds: i64) -> String {
    event(id, seconds).replace("login.succeeded", "tenant.user.added")
}

/// The old key is good until then, the new one from a minute before.
fn rotated_at(until: Timestamp) -> Vec<Key> {
    let overlap = Duration::from_secs(60);
    vec![Key { until, ..Key::new(ADMIN_KEY) }, Key { from: until - overlap, ..Key::new(NEW_KEY) }]
}

impl World {
    /// Requests of the tenant's listing so far.
    fn tenant_requests(&self) -> usize {
        self.running.asked().iter().filter(|asked| asked.target.contains(TENANT_LISTING)).count()
    }
}

#[tokio::test]
async fn f06_a_rotated_key_is_read_once_and_collection_goes_on() {
    let world = five_pages();
    world.simulator.change(|it| it.keys = rotated_at(begin()));
    world.key.rotate(NEW_KEY);
    let worker = world.worker().await;
    assert_drained(&tick(&worker).await, 450);
    assert_eq!((world.key.fresh_reads.get(), world.requests()), (1, HEALTHY + 1));
    // Warm, the new key is at hand; cold, it is in the store.
    world.minutes(1);
    assert_drained(&tick(&worker).await, 0);
    assert_drained(&world.tick().await.unwrap(), 0);
    assert_eq!(world.key.fresh_reads.get(), 1);
    world.assert_exact();
}

#[tokio::test]
async fn f06_a_key_rotated_while_warm_in_the_middle_of_paging() {
    let mut records: Vec<_> = (0..450).map(|number| (event(&format!("new-{number}"), number), 450)).collect();
    records.push((event("old", -60), 0));
    let world = World::showing(records);
    let worker = world.worker().await;
    assert_drained(&tick(&worker).await, 1);

    world.minutes(9);
    // A sweep is not due: the only pages are those of the way forward. The third is the first that is refused.
    world.simulator.change(|it| it.keys = rotated_at(world.time.now() + Duration::from_millis(150)));
    world.key.rotate(NEW_KEY);
    let (before, last) = (world.requests(), world.running.asked().len());
    assert_drained(&tick(&worker).await, 450);
    let statuses: Vec<_> = world.running.asked()[last..].iter().filter_map(|asked| asked.status).collect();
    assert_eq!(statuses, [200, 200, 401, 200, 200, 200, 200]);
    assert_eq!((world.key.fresh_reads.get(), world.requests()), (1, before + 7));
    world.assert_exact();
}

#[tokio::test]
async fn f06_a_key_that_is_refused_for_good_needs_a_person_and_moves_nothing() {
    // Revoked without another one in the secret, or with another one that is no better.
    for (secret, reads) in [(ADMIN_KEY, 1), (NEW_KEY, 2)] {
        let world = five_pages();
        let worker = world.worker().await;
        world.simulator.change(|it| it.keys = vec![Key::new("sk-admin-simulated-a-third")]);
        world.key.rotate(secret);
        let report = tick(&worker).await;
        assert_failed(&report, true, "put a valid key that has api.audit_logs.read into the secret");
        let message = report.failure.unwrap().message;
        assert!(!message.contains(ADMIN_KEY) && !message.contains(NEW_KEY), "{message}");
        assert_eq!((report.lines.delivered, world.watermark()), (0, -DAY));
        // Each listing asks twice, for its window and for a half of it; once more with another key if there is one.
        assert_eq!((world.requests(), world.key.fresh_reads.get()), (3 + reads, 4));
        assert!(world.elapsed() < 0.5, "nothing was waited for");

        world.minutes(1);
        assert_failed(&tick(&worker).await, true, "put a valid key");
        world.key.rotate("sk-admin-simulated-a-third");
        world.minutes(1);
        assert_drained(&tick(&worker).await, 450);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f06_a_secret_that_became_unreadable_is_named_and_heals() {
    let world = World::of_minutes(5);
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
        // Each listing asks for its window and for a half of it.
        assert_eq!((report.lines.delivered, world.watermark(), world.requests()), (0, -DAY, 4));
        assert!(world.elapsed() < 0.5, "nothing was waited for");
        // An owner grants it.
        world.simulator.change(|it| it.keys = vec![Key::new(ADMIN_KEY)]);
        assert_drained(&world.tick().await.unwrap(), 450);
        world.assert_exact();
    }
}

#[tokio::test]
async fn f07_a_wrong_key_in_a_plain_string_is_said_too() {
    let world = World::of_minutes(5);
    world.simulator.change(|it| (it.keys, it.error_as_string) = (Vec::new(), 1.0));
    assert_failed(&world.tick().await.unwrap(), true, "put a valid key");
    // Each listing asks for its first window and for one of the others.
    assert_eq!(world.requests(), 4);
}

#[tokio::test]
async fn f08_forbidden_says_that_audit_logging_may_be_off_and_moves_nothing() {
    let world =
        World::of((0..20).map(|n| event(&format!("e-{n}"), -600 * n - 1)).chain([tenant_event("t", -5)]).collect());
    world.simulator.change(|it| it.audit_logging = AuditLogging::OnForbidden);
    let worker = world.worker().await;
    for _ in 0..3 {
        let report = tick(&worker).await;
        assert_failed(&report, true, "check that audit logging is on (Organization settings, Data controls");
        assert_eq!((report.lines.delivered, world.watermark(), report.notes.silence), (0, -7 * DAY, None));
        world.minutes(1);
    }
    // It is the vendor's word to everybody: the tenant's listing is not taken for one that is not offered.
    // Each listing asks for its first window and for one of the others.
    assert_eq!((world.requests(), world.tenant_requests()), (12, 6));
    world.simulator.change(|it| it.audit_logging = AuditLogging::On);
    assert_drained(&tick(&worker).await, 21);
    world.assert_exact();
}

#[tokio::test]
async fn f08_a_log_that_stays_empty_is_no_failure_and_is_mentioned() {
    let mut world = World::showing(vec![(event("first", 4_000), 4_000)]);
    world.settings.lookback = DAY;
    world.simulator.change(|it| it.audit_logging = AuditLogging::OffEmpty);
    let worker = world.worker().await;
    for day in 1..=8 {
        let report = tick(&worker).await;
        assert_drained(&report, 0);
        let silence = report.notes.silence.as_deref();
        // A day was looked back over at the beginning.
        assert_eq!(silence.is_some(), day >= 7, "on day {day}: {silence:?}");
        assert!(silence.is_none_or(|words| words.contains(&format!("no event at all in {day} days"))
            && words.contains("check that audit logging is on")));
        world.minutes(24 * 60);
    }
}

#[tokio::test]
async fn f08_logging_that_is_turned_on_ends_the_silence() {
    let world = World::showing(vec![(event("first", 4_000), 4_000)]);
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
    // One event is enough for good.
    world.minutes(30 * 24 * 60);
    assert_eq!(world.tick().await.unwrap().notes.silence, None);
}

#[tokio::test]
async fn f26_a_tenant_listing_that_is_refused_costs_nothing_else_and_is_asked_for_again_after_a_day() {
    for status in [400, 403] {
        let events = (0..20).map(|n| event(&format!("e-{n}"), -600 * n - 1)).chain([tenant_event("t", -5)]);
        let world = World::of(events.collect());
        world.simulator.change(|it| it.tenant_only_refused = Some(status));
        let worker = world.worker().await;
        let report = tick(&worker).await;
        assert_drained(&report, 20);
        // Two refusals are believed: of the first window and of one of the others.
        assert_eq!((report.notes.watermark_lag_seconds, world.watermark(), world.tenant_requests()), (Some(0), 0, 2));
        // Every two hours for a day and a half.
        for hours in (2..=36).step_by(2) {
            world.minutes(120);
            assert_drained(&tick(&worker).await, 0);
            assert_eq!(world.tenant_requests(), if hours < 24 { 2 } else { 4 }, "{status} after {hours} hours");
        }
        let tenant = &world.head().listings[openai::TENANT];
        assert_eq!(tenant.watermark, world.head().floor, "{tenant:?}");
        // It has the feature now: all that was there is delivered, however long ago.
        world.simulator.change(|it| it.tenant_only_refused = None);
        world.minutes(12 * 60);
        assert_drained(&tick(&worker).await, 1);
        assert_eq!(world.head().listings[openai::TENANT].not_offered, None);
        world.assert_exact();
    }
}
