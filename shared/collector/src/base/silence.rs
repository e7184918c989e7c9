//! The record of a stream's silence in its head.

use serde::{Deserialize, Serialize};

use super::time::UnixSeconds;

/// A silence of which a message was sent, or is being sent. The head has it until the end of the silence was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceRecord {
    /// The time of the last delivery before the silence, in seconds since 1970; the time of the stream's first tick if
    /// nothing was ever delivered.
    pub since: UnixSeconds,
    /// `true` once the message that the silence began was sent.
    #[serde(default)]
    pub is_start_sent: bool,
    /// The claim of the tick that sends the next message; `None` if no tick does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<SilenceClaim>,
}

/// The right of one tick to send a message, so that no other tick sends it, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceClaim {
    /// A random number that identifies the claim.
    pub id: u64,
    /// The time in seconds since 1970 at which the claim ends, if its tick died before it could end the claim itself.
    pub until: UnixSeconds,
}

/// A message about a stream's silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceMessage {
    /// Nothing was delivered for as long as the setting allows.
    Began {
        /// The time of the last delivery, or of the stream's first tick.
        since: UnixSeconds,
    },
    /// The stream delivers again.
    Ended {
        /// The time of the last delivery before the silence, or of the stream's first tick.
        since: UnixSeconds,
        /// The time of the last delivery.
        last_delivery: UnixSeconds,
    },
}
