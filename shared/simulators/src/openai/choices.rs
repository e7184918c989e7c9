//! What the API does in one of several ways.

use serde::{Deserialize, Serialize};

/// Whether the organisation's audit logging is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditLogging {
    /// It is.
    On,
    /// It is, but lists are refused with 403 for the time being.
    OnForbidden,
    /// It is not, and lists are empty.
    OffEmpty,
    /// It is not, and lists are refused with 403.
    OffForbidden,
}

impl AuditLogging {
    /// Whether what happens is logged.
    pub(super) fn is_on(self) -> bool {
        matches!(self, Self::On | Self::OnForbidden)
    }

    /// Whether lists are refused.
    pub(super) fn is_forbidden(self) -> bool {
        matches!(self, Self::OnForbidden | Self::OffForbidden)
    }
}

/// What `after` or `before` an id that is not known gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCursor {
    /// 400.
    BadRequest,
    /// 404.
    NotFound,
    /// The first page, as if nothing had been said.
    FirstPage,
}

/// `first_id` and `last_id` of a page that has events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeIds {
    /// The ids of the first and the last event.
    There,
    /// `null`.
    Null,
    /// Left out.
    Absent,
}

/// The code of a 429 for want of credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaCode {
    /// `insufficient_quota`
    InsufficientQuota,
    /// `credit_balance_exhausted`
    CreditBalanceExhausted,
}

impl QuotaCode {
    /// As it stands in the body.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InsufficientQuota => "insufficient_quota",
            Self::CreditBalanceExhausted => "credit_balance_exhausted",
        }
    }
}
