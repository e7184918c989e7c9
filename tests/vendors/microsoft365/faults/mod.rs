//! The known faults of Microsoft 365, F28 to F70, by theme. `tests/FAULTS.md` says what the numbers mean.

mod blobs;
mod content;
mod crashes;
mod fleet;
mod login;
mod paging;
mod permanent;
mod repeats;
mod silence;
mod subscriptions;
mod throttling;
mod unreadable;
mod windows;

use std::io::Read;

use collector::StreamReport;
use flate2::read::MultiGzDecoder;
use schema::LogType;
use serde_json::{Value, json};
use simulators::microsoft365::Behaviours;
use simulators::{Fault, Options, ReceivedRequest, Scripted};
use tests::rig::worker::Worker;

use super::world::{Client, TICK_SECONDS, World, start_time};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// The number of content types of the tenant.
const TYPES: u64 = 5;
/// The maximum number of tries of one call within a tick.
const TRIES: u64 = 4;

/// Creates a tenant with this number of records in the day before the start, all available at the first tick and none
/// of them twice. The look-back is a day.
fn tenant(records: usize) -> World {
    tenant_with(records, |_| {})
}

/// Creates the same tenant as [`tenant`], after `change` has changed the vendor's behaviours.
fn tenant_with(records: usize, change: impl FnOnce(&mut Behaviours)) -> World {
    let options = Options { events: records, span_seconds: 20 * HOUR, ..Options::new(start_time()) };
    world_with(&options, change)
}

/// Creates a tenant with these options and behaviours and without repeated records. The look-back is a day.
fn world_with(options: &Options, change: impl FnOnce(&mut Behaviours)) -> World {
    let mut behaviours =
        Behaviours { late_blobs: 0.0, repeated_records: 0.0, repeated_days_later: 0.0, ..Behaviours::default() };
    change(&mut behaviours);
    let mut world = World::with(options, behaviours);
    world.settings.lookback_seconds = DAY;
    // The last blob of each content type is listed some seconds after the others.
    world.minutes(1);
    world
}

/// Creates a tenant of which only Exchange is collected, with these records in blobs of this size, ten blobs per page.
fn exchange_of(records: &[Value], records_per_blob: usize) -> World {
    let line = |record: &Value| json!({"content_type": "Audit.Exchange", "record": record}).to_string();
    let options = Options { records: Some(records.iter().map(line).collect()), ..Options::new(start_time()) };
    let world = world_with(&options, |it| it.records_per_blob = records_per_blob);
    world.credential.set("content_types", &json!(["Audit.Exchange"]));
    world
}

/// Creates the same tenant as [`exchange_of`], with this number of blobs of one record each.
fn exchange(blobs: usize) -> World {
    exchange_of(&(0..blobs).map(record).collect::<Vec<_>>(), 1)
}

/// Creates Exchange record `number` as the vendor sends it.
fn record(number: usize) -> Value {
    json!({
        "Id": format!("5f1d7a3e-0000-4000-8000-{number:012}"), "RecordType": 2, "Operation": "MailItemsAccessed",
        "CreationTime": "2026-11-22T05:00:00", "OrganizationId": simulators::microsoft365::TENANT_ID, "UserType": 0,
        "UserKey": "1003200", "Workload": "Exchange", "UserId": "mina.okafor@example.org", "ClientIP": "203.0.113.57",
        "ExternalAccess": false, "ResultStatus": "Succeeded", "OrganizationName": "example.onmicrosoft.com"
    })
}

/// Runs one tick of a process.
async fn tick(worker: &Worker<'_, Client>) -> Vec<StreamReport> {
    worker.tick(TICK_SECONDS, None).await.unwrap()
}

/// Returns the report on one log type.
fn report_of(reports: &[StreamReport], log_type: LogType) -> &StreamReport {
    reports.iter().find(|report| report.log_type == log_type.name()).unwrap()
}

