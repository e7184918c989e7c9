//! The `main` of a function.

use std::future::Future;
use std::process::ExitCode;

use collector::PortError;

/// Runs a function until Lambda ends the process. A process that was started to run Python methods runs those instead.
pub fn run_function(run: impl Future<Output = Result<(), PortError>>) -> ExitCode {
    #[cfg(feature = "python")]
    if let Some(code) = worker() {
        return code;
    }
    exit_code(match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run),
        Err(error) => Err(PortError::next_tick(format!("the runtime cannot be started: {error}"))),
    })
}

/// Returns the exit code of a function that ended, and logs the error.
pub fn exit_code(ended: Result<(), PortError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(failure = error.message, "cannot start");
            ExitCode::FAILURE
        }
    }
}

/// Runs Python methods if the first argument says so; `None` otherwise. The second argument is the memory in bytes that
/// the process may map.
#[cfg(feature = "python")]
fn worker() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let is_worker = arguments.next().is_some_and(|first| first == python_methods::WORKER_ARGUMENT);
    let memory_bytes = arguments.next().and_then(|bytes| bytes.parse().ok());
    let run = |memory_bytes| match python_methods::run_worker(memory_bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    };
    is_worker.then(|| memory_bytes.map_or(ExitCode::FAILURE, run))
}
