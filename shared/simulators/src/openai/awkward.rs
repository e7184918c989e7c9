//! Text and lists that are hard to carry.

use serde_json::{Value, json};

use crate::dice::Dice;

/// What is hard about an event.
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

    /// The type of event it shows in.
    pub(super) fn event_type(self) -> &'static str {
        match self {
            Self::Names => "project.created",
            Self::LongValue => "organization.updated",
            Self::Pem => "certificate.deleted",
            Self::LongList => "ip_allowlist.updated",
        }
    }

    /// That event's payload.
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

/// Tab, bell, separators, quotes, zero, right to left, what is beyond the first plane, and letters made of parts.
const NAME: &str = "tab\t, bell\u{7}, line\u{2028}separator, quote \", backslash \\, zero \u{0}, \u{202e}tfel\u{202c}, del \u{7f}, 🦀, e\u{301}";

/// A certificate as text, of so many lines.
pub(super) fn pem(dice: &mut Dice, lines: usize, end: &str) -> String {
    let lines: Vec<_> = (0..lines).map(|_| dice.alphanumeric(64)).collect();
    format!("-----BEGIN CERTIFICATE-----{end}{}{end}-----END CERTIFICATE-----{end}", lines.join(end))
}

/// Stands for half a surrogate pair, which no string can hold.
pub(super) const HALF_A_PAIR: char = '\u{f8ff}';

/// The JSON with every such stand-in made the escape it stands for.
pub(super) fn with_halves(json: &str) -> String {
    json.replace(HALF_A_PAIR, "\\ud83d")
}
