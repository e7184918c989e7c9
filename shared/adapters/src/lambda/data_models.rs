//! The data models of one's own: read when a process starts, and again in the next tick if they could not be read.
//!
//! A set with a fault is not used at all, and needs a person; lines have the built-in names then.

use std::path::Path;
use std::time::Duration;

use collector::{Bucket, Clock, PortError, Recovery, StreamReport};
use data_models::files::{MAX_TOTAL_BYTES, ModelFiles, NamedFile, Root};
use data_models::specification::Fault;
use schema::{CustomModels, NO_CUSTOM_MODELS};

use super::environment::{Environment, ModelsPlace};
use super::in_flight::InFlight;
use super::isolated::isolated;
use super::methods::{self, StartError};
use super::sources::not_opened;
use crate::aws::{ListObjects, with_deadline};
use crate::{Links, read_folders};

/// Reading the models and starting their engine hold up the first tick no longer than this.
const READING: Duration = Duration::from_secs(25);
/// The most objects below the prefix of the models.
const MAX_OBJECTS: usize = 1_000;
/// The most faults that a message names.
const MAX_FAULTS: usize = 20;

/// The models, or the fault that needs a person; `None` until they were read.
#[derive(Debug, Default)]
pub(super) struct Models(Option<Result<CustomModels, PortError>>);

impl Models {
    /// The models of one's own; none if there is a fault.
    pub(super) fn custom(&self) -> &CustomModels {
        match &self.0 {
            Some(Ok(custom)) => custom,
            _ => &NO_CUSTOM_MODELS,
        }
    }

    /// Reads the models unless that is done, and reports why they are not used.
    pub(super) async fn load(
        &mut self,
        environment: &Environment,
        bucket: &(impl Bucket + ListObjects),
        clock: &impl Clock,
    ) -> Option<StreamReport> {
        let place = environment.data_models.as_ref()?;
        if self.0.is_none() {
            let (cut, calls) = (clock.now() + READING, InFlight::default());
            let what = "bucket: read the data models".to_owned();
            let work = load(place, &environment.settings.prefix, bucket, environment.method_bytes);
            let work = with_deadline(cut, calls.track(what, work));
            match isolated(clock, cut, &calls, work).await.flatten() {
                Err(error) if error.recovery != Recovery::Person => return Some(not_opened("data models", &error)),
                read => self.0 = Some(read),
            }
        }
        self.0.as_ref()?.as_ref().err().map(|error| not_opened("data models", error))
    }
}

/// Reads a set and makes it ready, on a thread of its own where that may take long.
async fn load(
    place: &ModelsPlace,
    prefix: &str,
    bucket: &(impl Bucket + ListObjects),
    memory_bytes: u64,
) -> Result<CustomModels, PortError> {
    let files = read(place, prefix, bucket).await?;
    let compiled = tokio::task::spawn_blocking(move || compile(files, memory_bytes)).await;
    compiled.unwrap_or_else(|error| Err(PortError::next_tick(format!("the data models are not loaded: {error}"))))
}

async fn read(
    place: &ModelsPlace,
    prefix: &str,
    bucket: &(impl Bucket + ListObjects),
) -> Result<Vec<NamedFile>, PortError> {
    match place {
        ModelsPlace::Bucket(path) => from_bucket(&format!("{prefix}{path}"), bucket).await,
        ModelsPlace::Package(path) => from_package(Path::new(path)),
    }
}

/// Reads all objects that belong to a set of models.
async fn from_bucket(prefix: &str, bucket: &(impl Bucket + ListObjects)) -> Result<Vec<NamedFile>, PortError> {
    let mut files = Vec::new();
    let mut bytes = 0;
    for key in bucket.keys(prefix, MAX_OBJECTS).await? {
        let path = key[prefix.len().min(key.len())..].to_owned();
        if root().role(&path).is_none() {
            continue;
        }
        // One that was deleted meanwhile does not belong to the set.
        let Some(content) = bucket.get(&key).await? else { continue };
        bytes += content.len();
        if bytes > MAX_TOTAL_BYTES {
            return Err(PortError::person(format!("the data models have more than {MAX_TOTAL_BYTES} bytes together")));
        }
        files.push(NamedFile { path, bytes: content });
    }
    Ok(files)
}

/// Reads all files of a folder that belong to a set of models.
fn from_package(folder: &Path) -> Result<Vec<NamedFile>, PortError> {
    let folders = vec![folder.to_owned()];
    let mut files = read_folders(&root(), folders, Links::PassOver).map_err(|fault| {
        PortError::person(format!("DATA_MODELS names a folder of the function's package that is not read: {fault}"))
    })?;
    for file in &mut files {
        let path = Path::new(&file.path);
        file.path = path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    }
    Ok(files)
}

/// Everything below the place is a set of models.
fn root() -> Root {
    Root::new("", true)
}

/// Checks and compiles a set, and starts its engine.
///
/// # Errors
/// All faults of the set, which a person must correct; or the engine cannot be started now, which is tried again.
fn compile(files: Vec<NamedFile>, memory_bytes: u64) -> Result<CustomModels, PortError> {
    let mut not_started = None;
    let start = |files: &ModelFiles| match methods::engine(files, memory_bytes) {
        Ok(engine) => Ok(engine),
        Err(StartError::Files(faults)) => Err(faults),
        Err(StartError::Engine(reason)) => {
            not_started = Some(PortError::next_tick(format!("the data models are not loaded: {reason}")));
            Ok(None)
        }
    };
    let (files, engine) = ModelFiles::read_with(&root(), files, start).map_err(|faults| with_faults(&faults))?;
    match not_started {
        Some(error) => Err(error),
        None => Ok(CustomModels::new(&files.specifications, engine.as_ref())),
    }
}

/// The error of a set with faults.
fn with_faults(faults: &[Fault]) -> PortError {
    let more = faults.len().saturating_sub(MAX_FAULTS);
    let mut named: Vec<_> = faults.iter().take(MAX_FAULTS).map(ToString::to_string).collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    PortError::person(format!(
        "lines have only the built-in names, because the set in DATA_MODELS has faults; correct them and deploy again, \
         or start the function anew: {}",
        named.join("; ")
    ))
}

#[cfg(test)]
mod tests;
