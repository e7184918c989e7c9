//! The settings of the environment.

use std::path::PathBuf;

use adapters::local::SecretSource;

use crate::exit::Failed;
use crate::vendor::VendorSpec;

/// Reads a variable of the environment; an empty one counts as none.
#[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.trim().is_empty())
}

/// Returns the vendor's secret: the file if one is named, else the text that the variables hold.
///
/// # Errors
/// Variables are missing; the message names them.
pub(crate) fn secret(vendor: &VendorSpec, file: Option<PathBuf>) -> Result<SecretSource, Failed> {
    match file {
        Some(file) => Ok(SecretSource::File(file)),
        None => Ok(SecretSource::Text((vendor.secret)(&variable)?.into())),
    }
}
