//! The process that asks: starts a worker, sends it events, and kills it when it takes too long.

use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use data_models::specification::Fault;
use data_models::{DataModel, Methods, Value};

use crate::frame;
use crate::request::{LoadFault, MethodFiles};
use crate::worker::{FAILED, SUCCEEDED};

/// The longest time that one call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest time that starting a worker and loading all files may take.
pub const LOAD_TIMEOUT: Duration = Duration::from_secs(20);
/// The times that a worker is started anew after it was killed or died. After that no method is called any more.
pub const MAX_RESTARTS: u32 = 3;

/// The command that becomes a worker: it must call [`crate::run_worker`].
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program, which is most often the one that runs.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// An engine that runs the Python methods of a set of models.
#[derive(Debug)]
pub struct PythonMethods {
    command: WorkerCommand,
    files: MethodFiles,
    worker: Option<Worker>,
    restarts_left: u32,
}

impl PythonMethods {
    /// Starts a worker and loads the files.
    ///
    /// # Errors
    /// All faults of the files; or the worker cannot be started, or does not load them in time.
    pub fn start(command: WorkerCommand, files: MethodFiles) -> Result<Self, Vec<Fault>> {
        let worker = Worker::start(&command, &files)?;
        Ok(Self { command, files, worker: Some(worker), restarts_left: MAX_RESTARTS })
    }

    /// The worker, started anew if the last one is gone.
    fn worker(&mut self) -> Result<&mut Worker, String> {
        if self.worker.is_none() {
            self.restarts_left = self.restarts_left.checked_sub(1).ok_or_else(|| {
                format!("methods are not called any more: they failed {} times for good", MAX_RESTARTS + 1)
            })?;
            let worker = Worker::start(&self.command, &self.files);
            self.worker =
                Some(worker.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?);
        }
        self.worker.as_mut().ok_or_else(|| "there is no worker".to_owned())
    }
}

impl Methods for PythonMethods {
    fn call(&mut self, model: &DataModel, method: &str, event: &Value<'_>) -> Result<String, String> {
        let number = self.files.models.iter().position(|file| file.id == model.id);
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.ok_or_else(|| format!("model {} has no file", model.id))?;
        let event = event.to_json();
        match self.worker()?.call(number, method, &event) {
            Ok(result) => result,
            Err(gone) => {
                self.worker = None;
                Err(gone)
            }
        }
    }
}

/// A running worker. Dropping it kills the process.
#[derive(Debug)]
struct Worker {
    child: Child,
    input: BufWriter<ChildStdin>,
    answers: Receiver<Vec<u8>>,
    last_event: String,
}

impl Worker {
    fn start(command: &WorkerCommand, files: &MethodFiles) -> Result<Self, Vec<Fault>> {
        let fault = |reason: String| {
            let path = command.program.to_string_lossy().into_owned();
            vec![Fault { path, line: None, reason: format!("the worker for Python methods: {reason}") }]
        };
        let mut worker = Self::spawn(command).map_err(|error| fault(format!("cannot be started: {error}")))?;
        let request = serde_json::to_vec(files).map_err(|error| fault(error.to_string()))?;
        let answer = worker.ask(&[&request], LOAD_TIMEOUT).map_err(fault)?.map_err(fault)?;
        let faults: Vec<LoadFault> = serde_json::from_str(&answer).map_err(|error| fault(error.to_string()))?;
        if faults.is_empty() { Ok(worker) } else { Err(faults.into_iter().map(Fault::from).collect()) }
    }

    fn spawn(command: &WorkerCommand) -> std::io::Result<Self> {
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let gone = || std::io::Error::other("it has no pipes");
        let (input, mut output) = (child.stdin.take().ok_or_else(gone)?, child.stdout.take().ok_or_else(gone)?);
        // One answer belongs to one question, so one place is enough.
        let (sender, answers) = sync_channel(1);
        std::thread::spawn(move || {
            while let Ok(Some(answer)) = frame::read(&mut output) {
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, input: BufWriter::new(input), answers, last_event: String::new() })
    }

    /// Calls a method. The outer error means that the worker is gone or must go.
    fn call(&mut self, model: u32, method: &str, event: &str) -> Result<Result<String, String>, String> {
        let is_new = self.last_event != event;
        let length = u32::try_from(method.len()).map_err(|error| error.to_string())?;
        let mut header = model.to_le_bytes().to_vec();
        header.push(u8::from(is_new));
        header.extend_from_slice(&length.to_le_bytes());
        let sent = if is_new { event.as_bytes() } else { b"" };
        let result = self.ask(&[&header, method.as_bytes(), sent], CALL_TIMEOUT)?;
        if is_new {
            event.clone_into(&mut self.last_event);
        }
        Ok(result)
    }

    fn ask(&mut self, parts: &[&[u8]], timeout: Duration) -> Result<Result<String, String>, String> {
        frame::write(&mut self.input, parts).map_err(|error| format!("cannot be asked: {error}"))?;
        let answer = self.answers.recv_timeout(timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("took longer than {} s and was stopped", timeout.as_secs()),
            RecvTimeoutError::Disconnected => "used too much memory or crashed the interpreter".to_owned(),
        })?;
        let (status, content) = answer.split_first().ok_or("the answer is empty")?;
        let content = String::from_utf8_lossy(content).into_owned();
        match *status {
            SUCCEEDED => Ok(Ok(content)),
            FAILED => Ok(Err(content)),
            other => Err(format!("the answer has the unknown status {other}")),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.input.flush();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
