//! Calls with a single try: they are not retried and do not wait for a cooldown, but renew a refused token.

use super::*;

const THROTTLED: &str = "{'error':{'code':'AF429','message':'Too many requests. canary'}}";

fn denied() -> Reply {
    reply(401, r#"{"Message":"Authorization has been denied. canary"}"#)
}

#[tokio::test]
async fn a_failure_that_may_pass_is_left_to_the_next_tick() {
    let transient =
        [reply(503, "<html>"), reply(500, ""), af(200, "AF50000"), reply(502, "").header("retry-after", "7")];
    for answer in transient {
        let failing = move |seen: &Seen| matches!(seen.operation.as_str(), "content" | "b$1").then(|| answer.clone());
        let world = World::new(healthy(failing)).await;
        let cursor = format!("{}/subscriptions/content?nextPage=x", world.vendor.feed());
        for cursor in [None, Some(cursor.as_str())] {
            check_later(
                &world.list_with(Tries::Once, cursor).await.unwrap_err(),
                "Audit.Exchange: listing content: HTTP ",
            );
        }
        check_later(
            &world.fetch_with(Tries::Once, "").await.unwrap_err(),
            "Audit.Exchange: fetching content b$1: HTTP ",
        );
        world.check_counts(&[("token", 1), ("content", 2), ("b$1", 1)]);
        assert!(world.clock.waits().is_empty());
    }
}

#[tokio::test]
async fn a_login_that_fails_is_left_to_the_next_tick() {
    let world = World::new(healthy(|seen| (seen.operation == "token").then(|| reply(503, "")))).await;
    check_later(&world.list_with(Tries::Once, None).await.unwrap_err(), "logging in: HTTP 503");
    world.check_counts(&[("token", 1)]);
    assert!(world.clock.waits().is_empty());
}

#[tokio::test]
async fn a_refused_token_is_renewed() {
    let world = World::new(healthy(|seen| (seen.bearer() == Some("canary-token-1")).then(denied))).await;
    page_of(world.list_with(Tries::Once, None).await.unwrap());
    whole(world.fetch_with(Tries::Once, "").await.unwrap()).await.unwrap();
    world.check_counts(&[("token", 2), ("content", 2), ("b$1", 1)]);
}

#[tokio::test]
async fn a_throttled_call_begins_the_tenants_cooldown_and_does_not_wait_for_its_end() {
    for (answer, cooldown_seconds) in [(reply(403, THROTTLED), 30.0), (reply(429, "").header("retry-after", "7"), 7.0)]
    {
        let busy = move |seen: &Seen| (seen.operation == "content" && seen.nth == 0).then(|| answer.clone());
        let world = World::new(healthy(busy)).await;
        check_later(&world.list_with(Tries::Once, None).await.unwrap_err(), "too many requests for this tenant");
        check_paused(&world.list_with(Tries::Once, None).await.unwrap_err(), "a later tick carries on");
        check_paused(&world.fetch_with(Tries::Once, "").await.unwrap_err(), "a later tick carries on");
        world.check_counts(&[("token", 1), ("content", 1)]);
        assert!(world.clock.waits().is_empty());
        // A patient call waits for the rest of the cooldown.
        page_of(world.list(None).await.unwrap());
        assert_eq!(world.clock.waits()[0], cooldown_seconds);
    }
}

#[tokio::test]
async fn a_body_that_is_no_array_is_returned_unchanged() {
    let world = World::new(healthy(|seen| (seen.operation == "b$1").then(|| reply(200, "no blob")))).await;
    assert_eq!(whole(world.fetch_with(Tries::Once, "").await.unwrap()).await.unwrap(), b"no blob");
    world.check_counts(&[("token", 1), ("b$1", 1)]);
}
