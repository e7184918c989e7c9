//! The outcome of each stream's last ticks, for people who ask for the status of a lake.
//!
//! A tick needs none of it, so a record that is lost or damaged is begun again.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use collector::{PortError, StreamReport, UnixSeconds};
use serde::{Deserialize, Serialize};

use super::layout::PRIVATE_DIR;

/// The file that a process locks while it changes records. The operating system releases the lock of a process that
/// dies; the empty file stays.
const LOCK: &str = "ticks.lock";

/// The outcome of a stream's last ticks. Times are in seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickRecord {
    /// The end of the last tick.
    pub last_tick: UnixSeconds,
    /// The end of the last tick without a failure; `None` if there was none.
    pub last_success: Option<UnixSeconds>,
    /// The last failure; `None` if there was none.
    pub last_error: Option<TickError>,
    /// The oldest watermark after the last tick that knew it.
    pub watermark: Option<UnixSeconds>,
    /// The number of gaps that ticks have reported.
    pub gaps: u64,
    /// The end of the last tick that reported a gap.
    pub last_gap: Option<UnixSeconds>,
}

/// The failure of a tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickError {
    /// The end of the tick, in seconds since 1970.
    pub at: UnixSeconds,
    /// `true` if a person must act.
    pub needs_person: bool,
    /// The message, which has no secret.
    pub message: String,
}

impl TickRecord {
    /// Returns the record after one more tick, which ended at `now` with this report.
    #[must_use]
    pub fn after(mut self, report: &StreamReport, now: UnixSeconds) -> Self {
        self.last_tick = now;
        match &report.failure {
            None => self.last_success = Some(now),
            Some(failure) => {
                let message = failure.message.clone();
                self.last_error = Some(TickError { at: now, needs_person: failure.needs_person, message });
            }
        }
        self.watermark = report.notes.watermark_lag_seconds.map(|lag| now - lag).or(self.watermark);
        if !report.gaps.is_empty() {
            self.gaps += report.gaps.len() as u64;
            self.last_gap = Some(now);
        }
        self
    }

    /// Returns the failure of the last tick; `None` if it had none.
    pub fn current_error(&self) -> Option<&TickError> {
        self.last_error.as_ref().filter(|error| error.at == self.last_tick)
    }
}

/// The records of a lake, each in a file: `{lake}/.audit-pull/ticks/{prefix}{source}-{table}.json`.
#[derive(Debug)]
pub struct LocalTickRecords {
    directory: PathBuf,
    lock: PathBuf,
}

impl LocalTickRecords {
    /// Returns the records of the lake's deployment whose keys begin with `prefix`, which is empty or ends in a slash.
    pub fn new(lake: &Path, prefix: &str) -> Self {
        let private = lake.join(PRIVATE_DIR);
        Self { directory: private.join("ticks").join(prefix), lock: private.join(LOCK) }
    }

    /// Adds the reports of a tick that ended at `now` to the records.
    ///
    /// # Errors
    /// A file cannot be written. The tick itself is not affected.
    pub fn add(&self, reports: &[StreamReport], now: UnixSeconds) -> Result<(), PortError> {
        self.write_all(reports, now).map_err(|error| {
            let directory = self.directory.display();
            PortError::next_tick(format!(
                "cannot write the outcome of the tick to {directory}: {error}; `status` will not show it"
            ))
        })
    }

    fn write_all(&self, reports: &[StreamReport], now: UnixSeconds) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let lock = File::create(&self.lock)?;
        lock.lock()?;
        for report in reports {
            let record = self.read(&report.source, &report.stream).unwrap_or_default().after(report, now);
            let path = self.path(&report.source, &report.stream);
            // A reader sees the old or the new record, never a part of one.
            let new = path.with_extension("new");
            fs::write(&new, serde_json::to_vec(&record)?)?;
            fs::rename(new, path)?;
        }
        Ok(())
    }

    /// Returns the record of a stream; `None` if there is none that can be read.
    pub fn read(&self, source: &str, table: &str) -> Option<TickRecord> {
        serde_json::from_slice(&fs::read(self.path(source, table)).ok()?).ok()
    }

    fn path(&self, source: &str, table: &str) -> PathBuf {
        self.directory.join(format!("{source}-{table}.json"))
    }
}

#[cfg(test)]
mod tests {
    use collector::{Failure, Gap, Notes};

    use super::*;

    fn report(failure: Option<&str>, lag: Option<i64>) -> StreamReport {
        StreamReport {
            source: "acme".to_owned(),
            stream: "openai_audit".to_owned(),
            failure: failure.map(|message| Failure { needs_person: true, message: message.to_owned() }),
            notes: Notes { watermark_lag_seconds: lag, ..Notes::default() },
            ..StreamReport::default()
        }
    }

    #[test]
    fn the_last_success_and_the_last_error_are_both_kept() {
        let lake = tempfile::tempdir().unwrap();
        let records = LocalTickRecords::new(lake.path(), "team/");
        assert_eq!(records.read("acme", "openai_audit"), None);
        records.add(&[report(None, Some(30))], 100).unwrap();
        records.add(&[report(Some("no key"), None)], 160).unwrap();
        let read = records.read("acme", "openai_audit").unwrap();
        assert_eq!((read.last_tick, read.last_success, read.watermark), (160, Some(100), Some(70)));
        assert_eq!(read.current_error().map(|error| (error.at, error.message.as_str())), Some((160, "no key")));
        records.add(&[report(None, Some(0))], 220).unwrap();
        let read = records.read("acme", "openai_audit").unwrap();
        assert_eq!((read.current_error(), read.last_error.as_ref().map(|error| error.at)), (None, Some(160)));
    }

    #[test]
    fn gaps_are_counted_over_all_ticks() {
        let gap = Gap { from: 0, to: 1, cause: String::new() };
        let with_gaps = StreamReport { gaps: vec![gap.clone(), gap], ..report(None, None) };
        let record = TickRecord::default().after(&with_gaps, 5).after(&with_gaps, 9).after(&report(None, None), 12);
        assert_eq!((record.gaps, record.last_gap), (4, Some(9)));
    }

    #[test]
    fn a_damaged_record_is_begun_again() {
        let lake = tempfile::tempdir().unwrap();
        let records = LocalTickRecords::new(lake.path(), "");
        records.add(&[report(None, None)], 1).unwrap();
        fs::write(records.path("acme", "openai_audit"), "{").unwrap();
        assert_eq!(records.read("acme", "openai_audit"), None);
        records.add(&[report(None, None)], 2).unwrap();
        assert_eq!(records.read("acme", "openai_audit").unwrap().last_success, Some(2));
    }
}
