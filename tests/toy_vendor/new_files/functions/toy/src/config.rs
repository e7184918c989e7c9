//! The deployment's configuration and a source's secret, both validated when they are read.

use adapters::http::{Url, base_url};
use collector::{ListingId, PortError, SourceId, Stream};
use schema::LogType;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// Variable that replaces the base URL of the API.
pub const BASE_URL_VARIABLE: &str = "TOY_BASE_URL";
/// The vendor's own variables, beside those of its secrets.
pub const VARIABLES: [&str; 1] = [BASE_URL_VARIABLE];

/// The only listing of the stream.
pub(crate) const EVENTS: ListingId = "events";
/// The base URL of the API, unless [`BASE_URL_VARIABLE`] replaces it.
const DEFAULT_BASE_URL: &str = "https://toy.example";

/// The settings that all sources of a deployment share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The base URL of the API, without a slash at its end.
    pub base_url: Url,
}

impl Config {
    /// Reads [`VARIABLES`] through `variable`. If the variable is unset, the vendor's own URL is used.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, PortError> {
        let text = variable(BASE_URL_VARIABLE).unwrap_or_else(|| DEFAULT_BASE_URL.to_owned());
        let base_url = base_url(BASE_URL_VARIABLE, &text).map_err(|error| PortError::person(error.to_string()))?;
        Ok(Self { base_url })
    }
}

/// A source's secret: the JSON object `{"source_id","source_label","key"}`, of which the label may be missing.
#[derive(Debug)]
pub struct SourceSecret {
    /// The field `source_id`.
    pub source_id: SourceId,
    /// The field `source_label`. Its default is the source's id.
    pub source_label: String,
    /// The field `key`.
    pub key: SecretString,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    source_id: String,
    source_label: Option<String>,
    key: String,
}

impl SourceSecret {
    /// Parses the text of the secret called `reference`. An error names the reference, never a part of the text.
    pub fn parse(reference: &str, text: &SecretString) -> Result<Self, PortError> {
        let bad = |problem: &str| PortError::person(format!("toy secret {reference}: {problem}"));
        let fields: Fields = serde_json::from_str(text.expose_secret())
            .map_err(|_| bad("it is not the JSON object {\"source_id\",\"source_label\",\"key\"}"))?;
        let source_id = SourceId::try_from(fields.source_id).map_err(|error| bad(&error.to_string()))?;
        let source_label = fields.source_label.unwrap_or_else(|| source_id.to_string());
        Ok(Self { source_id, source_label, key: SecretString::from(fields.key) })
    }

    /// Returns the source's streams: one, with one listing.
    pub fn streams(&self) -> Vec<Stream> {
        vec![Stream {
            source: self.source_id.clone(),
            label: self.source_label.clone(),
            log_type: LogType::ToyAudit,
            listings: vec![EVENTS],
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_secret_is_refused_without_its_text() {
        for text in
            ["canary", r#"{"source_id":"acme","key":"canary","more":1}"#, r#"{"source_id":"a b","key":"canary"}"#]
        {
            let error = SourceSecret::parse("reference", &SecretString::from(text)).unwrap_err();
            assert!(error.message.contains("reference") && !error.message.contains("canary"), "{error}");
        }
    }
}
