//! `audit-pull doctor`: checks everything that a source needs, and says what to do about each fault.

use std::path::PathBuf;
use std::time::Duration;

use adapters::doctor::{self, Checkup, Findings, Report, Severity, StepName, Stores, check_clock, check_stores};
use adapters::http::HttpClient;
use adapters::local::{LocalBucket, LocalSecrets, LocalState};
use collector::{Clock, PortError};
use jiff::Timestamp;

use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::vendor::{SourceParts, VendorSpec};
use crate::{config, output, pull, vendors};

/// The time limit of a whole run.
const RUN_TIMEOUT: Duration = Duration::from_secs(180);

#[derive(Debug, clap::Args)]
#[command(after_help = pull::variables_and(EXIT_CODES))]
pub(crate) struct Args {
    /// The vendor to check
    #[arg(value_parser = vendors::parser())]
    vendor: &'static VendorSpec,
    /// The directory of the lake, to check it too; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    lake: Option<PathBuf>,
    /// The file with the source's secret [default: environment variables]
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// The prefix for the key of every object; it must end with a slash
    #[arg(long, default_value = "", value_parser = pull::prefix)]
    prefix: String,
    /// Print one JSON object with all steps instead of text
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 all well; 1 a fault that may pass; 2 the command, the secret or a variable is \
    wrong; 3 a person\nmust act.";

pub(crate) async fn run(args: Args) -> Result<Exit, Failed> {
    let clock = CliClock::default();
    let deadline = clock.now().saturating_add(RUN_TIMEOUT).unwrap_or(Timestamp::MAX);
    let checkup = Checkup::new(clock.clone(), deadline);
    let findings = check_vendor(&args, &checkup, &clock).await?;
    check_clock(&checkup, findings.vendor_ahead);
    check_lake(&args, &checkup, &findings).await;
    checkup.name_source(None);
    checkup.skip(StepName::Alarms, "", "a lake on a disk has no alarms");
    let report = Report::new(checkup.into_steps());
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print_line(&doctor::render(&report))?;
    }
    Ok(exit(&report))
}

async fn check_vendor(args: &Args, checkup: &Checkup<CliClock>, clock: &CliClock) -> Result<Findings, Failed> {
    let secret_name = pull::secret_name(args.secret.as_ref());
    let secret = config::secret(args.vendor, args.secret.clone())?;
    let secrets = LocalSecrets::new([(secret_name.clone(), secret)]);
    let http = HttpClient::new()?;
    let parts = SourceParts { http: &http, secrets: &secrets, clock, secret_name: &secret_name };
    (args.vendor.check)(parts, &config::variable, checkup).await
}

async fn check_lake(args: &Args, checkup: &Checkup<CliClock>, findings: &Findings) {
    let Some(lake) = &args.lake else {
        checkup.name_source(None);
        for step in [StepName::Bucket, StepName::Table, StepName::State] {
            checkup.skip(step, "", "no lake is named with --lake");
        }
        return;
    };
    let made = std::fs::create_dir_all(lake).map_err(|error| {
        PortError::person(format!(
            "cannot make the lake {}: {error}; name a directory that can be written with --lake",
            lake.display()
        ))
    });
    let bucket = made.clone().and_then(|()| LocalBucket::open(lake, &args.prefix));
    let state = made.and_then(|()| LocalState::open(lake));
    let stores = Stores {
        state: state.as_ref().map_err(PortError::clone),
        bucket: bucket.as_ref().map_err(PortError::clone),
        prefix: &args.prefix,
    };
    check_stores(checkup, stores, std::slice::from_ref(findings)).await;
}

fn exit(report: &Report) -> Exit {
    match report.severity() {
        None => Exit::Success,
        Some(Severity::MayPass) => Exit::NextTick,
        Some(Severity::Settings) => Exit::Usage,
        Some(Severity::Person) => Exit::Person,
    }
}
