//! Interrupts of the process by a person or a service manager.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failed;

/// Detects an interrupt (Ctrl-C) or SIGTERM from the time of its creation on.
#[derive(Debug)]
pub(crate) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Begins to listen for both signals, which then no longer end the process by themselves.
    pub(crate) fn new() -> Result<Self, Failed> {
        let listen = |kind| signal(kind).map_err(|error| Failed::person(format!("cannot listen for signals: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next of the signals.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
