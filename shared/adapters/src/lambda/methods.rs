//! The engine for the methods of one's own data models, in functions that are built with the feature `python`.

use collector::PortError;
use data_models::files::ModelFiles;
use data_models::specification::Fault;
use schema::SharedMethods;

/// The engine of a set; `None` for a set without methods. `faults` makes an error of the faults of a set.
///
/// # Errors
/// All faults of the methods' files; or the engine cannot be started now.
#[cfg(feature = "python")]
pub(super) fn engine(
    files: ModelFiles,
    memory_bytes: u64,
    faults: impl Fn(Vec<Fault>) -> PortError,
) -> Result<Option<SharedMethods>, PortError> {
    use std::sync::{Arc, Mutex};

    use python_methods::{PythonMethods, StartError};

    let methods = PythonMethods::of_this_program(files, &[memory_bytes.to_string().into()]);
    let methods = methods.map_err(|error| match error {
        StartError::Files(found) => faults(found),
        StartError::Engine(reason) => PortError::next_tick(format!("the data models are not loaded: {reason}")),
    })?;
    Ok(methods.map(|methods| -> SharedMethods { Arc::new(Mutex::new(Box::new(methods))) }))
}

/// Refuses every set with methods.
#[cfg(not(feature = "python"))]
pub(super) fn engine(
    files: ModelFiles,
    _: u64,
    faults: impl Fn(Vec<Fault>) -> PortError,
) -> Result<Option<SharedMethods>, PortError> {
    let reason = "has methods, and this function is built without the feature `python`; build it with \
                  CARGO_LAMBDA_CONTEXT=python";
    files.refuse_methods(reason).map(|()| None).map_err(faults)
}
