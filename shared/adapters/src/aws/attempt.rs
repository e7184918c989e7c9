//! The time limit of one attempt of an AWS call, derived from the deadline of the work that makes the call.
//!
//! A service that does not answer once must cost one retry and not the whole tick. So an attempt gets a third of the
//! time that is left until the deadline, and never more than the limit for its kind of call.

use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use collector::{Clock, time_until};
use jiff::Timestamp;

/// Time limit of an attempt whose request and answer are small: every call of DynamoDB and Secrets Manager.
pub(super) const SMALL_CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of an attempt to read an object: for its first byte, and again for each following chunk.
pub(super) const OBJECT_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit of an attempt to write an object.
pub(super) const OBJECT_WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// An attempt gets at least this time, even after the deadline.
const MIN_ATTEMPT: Duration = Duration::from_secs(1);
/// An attempt gets the time left divided by this number, so that there is time for further attempts.
const TIME_LEFT_DIVISOR: u32 = 3;

tokio::task_local! {
    static DEADLINE: Timestamp;
}

/// The error of an attempt that reached its time limit without an answer.
#[derive(Debug, thiserror::Error)]
#[error("none came within {seconds:.1} s")]
struct NoAnswer {
    seconds: f64,
}

/// Runs `work` and limits each attempt of its AWS calls by `deadline`.
#[cfg(feature = "lambda")]
pub(crate) async fn with_deadline<T>(deadline: Timestamp, work: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline, work).await
}

/// Waits for the answer to one attempt, `sent`, for at most [`attempt_timeout`]. Returns a time-out error after that.
pub(super) async fn attempt<T, E>(
    clock: &impl Clock,
    limit: Duration,
    sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, SdkError<E, HttpResponse>> {
    let time = attempt_timeout(clock, limit);
    match tokio::time::timeout(time, sent).await {
        Ok(outcome) => outcome,
        Err(_) => Err(SdkError::timeout_error(NoAnswer { seconds: time.as_secs_f64() })),
    }
}

/// Returns the time limit of an attempt that begins now: `limit`, or less if the deadline of [`with_deadline`] is near.
pub(super) fn attempt_timeout(clock: &impl Clock, limit: Duration) -> Duration {
    let left = DEADLINE.try_with(|deadline| time_until(clock.now(), *deadline));
    timeout_for(left.ok(), limit)
}

fn timeout_for(left: Option<Duration>, limit: Duration) -> Duration {
    left.map_or(limit, |left| (left / TIME_LEFT_DIVISOR).clamp(MIN_ATTEMPT, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_an_attempt_leaves_time_for_others() {
        let seconds = Duration::from_secs;
        assert_eq!(timeout_for(None, SMALL_CALL_TIMEOUT), SMALL_CALL_TIMEOUT);
        assert_eq!(timeout_for(Some(seconds(600)), SMALL_CALL_TIMEOUT), SMALL_CALL_TIMEOUT);
        assert_eq!(timeout_for(Some(seconds(12)), SMALL_CALL_TIMEOUT), seconds(4));
        assert_eq!(timeout_for(Some(seconds(30)), OBJECT_WRITE_TIMEOUT), seconds(10));
        assert_eq!(timeout_for(Some(Duration::ZERO), SMALL_CALL_TIMEOUT), MIN_ATTEMPT);
    }
}
