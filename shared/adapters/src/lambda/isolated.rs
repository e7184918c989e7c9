//! Isolates sources from each other: one that hangs or panics does not affect the others.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use collector::{Clock, PortError};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::in_flight::InFlight;

/// Runs `work` until `cutoff` at the latest. A time-out and a panic are returned as errors; `calls` names the calls
/// that a time-out interrupted.
///
/// After a time-out `work` is dropped wherever it is, which every step of the engine allows.
pub(super) async fn run_isolated<T>(
    clock: &impl Clock,
    cutoff: Timestamp,
    calls: &InFlight,
    work: impl Future<Output = T>,
) -> Result<T, PortError> {
    let left = Duration::try_from(cutoff.duration_since(clock.now())).unwrap_or_default();
    // The time-out only borrows `work`. If it dropped `work`, the calls that `work` waits for would no longer be open
    // when the error is built, and the error names the open calls.
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    match tokio::time::timeout(left, work.as_mut()).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err(PortError::next_tick("panicked; the log says where: report it")),
        Err(_) => Err(cut_off_error(calls)),
    }
}

fn cut_off_error(calls: &InFlight) -> PortError {
    let waited = calls
        .describe()
        .map_or_else(|| "no call was open".to_owned(), |named| format!("it waited for an answer from the {named}"));
    PortError::next_tick(format!("did not end in time and was cut off: {waited}; the next tick carries on"))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::clock::SystemClock;

    fn soon() -> Timestamp {
        SystemClock.now() + Duration::from_millis(30)
    }

    #[tokio::test]
    async fn ok_the_value_is_returned() {
        assert_eq!(run_isolated(&SystemClock, soon(), &InFlight::default(), async { 1 }).await, Ok(1));
    }

    #[tokio::test]
    async fn err_a_panic_becomes_an_error() {
        let (work, calls) = (async { assert_eq!(1, 2, "a fault of ours") }, InFlight::default());
        assert!(run_isolated(&SystemClock, soon(), &calls, work).await.unwrap_err().message.starts_with("panicked"));
    }

    #[tokio::test]
    async fn err_hanging_work_is_cut_off() {
        let calls = InFlight::default();
        let past = SystemClock.now() - Duration::from_secs(1);
        for cutoff in [soon(), past] {
            let error = run_isolated(&SystemClock, cutoff, &calls, pending::<()>()).await.unwrap_err();
            assert!(error.message.starts_with("did not end in time and was cut off: no call was open"), "{error}");
        }
    }

    #[tokio::test]
    async fn e2_a_cut_off_names_the_call_that_hung() {
        let calls = InFlight::default();
        let hung = calls.track("state table: read the head of acme/x".to_owned(), pending::<()>());
        let error = run_isolated(&SystemClock, soon(), &calls, hung).await.unwrap_err();
        assert!(
            error.message.contains("cut off: it waited for an answer from the state table: read the head"),
            "{error}"
        );
    }
}
