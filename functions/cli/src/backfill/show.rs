//! Prints the outcome of a backfill.

use collector::{Gap, StreamReport, Unfinished};
use serde::Serialize;

use crate::exit::{Exit, Failed};
use crate::output::{self, time_text};
use crate::pull;

/// The outcome of a backfill of one source.
pub(super) struct Outcome {
    pub(super) reports: Vec<StreamReport>,
    pub(super) gaps: Vec<Gap>,
    pub(super) unfinished: Vec<Unfinished>,
}

/// Returns the exit code of the backfill of one source.
pub(super) fn exit(outcome: &Outcome) -> Exit {
    let needs_person = |report: &StreamReport| report.failure.as_ref().is_some_and(|failure| failure.needs_person);
    if outcome.reports.iter().any(needs_person) {
        return Exit::Person;
    }
    if outcome.unfinished.is_empty() && outcome.gaps.is_empty() { Exit::Success } else { Exit::NextTick }
}

#[derive(Debug, Serialize)]
struct BackfillResult<'a> {
    streams: Vec<&'a StreamReport>,
    gaps: Vec<&'a Gap>,
    unfinished: Vec<UnfinishedPart>,
}

/// A part of the span that is not delivered, as it is printed.
#[derive(Debug, Serialize)]
struct UnfinishedPart {
    stream: String,
    listing: String,
    from: String,
    to: String,
    reason: Option<String>,
}

impl From<&Unfinished> for UnfinishedPart {
    fn from(part: &Unfinished) -> Self {
        Self {
            stream: part.stream.clone(),
            listing: part.listing.clone(),
            from: time_text(part.window.from),
            to: time_text(part.window.to),
            reason: part.reason.clone(),
        }
    }
}

/// Prints the outcomes: what is not delivered to standard error, and the counts as a table or one JSON object.
pub(super) fn show(outcomes: &[Outcome], is_json: bool) -> Result<(), Failed> {
    let streams: Vec<&StreamReport> = outcomes.iter().flat_map(|outcome| &outcome.reports).collect();
    let gaps: Vec<&Gap> = outcomes.iter().flat_map(|outcome| &outcome.gaps).collect();
    let unfinished = outcomes.iter().flat_map(|outcome| &outcome.unfinished).map(UnfinishedPart::from);
    let unfinished: Vec<UnfinishedPart> = unfinished.collect();
    streams.iter().flat_map(|report| &report.failure).for_each(|failure| output::print_error(&failure.message));
    gaps.iter().for_each(|gap| output::print_error(&pull::gap_text(gap)));
    for UnfinishedPart { stream, listing, from, to, reason } in &unfinished {
        let reason = reason.as_deref().unwrap_or("it was not listed");
        output::print_error(&format!(
            "{stream}: not delivered from {from} until {to} ({listing}): {reason}; run the same command again"
        ));
    }
    if is_json {
        return output::print_json(&BackfillResult { streams, gaps, unfinished });
    }
    output::print_line(&output::table(&rows(&streams), 2))
}

fn rows(reports: &[&StreamReport]) -> Vec<[String; 6]> {
    let head = ["source", "log type", "events", "delivered", "repeats", "rejected"].map(str::to_owned);
    let row = |report: &&StreamReport| {
        let (listed, lines) = (&report.listed, &report.lines);
        let counts = [listed.events, lines.delivered, listed.duplicates, lines.rejected];
        let [events, delivered, repeats, rejected] = counts.map(|count| count.to_string());
        [report.source.clone(), report.log_type.to_owned(), events, delivered, repeats, rejected]
    };
    std::iter::once(head).chain(reports.iter().map(row)).collect()
}
