//! The state of a vendor's ticks, as a watch shows it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use collector::{SourceCache, StreamReport};
use jiff::Timestamp;

use crate::vendor::VendorSpec;
use crate::{output, progress, pull};

/// At most this many problems are shown below the table; the others are in the log lines.
const MAX_PROBLEMS: usize = 10;

/// The state of one vendor's ticks.
#[derive(Debug)]
pub(super) struct VendorView {
    pub(super) vendor: &'static VendorSpec,
    /// The data that the source keeps between ticks. It counts the progress of the running tick.
    pub(super) cache: SourceCache,
    /// The start of the running tick; `None` while no tick runs.
    pub(super) running_since: Cell<Option<Timestamp>>,
    /// The time of the next tick.
    pub(super) due: Cell<Timestamp>,
    /// The number of ticks that have ended.
    pub(super) ticks: Cell<u64>,
    streams: RefCell<BTreeMap<String, StreamView>>,
    /// The failure of the last tick that could not begin.
    failure: RefCell<Option<String>>,
}

/// The totals of one stream since the start, and its last report.
#[derive(Debug, Default)]
struct StreamView {
    delivered: u64,
    rejected: u64,
    gaps: u64,
    last: StreamReport,
}

impl VendorView {
    pub(super) fn new(vendor: &'static VendorSpec, due: Timestamp) -> Self {
        Self {
            vendor,
            cache: SourceCache::default(),
            running_since: Cell::new(None),
            due: Cell::new(due),
            ticks: Cell::new(0),
            streams: RefCell::default(),
            failure: RefCell::default(),
        }
    }

    /// Takes over the outcome of a tick: its reports, or the reason why it could not begin.
    pub(super) fn end_tick(&self, outcome: &Result<Vec<StreamReport>, String>) {
        self.running_since.set(None);
        self.ticks.set(self.ticks.get() + 1);
        self.failure.replace(outcome.as_ref().err().cloned());
        let mut streams = self.streams.borrow_mut();
        for report in outcome.iter().flatten() {
            let stream = streams.entry(format!("{}/{}", report.source, report.stream)).or_default();
            stream.delivered += report.lines.delivered;
            stream.rejected += report.lines.rejected;
            stream.gaps += report.gaps.len() as u64;
            stream.last = report.clone();
        }
    }

    /// Describes the tick that runs, or the time until the next one.
    fn activity(&self, now: Timestamp) -> String {
        let seconds = |from: Timestamp, to: Timestamp| progress::duration(to.duration_since(from).as_secs().max(0));
        match self.running_since.get() {
            Some(since) => format!(
                "{}: tick {} runs for {}: {}",
                self.vendor.name,
                self.ticks.get() + 1,
                seconds(since, now),
                progress::text(self.cache.progress())
            ),
            None => {
                format!(
                    "{}: {} ticks, the next in {}",
                    self.vendor.name,
                    self.ticks.get(),
                    seconds(now, self.due.get())
                )
            }
        }
    }
}

/// Returns the live table: the activity of each vendor, one row per stream, and the problems of the last ticks.
pub(super) fn table(views: &[VendorView], now: Timestamp) -> String {
    let head = ["source", "log type", "delivered", "rejected", "gaps", "lag", "last tick"].map(str::to_owned);
    let mut rows = vec![head];
    let mut problems = Vec::new();
    for view in views {
        problems.extend(view.failure.borrow().clone());
        for stream in view.streams.borrow().values() {
            rows.push(row(stream));
            problems.extend(pull::problems(&stream.last));
        }
    }
    let hidden = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    if hidden > 0 {
        problems.push(format!("and {hidden} more"));
    }
    let activities = views.iter().map(|view| view.activity(now));
    let table = (rows.len() > 1).then(|| output::table(&rows, 2));
    activities.chain(table).chain(problems).collect::<Vec<_>>().join("\n")
}

fn row(stream: &StreamView) -> [String; 7] {
    let report = &stream.last;
    let lag = report.notes.watermark_lag_seconds.map_or_else(|| "-".to_owned(), progress::duration);
    let [delivered, rejected, gaps] = [stream.delivered, stream.rejected, stream.gaps].map(|count| count.to_string());
    [report.source.clone(), report.log_type.to_owned(), delivered, rejected, gaps, lag, pull::outcome_text(report)]
}

#[cfg(test)]
mod tests {
    use collector::{Failure, LineCounts};

    use super::*;
    use crate::vendors::VENDORS;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn report(delivered: u64, failure: Option<&str>) -> StreamReport {
        StreamReport {
            source: "acme".to_owned(),
            stream: "openai_audit".to_owned(),
            log_type: "OpenAI.Audit",
            lines: LineCounts { delivered, ..LineCounts::default() },
            drained: failure.is_none(),
            failure: failure.map(|message| Failure { needs_person: false, message: message.to_owned() }),
            ..StreamReport::default()
        }
    }

    #[test]
    fn the_table_adds_up_ticks_and_shows_the_last_problem_only() {
        let view = VendorView::new(VENDORS[0], at(60));
        view.end_tick(&Ok(vec![report(3, Some("acme/openai_audit: no answer"))]));
        assert!(table(std::slice::from_ref(&view), at(20)).ends_with("acme/openai_audit: no answer"));
        view.end_tick(&Ok(vec![report(4, None)]));
        let text = table(std::slice::from_ref(&view), at(20));
        assert!(text.starts_with("openai: 2 ticks, the next in 40 s\n"), "{text}");
        let last = text.lines().last().unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(last, ["acme", "OpenAI.Audit", "7", "0", "0", "-", "drained"]);
    }

    #[test]
    fn a_tick_that_cannot_begin_is_shown_until_the_next_one() {
        let view = VendorView::new(VENDORS[0], at(60));
        view.end_tick(&Err("no disk".to_owned()));
        assert!(table(std::slice::from_ref(&view), at(0)).ends_with("no disk"));
        view.running_since.set(Some(at(60)));
        view.end_tick(&Ok(vec![]));
        assert!(!table(std::slice::from_ref(&view), at(0)).contains("no disk"));
    }

    #[test]
    fn a_running_tick_shows_its_progress() {
        let view = VendorView::new(VENDORS[0], at(0));
        view.running_since.set(Some(at(0)));
        let text = table(std::slice::from_ref(&view), at(5));
        assert_eq!(text, "openai: tick 1 runs for 5 s: 0 pages, 0 blobs, 0 events, 0 delivered");
    }
}
