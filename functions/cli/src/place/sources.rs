//! Opens the sources of a command: one for each secret.

use adapters::http::HttpClient;

use super::secrets::SourceSecrets;
use crate::clock::CliClock;
use crate::exit::{Exit, Failed};
use crate::output;
use crate::vendor::{AnySource, SourceParts, Variables, VendorSpec};

/// The opened sources of one vendor.
pub(crate) struct Sources<'a> {
    pub(crate) opened: Vec<Box<dyn AnySource + 'a>>,
    /// The most severe exit code of the sources that could not be opened.
    pub(crate) exit: Exit,
}

/// Opens a source for each of the secrets, or only the source `wanted`. If there are several secrets, a source that
/// cannot be opened is printed and does not stop the others.
///
/// # Errors
/// The only source cannot be opened, or no source is the wanted one.
pub(crate) async fn open_sources<'a>(
    vendor: &VendorSpec,
    (http, clock): (&'a HttpClient, &'a CliClock),
    secrets: &'a SourceSecrets,
    variables: Variables<'_>,
    wanted: Option<&str>,
) -> Result<Sources<'a>, Failed> {
    let mut sources = Sources { opened: Vec::new(), exit: Exit::Success };
    let mut ids = Vec::new();
    for secret_name in &secrets.names {
        let parts = SourceParts { http, secrets: &secrets.store, clock, secret_name };
        match (vendor.open)(parts, variables).await {
            Ok(source) => {
                let id = source.streams().first().map(|stream| stream.source.to_string()).unwrap_or_default();
                if wanted.is_none_or(|wanted| wanted == id) {
                    sources.opened.push(source);
                }
                ids.push(id);
            }
            Err(failed) if secrets.names.len() == 1 => return Err(failed),
            Err(failed) => {
                output::print_error(&failed.message);
                sources.exit = sources.exit.max(failed.exit);
            }
        }
    }
    match wanted.filter(|_| sources.opened.is_empty()) {
        Some(wanted) => Err(Failed::usage(format!("no source has the id {wanted}; there are: {}", ids.join(", ")))),
        None => Ok(sources),
    }
}
