//! The one door to the terminal.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::exit::Failed;

/// Writes to standard output. A reader that went away ends the output, not the command.
pub(crate) fn say(text: &str) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failed::person(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a value to standard output as one line of JSON.
pub(crate) fn say_json(value: &impl Serialize) -> Result<(), Failed> {
    let text = serde_json::to_string(value).map_err(|error| Failed::person(format!("cannot write JSON: {error}")))?;
    say(&text)
}

/// Writes to standard error, where nothing can be done if it is closed.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "audit-pull: {text}");
}

/// The rows as columns: the first `left` of them to the left, the others to the right.
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
