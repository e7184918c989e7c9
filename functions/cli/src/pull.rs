//! `audit-pull pull`: runs one tick against a vendor.

use std::path::PathBuf;

use adapters::http::HttpClient;
use adapters::local::LocalSecrets;
use adapters::looks_like_a_key;
use collector::{Clock, Gap, Settings, SourceCache, StreamReport};
use jiff::Timestamp;
use serde::Serialize;

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::lake::Lake;
use crate::models::Models;
use crate::vendor::{AnySource, SourceParts, VendorSpec};
use crate::{config, drift, output, progress, vendors};

/// The name of the secret in messages if it comes from environment variables.
pub(crate) const FROM_VARIABLES: &str = "of the environment";

#[derive(Debug, clap::Args)]
#[command(after_help = variables_and(EXIT_CODES))]
pub(crate) struct Args {
    /// The vendor to pull from
    #[arg(value_parser = vendors::parser())]
    vendor: &'static VendorSpec,
    /// The directory for objects and state; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    lake: PathBuf,
    /// The file with the source's secret [default: environment variables]
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// A prefix for the key of every object; it must end with a slash
    #[arg(long, default_value = "", value_parser = prefix)]
    prefix: String,
    /// Start a new stream this many days before now
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(0..=3650))]
    lookback_days: u16,
    /// A folder of data models; each replaces the built-in one of its log type for p_udm
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 drained; 1 the next tick carries on, or there is a gap; 2 the command, a file it \
    names, or a variable is\nwrong; 3 a person must act.";

/// Returns the variables of all vendors and these exit codes, which follow the help.
pub(crate) fn variables_and(exit_codes: &str) -> String {
    let variables = vendors::VENDORS.map(|vendor| vendor.variables_help).join("\n");
    format!("Environment:\n{variables}\n\n{exit_codes}")
}

/// Parses a prefix, which must be empty or end with a slash. It is refused if it looks like a secret, because it
/// becomes part of every object's key.
pub(crate) fn prefix(text: &str) -> Result<String, String> {
    if looks_like_a_key(text) {
        return Err("holds a key".to_owned());
    }
    if text.is_empty() || text.ends_with('/') { Ok(text.to_owned()) } else { Err("must end in a slash".to_owned()) }
}

/// Returns the name of the secret in messages: its file, or that it comes from environment variables.
pub(crate) fn secret_name(file: Option<&PathBuf>) -> String {
    file.map_or_else(|| FROM_VARIABLES.to_owned(), |file| file.display().to_string())
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failed> {
    let secret_name = secret_name(args.secret.as_ref());
    let secret = config::secret(args.vendor, args.secret.clone())?;
    let secrets = LocalSecrets::new([(secret_name.clone(), secret)]);
    let (http, clock) = (HttpClient::new()?, CliClock::default());
    let opening = SourceParts { http: &http, secrets: &secrets, clock: &clock, secret_name: &secret_name };
    let source = (args.vendor.open)(opening, &config::variable).await?;
    let reports = tick(&args, &*source, &clock).await?;
    show(&reports, args.json)?;
    Ok(Exit::of(&reports))
}

async fn tick(args: &Args, source: &dyn AnySource, clock: &CliClock) -> Result<Vec<StreamReport>, Failed> {
    let settings = Settings {
        prefix: args.prefix.clone(),
        lookback_seconds: i64::from(args.lookback_days) * 86_400,
        ..Settings::default()
    };
    let mut lake = Lake::open(&args.lake, settings)?;
    if let Some(folder) = &args.models {
        lake.models = Models::load_or_print_faults(folder)?.into_custom_models();
    }
    let cache = SourceCache::default();
    let tick = source.tick(&lake, &cache, clock, args.vendor.max_tick_time);
    let reports = progress::wait_with_progress(&cache, tick).await;
    lake.record(&reports, clock.now().as_second());
    Ok(reports)
}

#[derive(Debug, Serialize)]
struct PullResult<'a> {
    streams: &'a [StreamReport],
}

fn show(reports: &[StreamReport], json: bool) -> Result<(), Failed> {
    reports.iter().flat_map(problems).for_each(|problem| output::print_error(&problem));
    if json {
        return output::print_json(&PullResult { streams: reports });
    }
    let drifts = reports.iter().flat_map(|report| drift::lines(&report.source, report.log_type, &report.lines.drift));
    let drifts = drift::section(&drifts.collect::<Vec<_>>());
    output::print_line(&format!("{}{drifts}", output::table(&rows(reports), 2)))
}

/// Returns everything about the stream that a person should read: gaps, waiting, silence, failure and pending work.
pub(crate) fn problems(report: &StreamReport) -> Vec<String> {
    let gaps = report.gaps.iter().map(gap_text);
    let notes = [&report.notes.waiting, &report.notes.silence].into_iter().flatten().cloned();
    let failure = report.failure.iter().map(|failure| failure.message.clone());
    gaps.chain(notes).chain(failure).chain(pending_text(report)).collect()
}

