//! Listing: pages, links, windows and refusals.

use serde_json::json;

use super::*;

#[tokio::test]
async fn list_sends_window_and_publisher_and_rebuilds_foreign_blob_urls() {
    let world = World::new(healthy(|seen| {
        let items = [item("a$1", "https://elsewhere.example.com/api/v1.0/x/activity/feed/audit/a$1"), item("b$1", "")];
        (seen.operation == "content").then(|| reply(200, format!("\u{feff}[{}]", items.join(","))))
    }))
    .await;
    let page = world.page(None).await;
    let uris = ["a$1", "b$1"].map(|id| format!("{}/audit/{id}?PublisherIdentifier={TENANT}", world.vendor.feed()));
    let blobs = ["a$1", "b$1"].iter().zip(uris).map(|(id, uri)| {
        Item::Blob(BlobRef { id: (*id).to_owned(), uri, created: 1_787_302_200, expires: 1_787_907_000 })
    });
    assert_eq!(page, Page { items: blobs.collect(), next: None, vendor_now: None, owner: None });
    let seen = &world.vendor.seen("content")[0];
    assert_eq!(seen.bearer(), Some("canary-token-1"));
    let times = "startTime=2026-08-21T08%3A44%3A05&endTime=2026-08-21T09%3A44%3A05";
    assert_eq!(seen.query, format!("contentType=Audit.Exchange&{times}&PublisherIdentifier={TENANT}"));
}

#[tokio::test]
async fn every_call_names_the_publisher_f64() {
    let publisher = "11111111-2222-3333-4444-555555555555";
    let clock = JumpingClock::new();
    let answers = |seen: &Seen| match (seen.operation.as_str(), seen.nth) {
        ("list", _) => Some(reply(200, "[]")),
        ("content", 0) => {
            let link = format!("https://x/?nextPage={}", seen.nth);
            Some(reply(200, format!("[{}]", item("b$1", ""))).header("nextpageuri", link))
        }
        _ => None,
    };
    let vendor = FakeVendor::serve(&clock, healthy(answers)).await;
    let (client, secret) =
        client_with_fields(&vendor, &clock, json!({"client_secret": CANARY, "publisher_id": publisher}));
    let stream = stream_of(&secret, ContentType::Exchange);
    client.prepare(&stream, None).await.unwrap();
    let request =
        ListRequest { stream: &stream, listing: LISTING, window: WINDOW, cursor: None, tries: Tries::Patient };
    let first = page_of(client.list(request).await.unwrap());
    client.list(ListRequest { cursor: first.next.as_deref(), ..request }).await.unwrap();
    let Item::Blob(blob) = &first.items[0] else { panic!("{first:?}") };
    client.fetch(&stream, blob, Tries::Patient).await.unwrap();
    for (operation, calls) in [("list", 1), ("start", 1), ("content", 2), ("b$1", 1)] {
        let seen = vendor.seen(operation);
        assert_eq!(seen.len(), calls, "{operation}");
        let named = format!("PublisherIdentifier={publisher}");
        assert!(seen.iter().all(|seen| seen.query.contains(&named)), "{seen:?}");
    }
}

#[tokio::test]
async fn list_follows_either_header_also_from_an_empty_page() {
    let vendor = std::sync::OnceLock::<String>::new();
    let vendor = std::sync::Arc::new(vendor);
    let root = vendor.clone();
    let world = World::new(healthy(move |seen| {
        if seen.operation != "content" {
            return None;
        }
        let next = |place: &str| format!("{}/subscriptions/content?nextpage={place}", root.get().unwrap());
        Some(match seen.nth {
            0 => reply(200, "[]").header("NextPageUri", next("two")),
            1 => reply(200, format!("[{}]", item("x", ""))).header("nextpageurl", next("three")),
            _ => reply(200, format!("[{}]", item("y", ""))),
        })
    }))
    .await;
    vendor.set(world.vendor.feed().replace("v1.0", "v1")).unwrap();
    let first = world.page(None).await;
    let second = world.page(first.next.as_deref()).await;
    let third = world.page(second.next.as_deref()).await;
    assert_eq!((first.items.len(), second.items.len(), third.items.len()), (0, 1, 1));
    assert_eq!(third.next, None);
    let followed = &world.vendor.seen("content")[1];
    assert_eq!(followed.path, format!("/m365/api/v1/{TENANT}/activity/feed/subscriptions/content"));
    assert_eq!(followed.query, format!("nextpage=two&PublisherIdentifier={TENANT}"));
}

