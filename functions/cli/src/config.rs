//! The settings of the environment, read once: the vendor, its address, and its secret.

use std::path::PathBuf;

use adapters::local::SecretSource;
use clap::ValueEnum;
use jiff::SignedDuration;
use serde_json::json;

use crate::exit::Failed;

/// A vendor, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VendorName {
    /// The OpenAI audit logs API
    Openai,
    /// The Microsoft 365 Management Activity API
    Microsoft365,
}

impl VendorName {
    /// The longest time of a tick: less than the time to the next one.
    pub(crate) fn time_of_a_tick(self) -> SignedDuration {
        match self {
            Self::Openai => SignedDuration::from_secs(50),
            Self::Microsoft365 => SignedDuration::from_secs(270),
        }
    }
}

/// A variable of the environment; an empty one counts as none.
#[expect(clippy::disallowed_methods, reason = "the one door to the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

/// The vendor's secret: the file if one is named, else what the variables hold.
///
/// # Errors
/// Names the variables that are missing.
pub(crate) fn secret(
    vendor: VendorName,
    file: Option<PathBuf>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<SecretSource, Failed> {
    if let Some(file) = file {
        return Ok(SecretSource::File(file));
    }
    let text = match vendor {
        VendorName::Openai => {
            let [key] = all(["OPENAI_ADMIN_KEY"], variable)?;
            key
        }
        VendorName::Microsoft365 => {
            let names = ["MICROSOFT365_TENANT_ID", "MICROSOFT365_CLIENT_ID", "MICROSOFT365_CLIENT_SECRET"];
            let [tenant_id, client_id, client_secret] = all(names, variable)?;
            json!({"tenant_id": tenant_id, "client_id": client_id, "client_secret": client_secret}).to_string()
        }
    };
    Ok(SecretSource::Text(text.into()))
}

/// Reads the address of OpenAI, and what is listed there.
pub(crate) fn openai(variable: impl Fn(&str) -> Option<String>) -> Result<openai::Config, Failed> {
    openai::Config::from_variables(variable).map_err(|error| Failed::usage(error.message))
}

/// Reads the addresses of Microsoft 365.
pub(crate) fn microsoft365(variable: impl Fn(&str) -> Option<String>) -> Result<microsoft365::Config, Failed> {
    microsoft365::Config::from_variables(variable).map_err(|error| Failed::usage(error.message))
}

fn all<const N: usize>(names: [&str; N], variable: impl Fn(&str) -> Option<String>) -> Result<[String; N], Failed> {
    let values = names.map(variable);
    let missing: Vec<_> =
        names.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(values.map(Option::unwrap_or_default));
    }
    Err(Failed::usage(format!("{} not set; set it, or name the secret's file with --secret", missing.join(", "))))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::exit::Exit;

    fn check(vendor: VendorName, variables: &[(&str, &str)], expected: Result<&str, &str>) {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let text = secret(vendor, None, variable).map(|source| match source {
            SecretSource::Text(text) => text.expose_secret().to_owned(),
            SecretSource::File(_) => panic!("no file was named"),
        });
        match (text, expected) {
            (Ok(text), Ok(expected)) => assert_eq!(text, expected),
            (Err(failed), Err(part)) => {
                assert_eq!(failed.exit, Exit::Usage);
                assert!(failed.message.contains(part), "{failed}");
                assert!(!failed.message.contains("canary"), "{failed}");
            }
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn ok_variables() {
        check(VendorName::Openai, &[("OPENAI_ADMIN_KEY", "sk-admin-canary")], Ok("sk-admin-canary"));
        let all = [
            ("MICROSOFT365_TENANT_ID", "t"),
            ("MICROSOFT365_CLIENT_ID", "c"),
            ("MICROSOFT365_CLIENT_SECRET", "quoted \" canary"),
        ];
        let expected = r#"{"client_id":"c","client_secret":"quoted \" canary","tenant_id":"t"}"#;
        check(VendorName::Microsoft365, &all, Ok(expected));
    }

    #[test]
    fn err_variables_missing() {
        check(VendorName::Openai, &[], Err("OPENAI_ADMIN_KEY not set"));
        let only = [("MICROSOFT365_CLIENT_SECRET", "canary")];
        check(VendorName::Microsoft365, &only, Err("MICROSOFT365_TENANT_ID, MICROSOFT365_CLIENT_ID not set"));
    }
}
