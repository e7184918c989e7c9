//! Keeps the failure of one source from the others.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use collector::{Clock, PortError};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::in_flight::InFlight;

/// Runs `work`, whose calls `calls` knows, until `cut` at the latest; its panic is an error like any other.
/// What it had in hand is dropped where it stands: every step of the engine allows for that.
pub(super) async fn isolated<T>(
    clock: &impl Clock,
    cut: Timestamp,
    calls: &InFlight,
    work: impl Future<Output = T>,
) -> Result<T, PortError> {
    let left = Duration::try_from(cut.duration_since(clock.now())).unwrap_or_default();
    // Not dropped before its calls were named.
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    match tokio::time::timeout(left, work.as_mut()).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err(PortError::next_tick("panicked; the log says where: report it")),
        Err(_) => Err(cut_off(calls)),
    }
}

fn cut_off(calls: &InFlight) -> PortError {
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
    async fn ok() {
        assert_eq!(isolated(&SystemClock, soon(), &InFlight::default(), async { 1 }).await, Ok(1));
    }

    #[tokio::test]
    async fn err_a_panic_stays_inside() {
        let (work, calls) = (async { assert_eq!(1, 2, "a fault of ours") }, InFlight::default());
        assert!(isolated(&SystemClock, soon(), &calls, work).await.unwrap_err().message.starts_with("panicked"));
    }

    #[tokio::test]
    async fn err_what_hangs_is_cut_off() {
        let calls = InFlight::default();
        let past = SystemClock.now() - Duration::from_secs(1);
        for cut in [soon(), past] {
            let error = isolated(&SystemClock, cut, &calls, pending::<()>()).await.unwrap_err();
            assert!(error.message.starts_with("did not end in time and was cut off: no call was open"), "{error}");
        }
    }

    #[tokio::test]
    async fn e2_a_cut_off_names_the_call_that_hung() {
        let calls = InFlight::default();
        let hung = calls.track("state table: read the head of acme/x".to_owned(), pending::<()>());
        let error = isolated(&SystemClock, soon(), &calls, hung).await.unwrap_err();
        assert!(
            error.message.contains("cut off: it waited for an answer from the state table: read the head"),
            "{error}"
        );
    }
}
