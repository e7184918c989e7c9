//! `audit-pull doctor`: checks everything that a source needs, and says what to do about each fault.

use std::path::Path;
use std::time::Duration;

use adapters::doctor::{
    self, Checkup, Code, Fault, Findings, Report, Severity, StepName, Stores, check_clock, check_stores,
};
use adapters::http::HttpClient;
use adapters::local::{LocalBucket, LocalState};
use collector::{Clock, PortError};
use jiff::Timestamp;

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::place::secrets::{SecretArgs, SourceSecrets};
use crate::place::{Place, PlaceArgs};
use crate::vendor::{SourceParts, VendorSpec};
use crate::vendors::VENDORS;
use crate::{config, output, pull, vendors};

/// The time limit of a whole run.
const RUN_TIMEOUT: Duration = Duration::from_secs(180);

#[derive(Debug, clap::Args)]
#[command(after_help = pull::variables_and(EXIT_CODES))]
pub(crate) struct Args {
    /// The vendor to check [default with --stack: each vendor that has a secret there]
    #[arg(value_parser = vendors::parser(), required_unless_present = "stack")]
    vendor: Option<&'static VendorSpec>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// Print one JSON object with all steps instead of text
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str = "Without a place, only the vendor is checked.\n\nExit codes: 0 all well; 1 a fault that may pass; 2 the \
    command, the secret or a variable is wrong; 3 a person\nmust act.";

pub(crate) async fn run(args: Args) -> Result<Exit, Failed> {
    let clock = CliClock::default();
    let deadline = clock.now().saturating_add(RUN_TIMEOUT).unwrap_or(Timestamp::MAX);
    let place = if args.place.is_given() { Some(args.place.find().await?) } else { None };
    let sources = secrets_of_vendors(&args, place.as_ref()).await?;
    let checkup = Checkup::new(clock.clone(), deadline);
    let (http, mut checked) = (HttpClient::new()?, Vec::new());
    let variables = |name: &str| place.as_ref().map_or_else(|| config::variable(name), |place| place.variable(name));
    for (vendor, secrets) in &sources {
        for secret_name in &secrets.names {
            let parts = SourceParts { http: &http, secrets: &secrets.store, clock: &clock, secret_name };
            let findings = (vendor.check)(parts, &variables, &checkup).await?;
            check_clock(&checkup, findings.vendor_ahead);
            checked.push(findings);
        }
    }
    check_place(place.as_ref(), &checkup, &checked).await;
    let report = Report::new(checkup.into_steps());
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print_line(&doctor::render(&report))?;
    }
    Ok(exit(&report))
}

/// Returns the secrets to check, by vendor: those of the named vendor, or of every vendor that has one in the stack.
async fn secrets_of_vendors(
    args: &Args,
    place: Option<&Place>,
) -> Result<Vec<(&'static VendorSpec, SourceSecrets)>, Failed> {
    if let Some(vendor) = args.vendor {
        return Ok(vec![(vendor, args.secret.find(place, vendor).await?)]);
    }
    if args.secret.is_given() {
        return Err(Failed::usage("name the vendor of this secret as well"));
    }
    let mut found = Vec::new();
    for vendor in VENDORS {
        if place.is_some_and(|place| place.has_secrets_of(vendor)) {
            found.push((vendor, args.secret.find(place, vendor).await?));
        }
    }
    if found.is_empty() { Err(Failed::usage("the stack has no secret of any vendor")) } else { Ok(found) }
}

/// Checks the bucket, the table, the streams' state and the alarms of the place.
async fn check_place(place: Option<&Place>, checkup: &Checkup<CliClock>, sources: &[Findings]) {
    checkup.name_source(None);
    let Some(place) = place else {
        for step in [StepName::Bucket, StepName::Table, StepName::State] {
            checkup.skip(step, "", "no lake is named with --lake");
        }
        return checkup.skip(StepName::Alarms, "", "a lake on a disk has no alarms");
    };
    let prefix = &place.settings(None).prefix;
    let no_alarms = match place.local_path() {
        Some(path) => {
            check_lake(path, prefix, checkup, sources).await;
            "a lake on a disk has no alarms"
        }
        None => {
            check_deployment(place, prefix, checkup, sources).await;
            "only the function knows its alarm topic; invoke it with {\"action\":\"doctor\"}"
        }
    };
    checkup.name_source(None);
    checkup.skip(StepName::Alarms, "", no_alarms);
}

async fn check_deployment(place: &Place, prefix: &str, checkup: &Checkup<CliClock>, sources: &[Findings]) {
    match place.open(place.settings(None)) {
        Ok(lake) => {
            let stores = Stores { state: Ok(&lake.state), bucket: Ok(&lake.bucket), prefix };
            check_stores(checkup, stores, sources).await;
        }
        Err(failed) => checkup.fail(StepName::Bucket, "", Fault::new(Code::BucketFailed, failed.message)),
    }
}

async fn check_lake(path: &Path, prefix: &str, checkup: &Checkup<CliClock>, sources: &[Findings]) {
    let made = std::fs::create_dir_all(path).map_err(|error| {
        PortError::person(format!(
            "cannot make the lake {}: {error}; name a directory that can be written with --lake",
            path.display()
        ))
    });
    let bucket = made.clone().and_then(|()| LocalBucket::open(path, prefix));
    let state = made.and_then(|()| LocalState::open(path));
    let stores = Stores {
        state: state.as_ref().map_err(PortError::clone),
        bucket: bucket.as_ref().map_err(PortError::clone),
        prefix,
    };
    check_stores(checkup, stores, sources).await;
}

fn exit(report: &Report) -> Exit {
    match report.severity() {
        None => Exit::Success,
        Some(Severity::MayPass) => Exit::NextTick,
        Some(Severity::Settings) => Exit::Usage,
        Some(Severity::Person) => Exit::Person,
    }
}
