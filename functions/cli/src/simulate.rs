//! `audit-pull simulate`: serves a simulated API of a vendor on 127.0.0.1.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::clock::SystemClock;
use collector::Clock;
use simulators::{Faults, Options, RunningSimulator};

use crate::exit::{Exit, Failed};
use crate::interrupt::Interrupt;
use crate::vendor::{VendorSimulator, VendorSpec};
use crate::{output, vendors};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The vendor to simulate
    #[arg(value_parser = vendors::parser())]
    vendor: &'static VendorSpec,
    /// The port on 127.0.0.1; 0 chooses a free one
    #[arg(long, required_unless_present = "show_behaviours")]
    port: Option<u16>,
    /// The number of different events
    #[arg(long, default_value_t = 1_000)]
    events: usize,
    /// Spread the events over this many seconds before the start [default: six days]
    #[arg(long, value_name = "SECONDS", default_value_t = 6 * 86_400, hide_default_value = true)]
    span: u32,
    /// Let events also happen during this many seconds after the start
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    ahead: u32,
    /// Serve these events instead: one raw event per line; for Microsoft 365 {"content_type":…,"record":{…}}
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Determines everything that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number and severity of the API's faults
    #[arg(long, value_name = "none|some|storm", default_value_t = Faults::None)]
    faults: Faults,
    /// Change behaviours that --faults has set: a JSON object, or a file with one
    #[arg(long, value_name = "FILE|JSON")]
    behaviours: Option<String>,
    /// Print all behaviours as JSON, and exit
    #[arg(long)]
    show_behaviours: bool,
    /// Append every event to this file when it becomes visible, one line of JSON each
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failed> {
    let usual = (args.vendor.simulated)(args.faults, args.seed);
    let simulated = match &args.behaviours {
        None => usual,
        Some(given) => usual
            .with_behaviours(&read_json(given)?)
            .map_err(|error| Failed::usage(format!("--behaviours: {error}")))?,
    };
    if args.show_behaviours {
        output::print_line(&simulated.to_json())?;
        return Ok(Exit::Success);
    }
    let options = Options {
        events: args.events,
        seed: args.seed,
        faults: args.faults,
        span_seconds: args.span.into(),
        ahead_seconds: args.ahead.into(),
        records: args.records.as_deref().map(read_records).transpose()?,
        ledger: args.ledger,
        ..Options::new(SystemClock.now())
    };
    let mut interrupt = Interrupt::new()?;
    let running = serve(&*simulated, &options, args.port.unwrap_or_default(), Arc::new(|| SystemClock.now()))?;
    output::print_line(&export_commands(&simulated.environment(&origin(&running), SystemClock.now())))?;
    interrupt.wait().await;
    output::write_stderr(format!("{}\n", final_counts(&running)).as_bytes());
    running.stop().await;
    Ok(Exit::Success)
}

/// Returns a text with the numbers of answered requests and shown events, which is printed at the end.
fn final_counts(running: &RunningSimulator) -> String {
    let shown: u64 = running.counts().iter().map(|(_, count)| count).sum();
    format!("{} requests answered, {shown} events shown", running.requests())
}

/// Serves the simulated API of a vendor on 127.0.0.1. Port 0 chooses a free port.
pub(crate) fn serve(
    simulated: &dyn VendorSimulator,
    options: &Options,
    port: u16,
    clock: simulators::Clock,
) -> Result<RunningSimulator, Failed> {
    check_ledger(options)?;
    let prepared = simulated.prepare(options, clock);
    let prepared = prepared.map_err(|error| Failed::usage(format!("cannot set up the simulator: {error}")))?;
    let cannot_listen = |error| Failed::usage(format!("cannot listen on port {port} of 127.0.0.1: {error}"));
    prepared.serve(port).map_err(cannot_listen)
}

/// Returns the origin of a running simulator, such as `http://127.0.0.1:8080`.
pub(crate) fn origin(running: &RunningSimulator) -> String {
    format!("http://{}", running.address())
}

/// Checks that the ledger can be written before the simulator starts, so that the error names the ledger and not the
/// port.
fn check_ledger(options: &Options) -> Result<(), Failed> {
    let Some(path) = &options.ledger else { return Ok(()) };
    let opened = File::options().create(true).append(true).open(path);
    opened.map(drop).map_err(|error| Failed::usage(format!("cannot write --ledger {}: {error}", path.display())))
}

/// Returns shell commands that set the variables with which `pull` finds the simulator.
fn export_commands(variables: &[(&'static str, String)]) -> String {
    let export = |(name, value): &(&str, String)| format!("export {name}='{}'", value.replace('\'', r"'\''"));
    variables.iter().map(export).collect::<Vec<_>>().join("\n")
}

/// Returns the argument if it is a JSON object, or else the content of the file that it names.
fn read_json(given: &str) -> Result<String, Failed> {
    if given.trim_start().starts_with('{') {
        return Ok(given.to_owned());
    }
    fs::read_to_string(given).map_err(|error| Failed::usage(format!("cannot read --behaviours {given}: {error}")))
}

/// Returns the lines of the file, without blank ones.
fn read_records(path: &Path) -> Result<Vec<String>, Failed> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failed::usage(format!("cannot read --records {}: {error}", path.display())))?;
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_the_shell() {
        let variables = [("A", "it's $x".to_owned()), ("B", "plain".to_owned())];
        assert_eq!(export_commands(&variables), "export A='it'\\''s $x'\nexport B='plain'");
    }
}
