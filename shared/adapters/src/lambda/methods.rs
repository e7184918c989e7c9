//! The engine for the methods of one's own data models, in functions that are built with the feature `python`.

use data_models::files::ModelFiles;
use data_models::specification::Fault;
use schema::SharedMethods;

/// The engine of a set; `None` for a set without methods.
///
/// # Errors
/// All faults of the methods' files.
#[cfg(feature = "python")]
pub(super) fn engine(files: ModelFiles, memory_bytes: u64) -> Result<Option<SharedMethods>, Vec<Fault>> {
    use std::sync::{Arc, Mutex};

    let methods = python_methods::PythonMethods::of_this_program(files, &[memory_bytes.to_string().into()])?;
    Ok(methods.map(|methods| -> SharedMethods { Arc::new(Mutex::new(Box::new(methods))) }))
}

/// Refuses every set with methods.
#[cfg(not(feature = "python"))]
pub(super) fn engine(files: ModelFiles, _: u64) -> Result<Option<SharedMethods>, Vec<Fault>> {
    let reason = "has methods, and this function is built without the feature `python`; build it with \
                  CARGO_LAMBDA_CONTEXT=python";
    files.refuse_methods(reason).map(|()| None)
}
