//! Clocks that are permanently ten days off: a gateway's and the vendor's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, Uri};
use jiff::fmt::rfc2822::DateTimePrinter;
use simulators::Gateway;

use super::*;
use crate::openai::world::start_time;

const TEN_DAYS: i64 = 10 * DAY;
/// The tolerance for comparisons with the vendor's clock, in seconds.
const TOLERANCE_SECONDS: i64 = 60;

/// A proxy to a vendor that moves the `Date` of its answers by some seconds.
#[derive(Clone)]
struct Skewed {
    vendor: SocketAddr,
    client: reqwest::Client,
    ahead: Arc<AtomicI64>,
}

impl Skewed {
    /// Starts a proxy to the world's vendor, through which the world's requests go from now on. Returns the offset of
    /// its `Date` in seconds, which the test may change.
    async fn before(world: &mut World) -> Arc<AtomicI64> {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let skewed = Self { vendor: world.running.address(), client, ahead: Arc::default() };
        let ahead = Arc::clone(&skewed.ahead);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        world.ask_at(listener.local_addr().unwrap());
        let service = Router::new().fallback(answer).with_state(skewed).into_make_service();
        tokio::spawn(async move { axum::serve(listener, service).await });
        ahead
    }
}

async fn answer(State(skewed): State<Skewed>, uri: Uri, request: Request<Body>) -> Response<Body> {
    let url = format!("http://{}{uri}", skewed.vendor);
    let sent = skewed.client.get(url).headers(request.headers().clone()).send().await.unwrap();
    let date = sent.headers()["date"].to_str().unwrap();
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).unwrap();
    let date = date + jiff::SignedDuration::from_secs(skewed.ahead.load(Ordering::Relaxed));
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&date).unwrap();
    let answer = Response::builder().status(sent.status()).header("date", date);
    answer.body(Body::from(sent.bytes().await.unwrap())).unwrap()
}

/// Creates a world with an event every two minutes for five hours; every fifth becomes visible two hours late. Calls
/// take no time.
fn late() -> World {
    let late = |number: i64| if number % 5 == 0 { 2 * HOUR } else { 0 };
    let at = |number: i64| 120 * number + 30;
    let mut world = World::with_visible_times(
        (-30..150).map(|n| (event(&format!("e-{n}"), at(n)), (at(n) + late(n)).max(0))).collect(),
    );
    world.pace = (0, 0);
    world
}

/// Returns the time of the last sweep that reached back a day in the organization's listing, in seconds after the
/// start.
fn swept(world: &World) -> i64 {
    world.head().listings[openai::ORGANIZATION].swept[&86_400] - start_time().as_second()
}

#[tokio::test]
async fn a_page_whose_date_is_ten_days_ahead_skips_nothing_and_sweeps_go_on() {
    let mut world = late();
    let ahead = Skewed::before(&mut world).await;
    ahead.store(TEN_DAYS, Ordering::Relaxed);
    let worker = world.worker().await;
    for minute in 0..=8 * 60 {
        world.wait_until(60 * minute);
        let report = tick(&worker).await;
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        let skew = report.notes.clock_skew_seconds.unwrap();
        assert!((TEN_DAYS - TOLERANCE_SECONDS..=TEN_DAYS).contains(&skew), "{skew}");
        assert!(world.watermark() <= 60 * minute + 1 && swept(&world) >= 60 * minute - HOUR - 60, "minute {minute}");
        if minute % 60 == 0 {
            // After an hourly sweep all visible events are delivered.
            world.assert_exact();
        }
    }
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn a_page_whose_date_is_ten_days_behind_skips_nothing_and_sweeps_go_on() {
    let mut world = late();
    let ahead = Skewed::before(&mut world).await;
    let worker = world.worker().await;
    assert_eq!(tick(&worker).await.notes.clock_skew_seconds, None);
    let (watermark, last_sweep) = (world.watermark(), swept(&world));
    ahead.store(-TEN_DAYS, Ordering::Relaxed);
    for minute in 1..=7 * 60 {
        world.wait_until(60 * minute);
        let report = tick(&worker).await;
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        let skew = report.notes.clock_skew_seconds.unwrap();
        assert!((-TEN_DAYS - TOLERANCE_SECONDS..=-TEN_DAYS).contains(&skew), "{skew}");
        // Nothing counts as listed, so all is listed again, and late events are found too.
        assert_eq!((world.watermark(), swept(&world)), (watermark, last_sweep));
        world.assert_exact();
    }
    ahead.store(0, Ordering::Relaxed);
    world.minutes(1);
    let report = tick(&worker).await;
    assert_eq!((report.notes.clock_skew_seconds, world.watermark() > 7 * HOUR - 60), (None, true), "{report:?}");
    assert_eq!(world.running.pending(), 0);
    world.assert_exact();
}

#[tokio::test]
async fn one_page_whose_date_is_ten_days_off_changes_nothing() {
    for off in [TEN_DAYS, -TEN_DAYS] {
        let mut world = late();
        let ahead = Skewed::before(&mut world).await;
        let worker = world.worker().await;
        for minute in 0..=8 * 60 {
            world.wait_until(60 * minute);
            ahead.store(if minute == 100 { off } else { 0 }, Ordering::Relaxed);
            let report = tick(&worker).await;
            assert!(report.drained && report.failure.is_none(), "{report:?}");
            assert_eq!(report.notes.clock_skew_seconds.is_some(), minute == 100);
            assert!(
                world.watermark() <= 60 * minute + 1 && swept(&world) >= 60 * minute - HOUR - 60,
                "minute {minute}"
            );
        }
        assert_eq!(world.running.pending(), 0);
        world.assert_exact();
    }
}

#[tokio::test]
async fn a_gateways_502_with_a_date_ten_days_ahead_skips_nothing() {
    let gateway = |share| Gateway {
        operation: None,
        share,
        status: 502,
        body: "<html>".to_owned(),
        date_offset_seconds: TEN_DAYS,
    };
    let world = late();
    let worker = world.worker().await;
    for minute in 0..=8 * 60 {
        world.wait_until(60 * minute);
        // The gateway answers all requests in some ticks, and a third of them in others.
        let share = if minute % 10 == 3 { 1.0 } else { 0.3 };
        world.simulator.change(|it| it.gateway = vec![gateway(share)]);
        let report = tick(&worker).await;
        assert!(report.notes.clock_skew_seconds.is_none());
        assert!(world.watermark() <= 60 * minute + 1, "{} in minute {minute}", world.watermark());
    }
    world.simulator.change(|it| it.gateway.clear());
    world.minutes(61);
    world.drain().await;
    assert_eq!((world.running.pending(), world.pending()), (0, vec![]));
    world.assert_exact();
}
