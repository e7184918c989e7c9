//! Faults that were seen in production, each turned on by one behaviour.

use std::collections::BTreeSet;

use serde_json::json;
use simulators::microsoft365::{BlobChoice, BrokenBlobs, Expiration, Unauthorized};

use super::*;
use crate::run;

const EXCHANGE: ContentType = ContentType::Exchange;
const GENERAL: ContentType = ContentType::General;

#[test]
fn an_edge_page_is_html_with_status_403_400_or_404() {
    run(async {
        let world = World::new(long_lived_tokens());
        let client = world.client_with_subscriptions(&[EXCHANGE]).await;
        world.simulator.change(|behaviours| behaviours.edge_page = 0.5);
        let mut statuses = BTreeSet::new();
        for _ in 0..60 {
            let answer = client.list(EXCHANGE, "").await;
            assert_eq!(answer.text().starts_with("<!DOCTYPE html>"), answer.status != 200);
            statuses.insert(answer.status);
        }
        assert_eq!(statuses, BTreeSet::from([200, 400, 403, 404]));
    });
}

#[test]
fn an_early_start_is_refused_with_code_429_and_a_wait_in_words() {
    run(async {
        let world = World::new(Behaviours { start_waits_seconds: Some(600), ..long_lived_tokens() });
        let client = world.client().await;
        let words = |seconds: i64| format!("retry again after {}m {}s.", seconds / 60, seconds % 60);
        for (passed, left) in [(0, 600), (74, 526), (525, 1)] {
            world.clock.advance(passed);
            let answer = client.start(EXCHANGE).await;
            assert_eq!(status_and_code(&answer), (403, "429".to_owned()));
            assert!(answer.text().contains(&words(left)), "{}", answer.text());
        }
        world.clock.advance(1);
        assert_eq!(client.start(EXCHANGE).await.status, 200);
        // The wait of another content type begins with its own first start.
        assert_eq!(client.start(GENERAL).await.status, 403);
    });
}

#[test]
fn all_blobs_can_be_malformed_for_a_time() {
    run(async {
        let world = World::new(long_lived_tokens());
        let client = world.client_with_subscriptions(&[EXCHANGE]).await;
        let (items, until) =
            (client.all_items(EXCHANGE, world.now()).await, world.now() + SignedDuration::from_secs(300));
        let code = Some("AF20052".to_owned());
        let broken = BrokenBlobs { blobs: BlobChoice::Share(1.0), content_type: None, status: 400, code, until };
        world.simulator.change(|behaviours| behaviours.broken_blobs = vec![broken]);
        let path = client.path(items[0]["contentUri"].as_str().unwrap());
        assert_eq!(status_and_code(&client.get(&path).await), (400, "AF20052".to_owned()));
        world.clock.advance(300);
        assert_eq!(client.get(&path).await.status, 200);
    });
}

#[test]
fn the_answer_to_an_invalid_token_has_three_forms() {
    for (form, body) in [
        (Unauthorized::Message, json!({"Message": "Authorization has been denied for this request."}).to_string()),
        (Unauthorized::Empty, String::new()),
        (
            Unauthorized::InvalidAuthenticationToken,
            json!({"error": {"code": "InvalidAuthenticationToken", "message": "The access token is invalid."}})
                .to_string(),
        ),
    ] {
        run(async {
            let world = World::new(Behaviours { unauthorized: form, ..Behaviours::default() });
            let client = Client { running: &world.running, token: "old".to_owned() };
            let answer = client.list(EXCHANGE, "").await;
            assert_eq!((answer.status, answer.text()), (401, body));
        });
    }
}

#[test]
fn an_unavailable_api_answers_404_with_a_message() {
    run(async {
        let world = World::new(long_lived_tokens());
        let client = world.client_with_subscriptions(&[EXCHANGE]).await;
        world.simulator.change(|behaviours| behaviours.no_resource = 1.0);
        let answer = client.list(EXCHANGE, "").await;
        assert_eq!(answer.status, 404);
        assert!(answer.json()["Message"].as_str().unwrap().starts_with("No HTTP resource was found that matches"));
    });
}

#[test]
fn a_login_page_and_a_missing_token_are_sent_with_status_200() {
    run(async {
        let path = format!("/login/{TENANT_ID}/oauth2/v2.0/token");
        let scope = format!("scope={COMMERCIAL_AUDIENCE}/.default");
        let world = World::new(Behaviours { login_page: 1.0, ..Behaviours::default() });
        let answer = token(&world.running, &path, &scope).await;
        assert!(answer.status == 200 && answer.text().starts_with("<html>"), "{}", answer.text());
        world.simulator.change(|behaviours| (behaviours.login_page, behaviours.token_missing) = (0.0, 1.0));
        let answer = token(&world.running, &path, &scope).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"token_type": "Bearer", "expires_in": 3_599})));
    });
}

