//! A lake, on the local disk or on AWS, and ticks that write to it.

use std::path::{Path, PathBuf};

use adapters::local::{LocalBucket, LocalState, LocalTickRecords};
use collector::{
    Backfill, Clock, Env, Settings, Source, SourceCache, StreamReport, UnixSeconds, Vendor, run_backfill, run_tick,
};
use jiff::SignedDuration;
use schema::CustomModels;

use crate::exit::Failed;
use crate::output;
use crate::place::stores::{AnyBucket, AnyState};

/// The ports to a lake, and the settings for its ticks.
#[derive(Debug)]
pub(crate) struct Lake {
    /// The directory of the lake; `None` if it is on AWS.
    path: Option<PathBuf>,
    pub(crate) state: AnyState,
    pub(crate) bucket: AnyBucket,
    pub(crate) settings: Settings,
    /// Custom data models. Each replaces the built-in model of its log type.
    pub(crate) models: CustomModels,
}

impl Lake {
    /// Opens the lake in the directory `path`, which is created if it does not exist.
    pub(crate) fn open(path: &Path, settings: Settings) -> Result<Self, Failed> {
        if path.as_os_str().is_empty() {
            return Err(Failed::usage("--lake is empty; name a directory"));
        }
        std::fs::create_dir_all(path).map_err(|error| {
            Failed::usage(format!(
                "cannot make the lake {}: {error}; name a directory that can be written with --lake",
                path.display()
            ))
        })?;
        Ok(Self {
            path: Some(path.to_owned()),
            state: AnyState::Local(LocalState::open(path)?),
            bucket: AnyBucket::Local(LocalBucket::open(path, &settings.prefix)?),
            settings,
            models: CustomModels::default(),
        })
    }

    /// Returns a lake on AWS.
    #[cfg(feature = "aws")]
    pub(crate) fn on_aws(state: AnyState, bucket: AnyBucket, settings: Settings) -> Self {
        Self { path: None, state, bucket, settings, models: CustomModels::default() }
    }

    /// Opens the state again if it is on the local disk, which deletes the ledger items that expired meanwhile.
    pub(crate) fn reopen_state(&mut self) -> Result<(), Failed> {
        if let Some(path) = &self.path {
            self.state = AnyState::Local(LocalState::open(path)?);
        }
        Ok(())
    }

    /// Records the outcome of a tick that ended at `now`, for `audit-pull status`. A failure is only printed, because
    /// no tick needs these records. On AWS there are none: the functions write a log instead.
    pub(crate) fn record(&self, reports: &[StreamReport], now: UnixSeconds) {
        let Some(path) = &self.path else { return };
        let records = LocalTickRecords::new(path, &self.settings.prefix);
        if let Err(error) = records.add(reports, now) {
            output::print_error(&error.message);
        }
    }

    /// Runs one tick of the source. Its deadline is `time` from now.
    pub(crate) async fn tick<V: Vendor>(
        &self,
        source: &Source<V>,
        cache: &SourceCache,
        clock: &impl Clock,
        time: SignedDuration,
    ) -> Vec<StreamReport> {
        run_tick(&self.env(clock, time), source, cache).await
    }

    /// Runs one step of a backfill of the source. Its deadline is `time` from now.
    pub(crate) async fn backfill<V: Vendor>(
        &self,
        source: &Source<V>,
        (cache, backfill): (&SourceCache, &Backfill),
        clock: &impl Clock,
        time: SignedDuration,
    ) -> Vec<StreamReport> {
        run_backfill(&self.env(clock, time), source, cache, backfill).await
    }

    fn env<'a, C: Clock>(&'a self, clock: &'a C, time: SignedDuration) -> Env<'a, AnyState, AnyBucket, C> {
        Env {
            state: &self.state,
            bucket: &self.bucket,
            clock,
            settings: &self.settings,
            models: &self.models,
            deadline: clock.now().saturating_add(time).unwrap_or(jiff::Timestamp::MAX),
        }
    }
}
