//! Reads standard input line by line.

use std::io::{ErrorKind, Read};

use crate::exit::Failed;
use crate::splitter::{Line, LineSplitter};

/// The number of bytes that are read at a time. The results for all lines in them are written before more is read.
const READ_BYTES: usize = 64 << 10;

/// Processes lines and writes the results.
pub(crate) trait LineSink {
    /// Processes a line. `number` counts from 1.
    fn take(&mut self, number: u64, line: Line<'_>);

    /// Writes the results so far. Returns `false` if the reader of standard output has gone.
    fn flush(&mut self) -> Result<bool, Failed>;
}

/// Passes all lines of standard input to `sink`. Returns `false` if it stopped early because the reader of the results
/// has gone.
pub(crate) fn each_line(max_line_bytes: usize, sink: &mut impl LineSink) -> Result<bool, Failed> {
    let mut splitter = LineSplitter::new(max_line_bytes);
    let mut input = std::io::stdin().lock();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let bytes = read(&mut input, &mut buffer)?;
        let is_end = bytes.is_empty();
        if is_end {
            splitter.finish(|number, line| sink.take(number, line));
        } else {
            splitter.push(bytes, |number, line| sink.take(number, line));
        }
        let is_read = sink.flush()?;
        if is_end || !is_read {
            return Ok(is_read);
        }
    }
}

/// Reads the next bytes; empty at the end of the input.
fn read<'b>(input: &mut impl Read, buffer: &'b mut [u8]) -> Result<&'b [u8], Failed> {
    loop {
        match input.read(buffer) {
            Ok(count) => return Ok(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Failed::person(format!("cannot read standard input: {error}"))),
        }
    }
}
