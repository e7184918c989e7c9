//! Either vendor and how it behaves.

use std::fs::File;

use jiff::Timestamp;
use simulators::microsoft365::{self, Microsoft365Simulator};
use simulators::openai::{self, OpenAiSimulator};
use simulators::{Clock, Faults, Options, Running};

use crate::config::VendorName;
use crate::exit::Failed;

/// A vendor to be simulated.
#[derive(Debug)]
pub(super) enum Simulated {
    Openai(Box<openai::Behaviours>),
    Microsoft365(Box<microsoft365::Behaviours>),
}

impl Simulated {
    /// The vendor as it behaves under these faults.
    pub(super) fn new(vendor: VendorName, faults: Faults, seed: u64) -> Self {
        match vendor {
            VendorName::Openai => Self::Openai(openai::Behaviours::new(faults, seed).into()),
            VendorName::Microsoft365 => Self::Microsoft365(microsoft365::Behaviours::new(faults, seed).into()),
        }
    }

    /// The same with the behaviours that a JSON object names; the error says what is not understood.
    pub(super) fn changed(&self, json: &str) -> Result<Self, String> {
        Ok(match self {
            Self::Openai(behaviours) => Self::Openai(behaviours.with_json(json)?.into()),
            Self::Microsoft365(behaviours) => Self::Microsoft365(behaviours.with_json(json)?.into()),
        })
    }

    /// All behaviours.
    pub(super) fn to_json(&self) -> String {
        match self {
            Self::Openai(behaviours) => behaviours.to_json(),
            Self::Microsoft365(behaviours) => behaviours.to_json(),
        }
    }

    /// Serves it on 127.0.0.1; port 0 is any that is free.
    pub(super) fn serve(&self, options: &Options, port: u16, clock: Clock) -> Result<Running, Failed> {
        check_ledger(options)?;
        let set_up = |error: std::io::Error| Failed::usage(format!("cannot set up the simulator: {error}"));
        let served = match self {
            Self::Openai(behaviours) => {
                OpenAiSimulator::with(options, (**behaviours).clone(), clock).map_err(set_up)?.serve(port)
            }
            Self::Microsoft365(behaviours) => {
                Microsoft365Simulator::with(options, (**behaviours).clone(), clock).map_err(set_up)?.serve(port)
            }
        };
        served.map_err(|error| Failed::usage(format!("cannot listen on port {port} of 127.0.0.1: {error}")))
    }

    /// The variables that lead a client to it, and let it in where somebody is let in. Nothing in them is secret.
    pub(super) fn environment(&self, running: &Running, now: Timestamp) -> Vec<(&'static str, String)> {
        let origin = format!("http://{}", running.address());
        match self {
            Self::Openai(behaviours) => vec![
                ("OPENAI_BASE_URL", format!("{origin}{}", openai::BASE_PATH)),
                ("OPENAI_ADMIN_KEY", admin_key(&behaviours.keys, now)),
            ],
            Self::Microsoft365(behaviours) => vec![
                ("MICROSOFT365_API_URL", origin.clone()),
                ("MICROSOFT365_LOGIN_URL", format!("{origin}/login")),
                ("MICROSOFT365_TENANT_ID", behaviours.tenant_id.clone()),
                ("MICROSOFT365_CLIENT_ID", behaviours.client_id.clone()),
                ("MICROSOFT365_CLIENT_SECRET", behaviours.client_secrets.first().cloned().unwrap_or_default()),
            ],
        }
    }
}

/// Says that the ledger cannot be written before anything else is set up.
fn check_ledger(options: &Options) -> Result<(), Failed> {
    let Some(path) = &options.ledger else { return Ok(()) };
    let opened = File::options().create(true).append(true).open(path);
    opened.map(drop).map_err(|error| Failed::usage(format!("cannot write --ledger {}: {error}", path.display())))
}

/// A key that is good now; without one, any.
fn admin_key(keys: &[openai::Key], now: Timestamp) -> String {
    let key = keys.iter().find(|key| key.is_good(now)).or(keys.first());
    key.map_or_else(|| openai::ADMIN_KEY.to_owned(), |key| key.key.clone())
}

#[cfg(test)]
mod tests {
    use simulators::openai::Key;

    use super::*;

    #[test]
    fn the_key_that_is_told_is_one_that_is_good() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let keys = Key::rotated("old", "new", at(100), jiff::SignedDuration::from_secs(10));
        assert_eq!([99, 100].map(|second| admin_key(&keys, at(second))), ["old", "new"]);
        assert_eq!(admin_key(&keys[..1], at(200)), "old");
        assert_eq!(admin_key(&[], at(0)), openai::ADMIN_KEY);
    }
}
