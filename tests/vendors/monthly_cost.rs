//! Dollars per month of a deployment, from list prices and counted requests. README.md shows the same table.
//!
//! The requests to the vendors and the calls of table and bucket are counted in ticks with the real clients. The duration
//! of a request cannot be counted on this machine, so it is an assumption below, on the safe side.

use std::fs;
use std::path::PathBuf;

use adapters::lambda::{Deployment, metrics_record};
use collector::{Notes, StreamReport};
use jiff::Timestamp;
use simulators::Options;
use tests::rig::usage::Usage;

use super::start::start_time;
use super::{microsoft365, openai};

const MINUTES_PER_DAY: u64 = 24 * 60;
/// A month has 730 hours in AWS's own estimates.
const DAYS_PER_MONTH: f64 = 730.0 / 24.0;

// List prices in us-east-1 in US dollars, without the free tier, of 2026-11, from https://aws.amazon.com/SERVICE/pricing/.
/// Lambda on arm64, per GB-second.
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
const LAMBDA_REQUEST: f64 = 0.20 / 1e6;
const DYNAMODB_READ_UNIT: f64 = 0.125 / 1e6;
const DYNAMODB_WRITE_UNIT: f64 = 0.625 / 1e6;
/// Storage, and the backups for point-in-time recovery, per GB and month.
const DYNAMODB_GB: f64 = 0.25 + 0.20;
const S3_PUT: f64 = 0.005 / 1e3;
const S3_GET: f64 = 0.000_4 / 1e3;
const S3_GB: f64 = 0.023;
const LOGS_GB: f64 = 0.50;
const SECRET: f64 = 0.40;
const SECRET_READ: f64 = 0.05 / 1e4;
const METRIC: f64 = 0.30;
const ALARM: f64 = 0.10;
const DASHBOARD: f64 = 3.00;
// The part of CloudWatch that is free for every account, for ever. It includes this dashboard.
const FREE_METRICS: f64 = 10.0;
const FREE_ALARMS: f64 = 10.0;

// The most that one tenant may cost per month: with alarms and metrics, and without secrets, metrics and alarms.
const MAX_DOLLARS: f64 = 3.00;
const MAX_BASE_DOLLARS: f64 = 0.50;

// Settings of the deployment.
const VENDORS: f64 = 2.0;
const OPENAI_MEMORY_GB: f64 = 256.0 / 1_024.0;
const MICROSOFT365_MEMORY_GB: f64 = 1.0;
/// A secret is read again after ten minutes.
const SECRET_READS_PER_DAY: f64 = 144.0;
/// Sources that a function serves at once.
const CONCURRENT_SOURCES: f64 = 8.0;
/// Days for which the ledger keeps the row ids of an event.
const OPENAI_LEDGER_DAYS: f64 = 400.0;
const MICROSOFT365_LEDGER_DAYS: f64 = 30.0;

// Assumptions. Each is worse than what was measured, so that the cost is overestimated.
const SECONDS_PER_VENDOR_REQUEST: f64 = 0.25;
const SECONDS_PER_AWS_CALL: f64 = 0.02;
/// Events that a function normalises and compresses per second and GB of memory.
const EVENTS_PER_GB_SECOND: f64 = 10_000.0;
/// Bytes of log per stream and tick, and per invocation (Lambda's own lines and the metrics).
const LOG_BYTES_PER_STREAM: f64 = 1_500.0;
const LOG_BYTES_PER_INVOCATION: f64 = 1_500.0;

/// The counts of one source of one vendor in one day.
#[derive(Debug, Clone, Copy)]
struct Day {
    ticks: f64,
    streams: f64,
    vendor_requests: f64,
    delivered: f64,
    usage: DailyUsage,
}

/// [`Usage`] per day.
#[derive(Debug, Clone, Copy)]
struct DailyUsage {
    table_calls: f64,
    read_units: f64,
    write_units: f64,
    ledger_bytes: f64,
    puts: f64,
    gets: f64,
    object_bytes: f64,
}

impl Day {
    /// Scales counts of some ticks to a day.
    fn of(ticks: u64, ticks_per_day: u64, streams: usize, vendor_requests: u64, delivered: u64, usage: Usage) -> Self {
        let factor = ticks_per_day as f64 / ticks as f64;
        let scaled = |count: u64| count as f64 * factor;
        Self {
            ticks: ticks_per_day as f64,
            streams: streams as f64,
            vendor_requests: scaled(vendor_requests),
            delivered: scaled(delivered),
            usage: DailyUsage {
                table_calls: scaled(usage.table_calls),
                read_units: scaled(usage.read_units),
                write_units: scaled(usage.write_units),
                ledger_bytes: scaled(usage.ledger_bytes),
                puts: scaled(usage.puts),
                gets: scaled(usage.gets),
                object_bytes: scaled(usage.object_bytes),
            },
        }
    }

