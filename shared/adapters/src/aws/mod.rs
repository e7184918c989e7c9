//! The ports on AWS: state in a DynamoDB table, objects in an S3 bucket, secrets in Secrets Manager,
//! messages through an SNS topic and an SQS queue.

mod attempt;
mod bucket;
mod call;
mod object_list;
mod sdk;
mod secret_list;
mod secret_walk;
mod secrets;
mod sns;
#[cfg(feature = "lambda")]
mod sqs;
#[cfg(feature = "stack")]
mod stack;
mod state;
mod topics;

#[cfg(feature = "lambda")]
pub(crate) use attempt::with_deadline;
#[cfg(feature = "stack")]
pub use aws_config::SdkConfig;
pub use bucket::S3Bucket;
pub use collector::ListObjects;
#[cfg(feature = "lambda")]
pub use sdk::sqs_client;
pub use sdk::{dynamodb_client, load, loader, s3_client, secrets_client, sns_client};
pub use secret_list::{ListSecrets, SecretList};
pub use secrets::SecretsManager;
#[cfg(feature = "lambda")]
pub(crate) use secrets::{secret_name, without_suffix};
pub use sns::SnsTopic;
#[cfg(feature = "lambda")]
pub use sqs::{MAX_MESSAGES_PER_CALL, MessageQueue, SqsQueue};
#[cfg(feature = "stack")]
pub use stack::{Stack, describe_stack};
pub use state::DynamoState;
pub use topics::{SnsTopics, Subscribers, TopicSubscribers};
