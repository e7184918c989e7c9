//! The settings of a function that plans the work of others, and the result of a plan.

use serde::Serialize;

/// The longest time between two plans, in seconds.
const MAX_PERIOD_SECONDS: u32 = 86_400;

/// The settings of a planner, which sends one message per source to a queue instead of serving the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanOut {
    /// The URL of the SQS queue (`FAN_OUT_QUEUE_URL`).
    pub queue_url: String,
    /// Seconds between two plans (`FAN_OUT_PERIOD_SECONDS`). An older message has been replaced by a newer one.
    pub period_seconds: u32,
}

/// The counts of a planner's invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Plan {
    /// Sources that the settings name.
    pub(super) sources: usize,
    /// Messages sent, one per source.
    pub(super) messages: usize,
}

/// Parses the URL of a queue. It contains an account and a name, and never a credential.
pub(super) fn queue_url(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if rest.split('/').count() == 3 && rest.chars().all(is_plain) => Ok(text.to_owned()),
        _ => Err("must be the URL of an SQS queue, https://HOST/ACCOUNT/NAME".to_owned()),
    }
}

pub(super) fn period(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(seconds) if (1..=MAX_PERIOD_SECONDS).contains(&seconds) => Ok(seconds),
        _ => Err(format!("must be a whole number of seconds from 1 to {MAX_PERIOD_SECONDS}")),
    }
}
