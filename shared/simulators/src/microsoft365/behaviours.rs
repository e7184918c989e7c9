//! What this API was ever seen doing, each a switch.

use serde::{Deserialize, Serialize};

use super::assertion::Certificate;
use super::blob_faults::{BrokenBlobs, TricklingBlobs};
use super::broken_span::BrokenSpan;
use super::content_type::ContentType;
use super::kinds::{AlreadyOn, Cloud, Expiration, Throttle, Unauthorized};
use crate::faults::Transport;
use crate::gateway::Gateway;
use crate::outage::Outage;
use crate::script::Scripted;

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

/// How the API behaves. Shares are of requests, of records or of blobs, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviours {
    /// The tenant that exists.
    pub tenant_id: String,
    /// Tenants that can log in, the application being known there too, and that have no audit log.
    pub other_tenants: Vec<String>,
    /// The application that is known.
    pub client_id: String,
    /// The secrets that are good.
    pub client_secrets: Vec<String>,
    /// The secrets that were good once.
    pub expired_secrets: Vec<String>,
    /// The certificates that are good.
    pub certificates: Vec<Certificate>,
    /// Where the tenant lives.
    pub cloud: Cloud,
    /// What tokens permit.
    pub roles: Vec<String>,
    /// A token without [`READ_DLP`] may read `DLP.All` all the same, less what was detected. What is
    /// asked for with another token than before is another form of the same records; the ledger has both.
    pub dlp_redacted: bool,
    /// How long a token is good, seconds.
    pub token_seconds: i64,
    /// A token that has done its first requests is revoked before its time: share.
    pub token_refused: f64,
    /// The token endpoint fails with a 5xx: share.
    pub token_error: f64,
    /// The token endpoint answers with status 200 and a page of HTML: share.
    pub login_page: f64,
    /// The token endpoint answers with status 200 and without a token: share.
    pub token_missing: f64,
    /// How a token that is not good is refused.
    pub unauthorized: Unauthorized,
    /// Auditing is off in the tenant: nothing can be started.
    pub auditing_off: bool,
    /// What a second start gives.
    pub already_on: AlreadyOn,
    /// Starts of one content type within 15 minutes are throttled.
    pub start_throttled: bool,
    /// Starts of a content type are throttled until so many seconds after its first one, with the code `429` and the wait
    /// that is left in words.
    pub start_waits_seconds: Option<i64>,
    /// A content type whose start answers 500 and nothing else.
    pub start_broken: Option<ContentType>,
    /// A subscription that was stopped is as if it had never been: not listed, and AF20022 instead of AF20023.
    pub stopped_is_gone: bool,
    /// The list of subscriptions leaves out one `status`.
    pub status_missing: bool,
    /// From the first start to the first blob, seconds: what becomes available meanwhile does so at
    /// the end of it. In production an hour as a rule, up to twelve; 0 here, so that a test need not wait.
    pub first_blob_seconds: i64,
    /// A content type whose first blob takes another time, seconds; it may be days.
    pub slow_start: Option<(ContentType, i64)>,
    /// Whether there is content of before the first start. There is none in production; here it is
    /// there, so that a test has seven days of it at once.
    pub history: bool,
    /// Blobs on a page, at most.
    pub page_size: usize,
    /// Empty pages with another page after them: share. There never are more than three on end.
    pub empty_pages: f64,
    /// `NextPageUrl` instead of `NextPageUri`: share.
    pub next_page_url: f64,
    /// Links whose parameters are spelled in another case than asked: share.
    pub odd_casing: f64,
    /// Links that are good and refused nonetheless: share.
    pub links_lost: f64,
    /// Links that lead to the page that they stand on: share of pages with a next one.
    pub links_stuck: f64,
    /// How much older than seven days a window's start may be, seconds; an hour at the most in production.
    pub grace_seconds: i64,
    /// A span of more than 24 hours gives a part of it instead of AF20055.
    pub long_span_partial: bool,
    /// A window that starts at a blob's very instant lacks some blobs of that instant: share.
    pub partial_boundary: f64,
    /// Records in a blob, at most.
    pub records_per_blob: usize,
    /// One blob of a content type that is this long, bytes: of as many of its records as are needed,
    /// each of 24 kB, or longer if there are too few.
    pub huge_blob: Option<(ContentType, usize)>,
    /// Blobs that became available in the very millisecond of the one before: share.
    pub same_instant: f64,
    /// Records that come again in another blob of their feed: share of records.
    pub repeated: f64,
    /// Records that come again in a blob five days later, or more: share of records.
    pub repeated_days_later: f64,
    /// Records that come again in another content type's feed, the general one as a rule: share of records.
    pub repeated_elsewhere: f64,
    /// Records that share their `Id`, two and two, and nothing else: share.
    pub same_id: f64,
    /// Records that became available within minutes of happening, and not after an hour or so: share.
    pub quick: f64,
    /// Records that took up to a day: share.
    pub slow: f64,
    /// Records days older than their blob: share.
    pub days_old: f64,
    /// Blobs that were held up by a day's outage and come together at its end: share of blobs.
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
    /// 404 with "No HTTP resource was found", as if the API were not there: share.
    pub no_resource: f64,
    /// AF50000 and its kin: share.
    pub internal_error: f64,
    /// A 200 with an error instead of a list: share.
    pub error_in_ok: f64,
    /// A content type that answers 500 and nothing else.
    pub broken: Option<ContentType>,
    /// Addresses of blobs that point elsewhere: share of blobs.
    pub uri_elsewhere: f64,
    /// When blobs are said to expire.
    pub expiration: Expiration,
    /// Blobs whose first record lacks its closing brace, the others being good: share of blobs. The ledger has the record.
    pub broken_record: f64,
    /// A byte order mark before a blob: share.
    pub byte_order_mark: f64,
    /// How far the API's clock is off, seconds; its `Date` header tells. The login's clock is right.
    pub date_off_seconds: i64,
    /// Records whose fields have the odd forms that real ones have: share.
    pub irregular: f64,
    /// Records whose `ClientIP` has a zone, a port without brackets, or is a list: share of those that have one.
    pub odd_addresses: f64,
    /// Records with a nested object whose keys differ only by case: share.
    pub case_twins: f64,
    /// Alerts have their `Data` as JSON text, as in production; otherwise as an object.
    pub alert_data_as_text: bool,
    /// Records of a type nobody ever heard of, or with new fields: share.
    pub unknown: f64,
    /// Records of the general feed that were too large and are split in three: share.
    pub split: f64,
    /// Records of more than 20 kB: share.
    pub large: f64,
    /// Spans of content that cannot be listed.
    pub broken_spans: Vec<BrokenSpan>,
    /// Blobs that are always answered with an error; of several entries the first that has the blob holds.
    pub broken_blobs: Vec<BrokenBlobs>,
    /// Blobs that are sent a byte at a time; of several entries the first that has the blob holds.
    pub trickling_blobs: Vec<TricklingBlobs>,
    /// Spans of wall time during which every request, also one for a token, is answered with an error.
    /// Scripts do not count these requests.
    pub down: Vec<Outage>,
    /// A page of HTML with 403, 400 or 404 from the edge in front of both services, which passes: share. Scripts do not
    /// count these requests.
    pub edge_page: f64,
    /// Answers of a gateway in front of both services. Scripts do not count the requests it answers.
    pub gateway: Vec<Gateway>,
    /// The wire.
    pub transport: Transport,
    /// What goes wrong on purpose.
    pub script: Vec<Scripted>,
}
