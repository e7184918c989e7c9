//! The set-up of the AWS SDK, once per process.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};

/// Until a connection stands, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// From sending a request to the head of its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The SDK's settings: region, credentials and endpoints as the SDK itself finds them
/// (`AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3` …).
pub async fn load() -> SdkConfig {
    loader().load().await
}

/// The loader that [`load`] uses, for callers that set more.
///
/// The SDK repeats nothing: the adapters do, with [`collector::retry`], because they know which
/// repeats need the same idempotency token and which answers are not failures.
pub fn loader() -> ConfigLoader {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(CALL_TIMEOUT).build();
    aws_config::defaults(BehaviorVersion::latest()).retry_config(RetryConfig::disabled()).timeout_config(timeouts)
}

/// A client of S3. Where an endpoint is set, the bucket stands in the path: stand-ins for S3 have
/// no DNS name a bucket.
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let path_style = config.endpoint_url().is_some() || s3_endpoint_is_set();
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(path_style).build();
    aws_sdk_s3::Client::from_conf(config)
}

/// A client of DynamoDB.
pub fn dynamodb_client(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(config)
}

/// A client of Secrets Manager.
pub fn secrets_client(config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(config)
}

/// The SDK reads the value itself, but does not tell whether it found one.
#[expect(clippy::disallowed_methods, reason = "the SDK's own variable, read where the SDK reads it")]
fn s3_endpoint_is_set() -> bool {
    std::env::var_os("AWS_ENDPOINT_URL_S3").is_some_and(|value| !value.is_empty())
}
