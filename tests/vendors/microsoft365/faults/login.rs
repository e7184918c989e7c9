//! The login, the credential and the publisher's id.

use simulators::microsoft365::{CLIENT_SECRET, Cloud, TENANT_ID};

use super::*;

const NEW_SECRET: &str = "n3W~secret/rotated+in=the%20store";

#[tokio::test]
async fn f28_a_token_that_is_refused_at_blob_200_is_renewed_once_and_the_blob_requested_again() {
    let world = exchange(250);
    let denied = Fault::answer(401, r#"{"Message":"Authorization has been denied for this request."}"#);
    world.script(vec![Scripted::new("blob", 200, denied)]);
    assert_drained(&world.tick().await.unwrap(), 250);
    assert_eq!((world.running.requests_of("token"), world.running.requests_of("blob")), (2, 251));
    assert_eq!(world.statuses("blob").iter().filter(|status| **status == 401).count(), 1);
    world.assert_fetched_once();
    world.assert_exact();
}

#[tokio::test]
async fn f28_a_token_is_renewed_before_it_expires_within_a_tick() {
    let mut world = exchange(200);
    world.simulator.change(|it| it.token_seconds = 60);
    world.pace = (1_000, 1_000);
    assert_drained(&world.tick().await.unwrap(), 200);
    assert!((4..=8).contains(&world.running.requests_of("token")), "{}", world.running.requests_of("token"));
    assert!(world.running.received_requests().iter().all(|asked| asked.status == Some(200)), "something was refused");
    world.assert_exact();
}

#[tokio::test]
async fn f29_a_login_that_is_down_fails_the_tick_and_moves_no_watermark() {
    let world = tenant(60);
    for number in 1..=3 {
        world.simulator.change(|it| it.token_error = 1.0);
        let reports = world.tick().await.unwrap();
        for report in &reports {
            assert_failed(report, false, "logging in: HTTP 5");
            assert_eq!((report.lines.delivered, report.listed.pages), (0, 0));
        }
        // All content types share one login with its retries, and one of them reports the failure.
        assert_eq!(world.running.requests_of("token"), TRIES * number);
        let says_why = |report: &&StreamReport| report.failure.as_ref().unwrap().message.contains("not available");
        assert_eq!(reports.iter().filter(says_why).count(), 1, "{reports:?}");
        assert_eq!(world.running.requests_of("token"), world.running.requests());
        let heads = world.streams().iter().map(|stream| world.store.head_of(stream).unwrap()).collect::<Vec<_>>();
        assert!(heads.iter().all(|head| head.seq == 0 && head.times.last_start.is_none()), "{heads:?}");
        assert_eq!(world.watermark(LogType::Exchange), 60 - DAY);
        world.minutes(5);
    }
    world.simulator.change(|it| it.token_error = 0.0);
    assert_drained(&world.tick().await.unwrap(), 60);
    world.assert_exact();
}

#[tokio::test]
async fn f29_a_failed_login_is_retried_within_the_tick_after_the_wait_that_it_names() {
    let world = tenant(60);
    let headers = vec![("retry-after".to_owned(), "7".to_owned())];
    let throttled = Fault::Answer { status: 429, headers, body: Vec::new() };
    world.script(vec![Scripted::new("token", 1, throttled), Scripted::new("token", 2, Fault::ServerError)]);
    assert_drained(&world.tick().await.unwrap(), 60);
    let logins = world.received_requests_of("token");
    assert_eq!(logins.len(), 3);
    assert!(logins[1].at.duration_since(logins[0].at).as_secs() >= 7, "{logins:?}");
    world.assert_exact();
}

#[tokio::test]
async fn f29_a_token_that_cannot_be_renewed_in_time_is_used_until_it_expires() {
    let world = tenant(60);
    let worker = world.worker();
    assert_drained(&tick(&worker).await, 60);
    // The token has three minutes left, so it is renewed.
    world.minutes(56);
    world.simulator.change(|it| it.token_error = 1.0);
    assert_drained(&tick(&worker).await, 0);
    assert!(world.running.requests_of("token") > 1);
    world.minutes(5);
    for report in tick(&worker).await {
        assert_failed(&report, false, "logging in: HTTP 5");
    }
    world.assert_exact();
}

#[tokio::test]
async fn f30_an_expired_secret_needs_a_person_and_is_not_tried_again_and_again() {
    let world = tenant(60);
    world.simulator.change(|it| it.expired_secrets = std::mem::take(&mut it.client_secrets));
    let worker = world.worker();
    for number in 1..=6 {
        for report in tick(&worker).await {
            assert_failed(&report, true, "AADSTS7000222: the client secret has expired; create a new one");
            assert!(!report.failure.unwrap().message.contains(CLIENT_SECRET));
        }
        // Each tick makes one login and one read of the secret that bypasses the cache.
        assert_eq!((world.running.requests(), world.credential.fresh_reads()), (number, number as u32));
        world.minutes(5);
    }
    // A person stores a new secret.
    world.simulator.change(|it| it.client_secrets = vec![NEW_SECRET.to_owned()]);
    world.credential.rotate(NEW_SECRET);
    assert_drained(&tick(&worker).await, 60);
    world.assert_exact();
}

#[tokio::test]
async fn f30_a_secret_that_was_rotated_is_read_again_once_and_the_tick_continues() {
    let world = tenant(60);
    world.simulator.change(|it| {
        it.expired_secrets = std::mem::replace(&mut it.client_secrets, vec![NEW_SECRET.to_owned()]);
    });
    world.credential.rotate(NEW_SECRET);
    assert_drained(&world.tick().await.unwrap(), 60);
    assert_eq!((world.running.requests_of("token"), world.credential.fresh_reads()), (2, 1));
    world.assert_exact();
}

#[tokio::test]
async fn f64_a_publisher_that_is_no_guid_is_an_error_before_any_call() {
    let world = tenant(10);
    for publisher in ["", "example.org", "3f6c1d52-8b0e-4c1a-9d7e", "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f1g"] {
        world.credential.set("publisher_id", &json!(publisher));
        let error = world.parsed_secret().unwrap_err().to_string();
        assert!(error.contains("publisher_id"), "{error}");
    }
    world.credential.set("publisher_id", &json!(7));
    assert_eq!(world.parsed_secret().unwrap_err().to_string(), "publisher_id must be a string");
    assert_eq!(world.running.requests(), 0);
}

#[tokio::test]
async fn f64_every_call_names_the_publisher_also_the_next_page_and_the_blob() {
    const OURS: &str = "0a1b2c3d-1111-4000-8000-00000000000f";
    for (field, publisher) in [(None, TENANT_ID), (Some(OURS), OURS)] {
        let world = exchange(25);
        if let Some(ours) = field {
            world.credential.set("publisher_id", &json!(ours));
        }
        assert_drained(&world.tick().await.unwrap(), 25);
        let calls: Vec<_> =
            world.running.received_requests().into_iter().filter(|asked| asked.operation != "token").collect();
        let name = format!("PublisherIdentifier={publisher}");
        assert!(calls.iter().all(|asked| asked.target.matches(&name).count() == 1), "{calls:?}");
        assert_eq!((world.running.requests_of("content"), world.running.requests_of("blob")), (3, 25));
    }
}

#[tokio::test]
async fn f65_the_wrong_cloud_needs_a_person_once_it_persists_and_nothing_is_tried_again_and_again() {
    // The configured cloud, or the default one, is not the tenant's.
    for (ours, theirs) in [(Some("gcc-high"), Cloud::Commercial), (None, Cloud::Dod)] {
        let world = tenant_with(60, |it| it.cloud = theirs);
        if let Some(ours) = ours {
            world.credential.set("cloud", &json!(ours));
        }
        for number in 1..=4 {
            let reports = world.tick().await.unwrap();
            for report in &reports {
                assert_failed(
                    report,
                    number >= 3,
                    "check that cloud and tenant_id in the source's secret are the tenant's own",
                );
                assert_eq!(report.lines.delivered, 0);
            }
            // The tick requests one list of subscriptions and one listing per content type, each with at most two
            // tokens.
            assert!(world.running.requests_of("token") <= 2 * number, "{}", world.running.requests_of("token"));
            assert!(world.running.requests() <= 16 * number, "{} in {number}", world.running.requests());
            assert_eq!((world.running.requests_of("start"), world.running.requests_of("blob")), (0, 0));
            world.minutes(5);
        }
        world.credential.set("cloud", &json!(if theirs == Cloud::Dod { "dod" } else { "commercial" }));
        assert_drained(&world.tick().await.unwrap(), 60);
        world.assert_exact();
    }
}

#[tokio::test]
async fn a7_a_login_that_fails_is_made_once_per_tick_also_by_a_warm_process_and_reported_once() {
    let world = tenant(60);
    let worker = world.worker();
    world.simulator.change(|it| it.login_page = 1.0);
    for number in 1..=3 {
        let reports = tick(&worker).await;
        assert_eq!((reports.len() as u64, world.running.requests_of("token")), (TYPES, TRIES * number));
        let messages = reports.iter().map(|report| report.failure.as_ref().unwrap().message.as_str());
        assert_eq!(messages.clone().filter(|message| message.contains("the answer holds no token")).count(), 1);
        let refer = messages.filter(|message| message.contains("one login serves all content types: see what "));
        assert_eq!(refer.count() as u64, TYPES - 1, "{reports:?}");
        world.minutes(5);
    }
    world.simulator.change(|it| it.login_page = 0.0);
    assert_drained(&tick(&worker).await, 60);
    world.assert_exact();
}

#[tokio::test]
async fn e3_a_new_token_that_is_refused_for_a_tick_needs_no_person() {
    let denied = [
        r#"{"Message":"Authorization has been denied for this request."}"#,
        r#"{"error":{"code":"InvalidAuthenticationToken","message":"The access token is invalid."}}"#,
        "",
    ];
    for body in denied {
        let world = exchange(20);
        world.script(fault_at_first_requests(40, "content", &Fault::answer(401, body)));
        let reports = world.tick().await.unwrap();
        assert_failed(&reports[0], false, "HTTP 401");
        assert_eq!(
            world.head(LogType::Exchange).listings[microsoft365::LISTING].watermark,
            world.head(LogType::Exchange).floor
        );
        world.script(Vec::new());
        world.minutes(5);
        assert_drained(&world.tick().await.unwrap(), 20);
        world.assert_exact();
    }
}

#[tokio::test]
async fn e3_a_new_secret_or_app_that_is_not_known_yet_needs_a_person_only_if_that_persists() {
    for code in [7_000_215, 700_016, 65_001, 500_011] {
        let world = exchange(20);
        let worker = world.worker();
        let body = json!({"error": "invalid_client", "error_description": format!("AADSTS{code}: no."), "error_codes": [code]});
        let refuse = || world.script(fault_at_first_requests(400, "token", &Fault::answer(401, body.to_string())));
        // The first refusal ends after two ticks, which resets the count; the second one persists.
        for (ticks, needs_person) in [(2, false), (4, true)] {
            refuse();
            for number in 1..=ticks {
                assert_failed(&tick(&worker).await[0], needs_person && number >= 3, &format!("AADSTS{code}"));
                world.minutes(5);
            }
            world.script(Vec::new());
            assert!(tick(&worker).await[0].drained);
            // The next tick logs in again.
            world.minutes(90);
        }
        world.assert_exact();
    }
}

#[tokio::test]
async fn e3_an_access_that_is_denied_without_a_code_needs_a_person_once_that_persists() {
    let world = exchange(20);
    for number in 1..=4 {
        world.script(fault_at_first_requests(
            40,
            "content",
            &Fault::answer(403, r#"{"error":{"code":"AccessDenied","message":"No."}}"#),
        ));
        assert_failed(&world.tick().await.unwrap()[0], number >= 3, "HTTP 403: access is denied");
        world.minutes(5);
    }
    world.script(Vec::new());
    assert_drained(&world.tick().await.unwrap(), 20);
    world.assert_exact();
}
