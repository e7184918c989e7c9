//! Pages and the links to the next page.

use super::*;

/// Returns the requests for next pages, in order.
fn next_pages(world: &World) -> Vec<String> {
    let pages = world.received_requests_of("content").into_iter().map(|asked| asked.target);
    pages.filter(|target| target.to_lowercase().contains("nextpage=")).collect()
}

/// Creates faults at the request for the page with this number and at the following ones.
fn on_page(number: u64, times: u64, fault: &Fault) -> Vec<Scripted> {
    let fault = |number| Scripted::new("content", number, fault.clone()).having("nextPage");
    (number - 1..number - 1 + times).map(fault).collect()
}

#[tokio::test]
async fn f39_page_12_of_30_is_requested_again_by_the_same_link() {
    for fault in
        [Fault::ServerError, Fault::Reset, Fault::Cut, vendor_error(500, "AF50000"), vendor_error(200, "AF50006")]
    {
        let world = exchange(300);
        world.script(on_page(12, 1, &fault));
        assert_drained(&world.tick().await.unwrap(), 300);
        let links = next_pages(&world);
        assert_eq!((links.len(), world.running.requests_of("content")), (30, 31), "{fault:?}");
        assert_eq!(links[10], links[11]);
        world.assert_fetched_once();
        world.assert_exact();
    }
}

#[tokio::test]
async fn f39_a_link_that_is_no_longer_valid_restarts_the_window() {
    let world = exchange(300);
    world.script(on_page(12, 1, &vendor_error(400, "AF20031")));
    assert_drained(&world.tick().await.unwrap(), 300);
    // The requests are eleven pages and the refusal, then thirty pages.
    assert_eq!(world.running.requests_of("content"), 42);
    world.assert_fetched_once();
    world.assert_exact();
}

#[tokio::test]
async fn f39_links_that_are_never_valid_shorten_the_window_until_it_fits_one_page() {
    let world = exchange(300);
    world.script(on_page(12, 10_000, &vendor_error(400, "AF20031")));
    assert_drained(&world.tick().await.unwrap(), 300);
    let requests = world.running.requests_of("content");
    assert!(requests <= 500, "{requests} requests for 30 pages");
    world.assert_fetched_once();
    world.assert_exact();
}

#[tokio::test]
async fn f39_a_page_that_always_fails_affects_only_its_second() {
    let world = exchange(300);
    let mut ticks = 0;
    // Every request for a tenth page fails.
    while delivered_so_far(&world) < 300 {
        ticks += 1;
        assert!(ticks < 24 * 60 / 5, "{} after {ticks} ticks", delivered_so_far(&world));
        world.script(on_page(10, 10_000, &vendor_error(500, "AF50000")));
        world.tick().await.unwrap();
        world.minutes(5);
    }
    world.script(Vec::new());
    world.drain().await;
    world.assert_exact();
}

fn delivered_so_far(world: &World) -> usize {
    world.reconcile(&world.running.served()).iter().map(|result| result.lines).sum()
}

#[tokio::test]
async fn f39_a_page_that_is_down_for_a_while_has_its_window_listed_in_halves_by_the_same_tick() {
    let world = exchange(300);
    world.script(on_page(12, TRIES, &Fault::ServerError));
    let report = world.tick().await.unwrap().remove(0);
    // The window's failure is reported, although its content is delivered.
    let failure = report.failure.as_ref().unwrap();
    assert!(!failure.needs_person && failure.message.contains("listing content: HTTP 5"), "{failure:?}");
    assert!(report.lines.delivered == 300 && report.pending.is_empty(), "{report:?}");
    world.minutes(5);
    assert_drained(&world.tick().await.unwrap(), 0);
    world.assert_caught_up(LogType::Exchange);
    world.assert_fetched_once();
    world.assert_exact();
}

#[tokio::test]
async fn f40_a_link_that_is_too_old_is_dropped_and_the_window_restarted() {
    let world = exchange(60);
    world.script(on_page(3, 1, &vendor_error(400, "AF20055")));
    assert_drained(&world.tick().await.unwrap(), 60);
    // The requests are two pages and the refusal, then six pages.
    assert_eq!(world.running.requests_of("content"), 9);
    world.assert_fetched_once();
    world.assert_exact();
}

#[tokio::test]
async fn f40_no_link_is_kept_for_a_later_tick_which_begins_at_the_retention_and_reports_the_gap() {
    let world = exchange(60);
    // A tick dies between two pages, and the next tick runs eight days later.
    let died = world.worker().tick(TICK_SECONDS, Some(40)).await;
    assert!(died.is_err() && !next_pages(&world).is_empty(), "{died:?}");
    world.minutes(8 * 24 * 60);
    let now = world.time.now().as_second();
    let reports = world.tick().await.unwrap();
    let [gap] = &reports[0].gaps[..] else { panic!("{reports:?}") };
    let floor = start_time().as_second() + 60 - DAY;
    assert_eq!((gap.from, gap.to), (floor, now - 7 * DAY + 600));
    assert!(gap.cause.contains("the vendor no longer has what was not listed in time"), "{gap:?}");
    assert!(reports[0].drained && reports[0].failure.is_none(), "{reports:?}");
    // The vendor refused no window as too old.
    assert!(!world.statuses("content").contains(&400), "{:?}", world.statuses("content"));
    // The vendor has dropped all records of before, so all of them are lost, and none is duplicated.
    world.minutes(5);
    let reports = world.tick().await.unwrap();
    assert_drained(&reports, 0);
    let results = world.reconcile(&world.running.served());
    assert_eq!((results[0].lines, results[0].lost.len(), results[0].duplicated.len()), (0, 60, 0));
}

#[tokio::test]
async fn f41_the_next_page_is_found_by_either_header_name_in_any_case() {
    for (other_name, odd) in [(0.0, 1.0), (1.0, 0.0), (0.5, 0.5)] {
        let world = exchange(200);
        world.simulator.change(|it| (it.next_page_url, it.odd_casing) = (other_name, odd));
        assert_drained(&world.tick().await.unwrap(), 200);
        assert_eq!((world.running.requests_of("content"), next_pages(&world).len()), (20, 19));
        world.assert_exact();
    }
}

#[tokio::test]
async fn f42_an_empty_page_with_a_link_is_not_the_end() {
    let world = exchange(100);
    world.simulator.change(|it| it.empty_pages = 1.0);
    assert_drained(&world.tick().await.unwrap(), 100);
    // There are ten pages with three empty ones before each.
    assert_eq!(world.running.requests_of("content"), 40);
    world.assert_fetched_once();
    world.assert_exact();
}
