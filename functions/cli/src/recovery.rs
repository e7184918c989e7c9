//! The arguments and streams of the commands that check or restore a deployment.

use std::path::PathBuf;

use adapters::{ListObjects, local};
use collector::{RecoveryStream, Settings, SourceId};
use schema::LogType;

use crate::exit::Failed;
use crate::lake::Lake;
use crate::status::streams;
use crate::{pull, vendors};

/// The place of a deployment, and the choice of its streams.
#[derive(Debug, clap::Args)]
pub(crate) struct PlaceArgs {
    /// The directory of a local lake
    #[arg(long, value_name = "DIR", required_unless_present = "bucket", conflicts_with_all = ["bucket", "table"])]
    pub(crate) lake: Option<PathBuf>,
    /// The bucket of a deployment on AWS; only in a program that was built with the feature aws
    #[arg(long, value_name = "NAME", requires = "table")]
    pub(crate) bucket: Option<String>,
    /// The state table of a deployment on AWS
    #[arg(long, value_name = "NAME", requires = "bucket")]
    pub(crate) table: Option<String>,
    /// The prefix of the deployment's keys; it must end with a slash
    #[arg(long, default_value = "", value_parser = pull::prefix)]
    pub(crate) prefix: String,
    /// Only the streams of the source with this id
    #[arg(long, value_name = "ID", value_parser = source_id)]
    pub(crate) source: Option<SourceId>,
    /// Only the streams of this log type, such as OpenAI.Audit
    #[arg(long, value_name = "T", value_parser = log_type)]
    pub(crate) log_type: Option<LogType>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

fn source_id(text: &str) -> Result<SourceId, String> {
    SourceId::try_from(text.to_owned()).map_err(|error| error.to_string())
}

fn log_type(text: &str) -> Result<LogType, String> {
    LogType::from_name(text).ok_or_else(|| format!("no log type {text:?}; `audit-pull schema list` lists them"))
}

impl PlaceArgs {
    /// Opens the local lake; `None` if the deployment is on AWS.
    pub(crate) fn open_lake(&self) -> Result<Option<Lake>, Failed> {
        let Some(path) = &self.lake else { return Ok(None) };
        if !local::is_lake(path) {
            let path = path.display();
            return Err(Failed::usage(format!("{path} is no lake yet: run a first tick, or correct --lake")));
        }
        Lake::open(path, Settings { prefix: self.prefix.clone(), ..Settings::default() }).map(Some)
    }

    /// Returns the names of the bucket and the table of the deployment on AWS.
    pub(crate) fn stores_on_aws(&self) -> Result<(&str, &str), Failed> {
        match (&self.bucket, &self.table) {
            (Some(bucket), Some(table)) => Ok((bucket, table)),
            _ => Err(Failed::usage("name a lake with --lake, or --bucket and --table")),
        }
    }

    /// Returns `true` if no stream of the deployment is left out.
    pub(crate) fn has_all_streams(&self) -> bool {
        self.source.is_none() && self.log_type.is_none()
    }

    /// Finds the chosen streams by their birth records.
    pub(crate) async fn streams(&self, bucket: &impl ListObjects) -> Result<Vec<RecoveryStream>, Failed> {
        let streams = streams::find(bucket, &self.prefix, None).await?.into_iter();
        let is_chosen = |stream: &collector::Stream| {
            self.source.as_ref().is_none_or(|source| *source == stream.source)
                && self.log_type.is_none_or(|log_type| log_type == stream.log_type)
        };
        let of_vendor = |stream: collector::Stream| {
            let vendor = vendors::VENDORS.into_iter().find(|vendor| streams::is_of(stream.log_type, vendor))?;
            Some(RecoveryStream { stream, policy: vendor.policy })
        };
        let streams: Vec<_> = streams.filter(is_chosen).filter_map(of_vendor).collect();
        if streams.is_empty() {
            return Err(Failed::usage(
                "there is no such stream: no birth record under _state/ names one; correct the place, --prefix, \
                 --source or --log-type",
            ));
        }
        Ok(streams)
    }
}

/// The error of a command for AWS in a program that cannot reach AWS.
#[cfg(not(feature = "aws"))]
pub(crate) fn built_without_aws() -> Failed {
    Failed::usage("this program was built without AWS: build it with `cargo build --release --features aws`")
}
