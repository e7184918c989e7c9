//! The alternatives from which behaviours choose an answer.

use serde::{Deserialize, Serialize};

/// The state of the organization's audit logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditLogging {
    /// Logging is on.
    On,
    /// Logging is on, but list requests are refused with 403.
    OnForbidden,
    /// Logging is off, and lists are empty.
    OffEmpty,
    /// Logging is off, and list requests are refused with 403.
    OffForbidden,
}

impl AuditLogging {
    /// Returns `true` if events are logged, even if they cannot be listed.
    pub(super) fn is_on(self) -> bool {
        matches!(self, Self::On | Self::OnForbidden)
    }

    /// Returns `true` if list requests are refused.
    pub(super) fn is_forbidden(self) -> bool {
        matches!(self, Self::OnForbidden | Self::OffForbidden)
    }
}

/// The answer to a request whose `after` or `before` is an unknown id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCursor {
    /// Status 400.
    BadRequest,
    /// Status 404.
    NotFound,
    /// The first page, as if the request had no cursor.
    FirstPage,
}

/// The form of `first_id` and `last_id` on a page with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeIds {
    /// The ids of the first and the last event.
    #[serde(rename = "there")]
    Present,
    /// The value `null`.
    Null,
    /// The page has no such fields.
    Absent,
}

/// The error code of a 429 because of missing credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaCode {
    /// `insufficient_quota`
    InsufficientQuota,
    /// `credit_balance_exhausted`
    CreditBalanceExhausted,
}

impl QuotaCode {
    /// Returns the code as the API sends it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InsufficientQuota => "insufficient_quota",
            Self::CreditBalanceExhausted => "credit_balance_exhausted",
        }
    }
}
