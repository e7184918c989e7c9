//! Secrets from files, or from values that the command line has already read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use collector::{PortError, Secrets};
use secrecy::SecretString;

use crate::looks_like_a_key;

/// A larger file is refused, because it cannot be a secret.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// The origin of a secret's text.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// A file, which is read for each request.
    File(PathBuf),
    /// A value that the configuration already holds, for example from environment variables.
    Text(SecretString),
}

/// The secrets of one process, by reference.
#[derive(Debug, Clone, Default)]
pub struct LocalSecrets {
    sources: BTreeMap<String, SecretSource>,
}

impl LocalSecrets {
    /// Returns the secrets with these origins, each under its reference.
    pub fn new(sources: impl IntoIterator<Item = (String, SecretSource)>) -> Self {
        Self { sources: sources.into_iter().collect() }
    }
}

impl Secrets for LocalSecrets {
    // Nothing is cached, so `_fresh` changes nothing.
    async fn get(&self, reference: &str, _fresh: bool) -> Result<SecretString, PortError> {
        match self.sources.get(reference) {
            Some(SecretSource::Text(text)) => Ok(text.clone()),
            Some(SecretSource::File(path)) => read(path),
            None => {
                Err(PortError::person(format!("no secret is known as {reference:?}; name it in the configuration")))
            }
        }
    }
}

/// Returns the file's text without surrounding white space.
fn read(path: &PathBuf) -> Result<SecretString, PortError> {
    let mut text = String::new();
    // Only the kind of the error is shown, because the message of a decoding error could quote the content.
    let failed = |error: std::io::Error| {
        PortError::person(format!("cannot read the secret file {}: {}; check --secret", path_text(path), error.kind()))
    };
    let file = File::open(path).map_err(failed)?;
    let read = file.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    let text = SecretString::from(text);
    if read as u64 > MAX_SECRET_BYTES {
        return Err(PortError::person(format!(
            "the secret file {} is larger than {MAX_SECRET_BYTES} bytes; check --secret",
            path_text(path)
        )));
    }
    let trimmed = secrecy::ExposeSecret::expose_secret(&text).trim();
    if trimmed.is_empty() {
        return Err(PortError::person(format!("the secret file {} is empty; check --secret", path_text(path))));
    }
    Ok(SecretString::from(trimmed))
}

/// Returns the path for a message. A text that does not look like a path is not shown, because it may be a secret that
/// was given instead of its file.
fn path_text(path: &Path) -> String {
    let text = path.display().to_string();
    let is_path = text.contains(['/', '\\', '.']) && !looks_like_a_key(&text);
    if is_path { text } else { "(not shown: it may be a secret)".to_owned() }
}
