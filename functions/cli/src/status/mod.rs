//! `audit-pull status`: shows the state of every stream, and says whether a person must act.
//!
//! The streams are found by their birth records, so no secret is needed and no vendor is asked.

mod show;
mod stream_status;
pub(crate) mod streams;
mod today;

use adapters::ListObjects;
use adapters::local::LocalTickRecords;
use collector::{Bucket, Clock, State};
use futures_util::stream::{self, StreamExt};

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::place::PlaceArgs;
use crate::vendor::VendorSpec;
use crate::vendors;
use stream_status::{Query, StreamStatus};
pub(crate) use today::source_of;

/// The number of heads that are read at the same time.
const CONCURRENT_READS: usize = 8;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Show only the streams of this vendor
    #[arg(value_parser = vendors::parser())]
    vendor: Option<&'static VendorSpec>,
    #[command(flatten)]
    place: PlaceArgs,
    /// A stream without an event for this long is silent; 0 switches this off
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    no_data_hours: u16,
    /// A source that was removed on purpose: no problem of its streams counts; may be given several times
    #[arg(long, value_name = "SOURCE")]
    removed: Vec<String>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "Last success, last error and gaps are known for a local lake; on AWS they are in the functions' log. \
    Lines are\ncounted in the newest 300 objects of each stream, for at most a minute.\n\nExit codes: 0 all well; 1 \
    something is late, silent or retried; 2 the command is wrong, or there is no stream;\n3 a person must act; the \
    messages say how.";

pub(crate) async fn run(args: &Args) -> Result<Exit, Failed> {
    let place = args.place.find().await?;
    let lake = place.open_existing()?;
    let prefix = lake.settings.prefix.as_str();
    let records = place.local_path().map(|path| LocalTickRecords::new(path, prefix));
    let streams = statuses(args, (&lake.state, &lake.bucket), prefix, records.as_ref()).await?;
    if streams.is_empty() {
        return Err(Failed::usage(
            "there is no stream yet: run a first tick, or correct the place, --prefix or vendor",
        ));
    }
    let is_unknown = |removed: &&String| streams.iter().all(|stream| stream.source != **removed);
    if let Some(unknown) = args.removed.iter().find(is_unknown) {
        return Err(Failed::usage(format!("there is no stream of the source {unknown}: correct --removed")));
    }
    show::show(&streams, args.json)?;
    Ok(show::exit(&streams))
}

/// Returns the status of each stream.
async fn statuses(
    args: &Args,
    (state, bucket): (&impl State, &(impl Bucket + ListObjects)),
    prefix: &str,
    records: Option<&LocalTickRecords>,
) -> Result<Vec<StreamStatus>, Failed> {
    let clock = CliClock::default();
    let streams = streams::find(bucket, prefix, args.vendor).await?;
    let today = today::count(bucket, &clock, prefix, &streams).await?;
    let heads = stream::iter(&streams).map(|stream| state.head(stream)).buffered(CONCURRENT_READS);
    let heads: Vec<_> = heads.collect().await;
    let silent_after_seconds = (args.no_data_hours > 0).then(|| i64::from(args.no_data_hours) * 3_600);
    let now = clock.now().as_second();
    let mut statuses = Vec::new();
    for ((stream, head), today) in streams.iter().zip(&heads).zip(today) {
        let never = head.as_ref().is_ok_and(|head| head.as_ref().is_some_and(|head| head.times.last_event.is_none()));
        let born = if never { streams::born(bucket, prefix, stream).await? } else { None };
        let is_removed = args.removed.iter().any(|removed| removed == stream.source.as_str());
        let query = Query { now, silent_after_seconds, born, is_removed };
        let record = records.and_then(|records| records.read(stream.source.as_str(), &stream.log_type.table()));
        statuses.push(StreamStatus::of(stream, head, record.as_ref(), today, query));
    }
    Ok(statuses)
}
