//! Runs the Python methods of data models, unmodified, in a separate process, the worker.
//!
//! The worker embeds the interpreter RustPython without its access to the operating system: methods have no files, no
//! network, no processes and no environment. The worker has no open files except its pipes, its memory is limited, and
//! it is killed when a call takes too long. So a method cannot harm the process that started the worker.

mod clock;
mod floats;
mod frame;
mod interpreter;
mod json_numbers;
mod limits;
mod natives;
mod process;
mod request;
mod unicode;
mod worker;

pub use limits::MAX_MEMORY_BYTES;
pub use process::{
    CALL_TIMEOUT, LOAD_TIMEOUT, MAX_EVENT_BYTES, MAX_FAILURES_PER_METHOD, MAX_RESTARTS, PythonMethods, StartError,
    WORKER_ARGUMENT, WorkerCommand,
};
pub use request::{HelperFile, MethodFile, MethodFiles};
pub use worker::run_worker;
