//! `audit-pull simulate`: a vendor's API on 127.0.0.1.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::clock::SystemClock;
use collector::Clock;
use simulators::{Faults, Options, Running};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::VendorName;
use crate::exit::{Exit, Failed};
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The vendor
    vendor: VendorName,
    /// The port on 127.0.0.1; 0 is any that is free
    #[arg(long)]
    port: u16,
    /// How many distinct events there are
    #[arg(long, default_value_t = 1_000)]
    events: usize,
    /// Serve these instead: one raw event a line; for Microsoft 365 {"content_type":…,"record":{…}}
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Decides everything that is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much goes wrong
    #[arg(long, value_name = "none|some|storm", default_value_t = Faults::None)]
    faults: Faults,
    /// Append every event to this file, one line of JSON each, when it becomes visible
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failed> {
    let options = Options {
        events: args.events,
        seed: args.seed,
        faults: args.faults,
        records: args.records.as_deref().map(records).transpose()?,
        ledger: args.ledger,
        ..Options::new(SystemClock.now())
    };
    let mut interrupt = Interrupt::new()?;
    let running = start(args.vendor, options, args.port, Arc::new(|| SystemClock.now()))?;
    output::say(&variables(args.vendor, &running))?;
    interrupt.wait().await;
    running.stop().await;
    Ok(Exit::Well)
}

/// Serves the vendor on 127.0.0.1.
pub(crate) fn start(
    vendor: VendorName,
    options: Options,
    port: u16,
    clock: simulators::Clock,
) -> Result<Running, Failed> {
    let started = match vendor {
        VendorName::Openai => simulators::openai::OpenAiSimulator::start(options, port, clock),
        VendorName::Microsoft365 => simulators::microsoft365::Microsoft365Simulator::start(options, port, clock),
    };
    started.map_err(|error| Failed::usage(format!("cannot simulate on port {port}: {error}")))
}

/// What to set so that `pull` finds the simulator, as a shell takes it.
fn variables(vendor: VendorName, running: &Running) -> String {
    let pairs = environment(vendor, running);
    pairs.iter().map(|(name, value)| format!("export {name}='{value}'")).collect::<Vec<_>>().join("\n")
}

/// The variables that lead a client to the simulator, and let it in. Nothing in them is secret.
pub(crate) fn environment(vendor: VendorName, running: &Running) -> Vec<(&'static str, String)> {
    let origin = format!("http://{}", running.address());
    match vendor {
        VendorName::Openai => vec![
            ("OPENAI_BASE_URL", format!("{origin}{}", simulators::openai::BASE_PATH)),
            ("OPENAI_ADMIN_KEY", simulators::openai::ADMIN_KEY.to_owned()),
        ],
        VendorName::Microsoft365 => vec![
            ("MICROSOFT365_API_URL", origin.clone()),
            ("MICROSOFT365_LOGIN_URL", format!("{origin}/login")),
            ("MICROSOFT365_TENANT_ID", simulators::microsoft365::TENANT_ID.to_owned()),
            ("MICROSOFT365_CLIENT_ID", simulators::microsoft365::CLIENT_ID.to_owned()),
            ("MICROSOFT365_CLIENT_SECRET", simulators::microsoft365::CLIENT_SECRET.to_owned()),
        ],
    }
}

/// The file's lines, blank ones left out.
fn records(path: &Path) -> Result<Vec<String>, Failed> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failed::usage(format!("cannot read --records {}: {error}", path.display())))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

/// An interrupt (Ctrl-C) or a request to end, noticed from the moment this is made.
struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    fn new() -> Result<Self, Failed> {
        let listen = |kind| signal(kind).map_err(|error| Failed::person(format!("cannot listen for signals: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
