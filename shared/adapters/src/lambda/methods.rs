//! The engine for the methods of one's own data models, in functions that are built with the feature `python`.

use data_models::files::ModelFiles;
use data_models::specification::Fault;
use schema::SharedMethods;

/// The reason why a set has no engine.
#[derive(Debug)]
pub(super) enum StartError {
    /// All faults of the methods' files.
    Files(Vec<Fault>),
    /// The engine could not be started this time.
    #[cfg_attr(not(feature = "python"), expect(dead_code, reason = "only the engine for Python can fail"))]
    Engine(String),
}

/// Starts the engine of a set; `None` for a set without methods.
///
/// # Errors
/// See [`StartError`].
#[cfg(feature = "python")]
pub(super) fn engine(files: &ModelFiles, memory_bytes: u64) -> Result<Option<SharedMethods>, StartError> {
    use std::sync::{Arc, Mutex};

    use python_methods::PythonMethods;

    let methods = PythonMethods::of_this_program(files.clone(), &[memory_bytes.to_string().into()]);
    let methods = methods.map_err(|error| match error {
        python_methods::StartError::Files(faults) => StartError::Files(faults),
        python_methods::StartError::Engine(reason) => StartError::Engine(reason),
    })?;
    Ok(methods.map(|methods| -> SharedMethods { Arc::new(Mutex::new(Box::new(methods))) }))
}

/// Refuses every set with methods.
#[cfg(not(feature = "python"))]
pub(super) fn engine(files: &ModelFiles, _: u64) -> Result<Option<SharedMethods>, StartError> {
    let reason = "has methods, and this function is built without the feature `python`; build it with \
                  CARGO_LAMBDA_CONTEXT=python";
    files.refuse_methods(reason).map(|()| None).map_err(StartError::Files)
}