#[test]
fn a_broken_start_is_500_for_its_content_type_only() {
    run(async {
        let world = World::new(Behaviours { start_broken: Some(EXCHANGE), ..long_lived_tokens() });
        let client = world.client().await;
        assert_eq!(status_and_code(&client.start(EXCHANGE).await), (500, "AF50000".to_owned()));
        assert_eq!(client.start(GENERAL).await.status, 200);
    });
}

#[test]
fn stuck_links_lead_to_the_same_page() {
    run(async {
        let world = World::new(Behaviours { links_stuck: 1.0, page_size: 1, odd_casing: 0.0, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[EXCHANGE]).await;
        let first = client.window(EXCHANGE, world.hours_ago(24), world.now()).await;
        let second = client.get(&client.next(&first).unwrap()).await;
        assert_eq!(second.json(), first.json());
        assert_eq!(client.next(&second), client.next(&first));
    });
}

#[test]
fn a_broken_record_lacks_its_brace_and_the_other_records_are_well_formed() {
    run(async {
        let world = World::new(Behaviours { broken_record: 1.0, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[EXCHANGE]).await;
        let items = client.all_items(EXCHANGE, world.now()).await;
        for item in &items {
            let text = client.get(&client.path(item["contentUri"].as_str().unwrap())).await.text();
            assert!(serde_json::from_str::<Value>(&text).is_err());
            // The text becomes a valid array if a brace is inserted at the end of the first record: before a `,{` or
            // before the final bracket.
            let mut places = text.match_indices(",{").map(|(at, _)| at).chain([text.len() - 1]);
            let with_brace = |at: usize| format!("{}}}{}", &text[..at], &text[at..]);
            let is_whole = |at: usize| serde_json::from_str::<Vec<Value>>(&with_brace(at)).is_ok();
            assert!(places.any(is_whole), "{text}");
        }
    });
}

#[test]
fn the_shown_expiration_may_be_in_the_past_or_in_year_1() {
    for (expiration, year_one) in [(Expiration::Past, false), (Expiration::YearOne, true)] {
        run(async {
            let world = World::new(Behaviours { expiration, ..long_lived_tokens() });
            let client = world.client_with_subscriptions(&[EXCHANGE]).await;
            let items = client.all_items(EXCHANGE, world.now()).await;
            for item in &items {
                assert!(item_time(item, "contentExpiration") < item_time(item, "contentCreated"), "{item}");
                assert_eq!(item["contentExpiration"] == "0001-01-01T00:00:00.000Z", year_one);
            }
            // The wrong `contentExpiration` does not prevent the fetch.
            assert!(!client.records(&items[0]).await.is_empty());
        });
    }
}

#[test]
fn odd_addresses_have_zones_ports_and_lists() {
    run(async {
        let world = World::new(Behaviours { odd_addresses: 1.0, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[EXCHANGE]).await;
        let records = client.all_records(EXCHANGE, world.now()).await;
        let seen: BTreeSet<_> = records.iter().filter_map(|record| record["ClientIP"].as_str()).collect();
        for form in [
            "2603:10b6:208:1ab::20%7",
            "203.0.113.7%11:443",
            "203.0.113.7-443",
            "::ffff:203.0.113.7:443",
            "[fe80::1%16]:443",
            "20.92.177.18, 162.158.2.18",
            "::ffff:198.51.100.7",
        ] {
            assert!(seen.contains(form), "{form} in {seen:?}");
        }
    });
}

#[test]
fn case_twins_are_nested_keys_that_differ_only_by_case() {
    run(async {
        let world = World::new(Behaviours { case_twins: 1.0, ..long_lived_tokens() });
        let client = world.client_with_subscriptions(&[GENERAL]).await;
        for record in client.all_records(GENERAL, world.now()).await {
            let twins = &record["EventProperties"];
            assert!(
                twins["ItemName"] == "Quarter" && twins["itemName"] == "quarter" && twins["Inner"]["ID"] == 1,
                "{record}"
            );
        }
    });
}

#[test]
fn alert_data_is_json_text_or_an_object() {
    for as_text in [true, false] {
        run(async {
            let world = World::new(Behaviours { alert_data_as_text: as_text, ..long_lived_tokens() });
            let client = world.client_with_subscriptions(&[GENERAL]).await;
            let records = client.all_records(GENERAL, world.now()).await;
            let alerts = records.iter().filter(|record| record["RecordType"] == 40);
            let data: Vec<_> = alerts.map(|record| &record["Data"]).collect();
            assert!(!data.is_empty());
            for data in data {
                let read = data.as_str().map_or_else(|| data.clone(), |text| serde_json::from_str(text).unwrap());
                assert_eq!((data.is_string(), read["etype"].as_str()), (as_text, Some("User")));
            }
        });
    }
}
