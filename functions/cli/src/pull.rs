//! `audit-pull pull`: runs one tick against a vendor.

use std::path::PathBuf;

use adapters::http::HttpClient;
use collector::{Clock, Gap, SourceCache, StreamReport};
use jiff::SignedDuration;
use serde::Serialize;

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::lake::Lake;
use crate::models::Models;
use crate::place::PlaceArgs;
use crate::place::secrets::SecretArgs;
use crate::place::sources::open_sources;
use crate::vendor::{AnySource, VendorSpec};
use crate::{drift, output, progress, vendors};

#[derive(Debug, clap::Args)]
#[command(after_help = variables_and(EXIT_CODES))]
pub(crate) struct Args {
    /// The vendor to pull from
    #[arg(value_parser = vendors::parser())]
    vendor: &'static VendorSpec,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// With --stack: pull only the source with this id [default: each source of the stack, one after the other]
    #[arg(long, value_name = "ID", requires = "stack", conflicts_with_all = ["secret", "secret_arn"])]
    source: Option<String>,
    /// Start a new stream this many days before now [default: 7, or the stack's own]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=3650))]
    lookback_days: Option<u16>,
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
    format!("Environment (with --stack, the stack's own settings instead):\n{variables}\n\n{exit_codes}")
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failed> {
    let place = args.place.find().await?;
    place.check_models(args.models.as_ref())?;
    let secrets = args.secret.find(Some(&place), args.vendor).await?;
    let (http, clock) = (HttpClient::new()?, CliClock::default());
    let variables = |name: &str| place.variable(name);
    let sources = open_sources(args.vendor, (&http, &clock), &secrets, &variables, args.source.as_deref()).await?;
    let mut lake = place.open(place.settings(args.lookback_days))?;
    if let Some(folder) = &args.models {
        lake.models = Models::load_or_print_faults(folder)?.into_custom_models();
    }
    let mut reports = Vec::new();
    for source in &sources.opened {
        reports.extend(tick(&lake, &**source, &clock, args.vendor.max_tick_time).await);
    }
    show(&reports, args.json)?;
    Ok(Exit::of(&reports).max(sources.exit))
}

async fn tick(lake: &Lake, source: &dyn AnySource, clock: &CliClock, time: SignedDuration) -> Vec<StreamReport> {
    let cache = SourceCache::default();
    let tick = source.tick(lake, &cache, clock, time);
    let reports = progress::wait_with_progress(&cache, tick).await;
    lake.record(&reports, clock.now().as_second());
    reports
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
pub(crate) fn gap_text(gap: &Gap) -> String {
    let (from, to) = (output::time_text(gap.from), output::time_text(gap.to));
    format!("{}. Gap: events from {from} until {to} may be missing", gap.cause)
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
}
