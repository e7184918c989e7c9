//! Subscriptions: start, stop and list, and their effect on what is listed.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulators::microsoft365::{AlreadyOn, Behaviours, ContentType, TENANT_ID};

use super::{World, item_time, long_lived_tokens, status_and_code};
use crate::run;

/// Returns a tenant with 2,000 records that become available within the day after the start.
fn with_future_content(behaviours: Behaviours) -> World {
    World::with(behaviours, |options| {
        (options.ahead_seconds, options.span_seconds, options.events) = (86_400, 1, 2_000);
    })
}

fn refused(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

#[test]
fn b39_the_first_start_is_200_and_later_ones_af20024_or_200() {
    run(async {
        let world = World::new(Behaviours::default());
        let client = world.client().await;
        let entry = json!({"contentType": "DLP.All", "status": "enabled", "webhook": null});
        assert_eq!(client.start(ContentType::Dlp).await.json(), entry);
        assert_eq!(status_and_code(&client.start(ContentType::Dlp).await), refused("AF20024"));
        world.simulator.change(|behaviours| behaviours.already_on = AlreadyOn::Ok);
        assert_eq!(client.start(ContentType::Dlp).await.json(), entry);
    });
}

#[test]
fn b39_starts_within_fifteen_minutes_are_throttled_even_after_a_stop() {
    run(async {
        let world = World::new(Behaviours { start_throttled: true, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ContentType::Dlp]).await;
        world.clock.advance(899);
        let early_start = client.start(ContentType::Dlp).await;
        assert!(
            early_start.status == 403 && early_start.text().contains("Method=StartSubscription"),
            "{}",
            early_start.text()
        );
        assert_eq!(client.start(ContentType::Entra).await.status, 200, "another content type");
        world.clock.advance(1);
        assert_eq!(status_and_code(&client.start(ContentType::Dlp).await), refused("AF20024"));
        assert_eq!(client.stop(ContentType::Dlp).await.status, 200);
        assert_eq!(client.start(ContentType::Dlp).await.status, 403);
        world.clock.advance(900);
        assert_eq!(client.start(ContentType::Dlp).await.status, 200);
    });
}

#[test]
fn b40_a_stop_is_empty_and_lists_are_refused_from_then_on() {
    run(async {
        let world = World::new(Behaviours::default());
        let client = world.client_with_subscriptions(&[ContentType::Dlp]).await;
        let stop = client.stop(ContentType::Dlp).await;
        assert_eq!((stop.status, stop.body.len()), (200, 0));
        assert_eq!(status_and_code(&client.list(ContentType::Dlp, "").await), refused("AF20023"));
        assert_eq!(status_and_code(&client.stop(ContentType::Dlp).await), refused("AF20023"));
        assert_eq!(client.feed("GET", "subscriptions/list").await.json()[0]["status"], "disabled");
        world.simulator.change(|behaviours| behaviours.stopped_is_gone = true);
        assert_eq!(status_and_code(&client.list(ContentType::Dlp, "").await), refused("AF20022"));
        assert_eq!(client.feed("GET", "subscriptions/list").await.json(), json!([]));
        assert_eq!(client.start(ContentType::Dlp).await.status, 200);
    });
}

#[test]
fn b40_an_administrator_disables_a_subscription() {
    run(async {
        let world = World::new(Behaviours::default());
        let client = world.client_with_subscriptions(&[ContentType::Dlp]).await;
        assert!(world.simulator.disable(ContentType::Dlp) && !world.simulator.disable(ContentType::Entra));
        assert_eq!(status_and_code(&client.list(ContentType::Dlp, "").await), refused("AF20023"));
        assert_eq!(client.start(ContentType::Dlp).await.status, 200);
    });
}

#[test]
fn b40_content_of_a_stopped_subscription_is_lost_and_not_in_the_ledger() {
    for stopped_is_gone in [false, true] {
        run(async {
            let world = with_future_content(Behaviours { late_blobs: 0.0, stopped_is_gone, ..long_lived_tokens() });
            let client = world.client_with_subscriptions(&[ContentType::Exchange]).await;
            world.clock.advance(6 * 3_600);
            let before = client.all_records(ContentType::Exchange, world.now()).await.len();
            client.stop(ContentType::Exchange).await;
            world.clock.advance(6 * 3_600);
            client.start(ContentType::Exchange).await;
            assert_eq!(client.all_records(ContentType::Exchange, world.now()).await.len(), before);
            world.clock.advance(13 * 3_600);
            let all = client.all_records(ContentType::Exchange, world.now()).await;
            let all: BTreeSet<_> = all.iter().map(Value::to_string).collect();
            assert_eq!(world.running.served().len(), all.len());
            assert!((200..450).contains(&all.len()), "{}", all.len());
        });
    }
}

#[test]
fn b41_only_started_subscriptions_are_listed_and_one_may_lack_its_status() {
    run(async {
        let world = World::new(Behaviours::default());
        let client = world.client().await;
        assert_eq!(client.feed("GET", "subscriptions/list").await.json(), json!([]));
        let client = world.client_with_subscriptions(&[ContentType::Dlp, ContentType::Entra]).await;
        let entra = json!({"contentType": "Audit.AzureActiveDirectory", "status": "enabled", "webhook": null});
        let dlp = json!({"contentType": "DLP.All", "status": "enabled", "webhook": null});
        assert_eq!(client.feed("GET", "subscriptions/list").await.json(), json!([entra, dlp]));
        world.simulator.change(|behaviours| behaviours.status_missing = true);
        let entra = json!({"contentType": "Audit.AzureActiveDirectory", "webhook": null});
        assert_eq!(client.feed("GET", "subscriptions/list").await.json(), json!([entra, dlp]));
    });
}

#[test]
fn b42_content_types_that_are_unknown_disabled_or_never_started_are_refused() {
    run(async {
        let world = World::new(Behaviours::default());
        let client = world.client_with_subscriptions(&[ContentType::Entra]).await;
        assert_eq!(status_and_code(&client.list(ContentType::Dlp, "").await), refused("AF20022"));
        client.stop(ContentType::Entra).await;
        assert_eq!(status_and_code(&client.list(ContentType::Entra, "").await), refused("AF20023"));
        let unknown = client.feed("GET", "subscriptions/content?contentType=Audit.Nothing").await;
        assert_eq!(status_and_code(&unknown), refused("AF20020"));
        let without_content_type = client.feed("GET", "subscriptions/content").await;
        assert_eq!(status_and_code(&without_content_type), refused("AF20001"));
        let client_with_subscriptions = client.feed("POST", "subscriptions/start?contenttype=dlp.ALL").await;
        assert_eq!(client_with_subscriptions.json()["contentType"], "DLP.All", "names have no case");
        let with_get = client.feed("GET", "subscriptions/start?contentType=DLP.All").await;
        assert_eq!(with_get.status, 405);
    });
}

#[test]
fn b43_the_first_blob_comes_hours_after_the_start_and_has_the_records_of_that_time() {
    run(async {
        let world =
            with_future_content(Behaviours { first_blob_seconds: 4 * 3_600, late_blobs: 0.0, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ContentType::Exchange]).await;
        world.clock.advance(4 * 3_600 - 1);
        assert_eq!(client.list(ContentType::Exchange, "").await.json(), json!([]));
        assert_eq!(world.running.counts(), []);
        world.clock.advance(1);
        let first = world.now();
        let items = client.all_items(ContentType::Exchange, world.hours_ago(-1)).await;
        let created: Vec<_> = items.iter().map(|item| item_time(item, "contentCreated")).collect();
        assert!(created.len() > 3 && created.iter().filter(|at| **at < first).count() <= 1, "{created:?}");
        world.clock.advance(21 * 3_600);
        let records = client.all_records(ContentType::Exchange, world.now()).await;
        let records: BTreeSet<_> = records.iter().map(Value::to_string).collect();
        assert_eq!(records.len(), 499, "a quarter of all are Exchange's");
        assert_eq!(world.running.served().len(), records.len());
    });
}

#[test]
fn b43_a_content_type_may_stay_empty_for_days() {
    run(async {
        let world = World::new(Behaviours { slow_start: Some((ContentType::Dlp, 3 * 86_400)), ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[ContentType::Dlp, ContentType::General]).await;
        for (pass, is_empty) in [(0, true), (3 * 86_400 - 1, true), (1, false)] {
            world.clock.advance(pass);
            assert_eq!(client.all_items(ContentType::Dlp, world.now()).await.is_empty(), is_empty);
            assert!(!client.all_items(ContentType::General, world.now()).await.is_empty());
        }
    });
}

#[test]
fn b43_without_history_there_is_no_content_from_before_the_start() {
    run(async {
        let world = World::with(Behaviours { has_history: false, late_blobs: 0.0, ..long_lived_tokens() }, |options| {
            options.ahead_seconds = 86_400;
        });
        world.clock.advance(3_600);
        let client = world.client_with_subscriptions(&[ContentType::Entra]).await;
        let start = world.now();
        assert!(client.all_items(ContentType::Entra, world.now()).await.is_empty());
        world.clock.advance(86_400);
        let items = client.all_items(ContentType::Entra, world.now()).await;
        assert!(!items.is_empty() && items.iter().all(|item| item_time(item, "contentCreated") >= start));
    });
}

#[test]
fn b62_a_tenant_without_auditing_answers_with_a_stack_trace() {
    run(async {
        let world = World::new(Behaviours { auditing_off: true, ..Behaviours::default() });
        let answer = world.client().await.start(ContentType::Entra).await;
        let (status, code) = status_and_code(&answer);
        assert!(status == 400 && code.starts_with("StartSubscription [CorrId="), "{code}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.ends_with(&format!("Tenant {TENANT_ID} does not exist.")) && message.contains("\r\n   at "));
    });
}
