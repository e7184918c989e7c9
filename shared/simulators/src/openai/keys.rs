//! The API keys of an organization.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::moment::{end_of_time, is_end_of_time, is_start_of_time, start_of_time};

/// The API key that a simulator accepts by default.
pub const ADMIN_KEY: &str = "sk-admin-simulated-7Qm2vXc9Lr4TzWb8";

/// An API key and the time in which it is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The text of the key.
    pub key: String,
    /// The time from which the key is valid. By default it has always been valid.
    #[serde(default = "start_of_time", skip_serializing_if = "is_start_of_time")]
    pub from: Timestamp,
    /// The time from which the key is no longer valid. By default it stays valid.
    #[serde(default = "end_of_time", skip_serializing_if = "is_end_of_time")]
    pub until: Timestamp,
    /// `false` if the key lacks the scope to read audit logs.
    #[serde(default = "default_true")]
    pub may_read_audit_logs: bool,
}

impl Key {
    /// Returns a key that is always valid.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), from: start_of_time(), until: end_of_time(), may_read_audit_logs: true }
    }

    /// Returns the two keys of a rotation: `old` is revoked at `at`, and `new` is valid from the time `overlap` before
    /// `at`.
    pub fn rotated(
        old: impl Into<String>,
        new: impl Into<String>,
        at: Timestamp,
        overlap: SignedDuration,
    ) -> [Self; 2] {
        let from = at.saturating_sub(overlap).unwrap_or(at);
        [Self { until: at, ..Self::new(old) }, Self { from, ..Self::new(new) }]
    }

    /// Returns `true` if the key is valid at `at`.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

fn default_true() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_keys_are_valid_during_the_overlap() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let keys = Key::rotated("old", "new", at(100), SignedDuration::from_secs(10));
        let good = |second| {
            keys.iter().filter(|key| key.is_valid_at(at(second))).map(|key| key.key.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(
            [good(89), good(90), good(99), good(100)],
            [vec!["old"], vec!["old", "new"], vec!["old", "new"], vec!["new"]]
        );
    }

    #[test]
    fn omitted_fields_of_a_key_have_their_defaults() {
        let key: Key = serde_json::from_str(r#"{"key":"sk-admin-a"}"#).unwrap();
        assert_eq!(key, Key::new("sk-admin-a"));
        assert_eq!(serde_json::to_string(&key).unwrap(), r#"{"key":"sk-admin-a","may_read_audit_logs":true}"#);
    }
}
