//! A deployment on AWS, named by its bucket and table or by its stack.

use std::collections::BTreeMap;

use adapters::aws::{
    DynamoState, ListSecrets, S3Bucket, SdkConfig, SecretsManager, Stack, describe_stack, dynamodb_client, load,
    s3_client, secrets_client,
};
use collector::{Compression, Settings};

use super::stack;
use super::stores::{AnyBucket, AnyState};
use crate::clock::CliClock;
use crate::config;
use crate::exit::{self, Failed};
use crate::lake::Lake;

/// A deployment on AWS.
#[derive(Debug)]
pub(crate) struct Deployment {
    sdk: SdkConfig,
    bucket: String,
    table: String,
    prefix: String,
    /// The parameters of its stack; `None` if only its bucket and table are known.
    stack: Option<BTreeMap<String, String>>,
}

impl Deployment {
    /// Returns the deployment with this bucket and table. Region, credentials and endpoints come from the usual places
    /// of the AWS SDK.
    pub(super) async fn named(bucket: &str, table: &str, prefix: String) -> Self {
        Self { sdk: load().await, bucket: bucket.to_owned(), table: table.to_owned(), prefix, stack: None }
    }

    /// Returns the deployment of the stack `name`, with the parameters with which it was deployed.
    pub(super) async fn of_stack(name: &str) -> Result<Self, Failed> {
        let sdk = load().await;
        let Stack { parameters, outputs } =
            describe_stack(&sdk, &CliClock::default(), name).await.map_err(exit::source_error)?;
        let output = |key: &str| {
            outputs.get(key).cloned().ok_or_else(|| {
                Failed::usage(format!(
                    "the stack {name} has no output {key}, so it is no finished deployment of audit-pull: correct \
                     --stack, or give --bucket and --table"
                ))
            })
        };
        let (bucket, table) = (output("BucketName")?, output("StateTableName")?);
        let prefix = parameters.get("Prefix").cloned().unwrap_or_default();
        Ok(Self { sdk, bucket, table, prefix, stack: Some(parameters) })
    }

    /// Returns the settings with which the stack was deployed, as far as they are known.
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings { prefix: self.prefix.clone(), ..Settings::default() };
        let parameter = |name: &str| self.stack.as_ref().and_then(|parameters| parameters.get(name));
        if parameter("Compression").is_some_and(|compression| compression == "zstd") {
            settings.compression = Compression::Zstd;
        }
        if let Some(days) = parameter("LookbackDays").and_then(|days| days.parse::<u16>().ok()) {
            settings.lookback_seconds = i64::from(days) * 86_400;
        }
        settings
    }

    /// Returns the value of a vendor's setting by its variable.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        match &self.stack {
            Some(parameters) => stack::variable(parameters, name),
            None => config::variable(name),
        }
    }

    /// Returns the place of the stack's own data models; `None` if it has none.
    pub(super) fn data_models(&self) -> Option<&str> {
        let place = self.stack.as_ref()?.get("DataModels")?;
        Some(place.as_str()).filter(|place| !place.is_empty())
    }

    /// Opens the state and the bucket. No call is made.
    pub(super) fn open(&self, settings: Settings) -> Lake {
        let clock = CliClock::default;
        let state = AnyState::Aws(DynamoState::new(dynamodb_client(&self.sdk), &self.table, clock()));
        let bucket = AnyBucket::Aws(S3Bucket::new(s3_client(&self.sdk), &self.bucket, clock()));
        Lake::on_aws(state, bucket, settings)
    }

    /// Returns `true` if the deployment was named by its stack, which names its secrets.
    pub(super) fn has_stack(&self) -> bool {
        self.stack.is_some()
    }

    /// Returns `true` if the stack names secrets of the vendor.
    pub(super) fn has_secrets_of(&self, vendor: &str) -> bool {
        let has = |what: &str| self.variable(&format!("{vendor}_secret_{what}")).is_some();
        self.has_stack() && (has("arns") || has("prefix"))
    }

    /// Returns the store of the stack's secrets, and the ARNs of the vendor's secrets.
    ///
    /// # Errors
    /// The secrets cannot be listed, or there are too many.
    pub(super) async fn secrets(&self, vendor: &str) -> Result<(SecretsManager<CliClock>, Vec<String>), Failed> {
        let secrets = secrets_manager(&self.sdk);
        let arns = self.variable(&format!("{vendor}_secret_arns")).unwrap_or_default();
        let mut arns: Vec<String> =
            arns.split(',').map(str::trim).filter(|arn| !arn.is_empty()).map(str::to_owned).collect();
        if let Some(prefix) = self.variable(&format!("{vendor}_secret_prefix")) {
            let listed = secrets.list(&prefix).await?;
            if listed.has_more {
                return Err(Failed::usage(format!(
                    "more than {} secrets begin with {prefix}: name one of them with --secret-arn",
                    listed.arns.len()
                )));
            }
            let new = listed.arns.into_iter().filter(|arn| !arns.contains(arn));
            arns = arns.iter().cloned().chain(new).collect();
        }
        Ok((secrets, arns))
    }
}

/// Returns the secrets of the account and region from the usual places of the AWS SDK.
pub(super) async fn secrets_of_account() -> SecretsManager<CliClock> {
    secrets_manager(&load().await)
}

fn secrets_manager(sdk: &SdkConfig) -> SecretsManager<CliClock> {
    SecretsManager::new(secrets_client(sdk), CliClock::default())
}
