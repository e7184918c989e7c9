//! The AWS adapters: the conformance suite, and every kind of answer from AWS.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod bucket;
mod deployed;
mod doctor;
mod dynamodb_server;
mod fan_out;
mod faults;
mod fleet;
mod runtime_api;
mod s3_server;
mod secrets;
mod secrets_server;
mod shell;
mod silence;
mod sns_server;
mod sqs_server;
mod state;
mod torn_proxy;
mod torn_race;
mod torn_reads;

use std::time::Duration;

use adapters::aws::loader;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use collector::{Clock, Recovery};
use jiff::Timestamp;

pub(crate) use faults::{Fault, Faults};

/// The time-out of a client in tests in which the server does not answer.
const SHORT_TIMEOUT: Duration = Duration::from_secs(2);
/// The time-out in all other tests: longer than a busy machine needs.
const LONG_TIMEOUT: Duration = Duration::from_secs(60);
/// The number of attempts after which an adapter leaves a call to the next tick.
const ATTEMPTS: usize = 7;

pub(crate) const ACCESS_KEY: &str = "AKIATEST";
pub(crate) const SECRET_KEY: &str = "test-secret-access-key";

/// Creates the SDK's settings as the functions have them, except for the endpoint, the credentials and the time-outs.
async fn sdk(endpoint: &str, call_timeout: Duration) -> SdkConfig {
    loader()
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
        .endpoint_url(endpoint)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(call_timeout).build())
        .load()
        .await
}

/// The system's clock with shortened sleeps.
#[derive(Debug, Clone, Copy, Default)]
struct ClockWithShortSleeps;

impl Clock for ClockWithShortSleeps {
    fn now(&self) -> Timestamp {
        adapters::clock::SystemClock.now()
    }

    async fn sleep(&self, duration: Duration) {
        adapters::clock::SystemClock.sleep(duration / 100).await;
    }

    fn random(&self) -> u64 {
        adapters::clock::SystemClock.random()
    }
}

#[track_caller]
fn assert_error<T: std::fmt::Debug>(result: Result<T, collector::PortError>, recovery: Recovery, says: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.recovery, recovery, "{error}");
    for words in says {
        assert!(error.message.contains(words), "{words:?} is missing in: {error}");
    }
}
