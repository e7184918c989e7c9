//! The place of a command: a lake on the local disk, or a deployment on AWS.
//!
//! Both have the same state, objects and rules, behind the same ports.

#[cfg(feature = "aws")]
mod aws;
pub(crate) mod secrets;
pub(crate) mod sources;
#[cfg(any(feature = "aws", test))]
mod stack;
pub(crate) mod stores;

use std::path::{Path, PathBuf};

use adapters::local;
use adapters::looks_like_a_key;
use collector::Settings;

use crate::config;
use crate::exit::Failed;
use crate::lake::Lake;
use crate::vendor::VendorSpec;

/// The error of an option that needs AWS, in a program that was built without it.
#[cfg(not(feature = "aws"))]
const BUILT_WITHOUT_AWS: &str =
    "this program was built without AWS: build it with `cargo build --release --features aws`";

/// The arguments that name the place of a command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PlaceArgs {
    /// The directory of a lake on this disk, for objects and state
    #[arg(long, value_name = "DIR", conflicts_with_all = ["bucket", "table", "stack"])]
    lake: Option<PathBuf>,
    /// The bucket of a deployment on AWS; like --table and --stack only in a program built with the feature aws
    #[arg(long, value_name = "NAME", requires = "table", conflicts_with = "stack")]
    bucket: Option<String>,
    /// The state table of the deployment
    #[arg(long, value_name = "NAME", requires = "bucket", conflicts_with = "stack")]
    table: Option<String>,
    /// The CloudFormation stack of a deployment; names its bucket, table, prefix, secrets and settings
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// The prefix for the key of every object; it must end with a slash
    #[arg(long, value_parser = prefix, conflicts_with = "stack")]
    prefix: Option<String>,
}

/// Parses a prefix, which must be empty or end with a slash. It is refused if it looks like a secret, because it
/// becomes part of every object's key.
pub(crate) fn prefix(text: &str) -> Result<String, String> {
    if looks_like_a_key(text) {
        return Err("holds a key".to_owned());
    }
    if text.is_empty() || text.ends_with('/') { Ok(text.to_owned()) } else { Err("must end in a slash".to_owned()) }
}

/// The place of a command.
#[derive(Debug)]
pub(crate) enum Place {
    /// A lake on the local disk.
    Local { path: PathBuf, prefix: String },
    /// A deployment on AWS.
    #[cfg(feature = "aws")]
    Aws(Box<aws::Deployment>),
}

impl PlaceArgs {
    /// Returns `true` if a place is named.
    pub(crate) fn is_given(&self) -> bool {
        self.lake.is_some() || self.bucket.is_some() || self.stack.is_some()
    }

    /// Finds the place that the arguments name.
    ///
    /// # Errors
    /// No place is named, the program was built without AWS, or the stack cannot be read.
    pub(crate) async fn find(&self) -> Result<Place, Failed> {
        let prefix = self.prefix.clone().unwrap_or_default();
        match (&self.lake, &self.bucket, &self.table, &self.stack) {
            (Some(path), ..) => Ok(Place::Local { path: path.clone(), prefix }),
            (_, Some(bucket), Some(table), _) => named_place(bucket, table, prefix).await,
            (.., Some(stack)) => place_of_stack(stack).await,
            _ => Err(Failed::usage("no place is named: give --lake DIR, --stack NAME, or --bucket NAME --table NAME")),
        }
    }
}

#[cfg(feature = "aws")]
async fn named_place(bucket: &str, table: &str, prefix: String) -> Result<Place, Failed> {
    Ok(Place::Aws(Box::new(aws::Deployment::named(bucket, table, prefix).await)))
}

#[cfg(feature = "aws")]
async fn place_of_stack(name: &str) -> Result<Place, Failed> {
    Ok(Place::Aws(Box::new(aws::Deployment::of_stack(name).await?)))
}

#[cfg(not(feature = "aws"))]
async fn named_place(_: &str, _: &str, _: String) -> Result<Place, Failed> {
    Err(Failed::usage(BUILT_WITHOUT_AWS))
}

#[cfg(not(feature = "aws"))]
async fn place_of_stack(_: &str) -> Result<Place, Failed> {
    Err(Failed::usage(BUILT_WITHOUT_AWS))
}

impl Place {
    /// Returns the path of a lake on the local disk; `None` for a deployment on AWS.
    pub(crate) fn local_path(&self) -> Option<&Path> {
        match self {
            Self::Local { path, .. } => Some(path),
            #[cfg(feature = "aws")]
            Self::Aws(_) => None,
        }
    }

    /// Returns `true` if the place is a stack with a secret of the vendor.
    pub(crate) fn has_secrets_of(&self, vendor: &VendorSpec) -> bool {
        match (self, vendor.name) {
            (Self::Local { .. }, _) => false,
            #[cfg(feature = "aws")]
            (Self::Aws(deployment), vendor) => deployment.has_secrets_of(vendor),
        }
    }

    /// Returns the settings of the place. `lookback_days` replaces the place's own.
    pub(crate) fn settings(&self, lookback_days: Option<u16>) -> Settings {
        let mut settings = match self {
            Self::Local { prefix, .. } => Settings { prefix: prefix.clone(), ..Settings::default() },
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.settings(),
        };
        if let Some(days) = lookback_days {
            settings.lookback_seconds = i64::from(days) * 86_400;
        }
        settings
    }

    /// Returns the value of a vendor's setting by its variable: from the stack if the place is one, and otherwise from
    /// the environment. A stack's secrets thus go only to the hosts that the stack names.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        match self {
            Self::Local { .. } => config::variable(name),
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.variable(name),
        }
    }

    /// Opens the place. A local lake is created if it does not exist.
    ///
    /// # Errors
    /// The local lake cannot be opened.
    pub(crate) fn open(&self, settings: Settings) -> Result<Lake, Failed> {
        match self {
            Self::Local { path, .. } => Lake::open(path, settings),
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => Ok(deployment.open(settings)),
        }
    }

    /// Opens the place for a command that needs what ticks have written there.
    ///
    /// # Errors
    /// The local lake does not exist or cannot be opened.
    pub(crate) fn open_existing(&self) -> Result<Lake, Failed> {
        if let Some(path) = self.local_path().filter(|path| !local::is_lake(path)) {
            let path = path.display();
            return Err(Failed::usage(format!("{path} is no lake yet: run a first tick, or correct --lake")));
        }
        self.open(self.settings(None))
    }

    /// Checks that new lines get the same data models as the lines of the deployment's functions.
    ///
    /// # Errors
    /// The deployment has data models of its own, and none are given on the command line.
    pub(crate) fn check_models(&self, folder: Option<&PathBuf>) -> Result<(), Failed> {
        let own: Option<&str> = match self {
            Self::Local { .. } => None,
            #[cfg(feature = "aws")]
            Self::Aws(deployment) => deployment.data_models(),
        };
        match own.filter(|_| folder.is_none()) {
            None => Ok(()),
            Some(own) => Err(Failed::usage(format!(
                "the stack has data models of its own ({own}): copy them to a folder and name it with --models, so that \
                 new lines get the same p_udm"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_could_damage_keys_or_is_a_secret_is_refused() {
        assert_eq!(prefix("").as_deref(), Ok(""));
        assert_eq!(prefix("team/").as_deref(), Ok("team/"));
        assert!(prefix("team").is_err());
        assert!(prefix("sk-admin-canary/").is_err());
    }
}
