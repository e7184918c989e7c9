//! The request with which a worker gets the Python files to load.

use std::collections::BTreeMap;

use data_models::files::{MethodSource, ModelFiles};
use data_models::specification::{Fault, SourceFile};
use serde::{Deserialize, Serialize};

/// The Python files of a set of data models, as the worker gets them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MethodFiles {
    /// The modules that methods may import, by their names. They come from folders called `global_helpers`.
    pub helpers: BTreeMap<String, HelperFile>,
    /// The models that have methods.
    pub models: Vec<MethodFile>,
}

/// A module that methods may import: the path and the source of its file.
#[derive(Debug, Clone, Serialize)]
pub struct HelperFile(pub String, pub String);

/// The Python file with the methods of one model.
#[derive(Debug, Clone, Serialize)]
pub struct MethodFile {
    /// The `DataModelID` of the model.
    pub id: String,
    /// The path of the model's specification.
    pub specification: String,
    /// The path of the Python file.
    pub path: String,
    /// The source of the Python file.
    pub source: String,
    /// The names of the functions that the model calls.
    pub methods: Vec<String>,
}

impl From<ModelFiles> for MethodFiles {
    fn from(files: ModelFiles) -> Self {
        let helper = |(name, SourceFile { path, text })| (name, HelperFile(path, text));
        Self {
            helpers: files.helpers.into_iter().map(helper).collect(),
            models: files.methods.into_iter().map(MethodFile::from).collect(),
        }
    }
}

impl From<MethodSource> for MethodFile {
    fn from(source: MethodSource) -> Self {
        let MethodSource { id, specification, file, methods } = source;
        Self { id, specification, path: file.path, source: file.text, methods }
    }
}

/// A fault as the worker reports it: path, line (0 if it is not known) and reason.
#[derive(Debug, Deserialize)]
pub(crate) struct LoadFault(String, u64, String);

impl From<LoadFault> for Fault {
    fn from(LoadFault(path, line, reason): LoadFault) -> Self {
        Self { path, line: (line > 0).then_some(line), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    /// The shim `bootstrap.py` reads the request by these names.
    #[test]
    fn a_request_has_the_form_that_the_worker_reads() {
        let source = MethodSource {
            id: "A".to_owned(),
            specification: "a.yml".to_owned(),
            file: file("a.py", "x"),
            methods: vec!["m".to_owned()],
        };
        let helpers = BTreeMap::from([("h".to_owned(), file("g/h.py", "y"))]);
        let files = MethodFiles::from(ModelFiles { methods: vec![source], helpers, ..ModelFiles::default() });
        assert_eq!(
            serde_json::to_string(&files).unwrap(),
            r#"{"helpers":{"h":["g/h.py","y"]},"models":[{"id":"A","specification":"a.yml","path":"a.py","source":"x","methods":["m"]}]}"#
        );
    }

    #[test]
    fn the_line_of_a_fault_is_left_out_where_it_is_not_known() {
        let faults: Vec<LoadFault> = serde_json::from_str(r#"[["a.py",3,"b"],["a.py",0,"c"]]"#).unwrap();
        let texts: Vec<_> = faults.into_iter().map(|fault| Fault::from(fault).to_string()).collect();
        assert_eq!(texts, ["a.py:3: b", "a.py: c"]);
    }
}
