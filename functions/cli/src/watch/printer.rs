//! Prints the lines of a watch from a thread of its own, so that a reader who does not read holds up no tick.

use std::cell::Cell;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError};
use std::time::Duration;

use crate::exit::Failed;
use crate::output;

/// At most this many lines wait for the reader. Further lines are left out and counted.
const MAX_WAITING_LINES: usize = 256;
/// Time that the waiting lines get at the end of the watch.
const MAX_FLUSH_TIME: Duration = Duration::from_secs(2);

/// A line of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// A line for standard output.
    Output(String),
    /// A message for a person, for standard error.
    Message(String),
}

impl Line {
    fn print(self) -> Result<(), Failed> {
        match self {
            Self::Output(text) => output::print_line(&text),
            Self::Message(text) => {
                output::print_error(&text);
                Ok(())
            }
        }
    }
}

/// Passes lines to a thread that prints them.
#[derive(Debug)]
pub(super) struct Printer {
    lines: SyncSender<Line>,
    /// Gets the failure at which the thread ended. It is closed when the thread has ended.
    failures: Receiver<Failed>,
    /// The number of lines that were left out since the last line that found a place in the queue.
    skipped: Cell<u64>,
}

impl Printer {
    /// Starts the thread.
    pub(super) fn new() -> Self {
        Self::with(Line::print)
    }

    fn with(print: impl FnMut(Line) -> Result<(), Failed> + Send + 'static) -> Self {
        let (lines, waiting) = mpsc::sync_channel(MAX_WAITING_LINES);
        let (failed, failures) = mpsc::channel();
        std::thread::spawn(move || print_all(&waiting, &failed, print));
        Self { lines, failures, skipped: Cell::new(0) }
    }

    /// Puts a line into the queue, or leaves it out if the queue is full. The next line that finds a place comes after a
    /// message with the number of lines that were left out.
    ///
    /// # Errors
    /// An earlier line could not be written.
    pub(super) fn print(&self, line: Line) -> Result<(), Failed> {
        if let Ok(failed) = self.failures.try_recv() {
            return Err(failed);
        }
        if self.report_skipped() && self.queue(line) {
            self.skipped.set(0);
        } else {
            self.skipped.set(self.skipped.get() + 1);
        }
        Ok(())
    }

    /// Puts the number of lines that were left out into the queue, if there are any. Returns `false` if it is full.
    fn report_skipped(&self) -> bool {
        let skipped = self.skipped.get();
        if skipped == 0 {
            return true;
        }
        let text = format!("{skipped} lines of the output were left out, because nobody read them");
        let is_queued = self.queue(Line::Message(text));
        if is_queued {
            self.skipped.set(0);
        }
        is_queued
    }

    /// Puts a line into the queue. Returns `false` if it is full. After the thread has ended, a line is dropped: its failure
    /// ends the watch.
    fn queue(&self, line: Line) -> bool {
        !matches!(self.lines.try_send(line), Err(TrySendError::Full(_)))
    }

    /// Waits until the thread has printed everything, for at most [`MAX_FLUSH_TIME`].
    ///
    /// # Errors
    /// A line could not be written.
    pub(super) fn finish(self) -> Result<(), Failed> {
        self.report_skipped();
        drop(self.lines);
        match self.failures.recv_timeout(MAX_FLUSH_TIME) {
            Ok(failed) => Err(failed),
            Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => Ok(()),
        }
    }
}

/// Prints lines until there are no more, or one cannot be printed.
fn print_all(lines: &Receiver<Line>, failed: &Sender<Failed>, mut print: impl FnMut(Line) -> Result<(), Failed>) {
    for line in lines {
        if let Err(failure) = print(line) {
            // Sending fails only if the watch has ended and dropped the receiver. Then nobody needs the failure.
            let _ = failed.send(failure);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn line(number: usize) -> Line {
        Line::Output(number.to_string())
    }

    #[test]
    fn a_reader_who_does_not_read_holds_up_nothing_and_the_lines_left_out_are_counted() {
        let ((go, gate), (begin, begun)) = (mpsc::channel::<()>(), mpsc::channel());
        let printed = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&printed);
        // The first line blocks until the gate opens.
        let mut is_open = false;
        let printer = Printer::with(move |line| {
            if !is_open {
                begin.send(()).unwrap();
                is_open = gate.recv().is_ok();
            }
            to.lock().unwrap().push(line);
            Ok(())
        });
        printer.print(line(0)).unwrap();
        begun.recv().unwrap();
        (1..=2 * MAX_WAITING_LINES).for_each(|number| printer.print(line(number)).unwrap());
        assert_eq!(printer.skipped.get(), MAX_WAITING_LINES as u64);
        go.send(()).unwrap();
        printer.finish().unwrap();
        let printed = printed.lock().unwrap();
        assert_eq!(printed[..=MAX_WAITING_LINES], (0..=MAX_WAITING_LINES).map(line).collect::<Vec<_>>());
    }

    #[test]
    fn the_number_of_lines_left_out_comes_before_the_next_line() {
        let (sent, received) = mpsc::channel();
        let printer = Printer::with(move |line| {
            sent.send(line).unwrap();
            Ok(())
        });
        printer.skipped.set(3);
        printer.print(line(1)).unwrap();
        printer.finish().unwrap();
        let text = "3 lines of the output were left out, because nobody read them".to_owned();
        assert_eq!(received.iter().collect::<Vec<_>>(), [Line::Message(text), line(1)]);
    }

    #[test]
    fn a_line_that_cannot_be_written_fails_the_watch() {
        let printer = Printer::with(|_| Err(Failed::person("no space")));
        printer.print(line(1)).unwrap();
        assert_eq!(printer.finish().unwrap_err().message, "no space");
    }
}
