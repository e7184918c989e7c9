//! The secrets of a command's sources: a file, environment variables, Secrets Manager, or those of a stack.

use std::path::PathBuf;

use adapters::local::LocalSecrets;

use super::Place;
#[cfg(feature = "aws")]
use super::aws;
use super::stores::AnySecrets;
use crate::config;
use crate::exit::Failed;
use crate::vendor::VendorSpec;

/// The name of the secret in messages if it comes from environment variables.
pub(crate) const FROM_VARIABLES: &str = "of the environment";

/// The arguments that name the secret of a source.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SecretArgs {
    /// The file with the source's secret [default: environment variables, or with --stack the stack's secrets]
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// The source's secret in Secrets Manager; only in a program built with the feature aws
    #[arg(long, value_name = "ARN", conflicts_with = "secret")]
    secret_arn: Option<String>,
}

/// The secrets of the sources of one vendor.
#[derive(Debug)]
pub(crate) struct SourceSecrets {
    /// The store that has them.
    pub(crate) store: AnySecrets,
    /// The name of each source's secret in the store.
    pub(crate) names: Vec<String>,
}

impl SourceSecrets {
    /// Returns a secret that comes from `file` if it is given, and otherwise from environment variables.
    ///
    /// # Errors
    /// Variables are missing. The message names them.
    pub(crate) fn local(vendor: &VendorSpec, file: Option<PathBuf>) -> Result<Self, Failed> {
        let name = file.as_ref().map_or_else(|| FROM_VARIABLES.to_owned(), |file| file.display().to_string());
        let secret = config::secret(vendor, file)?;
        let store = AnySecrets::Local(LocalSecrets::new([(name.clone(), secret)]));
        Ok(Self { store, names: vec![name] })
    }
}

impl SecretArgs {
    /// Returns `true` if a secret is named.
    pub(crate) fn is_given(&self) -> bool {
        self.secret.is_some() || self.secret_arn.is_some()
    }

    /// Finds the secrets of the vendor's sources. Only a stack may have several.
    ///
    /// # Errors
    /// There is none, or they cannot be listed.
    pub(crate) async fn find(&self, place: Option<&Place>, vendor: &VendorSpec) -> Result<SourceSecrets, Failed> {
        if let Some(arn) = &self.secret_arn {
            return secret_on_aws(arn).await;
        }
        #[cfg(feature = "aws")]
        if let Some(Place::Aws(deployment)) = place.filter(|_| self.secret.is_none())
            && deployment.has_stack()
        {
            let (secrets, names) = deployment.secrets(vendor.name).await?;
            if names.is_empty() {
                return Err(Failed::usage(format!("the stack has no secret for {}", vendor.name)));
            }
            return Ok(SourceSecrets { store: AnySecrets::Aws(secrets), names });
        }
        // Without the feature `aws`, no place has secrets of its own.
        let _ = place;
        SourceSecrets::local(vendor, self.secret.clone())
    }
}

#[cfg(feature = "aws")]
async fn secret_on_aws(arn: &str) -> Result<SourceSecrets, Failed> {
    Ok(SourceSecrets { store: AnySecrets::Aws(aws::secrets_of_account().await), names: vec![arn.to_owned()] })
}

#[cfg(not(feature = "aws"))]
async fn secret_on_aws(_: &str) -> Result<SourceSecrets, Failed> {
    Err(Failed::usage(super::BUILT_WITHOUT_AWS))
}
