//! The known faults of OpenAI, F01 to F27, by theme. `permanent` has the faults that never end.
//! `tests/FAULTS.md` says what the numbers mean.

mod access;
mod backlog;
mod clock;
mod content;
mod crashes;
mod lateness;
mod paging;
mod permanent;
mod throttling;
mod transport;

use std::time::Duration;

use collector::StreamReport;
use jiff::Timestamp;
use simulators::openai::BrokenSpan;
use simulators::{Fault, Scripted};
use tests::rig::killable::until;
use tests::rig::worker::Worker;

use super::world::{Client, TICK_SECONDS, World, only};

/// The vendor's only operation by its name in scripts.
const LIST: &str = "audit_logs";
/// Seconds per day, which is also the maximum window.
const DAY: i64 = 86_400;
/// The number of pages of [`five_pages`].
const PAGES: u64 = 5;
/// The number of requests of the first tick on [`five_pages`] without faults: its pages, and one page of the tenant's
/// listing.
const REQUESTS_WITHOUT_FAULTS: u64 = PAGES + 1;

/// Creates a fault at the `number`th request with this parameter.
fn at(number: u64, parameter: &str, fault: Fault) -> Scripted {
    Scripted::new(LIST, number, fault).having(parameter)
}

/// Creates a span that neither listing can list; the bounds are seconds after the start.
fn broken(from: i64, to: i64, status: u16) -> BrokenSpan {
    let at = |second| Timestamp::from_second(super::world::start_time().as_second() + second).unwrap();
    BrokenSpan { from: at(from), to: at(to), status, tenant_only: None, retry_after_seconds: None }
}

/// Creates a world with 450 events, a minute apart, in one window. The look-back is a day: the first tick moves the
/// watermark from a day before the start to the start.
fn five_pages() -> World {
    let mut world = World::with_event_per_minute(450);
    world.settings.lookback_seconds = DAY;
    world
}

/// Creates a fault at the first `times` requests of a page of [`five_pages`] in the first tick.
fn on_page(page: u64, times: u64, fault: &Fault) -> Vec<Scripted> {
    let (first, parameter) = if page == 1 { (1, "tenant_only=false") } else { (page - 1, "after") };
    (first..first + times).map(|number| at(number, parameter, fault.clone())).collect()
}

/// Runs one tick of a process.
async fn tick(worker: &Worker<'_, Client<'_>>) -> StreamReport {
    only(worker.tick(TICK_SECONDS, None).await.unwrap())
}

/// Asserts that a tick listed all events and delivered this number of them.
#[track_caller]
fn assert_drained(report: &StreamReport, delivered: u64) {
    assert!(report.drained && report.failure.is_none(), "{report:?}");
    assert!(report.gaps.is_empty() && report.lines.adopted == 0 && report.lines.rejected == 0, "{report:?}");
    assert_eq!(report.lines.delivered, delivered, "{report:?}");
}

/// Asserts that a tick failed with a message that has these words, and if it needs a person.
#[track_caller]
fn assert_failed(report: &StreamReport, needs_person: bool, words: &str) {
    let failure = report.failure.as_ref().unwrap();
    assert_eq!((failure.needs_person, report.drained), (needs_person, false), "{report:?}");
    assert!(failure.message.starts_with("openai/openai_audit: ") && failure.message.contains(words), "{failure:?}");
    assert!(report.gaps.is_empty(), "{report:?}");
}

impl World {
    fn script(&self, script: Vec<Scripted>) {
        self.simulator.change(|it| it.script = script);
    }

    /// Returns the number of list requests so far.
    fn requests(&self) -> u64 {
        self.running.requests_of(LIST)
    }

    /// Returns the first page of the last day as the vendor sends it.
    async fn first_page(&self) -> String {
        let from = super::world::start_time().as_second() - DAY;
        let url =
            format!("http://{}/v1/organization/audit_logs?effective_at[gte]={from}&limit=100", self.running.address());
        let request = adapters::http::Request::get(url.parse().unwrap());
        let key = secrecy::SecretString::from(simulators::openai::ADMIN_KEY);
        let answer = adapters::http::HttpClient::new().unwrap().send(request.bearer(&key)).await.unwrap();
        String::from_utf8(answer.bytes(1 << 20).await.unwrap()).unwrap()
    }

    /// Advances the time to `second` seconds after the start.
    fn wait_until(&self, second: i64) {
        let now = self.time.now().as_second() - super::world::start_time().as_second();
        self.time.advance(Duration::from_secs(u64::try_from(second - now).unwrap()));
    }

    /// Returns the seconds since the start.
    fn elapsed(&self) -> f64 {
        self.time.now().duration_since(super::world::start_time()).as_secs_f64()
    }
}
