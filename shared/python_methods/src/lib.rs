//! Runs the Python methods of data models, unmodified, in a process of their own.
//!
//! The interpreter is RustPython without its access to the operating system: no files, network, processes or
//! environment. The process that runs it has no open files beside its pipes, a bounded memory, and is killed when a
//! call takes too long. So no method can harm the process that asks.

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
    CALL_TIMEOUT, LOAD_TIMEOUT, MAX_EVENT_BYTES, MAX_RESTARTS, MAX_STRIKES, PythonMethods, StartError, WORKER,
    WorkerCommand,
};
pub use request::{HelperFile, MethodFile, MethodFiles};
pub use worker::run_worker;
