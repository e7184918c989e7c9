//! Chooses the engine that calls the methods of models.

use data_models::Methods;
use data_models::files::ModelFiles;
use data_models::specification::Fault;

#[cfg(feature = "python")]
pub(super) use python::{start, start as start_builtin};
#[cfg(not(feature = "python"))]
pub(super) use without_python::{start, start_builtin};

/// A started engine, or the faults of its files.
pub(super) type StartResult = Result<Engine, Vec<Fault>>;

/// An engine that calls the methods of a set of models.
pub(super) type Engine = Box<dyn Methods + Send>;

#[cfg(feature = "python")]
mod python {
    use data_models::NoMethods;
    use python_methods::{PythonMethods, StartError};

    use super::{Engine, ModelFiles, StartResult};

    /// Starts a worker for the Python methods and loads their files. A set without methods needs no worker.
    pub(crate) fn start(files: ModelFiles) -> StartResult {
        let methods = PythonMethods::of_this_program(files, &[]).map_err(StartError::into_faults)?;
        Ok(methods.map_or_else(|| -> Engine { Box::new(NoMethods) }, |methods| Box::new(methods)))
    }
}

#[cfg(not(feature = "python"))]
mod without_python {
    use data_models::NoMethods;
    use schema::NativeMethods;

    use super::{ModelFiles, StartResult};

    /// Returns the methods of the built-in models in Rust.
    pub(crate) fn start_builtin(_: ModelFiles) -> StartResult {
        Ok(Box::new(NativeMethods))
    }

    /// Fails if an enabled model of the set has methods, because this build cannot run them.
    pub(crate) fn start(files: ModelFiles) -> StartResult {
        files.refuse_methods("the model has a Method, and this program was built without the feature `python`")?;
        Ok(Box::new(NoMethods))
    }
}

#[cfg(all(test, not(feature = "python")))]
mod tests {
    use data_models::files::{NamedFile, Root};

    use super::*;

    fn set(mapping: &str) -> Result<ModelFiles, Vec<Fault>> {
        let text = format!(
            "AnalysisType: datamodel\nDataModelID: A\nEnabled: true\nLogTypes: [A]\nFilename: a.py\nMappings:\n- {mapping}\n"
        );
        let file = |path: &str, text: &str| NamedFile { path: path.to_owned(), bytes: text.into() };
        ModelFiles::read(&Root::new("r", false), vec![file("r/a.yml", &text), file("r/a.py", "")])
    }

    #[test]
    fn a_model_with_methods_is_refused_when_it_is_loaded() {
        assert!(start(set("{Name: a, Path: a}").unwrap()).is_ok());
        let faults = start(set("{Name: a, Method: a}").unwrap()).err().unwrap();
        let reason = "r/a.yml:7: the model has a Method, and this program was built without the feature `python`";
        assert_eq!(faults[0].to_string(), reason);
    }
}
