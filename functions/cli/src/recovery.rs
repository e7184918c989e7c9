//! The arguments and streams of the commands that check or restore a deployment.

use adapters::ListObjects;
use collector::{RecoveryStream, SourceId};
use schema::LogType;

use crate::exit::Failed;
use crate::place::PlaceArgs;
use crate::status::streams;
use crate::vendors;

/// The place of a deployment, and the choice of its streams.
#[derive(Debug, clap::Args)]
pub(crate) struct RecoveryArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
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

impl RecoveryArgs {
    /// Returns `true` if no stream of the deployment is left out.
    pub(crate) fn has_all_streams(&self) -> bool {
        self.source.is_none() && self.log_type.is_none()
    }

    /// Finds the chosen streams by their birth records.
    pub(crate) async fn streams(&self, bucket: &impl ListObjects, prefix: &str) -> Result<Vec<RecoveryStream>, Failed> {
        let streams = streams::find(bucket, prefix, None).await?.into_iter();
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
