//! What this API was ever seen doing, each a switch.

use serde::{Deserialize, Serialize};

use super::assertion::Certificate;
use super::content_type::ContentType;
use crate::Scripted;
use crate::dice::Dice;
use crate::faults::{Faults, Transport};

/// The simulated tenant.
pub const TENANT_ID: &str = "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10";
/// The application that may ask for tokens.
pub const CLIENT_ID: &str = "b7e0a9c4-51d2-4f38-8a66-90c3d1f2e5a7";
/// Its secret. It has every character that a form has to encode.
pub const CLIENT_SECRET: &str = "s1M~ul8+ted/S3cret=&%20.x";
/// May read everything but data loss prevention.
pub const READ: &str = "ActivityFeed.Read";
/// May read data loss prevention.
pub const READ_DLP: &str = "ActivityFeed.ReadDlp";

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

/// How the API behaves. Shares are of requests, of records or of blobs, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviours {
    /// The tenant that exists.
    pub tenant_id: String,
    /// The application that is known.
    pub client_id: String,
    /// The secrets that are good.
    pub client_secrets: Vec<String>,
    /// The certificates that are good.
    pub certificates: Vec<Certificate>,
    /// Where the tenant lives.
    pub cloud: Cloud,
    /// What tokens permit.
    pub roles: Vec<String>,
    /// How long a token is good, seconds.
    pub token_seconds: i64,
    /// A token that has done its first requests is revoked before its time: share.
    pub token_refused: f64,
    /// The token endpoint fails with a 5xx: share.
    pub token_error: f64,
    /// Auditing is off in the tenant: nothing can be started.
    pub auditing_off: bool,
    /// What a second start gives.
    pub already_on: AlreadyOn,
    /// Starts of one content type within 15 minutes are throttled.
    pub start_throttled: bool,
    /// The list of subscriptions leaves out one `status`.
    pub status_missing: bool,
    /// From a start to the first blob, seconds.
    pub first_blob_seconds: i64,
    /// Blobs on a page, at most.
    pub page_size: usize,
    /// Empty pages with another page after them: share.
    pub empty_pages: f64,
    /// `NextPageUrl` instead of `NextPageUri`: share.
    pub next_page_url: f64,
    /// A span of more than 24 hours gives a part of it instead of AF20055.
    pub long_span_partial: bool,
    /// A window that starts at a blob's very instant lacks some blobs of that instant: share.
    pub partial_boundary: f64,
    /// Records in a blob, at most.
    pub records_per_blob: usize,
    /// Records that come again in another blob of their feed: share of records.
    pub repeated: f64,
    /// Records that come again in the general feed: share of records.
    pub repeated_elsewhere: f64,
    /// Records with the `Id` of another record: share.
    pub same_id: f64,
    /// Records days older than their blob: share.
    pub days_old: f64,
    /// Blobs that were held up by an outage and come together: share of blobs.
    pub flood: f64,
    /// Blobs that are listed later than their `contentCreated`: share.
    pub late: f64,
    /// How late the latest are, seconds.
    pub latest_seconds: i64,
    /// Blobs that are not found at first: share of requests.
    pub not_found_yet: f64,
    /// Requests a minute of a publisher; more are throttled.
    pub per_minute: u32,
    /// Requests a minute of all those that do not say who they are.
    pub per_minute_shared: u32,
    /// Throttled anyhow: share.
    pub throttled: f64,
    /// How that is said.
    pub throttle: Throttle,
    /// AF50000 and its kin: share.
    pub internal_error: f64,
    /// A 200 with an error instead of a list: share.
    pub error_in_ok: f64,
    /// A content type that answers 500 and nothing else.
    pub broken: Option<ContentType>,
    /// Addresses of blobs that point elsewhere: share of blobs.
    pub uri_elsewhere: f64,
    /// A byte order mark before a blob: share.
    pub byte_order_mark: f64,
    /// How far the `Date` header is off, seconds.
    pub date_off_seconds: i64,
    /// Records whose fields have the odd forms that real ones have: share.
    pub irregular: f64,
    /// Records of more than 20 kB: share.
    pub large: f64,
    /// The wire.
    pub transport: Transport,
    /// What goes wrong on purpose.
    pub script: Vec<Scripted>,
}

