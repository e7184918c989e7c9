//! Throttling: it is recognised in every form, and all calls of the tenant honour it.

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt, stream};

use super::*;

const QUOTED: &str = "{'error':{'code':'AF429','message':'Too many requests. Method=GetBlob, PublisherId=canary'}}";

fn sum(waits: &[f64]) -> f64 {
    waits.iter().sum()
}

#[tokio::test]
async fn a_throttled_call_waits_for_the_cooldown_f37() {
    for answer in [reply(403, QUOTED), reply(429, ""), reply(400, "Too Many Requests"), af(200, "AF429")] {
        let busy = move |seen: &Seen| (seen.operation == "content" && seen.nth == 0).then(|| answer.clone());
        let world = World::new(healthy(busy)).await;
        assert_eq!(world.page(None).await, Page::default());
        let waited = sum(&world.clock.waits());
        assert!((30.0..36.0).contains(&waited), "{waited}");
        world.check_counts(&[("token", 1), ("content", 2)]);
    }
}

#[tokio::test]
async fn a_throttled_call_waits_as_long_as_the_vendor_names() {
    let busy =
        |seen: &Seen| (seen.operation == "content" && seen.nth == 0).then(|| reply(429, "").header("retry-after", "7"));
    let world = World::new(healthy(busy)).await;
    world.page(None).await;
    let waited = sum(&world.clock.waits());
    assert!((7.0..9.0).contains(&waited), "{waited}");
}

#[tokio::test]
async fn a5_a_call_throttled_by_code_waits_as_long_as_the_words_name() {
    let wait = "Please retry again after 1m 7s.";
    let bodies = [
        format!(r#"{{"error":{{"code":"429","message":"Too many requests. {wait}"}}}}"#),
        format!(r#"{{"error":{{"code":"RequestsThrottled","message":"{wait}"}}}}"#),
        format!(r#"{{"code":429,"message":"{wait}"}}"#),
        format!(r#"{{"code":"throttled","message":"{wait}"}}"#),
    ];
    for (operation, body) in
        ["list", "content", "b$1"].into_iter().flat_map(|operation| bodies.each_ref().map(|body| (operation, body)))
    {
        let answer = body.clone();
        let busy =
            move |seen: &Seen| (seen.operation == operation && seen.nth == 0).then(|| reply(403, answer.clone()));
        let world = World::new(healthy(busy)).await;
        world.prepare(None).await.unwrap();
        world.page(None).await;
        whole(world.fetch("").await.unwrap()).await.unwrap();
        let waited = sum(&world.clock.waits());
        assert!((67.0..90.0).contains(&waited), "{waited} s after {operation} {body}");
        world.check_counts(&[
            ("token", 1),
            ("list", 1 + usize::from(operation == "list")),
            ("content", 1 + usize::from(operation == "content")),
            ("b$1", 1 + usize::from(operation == "b$1")),
        ]);
    }
}

#[tokio::test]
async fn a_tenant_that_stays_throttled_is_left_to_the_next_tick() {
    let world = World::new(healthy(|seen| (seen.operation == "content").then(|| reply(403, QUOTED)))).await;
    check_later(&world.list(None).await.unwrap_err(), "the vendor refused requests of this tenant for being too many");
    assert_eq!(world.vendor.seen("content").len(), 3);
    let waited = sum(&world.clock.waits());
    assert!((90.0..100.0).contains(&waited), "{waited}");
    // These calls are not sent and do not wait.
    for _ in 0..10 {
        check_paused(&world.list(None).await.unwrap_err(), "a later tick carries on");
        check_paused(&world.fetch("").await.unwrap_err(), "Audit.Exchange: fetching content b$1: the vendor refused");
    }
    world.check_counts(&[("token", 1), ("content", 3)]);
    world.clock.jump(Duration::from_secs(120));
    whole(world.fetch("").await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_named_wait_that_does_not_fit_the_tick_is_left_to_the_next() {
    let busy = |seen: &Seen| (seen.operation == "content").then(|| reply(429, "").header("retry-after", "600"));
    let world = World::new(healthy(busy)).await;
    check_later(&world.list(None).await.unwrap_err(), "HTTP 429 (AF429): too many requests for this tenant");
    check_paused(&world.fetch("").await.unwrap_err(), "no more are made for 600 s");
    assert!(world.clock.waits().is_empty());
    world.check_counts(&[("token", 1), ("content", 1)]);
}

#[tokio::test]
async fn sources_of_one_tenant_share_a_cooldown() {
    let busy = |seen: &Seen| (seen.operation == "content" && seen.nth == 0).then(|| reply(403, QUOTED));
    let world = World::new(healthy(busy)).await;
    let other = world.vendor.client(&world.clock, &world.secret);
    let request = ListRequest {
        stream: &stream_of(&world.vendor.source_secret(), ContentType::Dlp),
        listing: LISTING,
        window: WINDOW,
        cursor: None,
        tries: Tries::Patient,
    };
    let (first, second) = futures_util::join!(world.list(None), async {
        // The second call begins after the first was refused.
        while world.vendor.seen("content").is_empty() {
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(Duration::from_secs(5), other.list(request)).await.unwrap()
    });
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    let waits = world.clock.waits();
    assert!(sum(&waits) >= 30.0, "{waits:?}");
    assert_eq!(world.vendor.seen("content").len(), 3);
}

/// Fetches that many blobs as the collector does, and returns the highest number of concurrent requests.
async fn max_concurrent_fetches(world: &World, blobs: usize) -> usize {
    let fetch = |_| world.fetch("").map(Result::unwrap);
    let all: Vec<_> = stream::iter(0..blobs).map(fetch).buffered(crate::POLICY.fetches_ahead).collect().await;
    join_all(all.into_iter().map(whole)).await.into_iter().for_each(|body| assert!(body.is_ok()));
    world.vendor.take_max_concurrent("b$1")
}

#[tokio::test]
async fn concurrent_fetches_grow_while_answers_are_quick() {
    let world = World::new(healthy(|_| None)).await;
    let few = max_concurrent_fetches(&world, 4).await;
    let more = max_concurrent_fetches(&world, 40).await;
    let most = max_concurrent_fetches(&world, 300).await;
    assert!(few <= 4 && few < more && more < most, "{few} {more} {most}");
    assert!((12..=crate::POLICY.fetches_ahead).contains(&most), "{most}");
}

#[tokio::test]
async fn concurrent_fetches_shrink_when_throttled_and_no_blob_is_lost_f38() {
    let busy = |seen: &Seen| (seen.operation == "b$1" && (200..203).contains(&seen.nth)).then(|| reply(403, QUOTED));
    let world = World::new(healthy(busy)).await;
    let before = max_concurrent_fetches(&world, 200).await;
    max_concurrent_fetches(&world, 6).await;
    assert_eq!(world.vendor.seen("b$1").len(), 209);
    let after = max_concurrent_fetches(&world, 12).await;
    assert!(before >= 12 && after <= before / 2 + 2, "{before} {after}");
    max_concurrent_fetches(&world, 72).await;
    assert_eq!(world.vendor.seen("b$1").len(), 293);
}
