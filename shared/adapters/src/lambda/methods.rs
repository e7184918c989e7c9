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

    use python_methods::{MethodFiles, PythonMethods, WorkerCommand};

    if files.methods.is_empty() {
        return Ok(None);
    }
    let program = std::env::current_exe().map_err(|error| {
        vec![Fault { path: "(this program)".to_owned(), line: None, reason: format!("is not found: {error}") }]
    })?;
    let arguments = vec![super::run_function::WORKER.into(), memory_bytes.to_string().into()];
    let command = WorkerCommand { program: program.into(), arguments };
    let methods = PythonMethods::start(command, MethodFiles::from(files))?;
    Ok(Some(Arc::new(Mutex::new(Box::new(methods)))))
}

/// Refuses every set with methods.
#[cfg(not(feature = "python"))]
pub(super) fn engine(files: ModelFiles, _: u64) -> Result<Option<SharedMethods>, Vec<Fault>> {
    let refused = |source: &data_models::files::MethodSource| Fault {
        path: source.specification.clone(),
        line: None,
        reason: "has methods, and this function is built without the feature `python`; build it with \
                 CARGO_LAMBDA_CONTEXT=python"
            .to_owned(),
    };
    let faults: Vec<_> = files.methods.iter().map(refused).collect();
    if faults.is_empty() { Ok(None) } else { Err(faults) }
}