impl Default for Behaviours {
    fn default() -> Self {
        Self::new(Faults::None, 0)
    }
}

impl Behaviours {
    /// How the API behaves under these faults; in a storm, what happens and how often is up to `seed`.
    pub fn new(faults: Faults, seed: u64) -> Self {
        let mut dice = Dice::new(seed, "microsoft365 behaviours", 0);
        let healthy = healthy(Transport::new(faults, &mut dice));
        match faults {
            Faults::None => healthy,
            Faults::Some => Self { token_refused: 0.02, token_error: 0.1, throttled: 0.03, ..healthy },
            Faults::Storm => storm(healthy, &mut dice),
        }
    }
}

fn storm(healthy: Behaviours, dice: &mut Dice) -> Behaviours {
    Behaviours {
        token_seconds: dice.pick(&[3_599, 3_599, 600]),
        token_refused: dice.share(0.03),
        token_error: dice.share(0.2),
        already_on: dice.pick(&[AlreadyOn::Af20024, AlreadyOn::Ok]),
        start_throttled: dice.chance(0.5),
        status_missing: dice.chance(0.5),
        page_size: dice.pick(&[1, 3, 10, 50]),
        empty_pages: dice.share(0.2),
        next_page_url: dice.share(1.0),
        long_span_partial: dice.chance(0.5),
        partial_boundary: dice.share(0.2),
        records_per_blob: dice.pick(&[1, 16, 200]),
        repeated: dice.share(0.2),
        repeated_elsewhere: dice.share(0.04),
        same_id: dice.share(0.04),
        days_old: dice.share(0.1),
        flood: dice.share(0.5),
        late: dice.share(0.2),
        not_found_yet: dice.share(0.06),
        throttled: dice.share(0.06),
        throttle: dice.pick(&[Throttle::Forbidden, Throttle::TooManyRequests]),
        internal_error: dice.share(0.06),
        error_in_ok: dice.share(0.04),
        uri_elsewhere: dice.share(0.2),
        byte_order_mark: dice.share(0.2),
        date_off_seconds: dice.between(-300, 300),
        irregular: dice.share(0.3),
        large: dice.share(0.02),
        ..healthy
    }
}

fn healthy(transport: Transport) -> Behaviours {
    Behaviours {
        tenant_id: TENANT_ID.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secrets: vec![CLIENT_SECRET.to_owned()],
        certificates: Vec::new(),
        cloud: Cloud::Commercial,
        roles: vec![READ.to_owned(), READ_DLP.to_owned()],
        token_seconds: 3_599,
        token_refused: 0.0,
        token_error: 0.0,
        auditing_off: false,
        already_on: AlreadyOn::Af20024,
        start_throttled: false,
        status_missing: false,
        first_blob_seconds: 0,
        page_size: 10,
        empty_pages: 0.0,
        next_page_url: 0.0,
        long_span_partial: false,
        partial_boundary: 0.0,
        records_per_blob: 16,
        repeated: 0.05,
        repeated_elsewhere: 0.0,
        same_id: 0.0,
        days_old: 0.02,
        flood: 0.0,
        late: 0.02,
        latest_seconds: 2 * 3_600,
        not_found_yet: 0.0,
        per_minute: 2_000,
        per_minute_shared: 500,
        throttled: 0.0,
        throttle: Throttle::Forbidden,
        internal_error: 0.0,
        error_in_ok: 0.0,
        broken: None,
        uri_elsewhere: 0.0,
        byte_order_mark: 0.0,
        date_off_seconds: 0,
        irregular: 0.0,
        large: 0.0,
        transport,
        script: Vec::new(),
    }
}
