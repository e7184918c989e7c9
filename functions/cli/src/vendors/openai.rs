//! Describes OpenAI (the audit logs API) to the command line.

use std::io;

use jiff::{SignedDuration, Timestamp};
use openai::{Config, OpenAi};
use serde_json::json;
use simulators::openai::{ADMIN_KEY, BASE_PATH, Behaviours, Key, OpenAiSimulator};
use simulators::{Options, RunningSimulator};

use crate::exit::{self, Failed};
use crate::vendor::{PreparedSimulator, VendorSimulator, VendorSpec, required};

pub(super) static SPEC: VendorSpec = VendorSpec {
    name: "openai",
    about: "The OpenAI audit logs API",
    simulated_label: "OpenAI (simulated)",
    max_tick_time: SignedDuration::from_secs(50),
    policy: &openai::POLICY,
    variables_help: "  OPENAI_ADMIN_KEY            the admin key, unless --secret is given
  OPENAI_BASE_URL             ends in /v1 [default: https://api.openai.com/v1]
  OPENAI_LISTINGS             organization, tenant, or both with a comma between them [default: both]",
    secret: |variables| required(["OPENAI_ADMIN_KEY"], variables).map(|[key]| key),
    simulated_secret: || json!({"admin_key": ADMIN_KEY}),
    open: |opening, variables| {
        let config = Config::from_variables(variables).map_err(|error| Failed::usage(error.message));
        Box::pin(async move {
            let config = config?;
            let source =
                OpenAi::source(opening.http, opening.secrets, opening.clock, &config, opening.secret_name).await;
            Ok(Box::new(source.map_err(exit::source_error)?) as _)
        })
    },
    check: |parts, variables, checkup| {
        let config = Config::from_variables(variables).map_err(|error| Failed::usage(error.message));
        Box::pin(
            async move { Ok(openai::check(checkup, parts.http, parts.secrets, &config?, parts.secret_name).await) },
        )
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
        Ok(Box::new(OpenAiSimulator::with(options, self.clone(), clock)?))
    }

    fn environment(&self, origin: &str, now: Timestamp) -> Vec<(&'static str, String)> {
        vec![("OPENAI_BASE_URL", format!("{origin}{BASE_PATH}")), ("OPENAI_ADMIN_KEY", admin_key(&self.keys, now))]
    }
}

impl PreparedSimulator for OpenAiSimulator {
    fn serve(&self, port: u16) -> io::Result<RunningSimulator> {
        self.serve(port)
    }
}

/// Returns a key that the simulator accepts at `now`, else its first key. A simulator without keys accepts any key.
fn admin_key(keys: &[Key], now: Timestamp) -> String {
    let key = keys.iter().find(|key| key.is_valid_at(now)).or(keys.first());
    key.map_or_else(|| ADMIN_KEY.to_owned(), |key| key.key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_simulator_is_accepted_now() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let keys = Key::rotated("old", "new", at(100), SignedDuration::from_secs(10));
        assert_eq!([99, 100].map(|second| admin_key(&keys, at(second))), ["old", "new"]);
        assert_eq!(admin_key(&keys[..1], at(200)), "old");
        assert_eq!(admin_key(&[], at(0)), ADMIN_KEY);
    }
}
