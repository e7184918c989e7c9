//! Unusual but valid payloads: control characters, very long values, PEM text and long lists.

use serde_json::{Value, json};

use crate::seeded_rng::SeededRng;

/// A kind of unusual payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awkward {
    /// A name with control characters and other unusual characters.
    Names,
    /// A value of 10 kB.
    LongValue,
    /// A long PEM text.
    Pem,
    /// A list of 500 addresses.
    LongList,
}

impl Awkward {
    pub(super) fn random(rng: &mut SeededRng) -> Self {
        rng.pick(&[Self::Names, Self::LongValue, Self::Pem, Self::LongList])
    }

    /// Returns the event type whose payload has this content.
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::Names => "project.created",
            Self::LongValue => "organization.updated",
            Self::Pem => "certificate.deleted",
            Self::LongList => "ip_allowlist.updated",
        }
    }

    /// Returns a payload of [`Self::event_type`] with this content.
    pub(super) fn payload(self, rng: &mut SeededRng) -> Value {
        let id = rng.alphanumeric(16);
        match self {
            Self::Names => json!({"id": id, "data": {"name": AWKWARD_NAME, "title": AWKWARD_NAME}}),
            Self::LongValue => json!({"id": id, "changes_requested": {"description": "größer ".repeat(1_250)}}),
            Self::Pem => json!({"id": id, "name": AWKWARD_NAME, "certificate": pem(rng, 150, "\r\n")}),
            Self::LongList => {
                let address = |number| format!("203.0.{}.{}/32", number / 250, number % 250);
                json!({"id": id, "allowed_ips": (0..500).map(address).collect::<Vec<_>>()})
            }
        }
    }
}

/// A name with a tab, control characters, quotes, a NUL, right-to-left text, an emoji and a combining accent.
const AWKWARD_NAME: &str = "tab\t, bell\u{7}, line\u{2028}separator, quote \", backslash \\, zero \u{0}, \u{202e}tfel\u{202c}, del \u{7f}, 🦀, e\u{301}";

/// Returns a random text in the form of a PEM certificate: `lines` lines of content, each followed by the line ending
/// `end`.
pub(super) fn pem(rng: &mut SeededRng, lines: usize, end: &str) -> String {
    let lines: Vec<_> = (0..lines).map(|_| rng.alphanumeric(64)).collect();
    format!("-----BEGIN CERTIFICATE-----{end}{}{end}-----END CERTIFICATE-----{end}", lines.join(end))
}

/// Stands for a lone UTF-16 surrogate in generated strings, because a Rust string cannot hold a surrogate.
pub(super) const SURROGATE_STAND_IN: char = '\u{f8ff}';

/// Replaces every [`SURROGATE_STAND_IN`] in JSON text by the escape of a lone surrogate.
pub(super) fn with_lone_surrogates(json: &str) -> String {
    json.replace(SURROGATE_STAND_IN, "\\ud83d")
}
