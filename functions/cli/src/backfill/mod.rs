//! `audit-pull backfill`: lists and delivers a span of the past.
//!
//! A backfill runs in steps of the length of a tick, beside the schedule. It keeps its progress in memory: if it is
//! interrupted and run again, it lists the span again, and delivers only what is missing.

mod restore;
mod show;
mod steps;

use std::path::PathBuf;

use adapters::http::HttpClient;
use collector::{Backfill, Clock, Gap, Stream, Window};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::lake::Lake;
use crate::models::Models;
use crate::place::PlaceArgs;
use crate::place::secrets::SecretArgs;
use crate::place::sources::open_sources;
use crate::vendor::{AnySource, VendorSpec};
use crate::{pull, vendors};
use show::Outcome;

#[derive(Debug, clap::Args)]
#[command(after_help = pull::variables_and(EXIT_CODES))]
pub(crate) struct Args {
    /// The vendor to pull from
    #[arg(value_parser = vendors::parser())]
    vendor: &'static VendorSpec,
    /// The first moment of the span: a date, or a time in RFC 3339
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Timestamp,
    /// The moment at which the span ends, which is not part of it [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// Only this stream, by its table or log type; may be given several times [default: all streams of the source]
    #[arg(long = "stream", value_name = "STREAM")]
    streams: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// With --stack: only the source with this id [default: each source of the stack, one after the other]
    #[arg(long, value_name = "ID", requires = "stack", conflicts_with_all = ["secret", "secret_arn"])]
    source: Option<String>,
    /// A folder of data models; each replaces the built-in one of its log type for p_udm
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str = "The schedule may run at the same time, and its progress is not changed. An interrupted backfill is \
    resumed by running it\nagain: what is delivered stays delivered.\n\nExit codes: 0 everything of the span is delivered; 1 a part \
    is not, and is printed; 2 the command, a file it names, or\na variable is wrong; 3 a person must act.";

/// The length of a date such as 2026-11-22.
const DATE_CHARS: usize = 10;

/// Parses a date, whose first second in UTC is meant, or a time.
fn moment(text: &str) -> Result<Timestamp, String> {
    let of_date = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    // The parser of dates would also accept a time, and drop it.
    let parsed = match text.parse::<Date>() {
        Ok(date) if text.len() == DATE_CHARS => of_date(date),
        _ => text.parse::<Timestamp>(),
    };
    parsed.map_err(|_| "must be a date such as 2026-11-22, or a time such as 2026-11-22T07:00:00Z".to_owned())
}

pub(crate) async fn run(args: Args) -> Result<Exit, Failed> {
    let place = args.place.find().await?;
    place.check_models(args.models.as_ref())?;
    let secrets = args.secret.find(Some(&place), args.vendor).await?;
    let (http, clock) = (HttpClient::new()?, CliClock::default());
    let variables = |name: &str| place.variable(name);
    let sources = open_sources(args.vendor, (&http, &clock), &secrets, &variables, args.source.as_deref()).await?;
    let mut lake = place.open(place.settings(None))?;
    if let Some(folder) = &args.models {
        lake.models = Models::load_or_print_faults(folder)?.into_custom_models();
    }
    let mut outcomes = Vec::new();
    for source in &sources.opened {
        outcomes.push(backfill_source(&args, &lake, &**source, &clock).await?);
    }
    show::show(&outcomes, args.json)?;
    Ok(outcomes.iter().map(show::exit).max().unwrap_or(Exit::Success).max(sources.exit))
}

async fn backfill_source(
    args: &Args,
    lake: &Lake,
    source: &dyn AnySource,
    clock: &CliClock,
) -> Result<Outcome, Failed> {
    let streams = chosen_streams(source.streams(), &args.streams)?;
    let now = clock.now().as_second();
    let span = Window { from: args.from.as_second(), to: args.to.map_or(now, Timestamp::as_second) };
    let backfill = Backfill::new(span, &streams, source.policy(), now).map_err(|error| Failed::usage(error.message))?;
    restore::restore_expired(lake, &streams, &backfill, now).await?;
    let reports = steps::run_steps(lake, source, &backfill, clock, args.vendor.max_tick_time).await;
    let lost = backfill.lost().map(|Window { from, to }| {
        let cause = format!("{}: the vendor no longer keeps the beginning of the span", args.vendor.name);
        Gap { from, to, cause }
    });
    let gaps = lost.into_iter().chain(reports.iter().flat_map(|report| report.gaps.iter().cloned())).collect();
    Ok(Outcome { reports, gaps, unfinished: backfill.unfinished() })
}

/// Returns the streams with these tables or log types; all if none are named.
fn chosen_streams(streams: &[Stream], names: &[String]) -> Result<Vec<Stream>, Failed> {
    let is_named = |stream: &Stream, name: &str| name == stream.log_type.table() || name == stream.log_type.name();
    if let Some(unknown) = names.iter().find(|name| !streams.iter().any(|stream| is_named(stream, name))) {
        let known = streams.iter().map(|stream| stream.log_type.table()).collect::<Vec<_>>().join(", ");
        return Err(Failed::usage(format!("the source has no stream {unknown}; it has {known}")));
    }
    let is_chosen = |stream: &&Stream| names.is_empty() || names.iter().any(|name| is_named(stream, name));
    Ok(streams.iter().filter(is_chosen).cloned().collect())
}

#[cfg(test)]
mod tests {
    use collector::SourceId;
    use schema::LogType;

    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_time() {
        assert_eq!(moment("2026-11-22"), moment("2026-11-22T00:00:00Z"));
        assert_eq!(moment("2026-11-22T01:00:00+01:00"), moment("2026-11-22"));
        for wrong in ["", "yesterday", "2026-11-22T07:00:00", "1795330800"] {
            assert!(moment(wrong).is_err_and(|message| message.contains("2026-11-22")), "{wrong}");
        }
    }

    #[test]
    fn streams_are_chosen_by_table_or_log_type() {
        let stream = |log_type| Stream {
            source: SourceId::try_from("acme".to_owned()).unwrap(),
            label: String::new(),
            log_type,
            listings: Vec::new(),
        };
        let all = [stream(LogType::OpenAiAudit), stream(LogType::Dlp)];
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            chosen_streams(&all, &names).map(|streams| streams.iter().map(Stream::name).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&[]).map(|names| names.len()), Ok(2));
        assert_eq!(chosen(&["openai_audit"]), Ok(vec!["acme/openai_audit".to_owned()]));
        assert_eq!(chosen(&["Microsoft365.DLP.All"]), Ok(vec!["acme/microsoft365_dlp_all".to_owned()]));
        assert!(
            chosen(&["dlp"]).is_err_and(|failed| failed.message.contains("it has openai_audit, microsoft365_dlp_all"))
        );
    }
}
