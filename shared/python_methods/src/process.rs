//! Starts a worker, sends it events, and kills it when it takes too long.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use data_models::files::ModelFiles;
use data_models::specification::Fault;
use data_models::{DataModel, Methods, Value};

use crate::clock::Clock;
use crate::frame;
use crate::request::{LoadFault, MethodFiles};
use crate::worker::{FAILED, LOADING, SUCCEEDED};

/// The maximum time of one call.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum time in which a worker must start and load all files.
pub const LOAD_TIMEOUT: Duration = Duration::from_secs(20);
/// The minimum timeout of a restart. The timeout is [`RESTART_FACTOR`] times the duration of the first start, but at
/// least this and at most [`LOAD_TIMEOUT`].
pub(crate) const MIN_RESTART_TIMEOUT: Duration = Duration::from_secs(2);
/// A restart may take this many times as long as the first start did.
const RESTART_FACTOR: u32 = 2;
/// If loading times out and the current file has taken at least this long, the timeout is reported as that file's
/// fault.
const FILE_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum size of an event that a method may be called with, in bytes.
pub const MAX_EVENT_BYTES: usize = 32 << 20;
/// The maximum number of restarts after a worker was killed or died. After that, no method is called any more.
pub const MAX_RESTARTS: u32 = 8;
/// A method is not called any more after this many of its calls ended with a killed or dead worker.
pub const MAX_FAILURES_PER_METHOD: u32 = 2;

/// The command that starts a worker. The program must call [`crate::run_worker`].
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program, which is usually the running one.
    pub program: OsString,
    /// The arguments of the program.
    pub arguments: Vec<OsString>,
}

/// The first argument with which [`PythonMethods::of_this_program`] starts this program as a worker.
pub const WORKER_ARGUMENT: &str = "python-worker";

/// An engine that runs the Python methods of a set of models in a worker.
#[derive(Debug)]
pub struct PythonMethods {
    command: WorkerCommand,
    files: MethodFiles,
    worker: Option<Worker>,
    restarts_left: u32,
    failures: WorkerFailures,
    call_timeout: Duration,
    restart_timeout: Duration,
}

/// The reason why an engine could not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartError {
    /// The files have faults, which somebody must correct.
    Files(Vec<Fault>),
    /// The worker could not be started or did not answer. A later attempt may succeed.
    Engine(String),
}

impl StartError {
    /// Returns the faults of the files. A failure of the engine becomes one fault without a line.
    pub fn into_faults(self) -> Vec<Fault> {
        match self {
            Self::Files(faults) => faults,
            Self::Engine(reason) => vec![Fault { path: WORKER_ARGUMENT.to_owned(), line: None, reason }],
        }
    }
}

/// Counts for each method, by the index of its model and its name, the workers that were killed or died during its
/// calls.
#[derive(Debug, Default)]
struct WorkerFailures(BTreeMap<(u32, String), u32>);

impl WorkerFailures {
    /// Returns the reason why a method is not called any more; `None` if it may be called.
    fn refusal(&self, model: u32, method: &str) -> Option<String> {
        let count = self.0.get(&(model, method.to_owned())).copied().unwrap_or(0);
        (count >= MAX_FAILURES_PER_METHOD).then(|| format!("is not called any more: it was stopped {count} times"))
    }

    fn record(&mut self, model: u32, method: &str) {
        *self.0.entry((model, method.to_owned())).or_default() += 1;
    }
}

impl PythonMethods {
    /// Starts this program again as the worker, with [`WORKER_ARGUMENT`] and then `arguments`, and loads the files. `None` if
    /// the set has no method files and so needs no worker.
    ///
    /// # Errors
    /// As [`Self::start`], or the path of this program is not known.
    pub fn of_this_program(files: ModelFiles, arguments: &[OsString]) -> Result<Option<Self>, StartError> {
        if files.methods.is_empty() {
            return Ok(None);
        }
        let program = std::env::current_exe().map_err(|error| {
            StartError::Engine(format!("this program, which runs the methods as well, cannot be found: {error}"))
        })?;
        let arguments = std::iter::once(WORKER_ARGUMENT.into()).chain(arguments.iter().cloned()).collect();
        Self::start(WorkerCommand { program: program.into(), arguments }, files.into()).map(Some)
    }

    /// Starts a worker and loads the files.
    ///
    /// # Errors
    /// The files have faults, or the worker cannot be started or does not load them in time.
    pub fn start(command: WorkerCommand, files: MethodFiles) -> Result<Self, StartError> {
        let (worker, taken) = Worker::start(&command, &files, LOAD_TIMEOUT)?;
        let restart_timeout = taken.saturating_mul(RESTART_FACTOR).clamp(MIN_RESTART_TIMEOUT, LOAD_TIMEOUT);
        Ok(Self {
            command,
            files,
            worker: Some(worker),
            restarts_left: MAX_RESTARTS,
            failures: WorkerFailures::default(),
            call_timeout: CALL_TIMEOUT,
            restart_timeout,
        })
    }

