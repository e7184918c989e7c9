//! `audit-pull status`: shows the state of every stream, and says whether a person must act.
//!
//! The streams are found by their birth records, so no secret is needed and no vendor is asked.

#[cfg(feature = "aws")]
pub(crate) mod aws;
mod show;
mod stream_status;
pub(crate) mod streams;
mod today;

use std::path::{Path, PathBuf};

use adapters::ListObjects;
use adapters::local::{self, LocalTickRecords};
use collector::{Bucket, Clock, Settings, State};
use futures_util::stream::{self, StreamExt};

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::lake::Lake;
use crate::vendor::VendorSpec;
use crate::{pull, vendors};
use stream_status::{Query, StreamStatus};

/// The number of heads that are read at the same time.
const CONCURRENT_READS: usize = 8;

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Show only the streams of this vendor
    #[arg(value_parser = vendors::parser())]
    vendor: Option<&'static VendorSpec>,
    /// The directory of a local lake
    #[arg(long, value_name = "DIR", required_unless_present = "bucket", conflicts_with_all = ["bucket", "table"])]
    lake: Option<PathBuf>,
    /// The bucket of a deployment on AWS; only in a program that was built with the feature aws
    #[arg(long, value_name = "NAME", requires = "table")]
    bucket: Option<String>,
    /// The state table of a deployment on AWS
    #[arg(long, value_name = "NAME", requires = "bucket")]
    table: Option<String>,
    /// The prefix of the deployment's keys; it must end with a slash
    #[arg(long, default_value = "", value_parser = pull::prefix)]
    prefix: String,
    /// A stream without an event for this long is silent; 0 switches this off
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    no_data_hours: u16,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str = "Last success, last error and gaps are known for a local lake; on AWS they are in the functions' log. \
    Lines are\ncounted in the newest 300 objects of each stream, for at most a minute.\n\nExit codes: 0 all well; 1 \
    something is late, silent or retried; 2 the command is wrong, or there is no stream;\n3 a person must act; the \
    messages say how.";

pub(crate) async fn run(args: &Args) -> Result<Exit, Failed> {
    let streams = match (&args.lake, &args.bucket, &args.table) {
        (Some(lake), ..) => of_lake(args, lake).await?,
        (None, Some(bucket), Some(table)) => of_aws(args, bucket, table).await?,
        _ => return Err(Failed::usage("name a lake with --lake, or --bucket and --table")),
    };
    if streams.is_empty() {
        return Err(Failed::usage(
            "there is no stream yet: run a first tick, or correct the place, --prefix or vendor",
        ));
    }
    show::show(&streams, args.json)?;
    Ok(show::exit(&streams))
}

async fn of_lake(args: &Args, path: &Path) -> Result<Vec<StreamStatus>, Failed> {
    if !local::is_lake(path) {
        let path = path.display();
        return Err(Failed::usage(format!("{path} is no lake yet: run a first tick, or correct --lake")));
    }
    let lake = Lake::open(path, Settings { prefix: args.prefix.clone(), ..Settings::default() })?;
    let records = LocalTickRecords::new(path, &args.prefix);
    statuses(args, &lake.state, &lake.bucket, Some(&records)).await
}

#[cfg(feature = "aws")]
async fn of_aws(args: &Args, bucket: &str, table: &str) -> Result<Vec<StreamStatus>, Failed> {
    let (state, bucket) = aws::stores(bucket, table).await;
    statuses(args, &state, &bucket, None).await
}

#[cfg(not(feature = "aws"))]
async fn of_aws(_: &Args, _: &str, _: &str) -> Result<Vec<StreamStatus>, Failed> {
    Err(Failed::usage("this program was built without AWS: build it with `cargo build --release --features aws`"))
}

/// Returns the status of each stream.
async fn statuses(
    args: &Args,
    state: &impl State,
    bucket: &(impl Bucket + ListObjects),
    records: Option<&LocalTickRecords>,
) -> Result<Vec<StreamStatus>, Failed> {
    let clock = CliClock::default();
    let streams = streams::find(bucket, &args.prefix, args.vendor).await?;
    let today = today::count(bucket, &clock, &args.prefix, &streams).await?;
    let heads = stream::iter(&streams).map(|stream| state.head(stream)).buffered(CONCURRENT_READS);
    let heads: Vec<_> = heads.collect().await;
    let silent_after_seconds = (args.no_data_hours > 0).then(|| i64::from(args.no_data_hours) * 3_600);
    let now = clock.now().as_second();
    let mut statuses = Vec::new();
    for ((stream, head), today) in streams.iter().zip(&heads).zip(today) {
        let never = head.as_ref().is_ok_and(|head| head.as_ref().is_some_and(|head| head.times.last_event.is_none()));
        let born = if never { streams::born(bucket, &args.prefix, stream).await? } else { None };
        let query = Query { now, silent_after_seconds, born };
        let record = records.and_then(|records| records.read(stream.source.as_str(), &stream.log_type.table()));
        statuses.push(StreamStatus::of(stream, head, record.as_ref(), today, query));
    }
    Ok(statuses)
}
