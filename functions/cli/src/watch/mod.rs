//! `audit-pull watch`: runs the ticks of all configured vendors on their schedules until interrupted.
//!
//! The vendors share one thread and wait for nothing but their own answers: each has its own source, lake and schedule.
//! A tick may be cut off at any moment, as by a crash, and the next one carries on.

mod display;
mod participants;
mod printer;
mod schedule;
mod view;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use adapters::http::HttpClient;
use collector::{Clock, Settings, StreamReport};
use futures_util::future::join_all;

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::interrupt::Interrupt;
use crate::lake::Lake;
use crate::models::Models;
use crate::vendor::{AnySource, SourceParts, VendorSpec};
use crate::{config, place, vendors};
use display::{Display, EndedTick};
use participants::{ForVendor, Participant};
use schedule::{Schedule, Step};
use view::VendorView;

/// A wait for the next tick is cut into parts of at most this length, to notice an interrupt, a machine that was
/// suspended, and a clock that was changed.
const MAX_WAIT: Duration = Duration::from_millis(500);
/// Time that running ticks get to end after an interrupt. It is longer than a usual tick, and a tick that is cut off
/// loses nothing.
const MAX_STOP_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub(crate) struct Args {
    /// The vendors to pull from [default: every vendor whose secret is configured]
    #[arg(value_parser = vendors::parser())]
    vendors: Vec<&'static VendorSpec>,
    /// The directory for objects and state; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    lake: PathBuf,
    /// The file with the secret of a vendor's source; may be given once per vendor [default: environment variables]
    #[arg(long = "secret", value_name = "VENDOR=FILE", value_parser = participants::file_for_vendor)]
    secrets: Vec<ForVendor<PathBuf>>,
    /// The time between two ticks of a vendor; may be given once per vendor [default: openai=60, microsoft365=300]
    #[arg(long = "period-seconds", value_name = "VENDOR=N", value_parser = participants::seconds_for_vendor)]
    periods: Vec<ForVendor<u32>>,
    /// A prefix for the key of every object; it must end with a slash
    #[arg(long, default_value = "", value_parser = place::prefix)]
    prefix: String,
    /// Start a new stream this many days before now
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(0..=3650))]
    lookback_days: u16,
    /// A folder of data models; each replaces the built-in one of its log type for p_udm
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object per tick instead of a table
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str =
    "Ctrl-C and SIGTERM end it after the running ticks, at the latest after 30 s; a second one ends \
    it at once.

Exit codes: 0 interrupted; 1 interrupted twice; 2 the command, a file it names, or a variable is wrong. A tick that \
    fails\nis reported, and the next one carries on.";

/// Returns the variables of all vendors and the exit codes, which follow the help.
fn after_help() -> String {
    let variables = vendors::VENDORS.map(|vendor| vendor.variables_help).join("\n");
    format!("Environment:\n{variables}\n\n{EXIT_CODES}")
}

/// The parts that the loops of all vendors share.
struct Shared<'a> {
    clock: &'a CliClock,
    display: &'a Display,
    /// Set by an interrupt: no further tick begins.
    is_stopping: &'a Cell<bool>,
}

/// One vendor with its open source and lake.
struct Watched<'a> {
    source: Box<dyn AnySource + 'a>,
    lake: Lake,
    schedule: Schedule,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failed> {
    let mut interrupt = Interrupt::new()?;
    let (participants, absent) = participants::participants(&args.vendors, &args.secrets)?;
    let (http, clock) = (HttpClient::new()?, CliClock::default());
    let (mut watched, mut views) = (Vec::new(), Vec::new());
    for participant in &participants {
        watched.push(open(&args, participant, &http, &clock).await?);
        views.push(VendorView::new(participant.vendor, clock.now()));
    }
    let (display, is_stopping) = (Display::new(args.json), Cell::new(false));
    absent.iter().try_for_each(|text| display.say(text))?;
    let shared = Shared { clock: &clock, display: &display, is_stopping: &is_stopping };
    let loops = watched.into_iter().zip(&views).map(|(watched, view)| watch_vendor(&shared, watched, view));
    let exit = tokio::select! {
        ended = join_all(loops) => ended.into_iter().collect::<Result<Vec<()>, Failed>>().map(|_| Exit::Success),
        () = display.refresh(&views) => Ok(Exit::Success),
        exit = wait_for_stop(&shared, &mut interrupt) => exit,
    };
    display.finish(&views)?;
    exit
}

