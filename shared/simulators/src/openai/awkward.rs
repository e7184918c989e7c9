//! Awkward content: text and lists that are hard to process.

use serde_json::{Value, json};

use crate::dice::Dice;

/// A kind of awkward content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awkward {
    Names,
    LongValue,
    Pem,
    LongList,
}

impl Awkward {
    pub(super) fn any(dice: &mut Dice) -> Self {
        dice.pick(&[Self::Names, Self::LongValue, Self::Pem, Self::LongList])
    }

    /// Returns the type of event that holds it.
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::Names => "project.created",
            Self::LongValue => "organization.updated",
            Self::Pem => "certificate.deleted",
            Self::LongList => "ip_allowlist.updated",
        }
    }

    /// Returns the payload of that event.
    pub(super) fn payload(self, dice: &mut Dice) -> Value {
        let id = dice.alphanumeric(16);
        match self {
            Self::Names => json!({"id": id, "data": {"name": NAME, "title": NAME}}),
            Self::LongValue => json!({"id": id, "changes_requested": {"description": "größer ".repeat(1_250)}}),
            Self::Pem => json!({"id": id, "name": NAME, "certificate": pem(dice, 150, "\r\n")}),
            Self::LongList => {
                let address = |number| format!("203.0.{}.{}/32", number / 250, number % 250);
                json!({"id": id, "allowed_ips": (0..500).map(address).collect::<Vec<_>>()})
            }
        }
    }
}

/// Tab, bell, separators, quotes, zero, right-to-left text, characters beyond the first plane, and combined letters.
const NAME: &str = "tab\t, bell\u{7}, line\u{2028}separator, quote \", backslash \\, zero \u{0}, \u{202e}tfel\u{202c}, del \u{7f}, 🦀, e\u{301}";

/// Returns a certificate as text with this number of lines.
pub(super) fn pem(dice: &mut Dice, lines: usize, end: &str) -> String {
    let lines: Vec<_> = (0..lines).map(|_| dice.alphanumeric(64)).collect();
    format!("-----BEGIN CERTIFICATE-----{end}{}{end}-----END CERTIFICATE-----{end}", lines.join(end))
}

/// The stand-in for half a surrogate pair, which a Rust string cannot hold.
pub(super) const SURROGATE_STAND_IN: char = '\u{f8ff}';

/// Replaces every stand-in in JSON text by the escape of half a surrogate pair.
pub(super) fn with_lone_surrogates(json: &str) -> String {
    json.replace(SURROGATE_STAND_IN, "\\ud83d")
}
