//! Writes to standard output and standard error. No other module does.

use std::io::{ErrorKind, Write};

use collector::UnixSeconds;
use jiff::Timestamp;
use serde::Serialize;

use crate::exit::Failed;

/// Formats a time in RFC 3339.
pub(crate) fn time_text(second: UnixSeconds) -> String {
    Timestamp::from_second(second).map_or_else(|_| format!("{second} s"), |time| time.to_string())
}

/// Writes bytes to standard output. Returns `false` if the reader has gone.
pub(crate) fn write_stdout(bytes: &[u8]) -> Result<bool, Failed> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failed::person(format!("cannot write to standard output: {error}"))),
    }
}

/// Writes a line of text to standard output. It is not an error if the reader has gone.
pub(crate) fn print_line(text: &str) -> Result<(), Failed> {
    write_stdout(format!("{text}\n").as_bytes()).map(|_| ())
}

/// Returns a value as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failed> {
    serde_json::to_string(value).map_err(|error| Failed::person(format!("cannot write JSON: {error}")))
}

/// Writes a value to standard output as one line of JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failed> {
    print_line(&json(value)?)
}

/// Writes a value to standard output as indented JSON.
pub(crate) fn print_pretty_json(value: &impl Serialize) -> Result<(), Failed> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Failed::person(format!("cannot write JSON: {error}")))?;
    print_line(&text)
}

/// Writes a message to standard error. If that fails, there is nothing left to do.
pub(crate) fn print_error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "audit-pull: {text}");
}

/// Writes bytes to standard error. If that fails, there is nothing left to do.
pub(crate) fn write_stderr(bytes: &[u8]) {
    let _ = std::io::stderr().lock().write_all(bytes);
}

/// Formats rows as aligned columns. The first `left` columns are left-aligned, the others right-aligned.
pub(crate) fn table<const N: usize>(rows: &[[String; N]], left: usize) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["log type", "n"], ["é", "100"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows, 1), "log type    n\né         100");
    }
}
