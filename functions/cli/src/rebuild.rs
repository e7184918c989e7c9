//! `audit-pull rebuild`: restores the state of streams from the objects in the bucket.

use adapters::ListObjects;
use collector::{Bucket, Place, RebuildOptions, RebuildOutcome, State, StreamRebuild};
use serde::Serialize;

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::output::{self, time_text};
use crate::recovery::RecoveryArgs;

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    recovery: RecoveryArgs,
    /// Do not wait for the end of ticks that are still running: only if there is none, and none has run for 15 minutes
    #[arg(long)]
    ticks_stopped: bool,
    /// Restore states that fit the bucket as well
    #[arg(long)]
    force: bool,
    /// The look-back with which the streams began, for birth records that do not name it
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(0..=3650))]
    lookback_days: u16,
}

const EXIT_CODES: &str = "Restores a state that was lost, or that is older than the bucket; changes nothing else. Ticks may \
    run meanwhile: they\nstop until the end. If the rebuild is interrupted, run it again: it continues.\n\nExit codes: 0 \
    restored, or nothing to restore; 1 not finished, run it again; 2 the command is wrong, or there is no\nstream; 3 a \
    person must act.";

pub(crate) async fn run(args: &Args) -> Result<Exit, Failed> {
    let lake = args.recovery.place.find().await?.open_existing()?;
    let streams = restore(args, &lake.state, &lake.bucket, &lake.settings.prefix).await?;
    show(&streams, args.recovery.json)?;
    Ok(streams.iter().map(exit).max().unwrap_or(Exit::Success))
}

async fn restore(
    args: &Args,
    state: &impl State,
    bucket: &(impl Bucket + ListObjects),
    prefix: &str,
) -> Result<Vec<StreamRebuild>, Failed> {
    let streams = args.recovery.streams(bucket, prefix).await?;
    let clock = CliClock::default();
    let place = Place { state, bucket, clock: &clock, prefix };
    let options = RebuildOptions {
        lookback_seconds: i64::from(args.lookback_days) * 86_400,
        are_ticks_stopped: args.ticks_stopped,
        is_forced: args.force,
    };
    Ok(collector::rebuild(place, &streams, options, output::print_error).await?)
}

fn exit(stream: &StreamRebuild) -> Exit {
    match &stream.failure {
        None => Exit::Success,
        Some(failure) if failure.needs_person => Exit::Person,
        Some(_) => Exit::NextTick,
    }
}

#[derive(Serialize)]
struct JsonReport<'a> {
    streams: &'a [StreamRebuild],
}

/// Prints one JSON object, or a table with the failures and possible gaps below it.
fn show(streams: &[StreamRebuild], is_json: bool) -> Result<(), Failed> {
    let failures = streams.iter().filter_map(|stream| stream.failure.as_ref());
    failures.for_each(|failure| output::print_error(&failure.message));
    if is_json {
        return output::print_json(&JsonReport { streams });
    }
    let lines = std::iter::once(output::table(&rows(streams), 3)).chain(streams.iter().filter_map(gap_text));
    output::print_line(&lines.collect::<Vec<_>>().join("\n"))
}

fn rows(streams: &[StreamRebuild]) -> Vec<[String; 8]> {
    let head = ["source", "log type", "outcome", "objects", "rows", "rejected", "next number", "listed again from"];
    let row = |stream: &StreamRebuild| {
        let outcome = match stream.outcome {
            RebuildOutcome::Rebuilt => "rebuilt",
            RebuildOutcome::NotNeeded => "not needed",
            RebuildOutcome::Failed => "failed",
        };
        [
            stream.source.clone(),
            stream.log_type.clone(),
            outcome.to_owned(),
            stream.objects.to_string(),
            stream.rows.to_string(),
            stream.rejected.to_string(),
            stream.next_number.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            stream.listed_again_from.map_or_else(|| "-".to_owned(), time_text),
        ]
    };
    std::iter::once(head.map(str::to_owned)).chain(streams.iter().map(row)).collect()
}

fn gap_text(stream: &StreamRebuild) -> Option<String> {
    let [from, to] = stream.possible_gap?.map(time_text);
    let (source, log_type) = (&stream.source, &stream.log_type);
    Some(format!("{source} {log_type}: events from {from} until {to} that were not delivered before may be lost"))
}

#[cfg(test)]
mod tests {
    use collector::Failure;

    use super::*;

    #[test]
    fn a_failure_has_its_exit_code_and_a_gap_its_sentence() {
        let stream = StreamRebuild {
            source: "acme".to_owned(),
            log_type: "OpenAI.Audit".to_owned(),
            outcome: RebuildOutcome::Rebuilt,
            objects: 1,
            rows: 2,
            rejected: 3,
            next_number: Some(7),
            listed_again_from: Some(0),
            possible_gap: Some([0, 60]),
            failure: None,
        };
        assert_eq!((exit(&stream), gap_text(&stream).unwrap().contains("1970-01-01T00:01:00Z")), (Exit::Success, true));
        for (needs_person, expected) in [(true, Exit::Person), (false, Exit::NextTick)] {
            let failure = Some(Failure { needs_person, message: String::new() });
            assert_eq!(exit(&StreamRebuild { failure, ..stream.clone() }), expected);
        }
    }
}
