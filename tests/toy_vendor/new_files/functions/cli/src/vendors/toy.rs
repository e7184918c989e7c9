//! Describes the toy vendor to the command line.

use std::io;

use adapters::doctor::check_source;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use simulators::toy::{Behaviours, KEY, ToySimulator};
use simulators::{Options, RunningSimulator};
use toy::{Config, Toy};

use crate::exit::{self, Failed};
use crate::vendor::{PreparedSimulator, VendorSimulator, VendorSpec, required};

/// The variables with the account's id and key.
const SECRET_VARIABLES: [&str; 2] = ["TOY_SOURCE_ID", "TOY_KEY"];
/// The id of the simulated account.
const SIMULATED_SOURCE: &str = "toy-1";

pub(super) static SPEC: VendorSpec = VendorSpec {
    name: "toy",
    about: "The audit log of the toy vendor",
    simulated_label: "Toy (simulated)",
    max_tick_time: SignedDuration::from_secs(50),
    policy: &toy::POLICY,
    variables_help: "  TOY_SOURCE_ID, TOY_KEY      the account, unless --secret is given
  TOY_BASE_URL                [default: https://toy.example]",
    secret: |variables| {
        required(SECRET_VARIABLES, variables)
            .map(|[source_id, key]| json!({"source_id": source_id, "key": key}).to_string())
    },
    simulated_secret: || json!({"source_id": SIMULATED_SOURCE, "key": KEY}),
    open: |opening, variables| {
        let config = Config::from_variables(variables).map_err(|error| Failed::usage(error.message));
        Box::pin(async move {
            let config = config?;
            let source = Toy::source(opening.http, opening.secrets, opening.clock, &config, opening.secret_name).await;
            Ok(Box::new(source.map_err(exit::source_error)?) as _)
        })
    },
    check: |parts, variables, checkup| {
        let config = Config::from_variables(variables).map_err(|error| Failed::usage(error.message));
        Box::pin(async move {
            let config = config?;
            let opening = Toy::source(parts.http, parts.secrets, parts.clock, &config, parts.secret_name);
            Ok(check_source(checkup, parts.secret_name, opening).await)
        })
    },
    simulated: |faults, _| Box::new(Behaviours::new(faults)),
};

impl VendorSimulator for Behaviours {
    fn with_behaviours(&self, json: &str) -> Result<Box<dyn VendorSimulator>, String> {
        Ok(Box::new(Self::from_json(json)?))
    }

    fn to_json(&self) -> String {
        self.to_json()
    }

    fn prepare(&self, options: &Options, clock: simulators::Clock) -> io::Result<Box<dyn PreparedSimulator>> {
        Ok(Box::new(ToySimulator::with(options, self.clone(), clock)?))
    }

    fn environment(&self, origin: &str, _: Timestamp) -> Vec<(&'static str, String)> {
        let [source_id, key] = SECRET_VARIABLES;
        vec![("TOY_BASE_URL", origin.to_owned()), (source_id, SIMULATED_SOURCE.to_owned()), (key, KEY.to_owned())]
    }
}

impl PreparedSimulator for ToySimulator {
    fn serve(&self, port: u16) -> io::Result<RunningSimulator> {
        self.serve(port)
    }
}
