//! The ports on AWS: state in a DynamoDB table, objects in an S3 bucket, secrets in Secrets Manager,
//! messages through an SNS topic.

mod attempt;
mod bucket;
mod call;
mod object_list;
mod sdk;
mod secret_list;
mod secret_walk;
mod secrets;
mod sns;
mod state;
mod topics;

#[cfg(feature = "lambda")]
pub(crate) use attempt::with_deadline;
pub use bucket::S3Bucket;
pub use collector::ListObjects;
pub use sdk::{dynamodb_client, load, loader, s3_client, secrets_client, sns_client};
pub use secret_list::{ListSecrets, SecretList};
pub use secrets::SecretsManager;
#[cfg(feature = "lambda")]
pub(crate) use secrets::{secret_name, without_suffix};
pub use sns::SnsTopic;
pub use state::DynamoState;
pub use topics::{SnsTopics, Subscribers, TopicSubscribers};