#[tokio::test]
async fn list_rebuilds_a_foreign_next_page() {
    let world = World::new(healthy(|seen| {
        let link = "https://manage.office.com/api/v1/x/subscriptions/content?nextPage=two";
        (seen.operation == "content" && seen.nth == 0).then(|| reply(200, "[]").header("NextPageUri", link))
    }))
    .await;
    let next = world.page(None).await.next.unwrap();
    assert!(next.starts_with(&world.vendor.feed()) && next.ends_with("&nextPage=two"), "{next}");
    world.page(Some(&next)).await;
}

#[tokio::test]
async fn list_never_follows_a_foreign_cursor() {
    let world = World::new(healthy(|_| None)).await;
    let elsewhere = FakeVendor::serve(&world.clock, |_| reply(200, "[]")).await;
    let error = world.list(Some(&format!("{}/subscriptions/content", elsewhere.feed()))).await.unwrap_err();
    check_person(&error, "not followed");
    assert!(elsewhere.counts().is_empty());
}

#[tokio::test]
async fn list_reports_a_lost_cursor_for_an_invalid_link_f39_f40() {
    for code in ["AF20031", "AF20055", "AF20030", "AF20022", "AF20023"] {
        let world = World::new(healthy(move |seen| (seen.operation == "content").then(|| af(400, code)))).await;
        let cursor = format!("{}/subscriptions/content?nextPage=x", world.vendor.feed());
        assert_eq!(world.list(Some(&cursor)).await, Ok(Listed::CursorLost));
        assert_eq!(world.list(Some("not a link")).await, Ok(Listed::CursorLost));
        world.check_counts(&[("token", 1), ("content", 1)]);
    }
}

#[tokio::test]
async fn list_retries_a_page_with_its_own_link_f39() {
    let world =
        World::new(healthy(|seen| (seen.operation == "content" && seen.nth == 0).then(|| reply(502, "")))).await;
    let cursor = format!("{}/subscriptions/content?nextPage=x", world.vendor.feed());
    assert_eq!(world.page(Some(&cursor)).await, Page::default());
    let asked = world.vendor.seen("content");
    assert_eq!((asked.len(), &asked[0].query), (2, &asked[1].query));
}

/// Returns a world whose vendor refuses every window that ends when [`WINDOW`] does. The client knows the vendor's
/// clock, which is `ahead` seconds ahead of ours.
async fn strict_vendor(ahead: i64) -> World {
    let world = World::new(healthy(|seen| {
        let is_known = !seen.query.contains("endTime=2026-08-21T09%3A44%3A05");
        (seen.operation == "content" && !is_known).then(|| af(400, "AF20055"))
    }))
    .await;
    world.vendor.ahead_seconds.store(ahead, Ordering::SeqCst);
    assert_eq!(world.prepare(None).await, world.ready(false));
    world
}

