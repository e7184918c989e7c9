//! A loaded set of models.

use std::path::Path;
use std::sync::{Arc, Mutex};

use data_models::files::{ModelFiles, NamedFile, Root};
use data_models::specification::{Fault, SourceFile, Specification};
use data_models::{DataModel, DataModels, Methods};
use schema::{CustomModels, LineModel, SharedMethods};

use super::engine::{self, Engine, StartResult};
use super::walk;
use crate::exit::{Exit, Failed};
use crate::output;

/// The maximum number of log types that a message lists.
const MAX_LOG_TYPES: usize = 10;

/// A set of models with the engine that runs their methods.
pub(crate) struct Models {
    models: DataModels,
    engine: Engine,
    /// The specifications of all models, also of disabled ones.
    pub(crate) specifications: Vec<Specification>,
    /// All YAML files in folders of models; some of them may have examples.
    pub(crate) yaml_files: Vec<SourceFile>,
}

impl Models {
    /// Loads the models in a folder, with their methods.
    ///
    /// # Errors
    /// All faults of the set. A set with a fault is not loaded.
    pub(crate) fn load(folder: &Path) -> Result<Self, Vec<Fault>> {
        let (root, files) = walk::read(folder).map_err(|fault| vec![fault])?;
        Self::of_files(&root, files, engine::start)
    }

    /// Loads the models in a folder, and prints its faults to standard error, one per line.
    ///
    /// # Errors
    /// The set has faults, so it cannot be used.
    pub(crate) fn load_or_print_faults(folder: &Path) -> Result<Self, Failed> {
        Self::load(folder).map_err(|faults| {
            print_faults(&faults);
            Failed { exit: Exit::Usage, message: not_loaded_message(folder, &faults) }
        })
    }

    /// Loads a set of models from its files. `start` starts the engine.
    ///
    /// # Errors
    /// All faults of the set. A set with a fault is not loaded.
    pub(super) fn of_files(
        root: &Root,
        files: Vec<NamedFile>,
        start: impl FnOnce(ModelFiles) -> StartResult,
    ) -> Result<Self, Vec<Fault>> {
        let (files, engine) = ModelFiles::read_with(root, files, |files| start(files.clone()))?;
        let ModelFiles { specifications, yaml_files, .. } = files;
        Ok(Self { models: DataModels::new(&specifications), engine, specifications, yaml_files })
    }

    /// Returns the model of a log type, and the engine for its methods; `None` if no enabled model is for the log type.
    pub(crate) fn get(&mut self, log_type: &str) -> Option<(&DataModel, &mut dyn Methods)> {
        Some((self.models.get(log_type)?, &mut *self.engine))
    }

    /// Returns the enabled models in the form in which a tick takes them.
    pub(crate) fn into_custom_models(self) -> CustomModels {
        CustomModels::new(&self.specifications, Some(&(Arc::new(Mutex::new(self.engine)) as SharedMethods)))
    }

    /// Returns the model of a log type in the form in which a normaliser takes it; `None` if no enabled model is for
    /// it.
    pub(crate) fn into_line_model(self, log_type: &str) -> Option<LineModel> {
        let model = self.models.get(log_type)?.clone();
        Some(LineModel::new(model, Some(Arc::new(Mutex::new(self.engine)))))
    }
}

/// Returns the message that no enabled model is for the log type. It lists log types that have one.
pub(crate) fn no_model_message(log_type: &str, models: &Models) -> String {
    let known: Vec<&str> = models.models.iter().map(|model| model.log_type.as_str()).take(MAX_LOG_TYPES).collect();
    let more = if models.models.iter().nth(MAX_LOG_TYPES).is_some() { ", and others" } else { "" };
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("no enabled model is for log type {log_type:?}; the log types with one are {known}{more}")
}

/// Writes one line per fault to standard error.
pub(crate) fn print_faults(faults: &[Fault]) {
    for fault in faults {
        output::write_stderr(format!("{fault}\n").as_bytes());
    }
}

/// Writes one line per warning to standard error.
pub(super) fn print_warnings(warnings: &[Fault]) {
    for warning in warnings {
        output::write_stderr(format!("{warning} (warning)\n").as_bytes());
    }
}

/// Returns the message that the models in a folder are not loaded because of these faults.
fn not_loaded_message(folder: &Path, faults: &[Fault]) -> String {
    let (count, plural) = (faults.len(), if faults.len() == 1 { "" } else { "s" });
    format!("the data models in {} are not loaded: {count} fault{plural}", folder.display())
}
