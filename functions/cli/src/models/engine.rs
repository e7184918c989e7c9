//! The engine that runs the Python methods of models.

use data_models::Methods;
use data_models::files::ModelFiles;
use data_models::specification::Fault;

#[cfg(not(feature = "python"))]
pub(super) use absent::start;
#[cfg(feature = "python")]
pub(super) use python::start;

/// An engine, or the faults that its files have.
type Started = Result<Engine, Vec<Fault>>;

/// Calls the methods of a set of models.
pub(super) type Engine = Box<dyn Methods + Send>;

#[cfg(feature = "python")]
mod python {
    use data_models::NoMethods;
    use python_methods::{PythonMethods, WorkerCommand};

    use super::{Engine, Fault, ModelFiles, Started};

    /// The hidden command that becomes a worker.
    const WORKER: &str = "python-worker";

    /// Starts a worker and loads the files of all methods; a set without method files needs no worker.
    pub(crate) fn start(files: ModelFiles) -> Started {
        if files.methods.is_empty() {
            return Ok(Box::new(NoMethods));
        }
        let program = std::env::current_exe().map_err(|error| {
            let reason = format!("this program, which runs the methods as well, cannot be found: {error}");
            vec![Fault { path: WORKER.to_owned(), line: None, reason }]
        })?;
        let command = WorkerCommand { program: program.into(), arguments: vec![WORKER.into()] };
        let engine: Engine = Box::new(PythonMethods::start(command, files.into())?);
        Ok(engine)
    }
}

#[cfg(not(feature = "python"))]
mod absent {
    use data_models::NoMethods;

    use super::{Fault, ModelFiles, Started};

    /// Refuses a set in which an enabled model has methods.
    pub(crate) fn start(files: ModelFiles) -> Started {
        let fault = |one: &data_models::specification::Specification| {
            let mapping = one.mappings.iter().find(|mapping| mapping.method().is_some())?;
            let reason = "the model has a Method, and this program was built without the feature `python`";
            Some(Fault { path: one.path.clone(), line: Some(mapping.line), reason: reason.to_owned() })
        };
        let faults: Vec<_> = files.specifications.iter().filter_map(fault).collect();
        if faults.is_empty() { Ok(Box::new(NoMethods)) } else { Err(faults) }
    }
}