    /// Returns the dollars per month of `sources` such sources in one function: compute, state, objects and logs.
    fn dollars(&self, sources: f64, memory_gb: f64, ledger_days: f64) -> f64 {
        let usage = self.usage;
        let aws_calls = usage.table_calls + usage.puts + usage.gets;
        let waiting = self.vendor_requests * SECONDS_PER_VENDOR_REQUEST + aws_calls * SECONDS_PER_AWS_CALL;
        let turns = (sources / CONCURRENT_SOURCES).max(1.0);
        let gb_seconds = waiting * turns * memory_gb + sources * self.delivered / EVENTS_PER_GB_SECOND;
        let compute = gb_seconds * LAMBDA_GB_SECOND + self.ticks * LAMBDA_REQUEST;
        let state = usage.read_units * DYNAMODB_READ_UNIT + usage.write_units * DYNAMODB_WRITE_UNIT;
        let objects = usage.puts * S3_PUT + usage.gets * S3_GET;
        let log_bytes = self.ticks * (sources * self.streams * LOG_BYTES_PER_STREAM + LOG_BYTES_PER_INVOCATION);
        let per_day = compute + sources * (state + objects) + log_bytes / 1e9 * LOGS_GB;
        // The storage of the first month's objects, and of a full ledger.
        let stored =
            usage.object_bytes * DAYS_PER_MONTH / 1e9 * S3_GB + usage.ledger_bytes * ledger_days / 1e9 * DYNAMODB_GB;
        per_day * DAYS_PER_MONTH + sources * stored
    }
}

/// Counts `ticks` ticks of an organization, one per minute, after its backlog. `events_per_tick` of 0 is an idle one.
async fn openai_day(ticks: u64, events_per_tick: u64) -> Day {
    let options = Options {
        events: (events_per_tick * ticks).max(1) as usize,
        span_seconds: if events_per_tick == 0 { 3_600 } else { 1 },
        ahead_seconds: if events_per_tick == 0 { 0 } else { (60 * ticks) as i64 },
        ..Options::new(start_time())
    };
    let world = openai::world::World::with(&options, simulators::openai::Behaviours::default());
    world.drain().await;
    let worker = world.worker().await;
    openai::world::only(worker.tick(50, None).await.unwrap());
    let before = world.running.requests();
    world.store.take_usage();
    let mut delivered = 0;
    for _ in 0..ticks {
        world.minutes(1);
        let report = openai::world::only(worker.tick(50, None).await.unwrap());
        assert!(report.failure.is_none(), "{report:?}");
        delivered += report.lines.delivered;
    }
    let requests = world.running.requests() - before;
    Day::of(ticks, MINUTES_PER_DAY, 1, requests, delivered, world.store.take_usage())
}

/// Counts `ticks` ticks of a tenant, one per five minutes, after its backlog.
async fn microsoft365_day(ticks: u64, events_per_tick: u64) -> Day {
    let options = Options {
        events: (events_per_tick * ticks).max(5) as usize,
        span_seconds: if events_per_tick == 0 { 3_600 } else { 1 },
        ahead_seconds: if events_per_tick == 0 { 0 } else { (300 * ticks) as i64 },
        ..Options::new(start_time())
    };
    let world = microsoft365::world::World::with(&options, simulators::microsoft365::Behaviours::default());
    world.drain().await;
    let worker = world.worker();
    worker.tick(microsoft365::world::TICK_SECONDS, None).await.unwrap();
    let before = world.running.requests();
    world.store.take_usage();
    let mut delivered = 0;
    for _ in 0..ticks {
        world.minutes(5);
        for report in worker.tick(microsoft365::world::TICK_SECONDS, None).await.unwrap() {
            assert!(report.failure.is_none(), "{report:?}");
            delivered += report.lines.delivered;
        }
    }
    let requests = world.running.requests() - before;
    let streams = world.streams().len();
    Day::of(ticks, MINUTES_PER_DAY / 5, streams, requests, delivered, world.store.take_usage())
}

/// A row of the table.
#[derive(Debug)]
struct Row {
    name: &'static str,
    base: f64,
    secrets: f64,
    metrics: f64,
    alarms: f64,
}

impl Row {
    /// Returns the row of a deployment with `sources` tenants of each vendor.
    fn new(name: &'static str, sources: f64, openai: &Day, microsoft365: &Day) -> Self {
        let base = openai.dollars(sources, OPENAI_MEMORY_GB, OPENAI_LEDGER_DAYS)
            + microsoft365.dollars(sources, MICROSOFT365_MEMORY_GB, MICROSOFT365_LEDGER_DAYS);
        let reads = SECRET_READS_PER_DAY * DAYS_PER_MONTH * SECRET_READ;
        Self {
            name,
            base,
            secrets: sources * VENDORS * (SECRET + reads),
            metrics: VENDORS * metrics_per_vendor() * METRIC,
            alarms: VENDORS * alarms_per_vendor() * ALARM,
        }
    }

    fn total(&self) -> f64 {
        self.base + self.secrets + self.metrics + self.alarms + DASHBOARD
    }

    /// Returns the total for an account that uses no other metrics, alarms and dashboards.
    fn total_less_free_tier(&self) -> f64 {
        let metrics = (self.metrics - FREE_METRICS * METRIC).max(0.0);
        let alarms = (self.alarms - FREE_ALARMS * ALARM).max(0.0);
        self.base + self.secrets + metrics + alarms
    }

