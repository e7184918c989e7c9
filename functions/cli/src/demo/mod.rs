//! `audit-pull demo`: simulates all vendors, pulls until every event is delivered, and compares the lake with the
//! served events.

mod count;
mod demo_vendor;
mod show;

use std::path::{Path, PathBuf};
use std::time::Duration;

use adapters::http::HttpClient;
use collector::{Bucket, Clock, Settings, State, Stream, StreamReport, UnixSeconds};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use simulators::Options;

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::lake::Lake;
use crate::output;
use crate::vendors::VENDORS;
use demo_vendor::DemoVendor;
use show::{DemoResult, Row};

/// The clock of a new demo starts this long before now, so that the demo ends at about the present time.
const START_SECONDS_BEFORE_NOW: i64 = 7_200;
/// The demo's clock moves on by this much from one round to the next. It is the schedule of the slower vendor.
const STEP_SECONDS: i64 = 300;
/// The demo's clock moves on by this much before the final round. It is more than the hour after which a sweep is due.
const SWEEP_SECONDS: i64 = 3_660;
/// If a demo is run again on a lake, its clock starts this long after the last write. A subscription is not started
/// again within 15 minutes of its last start, and this is longer.
const RESUME_SECONDS: i64 = 1_200;
/// The maximum number of rounds. They take 33 hours of the demo's clock.
const MAX_ROUNDS: u32 = 400;
/// The number of sample lines that are shown.
const MAX_SAMPLES: usize = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory for objects and state; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    lake: PathBuf,
    /// The number of different events per vendor
    #[arg(long, default_value_t = 1_000)]
    events: usize,
    /// Determines the events; the same demo on the same lake delivers no event again
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failed> {
    let clock = CliClock::default();
    let lake = Lake::open(&args.lake, Settings::default())?;
    let start_time = start_time(&lake, &args, clock.now()).await?;
    clock.set(start_time);
    let options = Options { events: args.events, seed: args.seed, ..Options::new(start_time) };
    let (http, secrets) = (HttpClient::new()?, demo_vendor::secrets(&format!("{}-{}", args.seed, args.events)));
    let mut vendors = Vec::new();
    for vendor in VENDORS {
        vendors.push(DemoVendor::start(vendor, &options, &http, &secrets, &clock).await?);
    }
    resume(&lake, &clock, vendors.iter().flat_map(DemoVendor::streams)).await?;

    let exit = drain(&lake, &clock, &mut vendors).await;
    let (mut rows, mut samples) = (Vec::new(), Vec::new());
    for vendor in &vendors {
        rows.extend(self::rows(&args.lake, vendor, &mut samples)?);
    }
    samples.truncate(MAX_SAMPLES);
    show::show(&DemoResult { streams: &rows, lake: &args.lake, seed: args.seed, samples: &samples }, args.json)?;
    Ok(if rows.iter().all(Row::is_exact) { exit } else { exit.max(Exit::Person) })
}

/// The time at which this demo was first run on this lake. The events are generated from it, so a later run of the same
/// demo gets the same events.
#[derive(Debug, Serialize, Deserialize)]
struct DemoStart {
    started: UnixSeconds,
}

async fn start_time(lake: &Lake, args: &Args, now: Timestamp) -> Result<Timestamp, Failed> {
    let key = format!("_state/demo-{}-{}.json", args.seed, args.events);
    let unreadable = || Failed::person(format!("{key} under {}/.audit-pull is unreadable", args.lake.display()));
    let begun = DemoStart { started: now.as_second() - START_SECONDS_BEFORE_NOW };
    let body = serde_json::to_vec(&begun).map_err(|_| unreadable())?;
    lake.bucket.put_if_absent(&key, body, "application/json").await?;
    let body = lake.bucket.get(&key).await?.ok_or_else(unreadable)?;
    let begun: DemoStart = serde_json::from_slice(&body).map_err(|_| unreadable())?;
    Timestamp::from_second(begun.started).map_err(|_| unreadable())
}

/// If the lake has state from an earlier run, sets the clock to a time after its last write.
async fn resume(lake: &Lake, clock: &CliClock, streams: impl Iterator<Item = &Stream>) -> Result<(), Failed> {
    for stream in streams {
        let Some(head) = lake.state.head(stream).await? else { continue };
        let behind = head.times.written_at + RESUME_SECONDS - clock.now().as_second();
        clock.advance(behind.max(0));
    }
    Ok(())
}

/// Runs ticks of all vendors until every event is delivered and a final sweep finds nothing new.
async fn drain(lake: &Lake, clock: &CliClock, vendors: &mut [DemoVendor<'_>]) -> Exit {
    let bar = ProgressBar::new(vendors.iter().map(DemoVendor::total).sum());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:40} {pos}/{len} events delivered, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut reports = Vec::new();
    let mut has_swept = false;
    for _ in 0..MAX_ROUNDS {
        reports.clear();
        for vendor in &mut *vendors {
            reports.extend(vendor.tick(lake, clock).await);
        }
        bar.set_length(vendors.iter().map(DemoVendor::total).sum());
        bar.inc(reports.iter().map(|report| report.lines.delivered).sum());
        let is_quiet = reports.iter().all(|report| report.drained && report.lines.delivered == 0);
        if Exit::of(&reports) == Exit::Person || (has_swept && is_quiet) {
            break;
        }
        has_swept = vendors.iter().all(|vendor| vendor.pending() == 0);
        clock.advance(if has_swept { SWEEP_SECONDS } else { STEP_SECONDS });
    }
    bar.finish_and_clear();
    print_failures(&reports);
    Exit::of(&reports)
}

fn print_failures(reports: &[StreamReport]) {
    let failures = reports.iter().filter_map(|report| report.failure.as_ref());
    failures.for_each(|failure| output::print_error(&failure.message));
}

/// Returns one row per stream of the vendor, and appends the first line of each stream to `samples`.
fn rows(lake: &Path, vendor: &DemoVendor<'_>, samples: &mut Vec<Box<RawValue>>) -> Result<Vec<Row>, Failed> {
    let row = |stream: &Stream| {
        let counted = count::count(lake, stream)
            .map_err(|error| Failed::person(format!("cannot read back what was delivered: {error}")))?;
        samples.extend(counted.sample.and_then(|line| RawValue::from_string(line).ok()));
        let table = stream.log_type.table();
        Ok(Row {
            source: stream.source.to_string(),
            log_type: stream.log_type.name(),
            served: vendor.served(stream),
            delivered: counted.delivered,
            duplicates: counted.duplicates,
            rejected: counted.rejected,
            objects: counted.objects,
            bytes: counted.bytes,
            repeats: vendor.repeats(stream),
            events_per_second: vendor.events_per_second(stream),
            drift: vendor.drift(stream),
            files: format!("{}/{table}/dt=*/hour=*/{}-*.ndjson.gz", lake.display(), stream.source),
            stream: table,
        })
    };
    vendor.streams().map(row).collect()
}
