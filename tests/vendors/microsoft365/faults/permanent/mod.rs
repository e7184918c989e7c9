//! Trouble that never ends, or not for hours: it becomes pending and holds up nothing else.
//!
//! | file | the trouble |
//! |---|---|
//! | `blobs` | a blob that answers with an error |
//! | `many_blobs` | hundreds of them |
//! | `slow_blobs` | blobs that trickle, or of which nothing comes |
//! | `spans` | spans of time that cannot be listed |
//! | `outage` | a vendor that is down as a whole |
//! | `clock` | a wrong `Date`, of a gateway or of the vendor |
//! | `restored` | state restored from an earlier copy, intents that were left |
//! | `cost` | what a tick costs while something is pending |
//!
//! Unless a test says otherwise every tick is run by a process of its own.

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

/// Seconds between the beginnings of two ticks.
const TICK: i64 = 300;
/// Ticks per hour.
const HOURLY: usize = 12;

/// The moment that many seconds after the start.
fn at(seconds: i64) -> Timestamp {
    start_time() + SignedDuration::from_secs(seconds)
}

/// A tenant of which only Exchange is collected, over the whole week that the vendor keeps: one blob of one record
/// for each of these times, in seconds after the start.
fn exchange_at(created: &[i64]) -> World {
    let line = |(number, seconds): (usize, &i64)| {
        json!({"content_type": "Audit.Exchange", "record": record(number), "created": at(*seconds)}).to_string()
    };
    let records = created.iter().enumerate().map(line).collect();
    let options = Options { records: Some(records), ..Options::new(start_time()) };
    let mut world = world_with(&options, |it| it.records_per_blob = 1);
    world.credential.set("content_types", &json!(["Audit.Exchange"]));
    world.settings.lookback = 7 * DAY;
    world
}

/// So many times, evenly over that many hours before the start.
fn hours_before(hours: i64, count: i64) -> Vec<i64> {
    (0..count).map(|number| (number - count) * hours * HOUR / count).collect()
}

/// These blobs of Exchange answer nothing but this error, for ever. What has status 200 is no error, but no content
/// either.
fn broken(blobs: BlobChoice, status: u16) -> BrokenBlobs {
    BrokenBlobs { blobs, content_type: Some(ContentType::Exchange), status, code: None, until: Timestamp::MAX }
}

impl World {
    /// These blobs are broken from now on, and no others.
    fn break_blobs(&self, broken: Vec<BrokenBlobs>) {
        self.simulator.change(|it| it.broken_blobs = broken);
    }

    /// How many records of Exchange the vendor has shown that are not delivered.
    #[track_caller]
    fn undelivered(&self) -> usize {
        let streams = self.streams();
        let exchange = streams.iter().position(|stream| stream.log_type == LogType::Exchange).unwrap();
        let result = self.reconcile(&self.running.served()).remove(exchange);
        // What is rejected was not shown as an event.
        assert!(result.duplicated.is_empty() && result.unexpected.len() <= result.rejected, "{result:?}");
        result.lost.len()
    }
}

/// Ticks of a world, and what they left behind.
struct Ticks<'a> {
    world: &'a World,
    /// When the next tick begins.
    next: Timestamp,
    /// Gaps of Exchange so far.
    gaps: Vec<Gap>,
    /// Objects of Exchange that were read, and the `Id` of every line in them.
    objects: HashSet<String>,
    delivered: HashSet<String>,
    /// The `Id` of every record of a blob, by the blob's id.
    records: HashMap<String, Vec<String>>,
}

impl<'a> Ticks<'a> {
    fn of(world: &'a World) -> Self {
        let (gaps, objects, delivered, records) = Default::default();
        Self { world, next: world.time.now(), gaps, objects, delivered, records }
    }

    /// One tick, five minutes after the one before; its report on Exchange.
    async fn tick(&mut self) -> StreamReport {
        self.tick_after(TICK).await
    }

    /// One tick; the next one begins that many seconds after this one.
    async fn tick_after(&mut self, seconds: i64) -> StreamReport {
        self.wait();
        let reports = self.world.tick().await.unwrap();
        self.next += SignedDuration::from_secs(seconds);
        let report = of(&reports, LogType::Exchange).clone();
        self.gaps.extend(report.gaps.clone());
        self.assert_accounted_for();
        report
    }

    /// Lets time pass until the next tick begins.
    fn wait(&self) {
        let left = Duration::try_from(self.next.duration_since(self.world.time.now()));
        self.world.time.advance(left.unwrap_or_default());
    }

    /// So many ticks; the report of the last one.
    async fn ticks(&mut self, count: usize) -> StreamReport {
        let mut last = None;
        for _ in 0..count {
            last = Some(self.tick().await);
        }
        last.unwrap()
    }

    /// Ticks until no more than so many records are left, at most `max_ticks`; the report of the last one.
    async fn until_left(&mut self, undelivered: usize, max_ticks: usize) -> StreamReport {
        for _ in 0..max_ticks {
            let report = self.tick().await;
            if self.world.undelivered() <= undelivered {
                return report;
            }
        }
        panic!("after {max_ticks} ticks {} records are left", self.world.undelivered());
    }

    /// Everything of Exchange before the watermark is delivered, or pending, or was reported as a gap.
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

    /// Objects never change, so each is read once.
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

/// The `Id` of a record or of its line; what has none is never delivered.
fn id_of(json: String) -> String {
    let value: Value = serde_json::from_str(&json).unwrap();
    value["Id"].as_str().map_or(json, str::to_owned)
}
