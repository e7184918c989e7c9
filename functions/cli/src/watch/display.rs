//! The output of a watch: a live table on a terminal, else one line per tick.

use std::io::IsTerminal;

use adapters::clock::SystemClock;
use collector::{Clock, StreamReport};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::printer::{Line, Printer};
use super::view::{self, VendorView};
use crate::exit::Failed;
use crate::progress::UPDATE_INTERVAL;
use crate::{output, progress, pull};

/// The form of the output.
#[derive(Debug)]
pub(super) enum Display {
    /// A table that is updated in place.
    Live(ProgressBar),
    /// One line of text per tick; problems go to standard error.
    Lines(Printer),
    /// One JSON object per tick.
    Json(Printer),
}

/// A tick that has ended.
#[derive(Debug)]
pub(super) struct EndedTick<'a> {
    pub(super) vendor: &'static str,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    /// The reports, or the reason why the tick could not begin.
    pub(super) outcome: &'a Result<Vec<StreamReport>, String>,
}

#[derive(Serialize)]
struct JsonTick<'a> {
    vendor: &'a str,
    began: String,
    ended: String,
    streams: &'a [StreamReport],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl Display {
    /// Returns the live table if both outputs are terminals, unless JSON is wanted.
    pub(super) fn new(is_json: bool) -> Self {
        if is_json {
            return Self::Json(Printer::new());
        }
        if !std::io::stderr().is_terminal() || !std::io::stdout().is_terminal() {
            return Self::Lines(Printer::new());
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self::Live(bar)
    }

    /// Shows a tick that has ended. A reader who does not read holds up no tick: see [`Printer`].
    pub(super) fn show(&self, tick: &EndedTick<'_>) -> Result<(), Failed> {
        match self {
            Self::Live(_) => Ok(()),
            Self::Lines(printer) => {
                let problems = match tick.outcome {
                    Ok(reports) => reports.iter().flat_map(pull::problems).collect(),
                    Err(message) => vec![message.clone()],
                };
                problems.into_iter().try_for_each(|text| printer.print(Line::Message(text)))?;
                printer.print(Line::Output(line(tick)))
            }
            Self::Json(printer) => {
                let json = output::json(&JsonTick {
                    vendor: tick.vendor,
                    began: tick.began.to_string(),
                    ended: tick.ended.to_string(),
                    streams: tick.outcome.as_deref().unwrap_or_default(),
                    error: tick.outcome.as_ref().err().map(String::as_str),
                })?;
                printer.print(Line::Output(json))
            }
        }
    }

    /// Prints a message for a person to standard error, above the table if there is one.
    ///
    /// # Errors
    /// An earlier line could not be written.
    pub(super) fn say(&self, text: &str) -> Result<(), Failed> {
        match self {
            Self::Live(bar) => {
                bar.suspend(|| output::print_error(text));
                Ok(())
            }
            Self::Lines(printer) | Self::Json(printer) => printer.print(Line::Message(text.to_owned())),
        }
    }

    /// Updates the live table for ever. Waits for ever if there is none.
    pub(super) async fn refresh(&self, views: &[VendorView]) {
        let Self::Live(bar) = self else { return std::future::pending().await };
        loop {
            bar.set_message(view::table(views, SystemClock.now()));
            bar.tick();
            SystemClock.sleep(UPDATE_INTERVAL).await;
        }
    }

    /// Replaces the live table by its last state, which stays on the terminal. Prints the lines that still wait.
    pub(super) fn finish(self, views: &[VendorView]) -> Result<(), Failed> {
        match self {
            Self::Live(bar) => {
                bar.finish_and_clear();
                output::print_line(&view::table(views, SystemClock.now()))
            }
            Self::Lines(printer) | Self::Json(printer) => printer.finish(),
        }
    }
}

/// Describes a tick in one line: its end, vendor, counts, largest lag and duration, and the streams that are not
/// drained.
fn line(tick: &EndedTick<'_>) -> String {
    let at = tick.ended.round(jiff::Unit::Second).unwrap_or(tick.ended);
    let seconds = tick.ended.duration_since(tick.began).max(SignedDuration::ZERO).as_secs_f64();
    let Ok(reports) = tick.outcome else { return format!("{at} {}: failed ({seconds:.1} s)", tick.vendor) };
    let sum = |count: fn(&StreamReport) -> u64| reports.iter().map(count).sum::<u64>();
    let lag = reports.iter().filter_map(|report| report.notes.watermark_lag_seconds).max();
    let lag = lag.map(|lag| format!(", lag {}", progress::duration(lag))).unwrap_or_default();
    let open: Vec<String> = reports.iter().filter(|report| !report.drained).map(open_stream).collect();
    let end = if open.is_empty() { "drained".to_owned() } else { open.join("; ") };
    format!(
        "{at} {}: {} events, {} delivered, {} rejected{lag}, {end} ({seconds:.1} s)",
        tick.vendor,
        sum(|report| report.listed.events),
        sum(|report| report.lines.delivered),
        sum(|report| report.lines.rejected),
    )
}

fn open_stream(report: &StreamReport) -> String {
    format!("{}/{} {}", report.source, report.stream, pull::outcome_text(report))
}

#[cfg(test)]
mod tests {
    use collector::{LineCounts, ListedCounts, Notes};

    use super::*;

    fn shown(outcome: Result<Vec<StreamReport>, String>) -> String {
        let at = |second| Timestamp::from_second(second).unwrap();
        line(&EndedTick { vendor: "openai", began: at(0), ended: at(2), outcome: &outcome })
    }

    #[test]
    fn a_tick_is_one_line() {
        let report = |drained, lag| StreamReport {
            source: "acme".to_owned(),
            stream: "openai_audit".to_owned(),
            listed: ListedCounts { events: 5, ..ListedCounts::default() },
            lines: LineCounts { delivered: 2, rejected: 1, ..LineCounts::default() },
            notes: Notes { watermark_lag_seconds: Some(lag), ..Notes::default() },
            drained,
            ..StreamReport::default()
        };
        assert_eq!(
            shown(Ok(vec![report(true, 3), report(true, 61)])),
            "1970-01-01T00:00:02Z openai: 10 events, 4 delivered, 2 rejected, lag 1 min, drained (2.0 s)"
        );
        assert!(shown(Ok(vec![report(false, 3)])).ends_with("lag 3 s, acme/openai_audit cut short (2.0 s)"));
        assert_eq!(shown(Err("no disk".to_owned())), "1970-01-01T00:00:02Z openai: failed (2.0 s)");
    }
}
