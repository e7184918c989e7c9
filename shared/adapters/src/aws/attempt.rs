//! Derives the time limit of one attempt of an AWS call from the deadline.
//!
//! A service that is silent once must cost a retry and not the tick. An attempt therefore gets a part of the time that is
//! left until the deadline of the work it belongs to, and never more than the limit of its kind.

use std::future::Future;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use collector::{Clock, time_until};
use jiff::Timestamp;

/// The longest attempt of a call whose request and answer are small: those of DynamoDB and Secrets Manager.
pub(super) const SMALL_CALL: Duration = Duration::from_secs(5);
/// The longest attempt to read an object, up to its first byte and from one piece to the next.
pub(super) const OBJECT_READ: Duration = Duration::from_secs(10);
/// The longest attempt to write an object.
pub(super) const OBJECT_WRITE: Duration = Duration::from_secs(20);
/// The shortest attempt, however little time is left.
const MIN_ATTEMPT: Duration = Duration::from_secs(1);
/// One attempt may take this part of the time that is left: a third, so that others fit in after it.
const TIME_LEFT_DIVISOR: u32 = 3;

tokio::task_local! {
    static DEADLINE: Timestamp;
}

/// No answer came in the time that an attempt had.
#[derive(Debug, thiserror::Error)]
#[error("none came within {seconds:.1} s")]
struct NoAnswer {
    seconds: f64,
}

/// Runs `work`, whose AWS calls have to end before `deadline`.
#[cfg(feature = "lambda")]
pub(crate) async fn with_deadline<T>(deadline: Timestamp, work: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline, work).await
}

/// Waits for one attempt, for at most `limit` and its part of the time that is left.
pub(super) async fn attempt<T, E>(
    clock: &impl Clock,
    limit: Duration,
    sent: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, SdkError<E, HttpResponse>> {
    let time = attempt_time(clock, limit);
    match tokio::time::timeout(time, sent).await {
        Ok(outcome) => outcome,
        Err(_) => Err(SdkError::timeout_error(NoAnswer { seconds: time.as_secs_f64() })),
    }
}

/// The time that an attempt has which begins now.
pub(super) fn attempt_time(clock: &impl Clock, limit: Duration) -> Duration {
    let left = DEADLINE.try_with(|deadline| time_until(clock.now(), *deadline));
    part_of(left.ok(), limit)
}

fn part_of(left: Option<Duration>, limit: Duration) -> Duration {
    left.map_or(limit, |left| (left / TIME_LEFT_DIVISOR).clamp(MIN_ATTEMPT, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_an_attempt_leaves_time_for_others() {
        let seconds = Duration::from_secs;
        assert_eq!(part_of(None, SMALL_CALL), SMALL_CALL);
        assert_eq!(part_of(Some(seconds(600)), SMALL_CALL), SMALL_CALL);
        assert_eq!(part_of(Some(seconds(12)), SMALL_CALL), seconds(4));
        assert_eq!(part_of(Some(seconds(30)), OBJECT_WRITE), seconds(10));
        assert_eq!(part_of(Some(Duration::ZERO), SMALL_CALL), MIN_ATTEMPT);
    }
}