async fn open<'a>(
    args: &Args,
    participant: &'a Participant,
    http: &'a HttpClient,
    clock: &'a CliClock,
) -> Result<Watched<'a>, Failed> {
    let Participant { vendor, secrets } = participant;
    let secret_name = secrets.names.first().map(String::as_str).unwrap_or_default();
    let opening = SourceParts { http, secrets: &secrets.store, clock, secret_name };
    let source = (vendor.open)(opening, &config::variable).await?;
    let settings = Settings {
        prefix: args.prefix.clone(),
        lookback_seconds: i64::from(args.lookback_days) * 86_400,
        ..Settings::default()
    };
    let mut lake = Lake::open(&args.lake, settings)?;
    if let Some(folder) = &args.models {
        lake.models = Models::load_or_print_faults(folder)?.into_custom_models();
    }
    let usual = u32::try_from(source.policy().tick_seconds).unwrap_or(u32::MAX);
    let period_seconds = participants::value_for(&args.periods, vendor).unwrap_or(usual);
    Ok(Watched { source, lake, schedule: Schedule::new(clock.now(), period_seconds) })
}

/// Runs the ticks of one vendor, one after the other, until the process is to stop.
///
/// # Errors
/// Standard output cannot be written. A tick that fails is only shown.
async fn watch_vendor(shared: &Shared<'_>, mut watched: Watched<'_>, view: &VendorView) -> Result<(), Failed> {
    while !shared.is_stopping.get() {
        match watched.schedule.step(view.due.get(), shared.clock.now(), MAX_WAIT) {
            Step::Wait(time) => shared.clock.sleep(time).await,
            Step::Tick => {
                let began = shared.clock.now();
                view.running_since.set(Some(began));
                let outcome = tick(shared, &mut watched, view).await.map_err(|failed| failed.message);
                let ended = shared.clock.now();
                view.end_tick(&outcome);
                view.due.set(watched.schedule.next_after(ended));
                let vendor = view.vendor.name;
                shared.display.show(&EndedTick { vendor, began, ended, outcome: &outcome })?;
            }
        }
    }
    Ok(())
}

/// Runs one tick. The state is opened again for it, so that a lake that was away, and expired items of a ledger, need
/// no restart.
async fn tick(shared: &Shared<'_>, watched: &mut Watched<'_>, view: &VendorView) -> Result<Vec<StreamReport>, Failed> {
    watched.lake.reopen_state()?;
    let reports = watched.source.tick(&watched.lake, &view.cache, shared.clock, view.vendor.max_tick_time).await;
    watched.lake.record(&reports, shared.clock.now().as_second());
    Ok(reports)
}

/// Waits for an interrupt, then for the end of the time that running ticks get, or for a second interrupt. The caller
/// stops to wait as soon as all ticks have ended.
///
/// # Errors
/// Standard output cannot be written.
async fn wait_for_stop(shared: &Shared<'_>, interrupt: &mut Interrupt) -> Result<Exit, Failed> {
    interrupt.wait().await;
    shared.is_stopping.set(true);
    let wait = MAX_STOP_WAIT.as_secs();
    let text = format!("interrupted: waits at most {wait} s for the running ticks; interrupt again to stop at once");
    shared.display.say(&text)?;
    tokio::select! {
        () = shared.clock.sleep(MAX_STOP_WAIT) => {
            shared.display.say("a running tick was cut off; the next start carries on")?;
            Ok(Exit::Success)
        }
        () = interrupt.wait() => Ok(Exit::NextTick),
    }
}
