//! `audit-pull verify`: checks the objects of a deployment against each other and against its state.

use std::path::{Path, PathBuf};

use adapters::ListObjects;
use adapters::local::LocalScratch;
use collector::{Bucket, Finding, MAX_ROWS_IN_MEMORY, Place, State, StreamCheck, VerifyReport};
use serde::Serialize;

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::output;
use crate::recovery::RecoveryArgs;

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    recovery: RecoveryArgs,
    /// The directory for temporary files: 32 bytes per line of a lake of more than 4 million lines [default: the
    /// system's]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

const EXIT_CODES: &str = "Reads every object once. Ticks may run meanwhile.\n\nExit codes: 0 nothing was found; 1 the check \
    did not finish, try again; 2 the command is wrong, or there is no stream;\n3 something was found, or a person must act.";

pub(crate) async fn run(args: &Args) -> Result<Exit, Failed> {
    let lake = args.recovery.place.find().await?.open_existing()?;
    let report = check(args, &lake.state, &lake.bucket, &lake.settings.prefix).await?;
    show(&report, args.recovery.json)?;
    Ok(if report.findings.is_empty() { Exit::Success } else { Exit::Person })
}

async fn check(
    args: &Args,
    state: &impl State,
    bucket: &(impl Bucket + ListObjects),
    prefix: &str,
) -> Result<VerifyReport, Failed> {
    let streams = args.recovery.streams(bucket, prefix).await?;
    let system = std::env::temp_dir();
    let scratch = LocalScratch::create(args.scratch.as_deref().unwrap_or(Path::new(&system)))?;
    let clock = CliClock::default();
    let place = Place { state, bucket, clock: &clock, prefix };
    let all = args.recovery.has_all_streams();
    Ok(collector::verify(place, &streams, all, &scratch, MAX_ROWS_IN_MEMORY).await?)
}

#[derive(Serialize)]
struct JsonReport<'a> {
    ok: bool,
    #[serde(flatten)]
    report: &'a VerifyReport,
}

/// Prints one JSON object, or a table with the findings below it.
fn show(report: &VerifyReport, is_json: bool) -> Result<(), Failed> {
    if is_json {
        return output::print_json(&JsonReport { ok: report.findings.is_empty(), report });
    }
    let table = output::table(&rows(&report.streams), 2);
    let intents = report.streams.iter().filter_map(open_intent_text);
    let findings = report.findings.iter().flat_map(finding_lines);
    let end = report.findings.is_empty().then(|| "Nothing was found.".to_owned());
    let lines: Vec<String> = std::iter::once(table).chain(intents).chain(findings).chain(end).collect();
    output::print_line(&lines.join("\n"))
}

fn rows(streams: &[StreamCheck]) -> Vec<[String; 7]> {
    let head = ["source", "log type", "objects", "lines", "rejected", "ledger rows", "numbers without object"];
    let row = |check: &StreamCheck| {
        let counts = [check.objects, check.lines, check.rejected, check.ledger_rows, check.numbers_without_object];
        let [objects, lines, rejected, ledger, without] = counts.map(|count| count.to_string());
        [check.source.clone(), check.log_type.clone(), objects, lines, rejected, ledger, without]
    };
    std::iter::once(head.map(str::to_owned)).chain(streams.iter().map(row)).collect()
}

fn open_intent_text(check: &StreamCheck) -> Option<String> {
    let key = check.open_intent.as_ref()?;
    Some(format!("An intent is open, which the next tick ends: {key}"))
}

fn finding_lines(finding: &Finding) -> Vec<String> {
    let first = format!("{} {}:", finding.count, finding.kind.description());
    let more = finding.count.saturating_sub(finding.examples.len() as u64);
    let more = (more > 0).then(|| format!("  and {more} more"));
    let examples = finding.examples.iter().map(|example| format!("  {example}"));
    std::iter::once(first).chain(examples).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use collector::FindingKind;

    use super::*;

    #[test]
    fn a_finding_has_its_count_and_its_first_examples() {
        let finding = Finding { kind: FindingKind::BrokenLine, count: 7, examples: vec!["a".into(), "b".into()] };
        assert_eq!(finding_lines(&finding), ["7 broken lines:", "  a", "  b", "  and 5 more"]);
    }
}
