//! The clouds, and the forms of answers that behaviours choose from.

use serde::{Deserialize, Serialize};

/// A national cloud. Every other cloud refuses its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// `manage.office.com`
    Commercial,
    /// `manage-gcc.office.com`
    Gcc,
    /// `manage.office365.us`
    GccHigh,
    /// `manage.protection.apps.mil`
    Dod,
}

impl Cloud {
    /// Every cloud.
    pub const ALL: [Self; 4] = [Self::Commercial, Self::Gcc, Self::GccHigh, Self::Dod];

    /// Returns the audience of its tokens.
    pub fn audience(self) -> &'static str {
        match self {
            Self::Commercial => "https://manage.office.com",
            Self::Gcc => "https://manage-gcc.office.com",
            Self::GccHigh => "https://manage.office365.us",
            Self::Dod => "https://manage.protection.apps.mil",
        }
    }
}

/// The answer to the start of an enabled subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlreadyOn {
    /// 400 with AF20024, as seen in production.
    Af20024,
    /// 200, as documented.
    Ok,
}

/// The form in which a request is throttled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// 403 with single quotes, which is not JSON, as documented.
    Forbidden,
    /// 429 with JSON.
    TooManyRequests,
}

/// The form in which an invalid token is refused, always with status 401.
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

/// The expiry that listings show. It does not change when blobs expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiration {
    /// Seven days after the blob became available, which is correct.
    SevenDays,
    /// The day before the blob became available.
    Past,
    /// `0001-01-01T00:00:00.000Z`
    YearOne,
}
