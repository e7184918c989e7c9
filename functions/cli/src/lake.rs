//! One lake and one tick on it.

use std::path::{Path, PathBuf};

use adapters::local::{LocalBucket, LocalState};
use collector::{Clock, Env, Settings, Source, SourceCache, StreamReport, Vendor, run_tick};
use jiff::SignedDuration;
use schema::CustomModels;

use crate::exit::Failed;

/// A lake's ports and what was chosen for it.
#[derive(Debug)]
pub(crate) struct Lake {
    pub(crate) path: PathBuf,
    pub(crate) state: LocalState,
    pub(crate) bucket: LocalBucket,
    pub(crate) settings: Settings,
    /// Custom data models, which replace the built-in ones of their log types.
    pub(crate) models: CustomModels,
}

impl Lake {
    /// Opens the lake, making it when there is none.
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
            path: path.to_owned(),
            state: LocalState::open(path)?,
            bucket: LocalBucket::open(path, &settings.prefix)?,
            settings,
            models: CustomModels::default(),
        })
    }

    /// One tick of the source, which ends within `time`.
    pub(crate) async fn tick<V: Vendor>(
        &self,
        source: &Source<V>,
        cache: &SourceCache,
        clock: &impl Clock,
        time: SignedDuration,
    ) -> Vec<StreamReport> {
        let env = Env {
            state: &self.state,
            bucket: &self.bucket,
            clock,
            settings: &self.settings,
            models: &self.models,
            deadline: clock.now().saturating_add(time).unwrap_or(jiff::Timestamp::MAX),
        };
        run_tick(&env, source, cache).await
    }
}
