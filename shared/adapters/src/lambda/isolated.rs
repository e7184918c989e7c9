//! What one source does to itself is no other's business.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use collector::{Clock, PortError};
use futures_util::FutureExt;
use jiff::Timestamp;

/// Runs `work` until `cut` at the latest; its panic is an error like any other.
/// What it had in hand is dropped where it stands: every step of the engine allows for that.
pub(super) async fn isolated<T>(
    clock: &impl Clock,
    cut: Timestamp,
    work: impl Future<Output = T>,
) -> Result<T, PortError> {
    let left = Duration::try_from(cut.duration_since(clock.now())).unwrap_or_default();
    match tokio::time::timeout(left, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err(PortError::next_tick("panicked; the log says where: report it")),
        Err(_) => Err(PortError::next_tick("did not end in time and was cut off; the next tick carries on")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn soon() -> Timestamp {
        SystemClock.now() + Duration::from_millis(30)
    }

    #[tokio::test]
    async fn ok() {
        assert_eq!(isolated(&SystemClock, soon(), async { 1 }).await, Ok(1));
    }

    #[tokio::test]
    async fn err_a_panic_stays_inside() {
        let work = async { assert_eq!(1, 2, "a fault of ours") };
        assert!(isolated(&SystemClock, soon(), work).await.unwrap_err().message.starts_with("panicked"));
    }

    #[tokio::test]
    async fn err_what_hangs_is_cut_off() {
        let hung = std::future::pending::<()>();
        assert!(isolated(&SystemClock, soon(), hung).await.unwrap_err().message.starts_with("did not end"));
        let past = SystemClock.now() - Duration::from_secs(1);
        assert!(isolated(&SystemClock, past, std::future::pending::<()>()).await.is_err());
    }
}