fn rows(reports: &[StreamReport]) -> Vec<[String; 9]> {
    let head = ["source", "log type", "events", "delivered", "repeats", "rejected", "objects", "bytes", "end"];
    let row = |report: &StreamReport| {
        let counts = [
            report.listed.events,
            report.lines.delivered,
            report.listed.duplicates,
            report.lines.rejected,
            report.lines.objects,
            report.lines.bytes,
        ];
        let [events, delivered, repeats, rejected, objects, bytes] = counts.map(|count| count.to_string());
        let end = outcome_text(report);
        let (source, log_type) = (report.source.clone(), report.log_type.to_owned());
        [source, log_type, events, delivered, repeats, rejected, objects, bytes, end]
    };
    std::iter::once(head.map(str::to_owned)).chain(reports.iter().map(row)).collect()
}

/// Returns the outcome of the stream's tick in a few words.
pub(crate) fn outcome_text(report: &StreamReport) -> String {
    let pending = &report.pending;
    let end = match (&report.failure, report.drained) {
        (Some(_), _) => "failed",
        (None, _) if report.notes.waiting.is_some() => "waiting",
        (None, true) => "drained",
        (None, false) if pending.is_empty() => "cut short",
        (None, false) => "delivered",
    };
    let count =
        |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
    let counts = [count(pending.pending_spans, "span"), count(pending.pending_blobs, "blob")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let pending = (!counts.is_empty()).then(|| format!("{} pending", counts.join(" and ")));
    let parts = [Some(end.to_owned()), pending, count(report.gaps.len() as u64, "gap")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Describes a gap for people: its time span and its cause.
fn gap_text(gap: &Gap) -> String {
    let time = |second| Timestamp::from_second(second).map_or_else(|_| format!("{second} s"), |time| time.to_string());
    format!("{}. Gap: events from {} until {} may be missing", gap.cause, time(gap.from), time(gap.to))
}

/// Describes the pending work of a stream for people: how much there is, since when and why. `None` if there is none.
fn pending_text(report: &StreamReport) -> Option<String> {
    let reason = report.pending.pending_reason.as_ref()?;
    let hours = report.pending.pending_age_seconds.unwrap_or(0) as f64 / 3_600.0;
    let name = format!("{}/{}", report.source, report.stream);
    Some(format!(
        "{name}: part of it has failed for {hours:.1} h and is retried, everything else is delivered: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use collector::{Failure, Notes, PendingReport, PortError};

    use super::*;

    #[test]
    fn the_outcome_mentions_pending_work() {
        let pending = PendingReport {
            pending_spans: 1,
            pending_blobs: 3,
            pending_age_seconds: Some(5_400),
            pending_reason: Some("HTTP 500".to_owned()),
        };
        let report =
            StreamReport { source: "acme".to_owned(), stream: "dlp".to_owned(), pending, ..Default::default() };
        assert_eq!(outcome_text(&report), "delivered, 1 span and 3 blobs pending");
        assert!(
            super::pending_text(&report)
                .is_some_and(|text| text.starts_with("acme/dlp: part of it has failed for 1.5 h"))
        );
        let failure = Some(Failure::new("acme/dlp", &PortError::next_tick("no")));
        assert_eq!(outcome_text(&StreamReport { failure, ..report }), "failed, 1 span and 3 blobs pending");
        assert_eq!(outcome_text(&StreamReport::default()), "cut short");
        assert_eq!(outcome_text(&StreamReport { drained: true, ..StreamReport::default() }), "drained");
    }

    #[test]
    fn d1_a_gap_says_from_when_to_when_in_words() {
        let gap = Gap { from: 1_795_330_800, to: 1_795_334_400, cause: "acme/dlp: content x expired".to_owned() };
        let text = "acme/dlp: content x expired. Gap: events from 2026-11-22T07:00:00Z until 2026-11-22T08:00:00Z may \
                    be missing";
        assert_eq!(gap_text(&gap), text);
        let report = StreamReport { drained: true, gaps: vec![gap], ..StreamReport::default() };
        assert_eq!(outcome_text(&report), "drained, 1 gap");
    }

    #[test]
    fn d9_a_stream_that_waits_for_its_first_content_is_not_called_drained() {
        let notes = Notes { waiting: Some("it waits".to_owned()), ..Notes::default() };
        assert_eq!(outcome_text(&StreamReport { drained: true, notes, ..StreamReport::default() }), "waiting");
    }

    #[test]
    fn a_prefix_that_could_damage_keys_or_is_a_secret_is_refused() {
        assert_eq!(prefix("").as_deref(), Ok(""));
        assert_eq!(prefix("team/").as_deref(), Ok("team/"));
        assert!(prefix("team").is_err());
        assert!(prefix("sk-admin-canary/").is_err());
    }
}
