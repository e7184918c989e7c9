//! Many sources in one function: none of them starves the others.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::clock::SystemClock;
use axum::Router;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use collector::Clock;
use serde_json::{Value, json};
use simulators::openai::ADMIN_KEY;

use super::deployed::{EVENTS, SCHEDULED_EVENT, World, stream_lines, tick_lines, world};
use super::faults::serve;

/// The behaviour of the vendor towards a source.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    /// The vendor answers at once.
    Normal,
    /// The vendor takes this long for each page.
    Slow(Duration),
    /// The vendor takes the request and never answers.
    Silent,
}

/// A vendor with many customers, whose behaviour depends on the customer's key.
#[derive(Clone)]
struct Vendor {
    simulator: String,
    client: reqwest::Client,
    behaviours: Arc<Mutex<BTreeMap<String, Behaviour>>>,
}

impl Vendor {
    /// Starts a proxy that plays the vendor and forwards requests to the world's simulator. Returns it with its base URL.
    async fn before(world: &World) -> (Self, String) {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let simulator = format!("http://{}", world.simulator.address());
        let vendor = Self { simulator, client, behaviours: Arc::default() };
        let url = serve(Router::new().fallback(answer).with_state(vendor.clone())).await;
        (vendor, format!("{url}/v1"))
    }

    /// Adds a source with its own key. Returns the name of its secret.
    fn customer(&self, world: &World, id: &str, behaviour: Behaviour) -> String {
        let (name, key) = (format!("{id}-AbCdEf"), format!("sk-admin-of-{id}"));
        world.secret_with_key(&name, id, &key);
        self.behaviours.lock().unwrap().insert(format!("Bearer {key}"), behaviour);
        name
    }
}

async fn answer(State(vendor): State<Vendor>, uri: Uri, headers: HeaderMap) -> (StatusCode, String) {
    let key = headers[AUTHORIZATION].to_str().unwrap();
    let behaviour = vendor.behaviours.lock().unwrap()[key];
    match behaviour {
        Behaviour::Normal => {}
        Behaviour::Slow(wait) => SystemClock.sleep(wait).await,
        Behaviour::Silent => pending().await,
    }
    let request = vendor.client.get(format!("{}{uri}", vendor.simulator)).bearer_auth(ADMIN_KEY);
    let sent = request.send().await.unwrap();
    (StatusCode::from_u16(sent.status().as_u16()).unwrap(), sent.text().await.unwrap())
}

/// Returns the lines of these sources, and asserts that each has exactly one.
fn by_source<'a>(lines: &[&'a Value], field: &str) -> BTreeMap<&'a str, &'a Value> {
    let found: BTreeMap<_, _> = lines.iter().map(|line| (line[field].as_str().unwrap(), *line)).collect();
    assert_eq!(found.len(), lines.len(), "one a stream");
    found
}

/// Ten of fifty sources hang, which is more than the function serves at once.
#[tokio::test(flavor = "multi_thread")]
async fn ten_hanging_sources_do_not_starve_the_forty_others() {
    let mut world = world().await;
    let (vendor, url) = Vendor::before(&world).await;
    let is_hung = |number: usize| number.is_multiple_of(5);
    let secrets: Vec<_> = (0..50)
        .map(|number| {
            let behaviour = if is_hung(number) { Behaviour::Silent } else { Behaviour::Normal };
            vendor.customer(&world, &format!("source-{number}"), behaviour)
        })
        .collect();
    let process = world.start(&secrets, &[("OPENAI_BASE_URL", &url)]);
    // The invocation has 32 s until Lambda would kill it. The test fails if no answer comes before that.
    let error = world.function.invoke(SCHEDULED_EVENT, Duration::from_secs(32)).await.unwrap_err();
    assert_eq!(error["errorType"], "NextTick", "{error}");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("10 of 50 streams failed: "), "{message}");

    let log = process.kill_and_read_log();
    let (lines, ticks) = (stream_lines(&log), tick_lines(&log));
    assert_eq!((ticks.len(), &ticks[0]["failed_streams"]), (1, &json!(10)));
    for (source, line) in by_source(&lines, "source") {
        if is_hung(source.trim_start_matches("source-").parse().unwrap()) {
            let failure = line["failure"].as_str().unwrap();
            assert!(
                failure.starts_with(&format!("{source}/openai_audit: the vendor did not answer within ")),
                "{line}"
            );
            assert_eq!((&line["drained"], &line["delivered"]), (&json!(false), &json!(0)), "{line}");
        } else {
            assert_eq!((&line["drained"], &line["delivered"]), (&json!(true), &json!(EVENTS)), "{line}");
            assert_eq!(line.get("failure"), None, "{line}");
        }
    }
    let row_ids = world.row_ids().await;
    assert_eq!((row_ids.len(), row_ids.iter().collect::<BTreeSet<_>>().len()), (40 * EVENTS, 40 * EVENTS));
}

