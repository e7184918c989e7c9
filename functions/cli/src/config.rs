//! Reads settings from environment variables.

use std::path::PathBuf;

use adapters::local::SecretSource;

use crate::exit::Failed;
use crate::vendor::VendorSpec;

/// Returns the value of an environment variable; `None` if it is not set or empty.
#[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

/// Returns the secret of the vendor's source: from `file` if it is given, else from environment variables.
///
/// # Errors
/// Variables are missing. The message names them.
pub(crate) fn secret(vendor: &VendorSpec, file: Option<PathBuf>) -> Result<SecretSource, Failed> {
    match file {
        Some(file) => Ok(SecretSource::File(file)),
        None => Ok(SecretSource::Text((vendor.secret)(&variable)?.into())),
    }
}
