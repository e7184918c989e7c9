//! The stores of a deployment on AWS.

use adapters::aws::{DynamoState, S3Bucket, dynamodb_client, load, s3_client};

use crate::clock::CliClock;

/// Returns the state and the bucket of the deployment with these names. Region, credentials and endpoints come from the
/// usual places of the AWS SDK.
pub(crate) async fn stores(bucket: &str, table: &str) -> (DynamoState<CliClock>, S3Bucket<CliClock>) {
    let config = load().await;
    let state = DynamoState::new(dynamodb_client(&config), table, CliClock::default());
    (state, S3Bucket::new(s3_client(&config), bucket, CliClock::default()))
}