/// A source with more events than fit one turn gets another turn after the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_gets_the_time_that_the_other_sources_leave() {
    const OTHERS: u32 = 24;
    /// More than a turn: of 55 s, the first of twenty-five sources gets 12 s for listing.
    const BACKLOG_LISTING_TIME: Duration = Duration::from_secs(15);
    let mut world = world().await;
    let (vendor, url) = Vendor::before(&world).await;
    let mut secrets: Vec<_> =
        (0..OTHERS).map(|number| vendor.customer(&world, &format!("source-{number}"), Behaviour::Normal)).collect();
    // The secret of this source does not exist yet in the first tick. So in the second tick the source is served first,
    // with an ordinary share of the time.
    secrets.push("backlog-AbCdEf".to_owned());
    let process = world.start(&secrets, &[("OPENAI_BASE_URL", &url)]);
    let error = world.function.invoke(SCHEDULED_EVENT, Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(error["errorType"], "NeedsPerson", "{error}");

    let requests = u32::try_from(world.simulator.requests()).unwrap() / OTHERS;
    vendor.customer(&world, "backlog", Behaviour::Slow(BACKLOG_LISTING_TIME / requests));
    let began = SystemClock.now();
    let summary = world.function.invoke(SCHEDULED_EVENT, Duration::from_secs(60)).await.unwrap();
    let took = SystemClock.now().duration_since(began);
    assert_eq!((&summary["streams"], &summary["delivered"]), (&json!(OTHERS + 1), &json!(EVENTS)));
    assert!(took.as_secs() >= 13, "one turn would have done: {took}");

    let log = process.kill_and_read_log();
    // Each tick logs one line per stream and one line with the sums.
    let (lines, ticks) = (stream_lines(&log), tick_lines(&log));
    let lines = by_source(&lines[secrets.len()..], "source");
    assert!(lines.values().all(|line| line["drained"] == true), "{lines:?}");
    assert_eq!((&lines["backlog"]["delivered"], &ticks[1]["delivered"]), (&json!(EVENTS), &json!(EVENTS)));
    let row_ids = world.row_ids().await.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(row_ids.len(), (OTHERS as usize + 1) * EVENTS);
}

/// A thousand tenants, whose ARNs would not fit into a function's environment.
#[tokio::test(flavor = "multi_thread")]
async fn b5_a_thousand_sources_are_found_by_the_prefix_of_their_secrets() {
    const TENANTS: usize = 1_000;
    const TIME: Duration = Duration::from_secs(300);
    let mut world = world().await;
    let name = |number: usize| format!("audit-pull/tenant-{number:04}-AbCdEf");
    (0..TENANTS).for_each(|number| world.bare_secret(&name(number), ADMIN_KEY));
    let none: [&str; 0] = [];
    let more = [("OPENAI_SECRET_PREFIX", "audit-pull/"), ("LOOKBACK_DAYS", "0"), ("OPENAI_LISTINGS", "organization")];
    let process = world.start(&none, &more);
    let summary = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    assert_eq!(summary["streams"], json!(TENANTS));
    let log = process.kill_and_read_log();
    let lines = stream_lines(&log);
    let lines = by_source(&lines, "source");
    assert_eq!((lines.len(), lines.contains_key("audit-pull-tenant-0999")), (TENANTS, true));
    assert!(lines.values().all(|line| line.get("failure").is_none()));
}
