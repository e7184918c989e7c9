//! Prints the result of a demo, as text or as JSON.

use std::path::Path;

use collector::Drift;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::exit::Failed;
use crate::{drift, output};

/// The result for one stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    pub(super) source: String,
    /// The table of the stream, which is its folder in the lake.
    pub(super) stream: String,
    pub(super) log_type: &'static str,
    /// The number of different events that the simulator has shown.
    pub(super) served: u64,
    /// The number of different events in the lake.
    pub(super) delivered: u64,
    /// The number of lines in the lake whose event is already on an earlier line.
    pub(super) duplicates: u64,
    pub(super) rejected: u64,
    pub(super) objects: u64,
    pub(super) bytes: u64,
    /// The number of repeats: events that the vendor listed again and the collector did not deliver again.
    pub(super) repeats: u64,
    /// The number of listed events per second, including repeats, over the time that the vendor's ticks took.
    pub(super) events_per_second: u64,
    /// The drift of the lines that this run delivered.
    #[serde(flatten)]
    pub(super) drift: Drift,
    pub(super) files: String,
}

impl Row {
    /// Returns `true` if every served event was delivered exactly once.
    pub(super) fn is_exact(&self) -> bool {
        self.served == self.delivered && self.duplicates == 0
    }
}

/// The result of the whole demo.
#[derive(Debug, Serialize)]
pub(super) struct DemoResult<'a> {
    pub(super) streams: &'a [Row],
    pub(super) lake: &'a Path,
    pub(super) seed: u64,
    pub(super) samples: &'a [Box<RawValue>],
}

/// Prints the result as a table, or with `json` as one JSON object.
pub(super) fn show(shown: &DemoResult<'_>, json: bool) -> Result<(), Failed> {
    if json {
        return output::print_json(shown);
    }
    let files = shown.streams.iter().map(|row| format!("  {}", row.files)).collect::<Vec<_>>().join("\n");
    let samples = shown.samples.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n");
    let verdict = if shown.streams.iter().all(Row::is_exact) {
        "Every event that was served is in the lake exactly once."
    } else {
        "NOT every event that was served is in the lake exactly once."
    };
    let drifts = shown.streams.iter().flat_map(|row| drift::lines(&row.source, row.log_type, &row.drift));
    let drifts = drift::section(&drifts.collect::<Vec<_>>());
    let table = table(shown.streams);
    output::print_line(&format!("{table}{drifts}\n\nFiles:\n{files}\n\nLines:\n{samples}\n\n{verdict}"))
}

fn table(rows: &[Row]) -> String {
    let head = ["log type", "served", "delivered", "duplicates", "rejected", "objects", "bytes", "repeats", "events/s"];
    let row = |row: &Row| {
        let counts = [
            row.served,
            row.delivered,
            row.duplicates,
            row.rejected,
            row.objects,
            row.bytes,
            row.repeats,
            row.events_per_second,
        ];
        let mut cells = std::iter::once(row.log_type.to_owned()).chain(counts.map(|count| count.to_string()));
        std::array::from_fn::<_, 9, _>(|_| cells.next().unwrap_or_default())
    };
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(rows.iter().map(row)).collect();
    output::table(&rows, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(served: u64, delivered: u64, duplicates: u64) -> Row {
        Row {
            source: "demo".into(),
            stream: "openai_audit".into(),
            log_type: "OpenAI.Audit",
            served,
            delivered,
            duplicates,
            rejected: 0,
            objects: 1,
            bytes: 1,
            repeats: 5,
            events_per_second: 9,
            drift: Drift::default(),
            files: String::new(),
        }
    }

    #[test]
    fn a_row_is_exact_if_every_event_was_delivered_once() {
        assert!(row(3, 3, 0).is_exact());
        assert!(!row(3, 2, 0).is_exact());
        assert!(!row(3, 3, 1).is_exact());
        assert!(!row(2, 3, 0).is_exact());
    }

    #[test]
    fn a_table_has_one_row_per_stream() {
        let table = table(&[row(3, 3, 0), row(1_000, 1_000, 0)]);
        assert_eq!(table.lines().count(), 3);
        assert!(table.lines().nth(1).unwrap().starts_with("OpenAI.Audit       3"), "{table}");
    }
}