fn delivered(reports: &[StreamReport]) -> u64 {
    reports.iter().map(|report| report.lines.delivered).sum()
}

/// Asserts that every stream is drained and that this number of lines was delivered.
#[track_caller]
fn assert_drained(reports: &[StreamReport], lines: u64) {
    for report in reports {
        assert!(report.drained && report.failure.is_none(), "{report:?}");
        assert!(report.gaps.is_empty() && report.lines.adopted == 0 && report.lines.rejected == 0, "{report:?}");
    }
    assert_eq!(delivered(reports), lines, "{reports:?}");
}

/// Asserts that all streams but one are drained. Returns the report of that one.
#[track_caller]
fn assert_others_drained(reports: &[StreamReport], log_type: LogType) -> &StreamReport {
    let others = reports.iter().filter(|report| report.log_type != log_type.name());
    assert!(others.clone().all(|report| report.drained && report.failure.is_none()), "{reports:?}");
    assert_eq!(others.count(), reports.len() - 1);
    report_of(reports, log_type)
}

/// Asserts that the stream failed with a message that contains `words` and names the stream, and that it needs a person
/// as given.
#[track_caller]
fn assert_failed(report: &StreamReport, needs_person: bool, words: &str) {
    let Some(failure) = &report.failure else { panic!("no failure: {report:?}") };
    assert_eq!((failure.needs_person, report.drained), (needs_person, false), "{report:?}");
    assert!(failure.message.contains(&format!("/{}: ", report.stream)), "{failure:?}");
    assert!(failure.message.contains(words), "{failure:?}");
}

/// Creates the same fault at the first `times` requests of an operation.
fn fault_at_first_requests(times: u64, operation: &str, fault: &Fault) -> Vec<Scripted> {
    (1..=times).map(|number| Scripted::new(operation, number, fault.clone())).collect()
}

/// Creates the vendor's error with this code.
fn vendor_error(status: u16, code: &str) -> Fault {
    Fault::answer(status, json!({"error": {"code": code, "message": "As it is said."}}).to_string())
}

impl World {
    fn script(&self, script: Vec<Scripted>) {
        self.simulator.change(|it| it.script = script);
    }

    /// Returns the requests of an operation in the order of their answers.
    fn received_requests_of(&self, operation: &str) -> Vec<ReceivedRequest> {
        self.running.received_requests().into_iter().filter(|asked| asked.operation == operation).collect()
    }

    /// Returns the statuses of the answers of an operation; 0 if the connection was closed.
    fn statuses(&self, operation: &str) -> Vec<u16> {
        self.received_requests_of(operation).iter().map(|asked| asked.status.unwrap_or(0)).collect()
    }

    /// Returns the lines in the bucket.
    fn lines(&self, log_type: LogType) -> Vec<Value> {
        let mut text = String::new();
        for (_, body) in self.store.objects(&format!("{}/", log_type.table())) {
            MultiGzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
        }
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asserts that every blob was fetched exactly once.
    #[track_caller]
    fn assert_fetched_once(&self) {
        let mut good: Vec<_> =
            self.received_requests_of("blob").into_iter().filter(|asked| asked.status == Some(200)).collect();
        good.sort_by(|a, b| a.target.cmp(&b.target));
        assert!(good.windows(2).all(|pair| pair[0].target != pair[1].target), "a blob was fetched again");
        assert_eq!(good.len(), self.simulator.ledger().blobs().count());
    }

    /// Asserts that the watermark is at most an hour old: an idle stream writes it only once per hour.
    #[track_caller]
    fn assert_caught_up(&self, log_type: LogType) {
        let behind = self.time.now().as_second() - start_time().as_second() - self.watermark(log_type);
        assert!((0..=HOUR).contains(&behind), "{behind} s behind");
    }

    /// Returns the seconds since the first tick, which begins 60 seconds after the start.
    fn elapsed_seconds(&self) -> f64 {
        self.time.now().duration_since(start_time()).as_secs_f64() - 60.0
    }
}
