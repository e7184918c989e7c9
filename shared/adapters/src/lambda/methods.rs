//! Starts the engine for the Python methods of the deployment's own data models. Functions have it only if they are
//! built with the feature `python`.

use data_models::files::ModelFiles;
use data_models::specification::Fault;
use schema::SharedMethods;

/// The reason why a set of models has no engine.
#[derive(Debug)]
pub(super) enum StartError {
    /// The files of the methods have faults; these are all of them.
    Files(Vec<Fault>),
    /// The engine did not start this time, for this reason. The next tick may succeed.
    #[cfg_attr(not(feature = "python"), expect(dead_code, reason = "only the engine for Python can fail"))]
    Engine(String),
}

/// Starts the engine of a set; `None` for a set without methods. The engine's process may map `memory_bytes`.
#[cfg(feature = "python")]
pub(super) fn start_engine(files: &ModelFiles, memory_bytes: u64) -> Result<Option<SharedMethods>, StartError> {
    use std::sync::{Arc, Mutex};

    use python_methods::PythonMethods;

    let methods = PythonMethods::of_this_program(files.clone(), &[memory_bytes.to_string().into()]);
    let methods = methods.map_err(|error| match error {
        python_methods::StartError::Files(faults) => StartError::Files(faults),
        python_methods::StartError::Engine(reason) => StartError::Engine(reason),
    })?;
    Ok(methods.map(|methods| -> SharedMethods { Arc::new(Mutex::new(Box::new(methods))) }))
}

/// Refuses every set with methods, because this build has no engine.
#[cfg(not(feature = "python"))]
pub(super) fn start_engine(files: &ModelFiles, _: u64) -> Result<Option<SharedMethods>, StartError> {
    let reason = "has methods, and this function is built without the feature `python`; build it with \
                  CARGO_LAMBDA_CONTEXT=python";
    files.refuse_methods(reason).map(|()| None).map_err(StartError::Files)
}
