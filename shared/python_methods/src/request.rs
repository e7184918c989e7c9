//! What is loaded: the files of the models and their helpers.

use std::collections::BTreeMap;

use data_models::specification::Fault;
use serde::{Deserialize, Serialize};

/// The Python files of a set of data models.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MethodFiles {
    /// The modules that methods may import, by name: the files of the `global_helpers` folders.
    pub helpers: BTreeMap<String, HelperFile>,
    /// The models that have methods.
    pub models: Vec<MethodFile>,
}

/// A module that methods may import: its path and its source.
#[derive(Debug, Clone, Serialize)]
pub struct HelperFile(pub String, pub String);

/// The file with the methods of one model.
#[derive(Debug, Clone, Serialize)]
pub struct MethodFile {
    /// `DataModelID` of the model.
    pub id: String,
    /// The path of its specification.
    pub specification: String,
    /// The file's path.
    pub path: String,
    /// Its source.
    pub source: String,
    /// The functions that the model names.
    pub methods: Vec<String>,
}

/// A fault as the interpreter reports it: path, line (0 where it is not known), reason.
#[derive(Debug, Deserialize)]
pub(crate) struct LoadFault(String, u64, String);

impl From<LoadFault> for Fault {
    fn from(LoadFault(path, line, reason): LoadFault) -> Self {
        Self { path, line: (line > 0).then_some(line), reason }
    }
}
