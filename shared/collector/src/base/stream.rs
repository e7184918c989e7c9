//! Sources, streams and listings: the things that are collected.

use schema::LogType;
use serde::{Deserialize, Serialize};

/// Maximum length of a source id, in characters.
const MAX_SOURCE_ID_CHARS: usize = 64;

/// The id of one tenant of one vendor: `[A-Za-z0-9_.-]{1,64}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceId(String);

/// The error for a source id that is not `[A-Za-z0-9_.-]{1,64}`. It does not contain the refused text, which may be a
/// secret that was put into the wrong field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "source_id is not 1 to 64 of the characters A-Z a-z 0-9 _ . - (it has {chars} characters{}); change source_id in the \
     source's secret", self.position()
)]
pub struct BadSourceId {
    chars: usize,
    /// The position of the first character that is not allowed, counted from 1; `None` if all are allowed and only the
    /// length is wrong.
    bad_at: Option<usize>,
}

impl BadSourceId {
    fn position(&self) -> String {
        self.bad_at.map(|at| format!(", and that at {at} is not allowed")).unwrap_or_default()
    }
}

impl SourceId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SourceId {
    type Error = BadSourceId;

    fn try_from(text: String) -> Result<Self, BadSourceId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let bad_at = text.chars().position(|c| !allowed(c)).map(|at| at + 1);
        if text.is_empty() || text.len() > MAX_SOURCE_ID_CHARS || bad_at.is_some() {
            return Err(BadSourceId { chars: text.chars().count(), bad_at });
        }
        Ok(Self(text))
    }
}

impl From<SourceId> for String {
    fn from(id: SourceId) -> Self {
        id.0
    }
}

impl std::fmt::Display for SourceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A source and one of its log types. Each stream has a head of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The id of the tenant whose events the stream has.
    pub source: SourceId,
    /// The name of the tenant that people read. Every line has it as `p_source_label`.
    pub label: String,
    /// The log type of its events.
    pub log_type: LogType,
    /// The listings that enumerate the stream, each with a watermark of its own. There is at least one, unless the
    /// stream was only found by its birth record.
    pub listings: Vec<ListingId>,
}

impl Stream {
    /// Returns `source/table`, which is unique in a deployment and names the stream in reports and errors.
    pub fn name(&self) -> String {
        format!("{}/{}", self.source, self.log_type.table())
    }
}

/// The name of a listing, which is one way to enumerate a stream's events. Heads store these names, so a name must
/// never change.
pub type ListingId = &'static str;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_a_source_id_has_1_to_64_plain_characters() {
        let longest = "x".repeat(MAX_SOURCE_ID_CHARS);
        for text in ["a", "Acme-1_2.com", &longest] {
            let id = SourceId::try_from(text.to_owned()).unwrap();
            assert_eq!(
                (id.as_str(), id.to_string(), String::from(id.clone())),
                (text, text.to_owned(), text.to_owned())
            );
        }
    }

    #[test]
    fn err_a_source_id_with_other_characters_or_length_is_refused() {
        for text in ["", "a/b", "a b", "a#b", "größe", &"x".repeat(MAX_SOURCE_ID_CHARS + 1)] {
            let error = SourceId::try_from(text.to_owned()).unwrap_err();
            assert!(error.to_string().contains("change source_id in the source's secret"), "{error}");
        }
        assert!(serde_json::from_str::<SourceId>("\"a/b\"").is_err());
    }

    #[test]
    fn ok_a_stream_is_named_by_its_source_and_table() {
        assert_eq!(crate::testing::stream("acme").name(), "acme/openai_audit");
    }
}
