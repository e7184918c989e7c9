//! `cargo bench` measures speed, compression and memory on one thread, with events that the simulators generate.
//!
//! `cargo bench -- --quick` takes seconds, `--rounds N` makes the results more or less exact, `--json` prints JSON, and
//! `--check` exits with 1 if a target is missed.

mod baselines;
mod batches;
mod blob;
mod compressors;
mod corpus;
mod cost;
mod failed;
mod measure;
mod memory;
mod speeds;
mod table;
mod target;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

use crate::batches::Figures;
use crate::corpus::Corpus;
use crate::failed::Failed;
use crate::memory::Memory;
use crate::speeds::Speeds;
use crate::target::Target;

/// Measures the speed of the normaliser and the compressors on one thread.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo bench --")]
struct Args {
    /// Run only for a short time: fewer events, fewer rounds, a smaller blob
    #[arg(long)]
    quick: bool,
    /// The number of rounds per measurement, of which the fastest counts; compressors run a tenth of the rounds
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// The number of events that are measured together
    #[arg(long, value_name = "N", default_value_t = 100)]
    chunk: usize,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Exit with 1 if a target is missed
    #[arg(long)]
    check: bool,
    /// Stream a blob of this size; used for the process whose memory is measured
    #[arg(long, hide = true, value_name = "BYTES")]
    stream_blob: Option<u64>,
    /// Accepted and ignored, because cargo gives this flag to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// The amount of work in one run of the benchmark.
#[derive(Debug, Clone, Copy, Serialize)]
struct Extent {
    /// The number of events in each corpus.
    events: usize,
    chunk: usize,
    rounds: usize,
    batch_rounds: usize,
    blob_bytes: u64,
}

/// All results of one run.
#[derive(Debug, Serialize)]
struct Report {
    processor: String,
    extent: Extent,
    speeds: Vec<Speeds>,
    /// The time to normalise all log types, divided by the time without data models.
    over_no_model: Target,
    compressors: Vec<Figures>,
    memory: Vec<Memory>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "cargo bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the benchmark. Returns `false` if `--check` is given and a target is missed.
fn run(args: &Args) -> Result<bool, Failed> {
    if let Some(bytes) = args.stream_blob {
        print_text(&serde_json::to_string(&memory::stream(bytes)?)?)?;
        return Ok(true);
    }
    let report = measure(extent(args))?;
    print_text(&if args.json { serde_json::to_string_pretty(&report)? } else { report.to_text() })?;
    Ok(!args.check || report.targets().all(|target| target.is_met))
}

fn extent(args: &Args) -> Extent {
    let (events, rounds, blob_bytes) = if args.quick { (300, 8, 40_000_000) } else { (2_000, 60, 200_000_000) };
    let rounds = args.rounds.unwrap_or(rounds).max(1);
    let (chunk, batch_rounds) = (args.chunk.max(1), rounds.div_ceil(10));
    Extent { events, chunk, rounds, batch_rounds, blob_bytes }
}

fn measure(extent: Extent) -> Result<Report, Failed> {
    let all = Corpus::all(extent.events);
    let mut speeds = Vec::new();
    for corpus in &all {
        print_step(corpus.name);
        speeds.push(speeds::measure(corpus, extent.chunk, extent.rounds)?);
    }
    print_step("compressors");
    let mixed = all.first().ok_or("no events")?;
    let compressors = batches::measure(mixed, extent.batch_rounds)?;
    print_step("memory");
    let memory = memory::measure(extent.blob_bytes)?;
    // The first corpus is a mixture of the others, so it is left out.
    let over_no_model = speeds::over_no_model(speeds.get(1..).unwrap_or_default());
    Ok(Report { processor: processor(), extent, speeds, over_no_model, compressors, memory })
}

impl Report {
    fn targets(&self) -> impl Iterator<Item = &Target> {
        let ratios = self.speeds.iter().flat_map(|speeds| [&speeds.over_value, &speeds.over_parts]);
        ratios.chain([&self.over_no_model]).chain(self.memory.iter().map(|memory| &memory.peak_mib))
    }

    fn to_text(&self) -> String {
        let Extent { events, chunk, rounds, batch_rounds, .. } = self.extent;
        let head = format!(
            "{}, one thread; {events} events each, chunks of {chunk}, best of {rounds} rounds, compressors of {batch_rounds}",
            self.processor
        );
        let parts = [
            speeds::to_table(&self.speeds),
            speeds::ratios_table(&self.speeds),
            format!(
                "all log types together, time / without model: {:.2} {}\n",
                self.over_no_model.value,
                self.over_no_model.to_cell()
            ),
            batches::to_table(&self.compressors),
            memory::to_table(&self.memory),
        ];
        format!("{head}\n\n{}", parts.join("\n")).trim_end().to_owned()
    }
}

/// Returns the name of the processor from `/proc/cpuinfo`, or else its architecture.
fn processor() -> String {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or(std::env::consts::ARCH, |(_, name)| name).to_owned()
}

fn print_text(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// Prints to standard error which measurement begins.
fn print_step(what: &str) {
    let _ = writeln!(io::stderr(), "measuring {what}");
}
