//! The Microsoft clouds, and the alternatives from which behaviours choose an answer.

use serde::{Deserialize, Serialize};

/// A Microsoft cloud. Each one accepts only its own tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// The worldwide cloud: `manage.office.com`.
    Commercial,
    /// GCC: `manage-gcc.office.com`.
    Gcc,
    /// GCC High: `manage.office365.us`.
    GccHigh,
    /// DoD: `manage.protection.apps.mil`.
    Dod,
}

impl Cloud {
    /// All clouds.
    pub const ALL: [Self; 4] = [Self::Commercial, Self::Gcc, Self::GccHigh, Self::Dod];

    /// Returns the audience (`aud`) of this cloud's tokens.
    pub fn audience(self) -> &'static str {
        match self {
            Self::Commercial => "https://manage.office.com",
            Self::Gcc => "https://manage-gcc.office.com",
            Self::GccHigh => "https://manage.office365.us",
            Self::Dod => "https://manage.protection.apps.mil",
        }
    }
}

/// The answer to a request that starts a subscription that is already enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlreadyOn {
    /// Status 400 with the code AF20024, as seen in production.
    Af20024,
    /// Status 200, as Microsoft documents it.
    Ok,
}

/// The form of the answer to a throttled request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// Status 403 and a body with single quotes, which is not valid JSON. Microsoft documents this form.
    Forbidden,
    /// Status 429 and valid JSON.
    TooManyRequests,
}

/// The form of the 401 answer to an invalid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unauthorized {
    /// `{"Message": …}`
    Message,
    /// An empty body.
    Empty,
    /// `{"error": {"code": "InvalidAuthenticationToken", …}}`
    InvalidAuthenticationToken,
}

/// The `contentExpiration` that listings show. Whatever they show, a blob really expires seven days after it became
/// available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiration {
    /// Seven days after the blob became available, which is when it expires.
    SevenDays,
    /// 24 hours before the blob became available.
    Past,
    /// `0001-01-01T00:00:00.000Z`
    YearOne,
}
