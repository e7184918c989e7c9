//! Fetching: blobs are returned unchanged, and come from the tenant's feed only.

use super::*;

#[tokio::test]
async fn fetch_streams_the_blob_unchanged() {
    let world = World::new(healthy(|seen| {
        (seen.operation == "b$1").then(|| reply(200, b"\xEF\xBB".to_vec()).then(b"\xBF [1".to_vec()).then(",2]\n"))
    }))
    .await;
    let uri = format!("{}/audit/b$1", world.vendor.feed());
    assert_eq!(whole(world.fetch(&uri).await.unwrap()).await.unwrap(), b"[1,2]\n");
    let seen = &world.vendor.seen("b$1")[0];
    assert_eq!(seen.query, format!("PublisherIdentifier={TENANT}"));
    assert_eq!(seen.bearer(), Some("canary-token-1"));
}

#[tokio::test]
async fn fetch_never_follows_a_foreign_uri() {
    let world = World::new(healthy(|_| None)).await;
    let elsewhere = FakeVendor::serve(&world.clock, |_| reply(200, "[]")).await;
    let other_tenant = world.vendor.feed().replace(TENANT, "11111111-2222-3333-4444-555555555555");
    for uri in [format!("{}/audit/x", elsewhere.feed()), format!("{other_tenant}/audit/x"), "localhost".to_owned()] {
        whole(world.fetch(&uri).await.unwrap()).await.unwrap();
    }
    assert!(elsewhere.counts().is_empty());
    world.check_counts(&[("token", 1), ("b$1", 3)]);
}

#[tokio::test]
async fn fetch_distinguishes_missing_from_expired() {
    let world = World::new(healthy(|seen| {
        let replies = [
            af(404, "AF20050"),
            af(200, "AF20050"),
            reply(404, r#"{"Message":"canary"}"#),
            af(400, "AF20052"),
            af(400, "AF20051"),
        ];
        replies.get(seen.nth).filter(|_| seen.operation == "b$1").cloned()
    }))
    .await;
    for _ in 0..4 {
        assert!(matches!(world.fetch("").await, Ok(Fetched::Missing)));
    }
    assert!(matches!(world.fetch("").await, Ok(Fetched::Expired)));
}

#[tokio::test]
async fn fetch_does_not_take_a_gateways_404_for_a_missing_blob() {
    for body in ["", "<html>", "{}"] {
        let gateway = move |seen: &Seen| (seen.operation == "b$1" && seen.nth < 5).then(|| reply(404, body));
        let world = World::new(healthy(gateway)).await;
        check_later(&world.fetch("").await.unwrap_err(), "that of a gateway or proxy");
        assert_eq!(world.vendor.seen("b$1").len(), 4);
        assert_eq!(whole(world.fetch("").await.unwrap()).await.unwrap(), b"[{\"Id\":\"1\"}]");
    }
}

#[tokio::test]
async fn fetch_rebuilds_a_uri_the_vendor_does_not_know() {
    let world = World::new(healthy(|seen| (seen.operation == "odd").then(|| af(400, "AF20052")))).await;
    let fetched = world.fetch(&format!("{}/audit/odd", world.vendor.feed())).await.unwrap();
    whole(fetched).await.unwrap();
    world.check_counts(&[("token", 1), ("odd", 1), ("b$1", 1)]);
}

#[tokio::test]
async fn fetch_retries_a_body_that_is_no_array() {
    let world = World::new(healthy(|seen| {
        let replies = [af(200, "AF50005"), reply(200, "<html>"), reply(200, " ")];
        replies.get(seen.nth).filter(|_| seen.operation == "b$1").cloned()
    }))
    .await;
    assert_eq!(whole(world.fetch("").await.unwrap()).await.unwrap(), b"[{\"Id\":\"1\"}]");
    assert_eq!(world.vendor.seen("b$1").len(), 4);
}

#[tokio::test]
async fn fetch_of_a_blob_that_breaks_off_ends_in_an_error() {
    let cut = |seen: &Seen| (seen.operation == "b$1").then(|| reply(200, "[1,").then("2").cut());
    let world = World::new(healthy(cut)).await;
    let error = whole(world.fetch("").await.unwrap()).await.unwrap_err();
    assert_eq!(error.recovery, Recovery::NextTick);
    assert!(error.message.contains("fetching content b$1"), "{error}");
}
