//! The deployment's own data models. They are read when a process starts. After a failure that may pass, the next tick
//! reads them again.
//!
//! A set of models with a fault is not used at all and needs a person; until then the built-in models are used.

use std::path::Path;
use std::time::Duration;

use collector::{Bucket, Clock, PortError, Recovery, StreamReport};
use data_models::files::{MAX_TOTAL_BYTES, ModelFiles, NamedFile, Root};
use data_models::specification::Fault;
use schema::{CustomModels, NO_CUSTOM_MODELS};

use super::environment::{Environment, ModelsPlace};
use super::in_flight::InFlight;
use super::isolated::run_isolated;
use super::methods::{self, StartError};
use super::sources::not_opened;
use crate::aws::{ListObjects, with_deadline};
use crate::{Links, read_folders};

/// Time limit for reading the models and starting their engine, which delays the first tick.
const READ_TIMEOUT: Duration = Duration::from_secs(25);
/// The prefix of the models may hold at most this many objects.
const MAX_OBJECTS: usize = 1_000;
/// A message names at most this many faults.
const MAX_FAULTS: usize = 20;

/// The models, or the error that needs a person; `None` until they were read.
#[derive(Debug, Default)]
pub(super) struct Models(Option<Result<CustomModels, PortError>>);

impl Models {
    /// Returns the deployment's own models; an empty set if there are none or they cannot be used.
    pub(super) fn custom(&self) -> &CustomModels {
        match &self.0 {
            Some(Ok(custom)) => custom,
            _ => &NO_CUSTOM_MODELS,
        }
    }

    /// Reads the models if they are configured and not read yet. Returns a report if they cannot be used.
    pub(super) async fn load(
        &mut self,
        environment: &Environment,
        bucket: &(impl Bucket + ListObjects),
        clock: &impl Clock,
    ) -> Option<StreamReport> {
        let place = environment.data_models.as_ref()?;
        if self.0.is_none() {
            let (cutoff, calls) = (clock.now() + READ_TIMEOUT, InFlight::default());
            let description = "bucket: read the data models".to_owned();
            let work = load(place, &environment.settings.prefix, bucket, environment.method_bytes);
            let work = with_deadline(cutoff, calls.track(description, work));
            match run_isolated(clock, cutoff, &calls, work).await.flatten() {
                Err(error) if error.recovery != Recovery::Person => return Some(not_opened("data models", &error)),
                read => self.0 = Some(read),
            }
        }
        self.0.as_ref()?.as_ref().err().map(|error| not_opened("data models", error))
    }
}

/// Reads the files of a set, and compiles them on a thread of their own because that may take long.
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

/// Reads the objects below `prefix` that belong to a set of models.
async fn from_bucket(prefix: &str, bucket: &(impl Bucket + ListObjects)) -> Result<Vec<NamedFile>, PortError> {
    let mut files = Vec::new();
    let mut bytes = 0;
    for key in bucket.keys(prefix, MAX_OBJECTS).await? {
        let path = key[prefix.len().min(key.len())..].to_owned();
        if root().role(&path).is_none() {
            continue;
        }
        // The object was deleted after the listing.
        let Some(content) = bucket.get(&key).await? else { continue };
        bytes += content.len();
        if bytes > MAX_TOTAL_BYTES {
            return Err(PortError::person(format!("the data models have more than {MAX_TOTAL_BYTES} bytes together")));
        }
        files.push(NamedFile { path, bytes: content });
    }
    Ok(files)
}

/// Reads the files in and below a folder that belong to a set of models.
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

/// Returns the root for the set, under which all files below the configured place belong to the set.
fn root() -> Root {
    Root::new("", true)
}

/// Checks and compiles a set, and starts the engine for its Python methods.
///
/// # Errors
/// Faults of the set need a person, and the error names them all. If only the engine does not start, the next tick
/// tries again.
fn compile(files: Vec<NamedFile>, memory_bytes: u64) -> Result<CustomModels, PortError> {
    let mut not_started = None;
    let start = |files: &ModelFiles| match methods::start_engine(files, memory_bytes) {
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

/// Returns the error for a set with these faults.
fn with_faults(faults: &[Fault]) -> PortError {
    let more = faults.len().saturating_sub(MAX_FAULTS);
    let mut named: Vec<_> = faults.iter().take(MAX_FAULTS).map(ToString::to_string).collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    PortError::person(format!(
        "lines have only the built-in names, because the set in DATA_MODELS has faults; correct them and deploy again, \
         or restart the function: {}",
        named.join("; ")
    ))
}

#[cfg(test)]
mod tests;
