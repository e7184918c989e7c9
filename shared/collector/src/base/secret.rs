//! Reads a secret again after the vendor refused its value.

use std::time::Duration;

use secrecy::SecretString;

use super::error::PortError;
use super::limit::with_time_limit;
use super::ports::{Clock, Secrets, Tries};

/// The time limit of the read while the vendor's call may still be retried. It is long enough for a second request if
/// the store does not answer the first one.
const MAX_PATIENT_READ_TIME: Duration = Duration::from_secs(12);
/// The time limit of the read during a vendor's call that is tried only once. It is shorter than the time limit of that
/// call, so that the error names the secret store and not the vendor.
const MAX_SINGLE_READ_TIME: Duration = Duration::from_secs(4);

/// Reads the secret again, without any cache, during a vendor's call with these `tries`.
///
/// # Errors
/// The store's own error. A store that does not answer in time fails for the next tick, with a message that names the
/// store and not the vendor.
pub async fn read_again(
    secrets: &impl Secrets,
    clock: &impl Clock,
    reference: &str,
    tries: Tries,
) -> Result<SecretString, PortError> {
    let limit = match tries {
        Tries::Patient => MAX_PATIENT_READ_TIME,
        Tries::Once => MAX_SINGLE_READ_TIME,
    };
    with_time_limit(clock, limit, secrets.get(reference, true)).await.unwrap_or_else(|| {
        Err(PortError::next_tick(format!(
            "the secret store did not answer within {} s when the secret {reference} was read again; it is asked again in \
             the next tick",
            limit.as_secs()
        )))
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use futures_util::FutureExt;
    use jiff::Timestamp;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::base::error::Recovery;

    /// A clock that records the last sleep and does not wait.
    #[derive(Default)]
    struct SleepRecorder(Cell<Duration>);

    impl Clock for SleepRecorder {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        async fn sleep(&self, duration: Duration) {
            self.0.set(duration);
        }

        fn random(&self) -> u64 {
            0
        }
    }

    /// A store that answers, or hangs.
    struct Store {
        hangs: bool,
    }

    impl Secrets for Store {
        async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
            assert!(fresh);
            if self.hangs {
                return pending().await;
            }
            Ok(format!("key of {reference}").into())
        }
    }

    #[test]
    fn ok_an_answer_of_the_store_is_returned() {
        let (store, clock) = (Store { hangs: false }, SleepRecorder::default());
        let read = read_again(&store, &clock, "acme", Tries::Patient);
        assert_eq!(read.now_or_never().unwrap().unwrap().expose_secret(), "key of acme");
    }

    #[test]
    fn e2_a_secret_store_that_hangs_is_named_and_left_to_the_next_tick() {
        for (tries, seconds) in [(Tries::Patient, 12), (Tries::Once, 4)] {
            let clock = SleepRecorder::default();
            let error = read_again(&Store { hangs: true }, &clock, "acme", tries).now_or_never().unwrap().unwrap_err();
            assert_eq!((error.recovery, clock.0.get().as_secs()), (Recovery::NextTick, seconds));
            let named =
                format!("the secret store did not answer within {seconds} s when the secret acme was read again");
            assert!(error.message.starts_with(&named), "{error}");
        }
    }
}