    fn markdown(&self) -> String {
        let Self { name, base, secrets, metrics, alarms } = self;
        let (total, less) = (self.total(), self.total_less_free_tier());
        format!(
            "| {name} | ${base:.2} | ${secrets:.2} | ${metrics:.2} | ${alarms:.2} | ${DASHBOARD:.2} | ${total:.2} | ${less:.2} |\n"
        )
    }
}

fn project_file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Returns the number of metrics in the record that a tick writes, in which every value is known.
fn metrics_per_vendor() -> f64 {
    let notes = Notes { watermark_lag_seconds: Some(1), ..Notes::default() };
    let report = StreamReport { notes, ..StreamReport::default() };
    let record =
        metrics_record(Deployment { stack: "s", vendor: "v", is_fan_out: false }, &[report], Timestamp::UNIX_EPOCH);
    record["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap().len() as f64
}

/// Returns the number of alarms in the stack of one function.
fn alarms_per_vendor() -> f64 {
    let stack = fs::read_to_string(project_file("infra/alarms.yaml")).unwrap();
    stack.matches("Type: AWS::CloudWatch::Alarm").count() as f64
}

const HEADER: &str = "\
| dollars per month | functions, state, objects, logs | secrets | metrics | alarms | dashboard | total | total less CloudWatch's free tier |
|---|---|---|---|---|---|---|---|
";

async fn rows() -> Vec<Row> {
    let idle = (openai_day(MINUTES_PER_DAY, 0).await, microsoft365_day(MINUTES_PER_DAY / 5, 0).await);
    // 100,000 events of OpenAI and 900,000 of Microsoft 365 per day.
    let busy =
        (openai_day(15, 100_000 / MINUTES_PER_DAY).await, microsoft365_day(3, 900_000 / (MINUTES_PER_DAY / 5)).await);
    assert!(busy.0.delivered > 50_000.0 && busy.1.delivered > 450_000.0, "{busy:?}");
    vec![
        Row::new("both vendors, one tenant each, idle", 1.0, &idle.0, &idle.1),
        Row::new("one tenant each, 1 million events per day", 1.0, &busy.0, &busy.1),
        Row::new("50 tenants of each vendor, idle", 50.0, &idle.0, &idle.1),
    ]
}

fn table(rows: &[Row]) -> String {
    rows.iter().fold(HEADER.to_owned(), |table, row| table + &row.markdown())
}

const BEGIN_MARKER: &str = "<!-- The table of `cargo test -p tests --test vendors monthly_cost`. -->\n";
const END_MARKER: &str = "<!-- The end of the table. -->";

/// Splits README.md into the texts before, in and after the table.
fn readme() -> (String, String, String) {
    let text = fs::read_to_string(project_file("README.md")).unwrap();
    let (before, rest) = text.split_once(BEGIN_MARKER).unwrap();
    let (table, after) = rest.split_once(END_MARKER).unwrap();
    (before.to_owned(), table.to_owned(), after.to_owned())
}

/// Returns `true` if two tables have the same texts, and amounts that differ by at most 2 cents or 3 %. The order of
/// concurrent requests varies, and so do the counts, slightly.
fn are_equal(ours: &str, theirs: &str) -> bool {
    let cells = |table: &str| table.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let (ours, theirs) = (cells(ours), cells(theirs));
    let amount = |cell: &str| cell.strip_prefix('$').and_then(|amount| amount.parse::<f64>().ok());
    let is_near = |(one, other): (&String, &String)| match (amount(one), amount(other)) {
        (Some(one), Some(other)) => (one - other).abs() <= (one * 0.03).max(0.021),
        _ => one == other,
    };
    ours.len() == theirs.len() && ours.iter().zip(&theirs).all(is_near)
}

#[tokio::test]
async fn readme_shows_the_dollars_per_month() {
    let rows = rows().await;
    let table = table(&rows);
    println!("{table}");
    let idle = &rows[0];
    assert!(
        idle.base <= MAX_BASE_DOLLARS,
        "an idle deployment costs ${:.2} without secrets, metrics and alarms",
        idle.base
    );
    let total = idle.total_less_free_tier();
    assert!(total <= MAX_DOLLARS, "an idle deployment costs ${total:.2} with secrets, metrics and alarms");
    let (_, shown, _) = readme();
    let command = "cargo test -p tests --test vendors monthly_cost -- --ignored";
    assert!(are_equal(&table, &shown), "the table of README.md differs; {command} writes it:\n{table}");
}

#[tokio::test]
#[ignore = "writes README.md"]
async fn write_the_table() {
    let (before, _, after) = readme();
    let table = table(&rows().await);
    fs::write(project_file("README.md"), format!("{before}{BEGIN_MARKER}{table}{END_MARKER}{after}")).unwrap();
}

#[test]
fn tables_with_other_amounts_or_texts_differ() {
    assert!(are_equal("| a | $1.00 |", "|a|$1.02|"));
    for other in ["| a | $1.10 |", "| b | $1.00 |", "| a | $1.00 | $2.00 |", "| a | free |"] {
        assert!(!are_equal("| a | $1.00 |", other), "{other}");
    }
}
