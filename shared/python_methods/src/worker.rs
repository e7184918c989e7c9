//! The process that runs methods.

use std::io::{self, Read, Write};

use crate::{frame, interpreter, limits};

/// The answer to a call that succeeded; the result follows.
pub(crate) const SUCCEEDED: u8 = 0;
/// The answer to a call that failed; the reason follows.
pub(crate) const FAILED: u8 = 1;
/// An answer before the last one to a request to load: the path of the file that is loaded next.
pub(crate) const LOADING: u8 = 2;
/// The length of a call's header: the model's number, whether an event follows, and the length of the method's name.
pub(crate) const CALL_HEADER_BYTES: usize = 9;
/// The stack of the interpreter, in bytes.
const STACK_BYTES: usize = 64 << 20;

/// Serves one process through standard input and output until it closes them. Lowers the limits of this process
/// first, so it must be a process of its own; it may map `max_memory_bytes` of memory.
///
/// # Errors
/// The limits cannot be lowered, the interpreter cannot be started, or the pipe fails; the text says why.
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

/// Loads the files of a request one by one, and names each before, so that one that hangs is known.
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

/// The model's number, the method's name, and the event unless it is the last one.
fn read_call(call: &[u8]) -> Option<(usize, String, Option<String>)> {
    let (header, rest) = call.split_at_checked(CALL_HEADER_BYTES)?;
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_le_bytes);
    let length = usize::try_from(number(&header[5..])?).ok()?;
    let (method, event) = rest.split_at_checked(length)?;
    let event = (header[4] != 0).then(|| String::from_utf8_lossy(event).into_owned());
    Some((usize::try_from(number(&header[..4])?).ok()?, String::from_utf8_lossy(method).into_owned(), event))
}