#[tokio::test]
async fn list_of_a_window_that_ends_in_the_vendors_future_is_clamped_f56() {
    let world = strict_vendor(-360).await;
    assert_eq!(world.list_window(WINDOW.from, WINDOW.to).await.unwrap().vendor_now, Some(NOW - 360));
    let asked = world.vendor.seen("content");
    assert!(asked[1].query.contains("startTime=2026-08-21T08%3A44%3A05&endTime=2026-08-21T08%3A54%3A00"));
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn list_of_a_window_that_has_not_begun_is_empty_f56() {
    let world = strict_vendor(-1_000).await;
    let nothing = Page { vendor_now: Some(NOW - 1_000), ..Page::default() };
    assert_eq!(world.list_window(WINDOW.from, WINDOW.to).await, Ok(nothing));
    world.check_counts(&[("token", 1), ("list", 1), ("content", 1)]);
}

#[tokio::test]
async fn list_of_a_window_that_has_expired_says_so_f56_f57() {
    let world = strict_vendor(3_000).await;
    let error = world.list_window(NOW - 604_800, WINDOW.to).await.unwrap_err();
    check_later(&error, "AF20055");
    check_later(&error, "nothing from before 2026-08-14T09:50:00Z, and 2026-08-14T09:00:00Z was asked for");
    world.check_counts(&[("token", 1), ("list", 1), ("content", 1)]);
    // The next tick plans its windows by the vendor's clock.
    assert_eq!(world.prepare(None).await, Ok(Prepared::Ready { vendor_now: Some(NOW + 3_000), started: false }));
}

#[tokio::test]
async fn list_is_clamped_by_the_earlier_clock_where_they_differ_by_an_hour_or_more() {
    for ahead in [864_000, 3_600] {
        let world = strict_vendor(ahead).await;
        assert_eq!(world.list_window(WINDOW.from, WINDOW.to).await.unwrap().vendor_now, Some(NOW + ahead));
        let asked = world.vendor.seen("content");
        assert_eq!(asked.len(), 2, "{ahead}");
        let times = "startTime=2026-08-21T08%3A44%3A05&endTime=2026-08-21T09%3A00%3A00";
        assert!(asked[1].query.contains(times), "{}", asked[1].query);
    }
    let world = strict_vendor(-7_200).await;
    let nothing = Page { vendor_now: Some(NOW - 7_200), ..Page::default() };
    assert_eq!(world.list_window(WINDOW.from, WINDOW.to).await, Ok(nothing));
}

#[tokio::test]
async fn list_of_a_window_within_the_rules_is_not_retried() {
    let world = strict_vendor(3_000).await;
    check_later(&world.list_window(WINDOW.from, WINDOW.to).await.unwrap_err(), "AF20055: the window is outside");
    world.check_counts(&[("token", 1), ("list", 1), ("content", 1)]);
    let world = World::new(healthy(|seen| (seen.operation == "content").then(|| af(400, "AF20030")))).await;
    world.prepare(None).await.unwrap();
    check_later(&world.list_window(WINDOW.from, WINDOW.to).await.unwrap_err(), "AF20030");
    world.check_counts(&[("token", 1), ("list", 1), ("content", 2)]);
}

#[tokio::test]
async fn only_a_well_formed_answer_sets_the_vendors_clock() {
    let refusals = [
        reply(502, "<html>"),
        af(400, "AF20055"),
        af(401, "AF10001"),
        reply(200, "<html>"),
        reply(200, "[{}]"),
        af(200, "AF50000"),
    ];
    for answer in refusals {
        let world = World::new(healthy(move |seen| match seen.operation.as_str() {
            "content" => Some(answer.clone()),
            "list" => Some(reply(500, "")),
            _ => None,
        }))
        .await;
        assert!(world.list(None).await.is_err());
        // An answer to a fetch does not count, because it may turn out not to be a blob.
        whole(world.fetch("").await.unwrap()).await.unwrap();
        assert_eq!(world.prepare(None).await, Ok(Prepared::Ready { vendor_now: None, started: false }));
    }
    let world = World::new(healthy(|seen| (seen.operation == "list").then(|| reply(500, "")))).await;
    assert_eq!(page_of(world.list(None).await.unwrap()).vendor_now, Some(world.vendor_now()));
    assert_eq!(world.prepare(None).await, world.ready(false));
}

#[tokio::test]
async fn list_retries_during_an_outage() {
    let world = World::new(healthy(|seen| {
        let outages = [reply(503, "<html>"), reply(200, ""), af(200, "AF50000")];
        outages.get(seen.nth).filter(|_| seen.operation == "content").cloned()
    }))
    .await;
    assert_eq!(world.page(None).await, Page::default());
    assert_eq!(world.clock.waits(), [1.0, 2.0, 4.0]);
}

#[tokio::test]
async fn list_leaves_a_lasting_outage_to_the_next_tick() {
    let world = World::new(healthy(|seen| (seen.operation == "content").then(|| reply(500, "canary")))).await;
    let error = world.list(None).await.unwrap_err();
    assert_eq!(error.recovery, Recovery::NextTick);
    assert!(error.message.contains("Audit.Exchange: listing content: HTTP 500"), "{error}");
    assert_eq!(world.vendor.seen("content").len(), 4);
}

#[tokio::test]
async fn list_without_a_subscription_starts_one_and_finds_nothing_f33() {
    let world = World::new(healthy(|seen| (seen.operation == "content").then(|| af(400, "AF20022")))).await;
    world.check_not_yet().await;
    world.check_not_yet().await;
    assert_eq!(world.vendor.seen("start").len(), 1);
    // If the head has not stored the start, the next `prepare` returns it again.
    assert_eq!(world.prepare(None).await, world.ready(true));
    world.clock.jump(Duration::from_secs(300));
    check_later(&world.list(None).await.unwrap_err(), "AF20022: there is no subscription, although");
    assert_eq!(world.vendor.seen("start").len(), 1);
    world.clock.jump(Duration::from_secs(600));
    world.check_not_yet().await;
    assert_eq!(world.vendor.seen("start").len(), 2);
}

#[tokio::test]
async fn list_of_a_disabled_subscription_starts_it_once_and_reports_that_f34() {
    let world =
        World::new(healthy(|seen| (seen.operation == "content" && seen.nth < 2).then(|| af(400, "AF20023")))).await;
    check_later(&world.list(None).await.unwrap_err(), "was started again at 2026-08-21T09:00:00Z, and the next tick");
    world.check_not_yet().await;
    world.clock.jump(Duration::from_secs(300));
    assert_eq!(world.page(None).await, Page::default());
    world.check_counts(&[("token", 1), ("start", 1), ("content", 3)]);
}

#[tokio::test]
async fn list_of_a_subscription_that_stays_disabled_needs_a_person_f34() {
    let world = World::new(healthy(|seen| (seen.operation == "content").then(|| af(400, "AF20023")))).await;
    check_later(&world.list(None).await.unwrap_err(), "may be lost");
    for _ in 0..2 {
        world.clock.jump(Duration::from_secs(300));
        check_person(&world.list(None).await.unwrap_err(), "AF20023: the subscription is disabled, although");
    }
    assert_eq!(world.vendor.seen("start").len(), 1);
    world.clock.jump(Duration::from_secs(300));
    check_person(&world.list(None).await.unwrap_err(), "disabled again after its start at 2026-08-21T09:00:00Z");
    assert_eq!(world.vendor.seen("start").len(), 2);
}

#[tokio::test]
async fn list_names_the_missing_permission() {
    let world =
        World::of(ContentType::Dlp, healthy(|seen| (seen.operation == "content").then(|| af(401, "AF10001")))).await;
    let error = world.list(None).await.unwrap_err();
    check_person(&error, "DLP.All: listing content: HTTP 401 AF10001");
    check_person(&error, "ActivityFeed.ReadDlp");
    // The refusal is not about the token.
    world.check_counts(&[("token", 1), ("content", 1)]);
}

#[tokio::test]
async fn list_with_an_item_that_names_no_blob_is_not_a_page() {
    let world = World::new(healthy(|seen| (seen.operation == "content").then(|| reply(200, "[{}]")))).await;
    assert_eq!(world.list(None).await.unwrap_err().recovery, Recovery::NextTick);
}
