//! Faults that last for hours or for ever: the affected content becomes pending and delays nothing else.
//!
//! | file | the fault |
//! |---|---|
//! | `blobs` | a blob that answers with an error |
//! | `many_blobs` | hundreds of blobs that answer with errors |
//! | `slow_blobs` | blobs that trickle, or that never answer |
//! | `spans` | spans of time that cannot be listed |
//! | `outage` | a vendor that is down as a whole |
//! | `clock` | a wrong `Date`, of a gateway or of the vendor |
//! | `restored` | state restored from a backup, and intents that dead ticks left |
//! | `cost` | the cost of a tick while something is pending |
//!
//! Unless a test says otherwise every tick runs in a new process.

mod blobs;
mod clock;
mod cost;
mod many_blobs;
mod outage;
mod restored;
mod slow_blobs;
mod spans;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use collector::Gap;
use jiff::{SignedDuration, Timestamp};
use simulators::microsoft365::{BlobChoice, BrokenBlobs, ContentType};

use super::*;

/// Seconds between the starts of two ticks.
const TICK_INTERVAL_SECONDS: i64 = 300;
/// Ticks per hour.
const TICKS_PER_HOUR: usize = 12;

/// Returns the moment `seconds` after the start.
fn at(seconds: i64) -> Timestamp {
    start_time() + SignedDuration::from_secs(seconds)
}

/// Creates a tenant with one blob of one record for each of these times, which are in seconds after the start. Only
/// Exchange is collected, and the look-back is the week that the vendor keeps.
fn exchange_at(created: &[i64]) -> World {
    let line = |(number, seconds): (usize, &i64)| {
        json!({"content_type": "Audit.Exchange", "record": record(number), "created": at(*seconds)}).to_string()
    };
    let records = created.iter().enumerate().map(line).collect();
    let options = Options { records: Some(records), ..Options::new(start_time()) };
    let mut world = world_with(&options, |it| it.records_per_blob = 1);
    world.credential.set("content_types", &json!(["Audit.Exchange"]));
    world.settings.lookback_seconds = 7 * DAY;
    world
}

/// Returns `count` times, in seconds before the start (negative), spread evenly over the `hours` before it.
fn seconds_before_start(hours: i64, count: i64) -> Vec<i64> {
    (0..count).map(|number| (number - count) * hours * HOUR / count).collect()
}

/// Creates a permanent error of these blobs of Exchange. With status 200 the answer has a body that is not a JSON array
/// of records.
fn broken(blobs: BlobChoice, status: u16) -> BrokenBlobs {
    BrokenBlobs { blobs, content_type: Some(ContentType::Exchange), status, code: None, until: Timestamp::MAX }
}

impl World {
    /// Breaks these blobs from now on, and no others.
    fn break_blobs(&self, broken_blobs: Vec<BrokenBlobs>) {
        self.simulator.change(|it| it.broken_blobs = broken_blobs);
    }

    /// Counts the served records of Exchange that are not delivered.
    #[track_caller]
    fn undelivered(&self) -> usize {
        let streams = self.streams();
        let exchange = streams.iter().position(|stream| stream.log_type == LogType::Exchange).unwrap();
        let result = self.reconcile(&self.running.served()).remove(exchange);
        // Unexpected are only the rejected inputs, which the vendor did not serve as events.
        assert!(result.duplicated.is_empty() && result.unexpected.len() <= result.rejected, "{result:?}");
        result.lost.len()
    }
}

/// The ticks of a world and their results.
struct Ticks<'a> {
    world: &'a World,
    /// The time at which the next tick begins.
    next_start: Timestamp,
    /// Gaps of Exchange so far.
    gaps: Vec<Gap>,
    /// The keys of the Exchange objects that were read.
    objects: HashSet<String>,
    /// The `Id` of every line in these objects.
    delivered: HashSet<String>,
    /// The `Id` of every record of a blob, by the blob's id.
    records: HashMap<String, Vec<String>>,
}

impl<'a> Ticks<'a> {
    fn new(world: &'a World) -> Self {
        let (gaps, objects, delivered, records) = Default::default();
        Self { world, next_start: world.time.now(), gaps, objects, delivered, records }
    }

    /// Runs one tick; the next one begins five minutes later. Returns its report on Exchange.
    async fn tick(&mut self) -> StreamReport {
        self.tick_after(TICK_INTERVAL_SECONDS).await
    }

    /// Runs one tick; the next one begins `seconds` later. Returns its report on Exchange.
    async fn tick_after(&mut self, seconds: i64) -> StreamReport {
        self.wait();
        let reports = self.world.tick().await.unwrap();
        self.next_start += SignedDuration::from_secs(seconds);
        let report = report_of(&reports, LogType::Exchange).clone();
        self.gaps.extend(report.gaps.clone());
        self.assert_accounted_for();
        report
    }

    /// Advances the time to the start of the next tick.
    fn wait(&self) {
        let left = Duration::try_from(self.next_start.duration_since(self.world.time.now()));
        self.world.time.advance(left.unwrap_or_default());
    }

    /// Runs `count` ticks. Returns the report of the last one.
    async fn run_ticks(&mut self, count: usize) -> StreamReport {
        let mut last = None;
        for _ in 0..count {
            last = Some(self.tick().await);
        }
        last.unwrap()
    }

    /// Runs at most `max_ticks` ticks until at most `undelivered` records are left. Returns the report of the last one.
    async fn run_until_undelivered(&mut self, undelivered: usize, max_ticks: usize) -> StreamReport {
        for _ in 0..max_ticks {
            let report = self.tick().await;
            if self.world.undelivered() <= undelivered {
                return report;
            }
        }
        panic!("after {max_ticks} ticks {} records are left", self.world.undelivered());
    }

    /// Asserts that all content of Exchange before the watermark is delivered, pending, or reported as a gap.
    #[track_caller]
    fn assert_accounted_for(&mut self) {
        self.read_new_objects();
        let ledger = self.world.simulator.ledger();
        let watermark = start_time().as_second() + self.world.watermark(LogType::Exchange);
        let pending = self.world.pending(LogType::Exchange);
        let pending_blobs: HashSet<&str> = pending.blobs.iter().map(|blob| blob.id.as_str()).collect();
        let of_exchange = ledger.blobs().filter(|blob| blob.content_type == ContentType::Exchange);
        for blob in of_exchange.filter(|blob| blob.created.as_second() < watermark) {
            let second = blob.created.as_second();
            let records =
                self.records.entry(blob.id.clone()).or_insert_with(|| ledger.records_of(&blob).map(id_of).collect());
            let is_accounted_for = records.iter().all(|id| self.delivered.contains(id))
                || pending_blobs.contains(blob.id.as_str())
                || pending.spans.iter().any(|span| (span.from..span.to).contains(&second))
                || self.gaps.iter().any(|gap| (gap.from..gap.to).contains(&second));
            assert!(is_accounted_for, "{blob:?} is before the watermark and forgotten");
        }
    }

    /// Reads the new objects. Objects never change, so each is read once.
    fn read_new_objects(&mut self) {
        for (key, body) in self.world.store.objects(&format!("{}/", LogType::Exchange.table())) {
            if self.objects.contains(&key) {
                continue;
            }
            let mut text = String::new();
            MultiGzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
            self.delivered.extend(text.lines().map(|line| id_of(line.to_owned())));
            self.objects.insert(key);
        }
    }
}

/// Returns the `Id` of a record or of its line; a record without one is never delivered.
fn id_of(json: String) -> String {
    let value: Value = serde_json::from_str(&json).unwrap();
    value["Id"].as_str().map_or(json, str::to_owned)
}
