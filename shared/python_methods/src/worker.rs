//! The worker, which is the process that runs the methods.

use std::io::{self, Read, Write};

use crate::{frame, interpreter, limits};

/// Status of an answer: the request succeeded, and the result follows.
pub(crate) const SUCCEEDED: u8 = 0;
/// Status of an answer: the request failed, and the reason follows.
pub(crate) const FAILED: u8 = 1;
/// Status of an answer while files are loaded: the path of the file that is loaded next follows.
pub(crate) const LOADING: u8 = 2;
/// The header of a call: the model's index (4 bytes), 1 if an event follows (1 byte), and the length of the method's
/// name (4 bytes).
pub(crate) const CALL_HEADER_BYTES: usize = 9;
/// The stack size of the interpreter's thread, in bytes.
const STACK_BYTES: usize = 64 << 20;

/// Answers the requests on standard input until it is closed. First it lowers the limits of this process, so nothing
/// else may run in it; `max_memory_bytes` limits its address space.
///
/// # Errors
/// The limits cannot be lowered, the interpreter cannot be started, or a pipe fails. The error says which.
pub fn run_worker(max_memory_bytes: u64) -> Result<(), String> {
    limits::lower(max_memory_bytes)?;
    let worker = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(serve);
    let worker = worker.map_err(|error| format!("cannot start the interpreter's thread: {error}"))?;
    worker.join().map_err(|_| "the interpreter crashed".to_owned())?
}

fn serve() -> Result<(), String> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    interpreter::run(|python| serve_with(python, &mut input, &mut output).map_err(|error| error.to_string()))?
}

fn serve_with(python: &interpreter::Python<'_>, input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let Some(request) = frame::read(input)? else { return Ok(()) };
    let loaded = load(python, &String::from_utf8_lossy(&request), output)?;
    answer(output, &loaded)?;
    while let Some(call) = frame::read(input)? {
        let result = match read_call(&call) {
            Some((model, method, event)) => python.call(model, &method, event.as_deref()),
            None => Err("the call is cut short".to_owned()),
        };
        answer(output, &result)?;
    }
    Ok(())
}

/// Loads the files of a request one by one. Before each file it sends the path, so that the other process can name the
/// file if loading hangs.
fn load(
    python: &interpreter::Python<'_>,
    request: &str,
    output: &mut impl Write,
) -> io::Result<Result<String, String>> {
    let paths = match python.begin(request) {
        Ok(paths) => paths,
        Err(reason) => return Ok(Err(reason)),
    };
    for (number, path) in paths.iter().enumerate() {
        frame::write(output, &[&[LOADING], path.as_bytes()])?;
        if let Err(reason) = python.load(number) {
            return Ok(Err(reason));
        }
    }
    Ok(python.faults())
}

fn answer(output: &mut impl Write, result: &Result<String, String>) -> io::Result<()> {
    match result {
        Ok(result) => frame::write(output, &[&[SUCCEEDED], result.as_bytes()]),
        Err(reason) => frame::write(output, &[&[FAILED], reason.as_bytes()]),
    }
}

/// Parses a call into the model's index, the method's name and the event. The event is `None` if it is that of the
/// previous call.
fn read_call(call: &[u8]) -> Option<(usize, String, Option<String>)> {
    let (header, rest) = call.split_at_checked(CALL_HEADER_BYTES)?;
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_le_bytes);
    let length = usize::try_from(number(&header[5..])?).ok()?;
    let (method, event) = rest.split_at_checked(length)?;
    let event = (header[4] != 0).then(|| String::from_utf8_lossy(event).into_owned());
    Some((usize::try_from(number(&header[..4])?).ok()?, String::from_utf8_lossy(method).into_owned(), event))
}
