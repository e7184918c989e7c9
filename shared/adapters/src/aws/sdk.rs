//! The set-up of the AWS SDK, once per process.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};

/// Time limit for a connection, including its TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// Time limit from sending a request to the head of its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Returns the SDK's settings. The SDK takes region, credentials and endpoints from its usual sources, such as
/// `AWS_REGION`, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_S3`.
pub async fn load() -> SdkConfig {
    loader().load().await
}

/// Returns the loader that [`load`] uses, for callers that add settings.
///
/// The SDK's retries are off. The adapters retry with [`collector::retry`], because only they know which retries need
/// the same idempotency token and which answers are not failures.
pub fn loader() -> ConfigLoader {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(CALL_TIMEOUT).build();
    aws_config::defaults(BehaviorVersion::latest()).retry_config(RetryConfig::disabled()).timeout_config(timeouts)
}

/// Returns a client of S3. If an endpoint is configured, the bucket's name is sent in the path, because S3 emulators
/// have no DNS name per bucket.
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let path_style = config.endpoint_url().is_some() || s3_endpoint_is_set();
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(path_style).build();
    aws_sdk_s3::Client::from_conf(config)
}

/// Returns a client of DynamoDB.
pub fn dynamodb_client(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(config)
}

/// Returns a client of Secrets Manager.
pub fn secrets_client(config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(config)
}

/// Returns a client of Simple Notification Service.
pub fn sns_client(config: &SdkConfig) -> aws_sdk_sns::Client {
    aws_sdk_sns::Client::new(config)
}

/// Returns a client of Simple Queue Service.
#[cfg(feature = "lambda")]
pub fn sqs_client(config: &SdkConfig) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(config)
}

/// Returns `true` if `AWS_ENDPOINT_URL_S3` is set. The SDK reads the variable itself, but does not show whether it was
/// set.
#[expect(clippy::disallowed_methods, reason = "the SDK's own variable, read where the SDK reads it")]
fn s3_endpoint_is_set() -> bool {
    std::env::var_os("AWS_ENDPOINT_URL_S3").is_some_and(|value| !value.is_empty())
}
