//! Describes Microsoft 365 (the Management Activity API) to the command line.

use std::io;

use jiff::{SignedDuration, Timestamp};
use microsoft365::{Config, Microsoft365};
use serde_json::json;
use simulators::microsoft365::{Behaviours, CLIENT_ID, CLIENT_SECRET, Microsoft365Simulator, TENANT_ID};
use simulators::{Options, RunningSimulator};

use crate::exit::{self, Failed};
use crate::vendor::{PreparedSimulator, VendorSimulator, VendorSpec, required};

/// The variables with the credentials of the app registration.
const SECRET_VARIABLES: [&str; 3] = ["MICROSOFT365_TENANT_ID", "MICROSOFT365_CLIENT_ID", "MICROSOFT365_CLIENT_SECRET"];

pub(super) static SPEC: VendorSpec = VendorSpec {
    name: "microsoft365",
    about: "The Microsoft 365 Management Activity API",
    simulated_label: "Microsoft 365 (simulated)",
    max_tick_time: SignedDuration::from_secs(270),
    policy: &microsoft365::POLICY,
    variables_help: "  MICROSOFT365_TENANT_ID, MICROSOFT365_CLIENT_ID, MICROSOFT365_CLIENT_SECRET
                              the app registration, unless --secret is given
  MICROSOFT365_API_URL        an origin, a path prefix is kept [default: the cloud's own]
  MICROSOFT365_LOGIN_URL      likewise",
    secret: |variables| {
        let [tenant_id, client_id, client_secret] = required(SECRET_VARIABLES, variables)?;
        Ok(json!({"tenant_id": tenant_id, "client_id": client_id, "client_secret": client_secret}).to_string())
    },
    simulated_secret: || json!({"tenant_id": TENANT_ID, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}),
    open: |opening, variables| {
        let config = Config::from_variables(variables).map_err(|error| Failed::usage(error.message));
        Box::pin(async move {
            let config = config?;
            let (secrets, clock) = (opening.secrets, opening.clock);
            let source = Microsoft365::source(opening.http, secrets, clock, &config, opening.secret_name).await;
            Ok(Box::new(source.map_err(exit::source_error)?) as _)
        })
    },
    check: |parts, variables, checkup| {
        let config = Config::from_variables(variables).map_err(|error| Failed::usage(error.message));
        Box::pin(async move {
            Ok(microsoft365::check(checkup, parts.http, parts.secrets, &config?, parts.secret_name).await)
        })
    },
    simulated: |faults, seed| Box::new(Behaviours::new(faults, seed)),
};

impl VendorSimulator for Behaviours {
    fn with_behaviours(&self, json: &str) -> Result<Box<dyn VendorSimulator>, String> {
        Ok(Box::new(self.with_json(json)?))
    }

    fn to_json(&self) -> String {
        self.to_json()
    }

    fn prepare(&self, options: &Options, clock: simulators::Clock) -> io::Result<Box<dyn PreparedSimulator>> {
        Ok(Box::new(Microsoft365Simulator::with(options, self.clone(), clock)?))
    }

    fn environment(&self, origin: &str, _: Timestamp) -> Vec<(&'static str, String)> {
        let [tenant_id, client_id, client_secret] = SECRET_VARIABLES;
        vec![
            ("MICROSOFT365_API_URL", origin.to_owned()),
            ("MICROSOFT365_LOGIN_URL", format!("{origin}/login")),
            (tenant_id, self.tenant_id.clone()),
            (client_id, self.client_id.clone()),
            (client_secret, self.client_secrets.first().cloned().unwrap_or_default()),
        ]
    }
}

impl PreparedSimulator for Microsoft365Simulator {
    fn serve(&self, port: u16) -> io::Result<RunningSimulator> {
        self.serve(port)
    }
}
