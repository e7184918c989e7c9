//! The forms of answers that behaviours choose from.

use serde::{Deserialize, Serialize};

/// The state of the organization's audit logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditLogging {
    /// Logging is on.
    On,
    /// Logging is on, but lists are refused with 403.
    OnForbidden,
    /// Logging is off, and lists are empty.
    OffEmpty,
    /// Logging is off, and lists are refused with 403.
    OffForbidden,
}

impl AuditLogging {
    /// Returns `true` if events are logged.
    pub(super) fn is_on(self) -> bool {
        matches!(self, Self::On | Self::OnForbidden)
    }

    /// Returns `true` if lists are refused.
    pub(super) fn is_forbidden(self) -> bool {
        matches!(self, Self::OnForbidden | Self::OffForbidden)
    }
}

/// The answer to `after` or `before` with an unknown id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCursor {
    /// Status 400.
    BadRequest,
    /// Status 404.
    NotFound,
    /// The first page, as without a cursor.
    FirstPage,
}

/// The `first_id` and `last_id` of a page with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeIds {
    /// The ids of the first and the last event.
    There,
    /// The value `null`.
    Null,
    /// No such fields.
    Absent,
}

/// The code of a 429 for lack of credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaCode {
    /// `insufficient_quota`
    InsufficientQuota,
    /// `credit_balance_exhausted`
    CreditBalanceExhausted,
}

impl QuotaCode {
    /// Returns the code.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InsufficientQuota => "insufficient_quota",
            Self::CreditBalanceExhausted => "credit_balance_exhausted",
        }
    }
}
