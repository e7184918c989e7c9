//! The kinds of cloud and of answer that there are to choose from.

use serde::{Deserialize, Serialize};

/// A national cloud: tokens of one are refused in another.
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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Commercial, Self::Gcc, Self::GccHigh, Self::Dod];

    /// The audience of its tokens.
    pub fn audience(self) -> &'static str {
        match self {
            Self::Commercial => "https://manage.office.com",
            Self::Gcc => "https://manage-gcc.office.com",
            Self::GccHigh => "https://manage.office365.us",
            Self::Dod => "https://manage.protection.apps.mil",
        }
    }
}

/// What starting a subscription that is on gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlreadyOn {
    /// 400 with AF20024, as seen in the wild.
    Af20024,
    /// 200, as documented.
    Ok,
}

/// How "too many requests" is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// 403 with single quotes, which is no JSON; as documented.
    Forbidden,
    /// 429 with JSON.
    TooManyRequests,
}

/// How a token that is not good is refused, always with 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unauthorized {
    /// `{"Message": …}`
    Message,
    /// Without a body.
    Empty,
    /// `{"error": {"code": "InvalidAuthenticationToken", …}}`
    InvalidAuthenticationToken,
}

/// When blobs are said to expire, whenever they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiration {
    /// Seven days after they became available, as they do.
    SevenDays,
    /// The day before they became available.
    Past,
    /// `0001-01-01T00:00:00.000Z`
    YearOne,
}
