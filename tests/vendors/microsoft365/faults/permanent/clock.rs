//! A wrong `Date`: no content is skipped because of it, and sweeps continue.

use jiff::fmt::rfc2822::DateTimePrinter;
use simulators::Gateway;

use super::super::fleet::items;
use super::*;

const TEN_DAYS: i64 = 10 * DAY;

/// Creates a gateway that answers a share of an operation's requests in the vendor's place, with a `Date` that is off
/// by this offset.
fn gateway(operation: &str, share: f64, status: u16, body: &str, date_offset_seconds: i64) -> Gateway {
    Gateway { operation: Some(operation.to_owned()), share, status, body: body.to_owned(), date_offset_seconds }
}

/// Asserts that neither the watermark nor the recorded time of a sweep is in the future.
#[track_caller]
fn assert_not_ahead(world: &World) {
    let now = world.time.now().as_second();
    let state = &world.head(LogType::Exchange).listings[microsoft365::LISTING];
    assert!(state.watermark <= now && state.swept.values().all(|swept| *swept <= now), "{now}: {state:?}");
}

/// Asserts that the hourly and the daily sweep were made when they were due.
#[track_caller]
fn assert_swept(world: &World) {
    let now = world.time.now().as_second();
    let swept = world.head(LogType::Exchange).listings[microsoft365::LISTING].swept.clone();
    assert_eq!(swept.len(), 2, "{swept:?}");
    for (reach, at) in swept {
        let every = if i64::from(reach) == DAY { HOUR } else { DAY };
        assert!(now - at <= every + 2 * TICK_INTERVAL_SECONDS, "the sweep of {reach} s was made {} s ago", now - at);
    }
}

#[tokio::test]
async fn one_502_of_a_gateway_with_a_date_ten_days_ahead_skips_nothing() {
    // The gateway answers one request of the tick, and the vendor answers all others.
    for number in 1..=4 {
        // There are a hundred blobs, and 40 of them are created after the gateway's answer.
        let created: Vec<_> =
            seconds_before_start(30, 60).into_iter().chain((0..40).map(|number| number * HOUR)).collect();
        let world = exchange_at(&created);
        let mut ticks = Ticks::new(&world);
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&at(TEN_DAYS)).unwrap();
        let headers = [("date", date.as_str()), ("content-type", "text/html")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let page = Fault::Answer { status: 502, headers, body: b"<html>".to_vec() };
        world.script(vec![Scripted::new("content", number, page)]);
        let report = ticks.tick().await;
        assert_eq!((report.notes.clock_skew_seconds, report.lines.delivered), (None, 61), "{report:?}");
        assert!(world.statuses("content").contains(&502), "request {number} was never made");
        for _ in 0..41 {
            ticks.tick_after(HOUR).await;
            assert_not_ahead(&world);
        }
        ticks.tick().await;
        assert!(ticks.gaps.is_empty());
        assert_swept(&world);
        assert_eq!(world.assert_exact(), 100);
    }
}

#[tokio::test]
async fn a_gateways_502_with_a_date_far_off_skips_no_content_and_stops_no_sweep() {
    for (operation, share, offset) in [
        ("content", 1.0, TEN_DAYS),
        ("content", 0.5, TEN_DAYS),
        ("content", 0.5, -TEN_DAYS),
        ("content", 0.3, 7_200),
        ("subscriptions", 0.5, TEN_DAYS),
        ("blob", 1.0, TEN_DAYS),
        ("blob", 0.5, TEN_DAYS),
        ("token", 0.5, TEN_DAYS),
    ] {
        // Content is created before the gateway answers, while it does, and for two days after that.
        let later = (0..100).map(|number| number * HOUR / 2);
        let created: Vec<_> = seconds_before_start(20, 100).into_iter().chain(later).collect();
        let mut world = exchange_at(&created);
        world.settings.lookback_seconds = DAY;
        let mut ticks = Ticks::new(&world);
        world.simulator.change(|it| it.gateway = vec![gateway(operation, share, 502, "<html>", offset)]);
        for _ in 0..3 {
            let report = ticks.tick().await;
            assert!(report.failure.is_none_or(|failure| !failure.needs_person));
            assert_not_ahead(&world);
        }
        world.simulator.change(|it| it.gateway.clear());
        // Blobs that failed in three ticks are retried within four more ticks.
        let report = ticks.run_until_undelivered(0, 4).await;
        assert!(report.pending.is_empty() && ticks.gaps.is_empty(), "{operation}: {report:?}");
        for _ in 0..26 {
            ticks.tick_after(2 * HOUR).await;
            assert_not_ahead(&world);
        }
        ticks.tick().await;
        assert_swept(&world);
        world.assert_exact();
    }
}

#[tokio::test]
async fn a_listing_with_a_date_far_off_skips_no_content_and_stops_no_sweep() {
    for offset in [TEN_DAYS, -TEN_DAYS, 7_200] {
        let later: Vec<_> = (0..100).map(|number| 900 + number * HOUR / 2).collect();
        let created: Vec<_> = seconds_before_start(20, 100).into_iter().chain(later.iter().copied()).collect();
        let world = exchange_at(&created);
        let mut ticks = Ticks::new(&world);
        // All listings of this tick fail, but after its requests the simulator's ledger has the blobs.
        world.script(fault_at_first_requests(100, "content", &vendor_error(401, "AF10001")));
        ticks.tick().await;
        let blobs: Vec<_> = world.simulator.ledger().blobs().collect();
        assert_eq!(blobs.len(), 100);
        let listing = items(&world, &blobs, |_| false);
        world.script(Vec::new());
        world.simulator.change(|it| it.gateway = vec![gateway("content", 1.0, 200, &listing, offset)]);
        let report = ticks.tick().await;
        assert_eq!((report.notes.clock_skew_seconds.map(|skew| (skew - offset).abs() <= 5)), Some(true), "{report:?}");
        assert_eq!(world.undelivered(), 0);
        assert_not_ahead(&world);
        world.simulator.change(|it| it.gateway.clear());
        for _ in 0..26 {
            let report = ticks.tick_after(2 * HOUR).await;
            assert!(report.failure.is_none() && report.gaps.is_empty(), "{report:?}");
            assert_eq!((report.notes.clock_skew_seconds, world.undelivered()), (None, 0));
            assert_not_ahead(&world);
        }
        ticks.tick().await;
        assert_swept(&world);
        assert_eq!(world.assert_exact(), 200);
    }
}

#[tokio::test]
async fn a_vendor_whose_clock_is_ten_days_behind_is_reported_and_delays_content_until_it_is_right() {
    let mut world = exchange_at(&seconds_before_start(20, 100));
    world.settings.lookback_seconds = DAY;
    world.simulator.change(|it| it.date_off_seconds = -TEN_DAYS);
    let mut ticks = Ticks::new(&world);
    let report = ticks.run_ticks(3).await;
    assert!(report.notes.clock_skew_seconds.is_some_and(|skew| (skew + TEN_DAYS).abs() <= 5), "{report:?}");
    assert_not_ahead(&world);
    world.simulator.change(|it| it.date_off_seconds = 0);
    let report = ticks.run_until_undelivered(0, 2).await;
    assert!(report.drained && ticks.gaps.is_empty(), "{report:?}");
    world.assert_exact();
}