    /// Returns the running worker. If the last one is gone, starts another one, up to [`MAX_RESTARTS`] times.
    fn worker(&mut self) -> Result<&mut Worker, String> {
        if self.worker.is_none() {
            self.restarts_left = self
                .restarts_left
                .checked_sub(1)
                .ok_or_else(|| format!("is not called any more: {} workers were stopped or died", MAX_RESTARTS + 1))?;
            let (worker, _) = Worker::start(&self.command, &self.files, self.restart_timeout).map_err(|error| {
                let faults = error.into_faults();
                faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            })?;
            self.worker = Some(worker);
        }
        self.worker.as_mut().ok_or_else(|| "there is no worker".to_owned())
    }
}

impl Methods for PythonMethods {
    fn call(&mut self, model: &DataModel, method: &str, event: &Value<'_>) -> Result<String, String> {
        let number = self.files.models.iter().position(|file| file.id == model.id);
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.ok_or_else(|| format!("model {} has no file", model.id))?;
        if let Some(refusal) = self.failures.refusal(number, method) {
            return Err(refusal);
        }
        let event = event.to_json();
        if event.len() > MAX_EVENT_BYTES {
            return Err(format!("the event is larger than {MAX_EVENT_BYTES} bytes"));
        }
        let timeout = self.call_timeout;
        match self.worker()?.call(number, method, &event, timeout) {
            Ok(result) => result,
            Err(gone) => {
                self.worker = None;
                self.failures.record(number, method);
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
    /// Starts a worker and loads the files within `timeout`. Returns the worker and the time that this took.
    fn start(command: &WorkerCommand, files: &MethodFiles, timeout: Duration) -> Result<(Self, Duration), StartError> {
        let failed = |reason: String| {
            let program = command.program.to_string_lossy();
            StartError::Engine(format!("the worker for Python methods, {program}, {reason}"))
        };
        let mut worker = Self::spawn(command).map_err(|error| failed(format!("cannot be started: {error}")))?;
        let request = serde_json::to_vec(files).map_err(|error| failed(error.to_string()))?;
        let clock = Clock::start(timeout);
        worker.send(&[&request]).map_err(failed)?;
        let mut loading = None;
        // The worker sends one answer before each file, and a last one.
        for _ in 0..=files.models.len() {
            match worker.receive(clock.left(), timeout) {
                Ok((LOADING, path)) => loading = Some((path, clock.elapsed())),
                Ok((SUCCEEDED, answer)) => {
                    let faults: Vec<LoadFault> =
                        serde_json::from_str(&answer).map_err(|error| failed(error.to_string()))?;
                    let faults: Vec<_> = faults.into_iter().map(Fault::from).collect();
                    return if faults.is_empty() {
                        Ok((worker, clock.elapsed()))
                    } else {
                        Err(StartError::Files(faults))
                    };
                }
                Ok((_, reason)) => return Err(failed(reason)),
                Err(reason) => {
                    let elapsed = clock.elapsed();
                    let is_cause = |since: Duration| elapsed < timeout || elapsed.saturating_sub(since) >= FILE_TIMEOUT;
                    return Err(match loading {
                        Some((path, since)) if is_cause(since) => {
                            let reason = format!("loading it {reason}");
                            StartError::Files(vec![Fault { path, line: None, reason }])
                        }
                        _ => failed(reason),
                    });
                }
            }
        }
        Err(failed("gave too many answers".to_owned()))
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
        // The worker sends one answer per request, so a channel for one answer is enough.
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

    /// Calls a method. The inner error means that the method failed; the outer error means that the worker died, or
    /// must be killed.
    fn call(
        &mut self,
        model: u32,
        method: &str,
        event: &str,
        timeout: Duration,
    ) -> Result<Result<String, String>, String> {
        let is_new = self.last_event != event;
        let length = u32::try_from(method.len()).map_err(|error| error.to_string())?;
        let mut header = model.to_le_bytes().to_vec();
        header.push(u8::from(is_new));
        header.extend_from_slice(&length.to_le_bytes());
        let sent = if is_new { event.as_bytes() } else { b"" };
        let result = self.ask(&[&header, method.as_bytes(), sent], timeout)?;
        if is_new {
            event.clone_into(&mut self.last_event);
        }
        Ok(result)
    }

    fn ask(&mut self, parts: &[&[u8]], timeout: Duration) -> Result<Result<String, String>, String> {
        self.send(parts)?;
        match self.receive(timeout, timeout)? {
            (SUCCEEDED, content) => Ok(Ok(content)),
            (FAILED, content) => Ok(Err(content)),
            (other, _) => Err(format!("the answer has the unknown status {other}")),
        }
    }

    fn send(&mut self, parts: &[&[u8]]) -> Result<(), String> {
        frame::write(&mut self.input, parts).map_err(|error| format!("cannot be asked: {error}"))
    }

    /// Waits for the next answer and returns its status and content. It waits for `left`, which is what remains of
    /// `timeout`.
    fn receive(&mut self, left: Duration, timeout: Duration) -> Result<(u8, String), String> {
        let answer = self.answers.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("took longer than {} s and was stopped", timeout.as_secs_f32()),
            RecvTimeoutError::Disconnected => "used too much memory or crashed the interpreter".to_owned(),
        })?;
        let (status, content) = answer.split_first().ok_or("the answer is empty")?;
        Ok((*status, String::from_utf8_lossy(content).into_owned()))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.input.flush();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use data_models::DataModels;
    use data_models::specification::{SourceFile, load};

    use super::*;
    use crate::request::MethodFile;

    /// A worker that loads any files but never answers a call.
    fn silent() -> WorkerCommand {
        let script = "printf '\\003\\000\\000\\000\\000[]'; while :; do :; done";
        WorkerCommand { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] }
    }

    fn model() -> DataModel {
        let text = "AnalysisType: datamodel\nDataModelID: A\nEnabled: true\nLogTypes: [A]\nMappings: []\n";
        let models = DataModels::new(&load(&[SourceFile { path: "a.yml".into(), text: text.into() }]).unwrap());
        models.get("A").unwrap().clone()
    }

    fn engine() -> PythonMethods {
        let (id, source) = ("A".to_owned(), String::new());
        let file = MethodFile { id, specification: "a.yml".into(), path: "a.py".into(), source, methods: Vec::new() };
        let files = MethodFiles { models: vec![file], ..MethodFiles::default() };
        let mut engine = PythonMethods::start(silent(), files).unwrap();
        engine.call_timeout = Duration::from_millis(20);
        engine
    }

    fn call(engine: &mut PythonMethods, method: &str) -> String {
        engine.call(&model(), method, &Value::parse("{}").unwrap()).unwrap_err()
    }

    #[test]
    fn a_method_that_was_stopped_twice_is_not_called_any_more() {
        let mut engine = engine();
        for _ in 0..MAX_FAILURES_PER_METHOD {
            assert_eq!(call(&mut engine, "runs_away"), "took longer than 0.02 s and was stopped");
        }
        assert_eq!(call(&mut engine, "runs_away"), "is not called any more: it was stopped 2 times");
        assert_eq!(call(&mut engine, "other"), "took longer than 0.02 s and was stopped");
    }

    #[test]
    fn workers_are_restarted_a_limited_number_of_times() {
        let mut engine = engine();
        for number in 0..=MAX_RESTARTS {
            assert_eq!(call(&mut engine, &format!("m{number}")), "took longer than 0.02 s and was stopped");
        }
        assert_eq!(call(&mut engine, "last"), "is not called any more: 9 workers were stopped or died");
    }

    #[test]
    fn a_file_is_named_if_the_worker_dies_while_it_is_loaded_and_only_then() {
        let start = |script: &str| {
            let command = WorkerCommand { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] };
            PythonMethods::start(command, engine().files).unwrap_err()
        };
        let reason = "loading it used too much memory or crashed the interpreter".to_owned();
        let fault = Fault { path: "a.py".to_owned(), line: None, reason };
        let dies = "head -c 4 >/dev/null; printf '\\005\\000\\000\\000\\002a.py'; exit 1";
        assert_eq!(start(dies), StartError::Files(vec![fault]));
        assert!(matches!(start("exit 1"), StartError::Engine(_)));
    }

    #[test]
    fn a_restart_may_take_a_little_longer_than_the_first_start() {
        assert_eq!(engine().restart_timeout, MIN_RESTART_TIMEOUT);
    }

    #[test]
    fn an_event_that_is_too_large_does_not_end_the_worker() {
        let mut engine = engine();
        let large = format!("\"{}\"", "x".repeat(MAX_EVENT_BYTES));
        let result = engine.call(&model(), "m", &Value::parse(&large).unwrap());
        assert_eq!(result.unwrap_err(), "the event is larger than 33554432 bytes");
        assert!(engine.worker.is_some());
    }
}
