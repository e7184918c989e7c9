//! Loads the built-in models, one per log type, as if they were files in a folder.

use std::path::Path;

use data_models::files::{NamedFile, Root};
use data_models::specification::{self, Fault, SourceFile, Specification};
use schema::LogType;

use super::engine;
use super::set::{Models, print_faults};
use crate::exit::Failed;

/// The name of the folder in the paths of the built-in models.
const FOLDER: &str = "built-in";

pub(super) use schema::{model_text, python_text};

/// Returns the specifications of all built-in models.
pub(super) fn specifications() -> Result<Vec<Specification>, Failed> {
    LogType::ALL.into_iter().map(specification).collect()
}

/// Returns the specification of the built-in model of a log type.
pub(super) fn specification(log_type: LogType) -> Result<Specification, Failed> {
    let file = SourceFile { path: path(log_type, "data_model.yml"), text: model_text(log_type).to_owned() };
    let none = || Failed::person(format!("the built-in model of {} cannot be read", log_type.name()));
    specification::load(&[file]).ok().and_then(|mut read| read.pop()).ok_or_else(none)
}

/// Loads the built-in models with their methods and examples. It uses the Python methods if this program was built with
/// the feature `python`, else the ones in Rust.
pub(super) fn load() -> Result<Models, Vec<Fault>> {
    let files = LogType::ALL.into_iter().flat_map(|log_type| {
        let file = |name: &str, text: &str| NamedFile { path: path(log_type, name), bytes: text.into() };
        [
            file("data_model.yml", model_text(log_type)),
            file("data_model.py", python_text(log_type)),
            file("examples.yml", schema::examples_text(log_type)),
        ]
    });
    Models::of_files(&Root::new(FOLDER, false), files.collect(), engine::start_builtin)
}

/// Loads the models in a folder or, without a folder, the built-in ones.
///
/// # Errors
/// The set has faults. They are already printed to standard error, one per line.
pub(crate) fn load_folder_or_builtin(folder: Option<&Path>) -> Result<Models, Failed> {
    let failed = |faults: Vec<Fault>| {
        print_faults(&faults);
        Failed::person("the built-in data models cannot be loaded, which is a fault of this program")
    };
    folder.map_or_else(|| load().map_err(failed), Models::load_or_print_faults)
}

fn path(log_type: LogType, name: &str) -> String {
    format!("{FOLDER}/{}_{name}", log_type.table())
}
