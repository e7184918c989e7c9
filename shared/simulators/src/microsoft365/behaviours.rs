//! Everything that was ever seen of this API, as settings.

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
/// The application that may request tokens.
pub const CLIENT_ID: &str = "b7e0a9c4-51d2-4f38-8a66-90c3d1f2e5a7";
/// The application's secret. It has every character that a form must encode.
pub const CLIENT_SECRET: &str = "s1M~ul8+ted/S3cret=&%20.x";
/// The permission to read everything but data loss prevention.
pub const READ: &str = "ActivityFeed.Read";
/// The permission to read data loss prevention.
pub const READ_DLP: &str = "ActivityFeed.ReadDlp";

/// The behaviour of the API. Shares are of requests, records or blobs, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviours {
    /// The tenant.
    pub tenant_id: String,
    /// Tenants that know the application, so that it can log in there, but have no audit log.
    pub other_tenants: Vec<String>,
    /// The application.
    pub client_id: String,
    /// The valid secrets.
    pub client_secrets: Vec<String>,
    /// The expired secrets.
    pub expired_secrets: Vec<String>,
    /// The valid certificates.
    pub certificates: Vec<Certificate>,
    /// The cloud of the tenant.
    pub cloud: Cloud,
    /// The permissions that tokens hold.
    pub roles: Vec<String>,
    /// A token without [`READ_DLP`] may read `DLP.All`, without the detected values. Records read with another kind of
    /// token are another form of the same records, and the ledger has both forms.
    pub dlp_redacted: bool,
    /// Lifetime of a token.
    pub token_seconds: i64,
    /// Share of requests at which a token is revoked early, after its first requests.
    pub token_refused: f64,
    /// Share of token requests that are answered with a 5xx status.
    pub token_error: f64,
    /// Share of token requests that are answered with status 200 and a page of HTML.
    pub login_page: f64,
    /// Share of token requests that are answered with status 200 and without a token.
    pub token_missing: f64,
    /// The form in which an invalid token is refused.
    pub unauthorized: Unauthorized,
    /// Auditing is off in the tenant, so no subscription can be started.
    pub auditing_off: bool,
    /// The answer to the start of an enabled subscription.
    pub already_on: AlreadyOn,
    /// Starts of one content type within 15 minutes are throttled.
    pub start_throttled: bool,
    /// Starts of a content type are throttled until this many seconds after the first one, with the code `429` and the
    /// remaining wait in words.
    pub start_waits_seconds: Option<i64>,
    /// A content type whose starts are always answered with status 500.
    pub start_broken: Option<ContentType>,
    /// A stopped subscription looks as if it had never been started: it is not listed, and its content is refused with
    /// AF20022 instead of AF20023.
    pub stopped_is_gone: bool,
    /// The list of subscriptions leaves out the `status` of one entry.
    pub status_missing: bool,
    /// Seconds from the first start to the first blob. Content that would become available during this delay becomes
    /// available when it ends. In production it is usually an hour and up to twelve; the default is 0, so that a test need not
    /// wait.
    pub first_blob_seconds: i64,
    /// A content type with another time to its first blob, in seconds. It may be days.
    pub slow_start: Option<(ContentType, i64)>,
    /// The feeds have content from before the first start. Production has none; here it is the default, so that a test
    /// has seven days of content at once.
    pub history: bool,
    /// The most blobs of a page.
    pub page_size: usize,
    /// Share of pages that are empty although another page follows. At most three follow each other.
    pub empty_pages: f64,
    /// Share of pages with the header `NextPageUrl` instead of `NextPageUri`.
    pub next_page_url: f64,
    /// Share of links whose parameters have other upper and lower case than the request.
    pub odd_casing: f64,
    /// Share of valid links that are refused.
    pub links_lost: f64,
    /// Share of pages whose link leads to the same page again.
    pub links_stuck: f64,
    /// Seconds by which the start of a window may be older than seven days; at most an hour in production.
    pub grace_seconds: i64,
    /// A window of more than 24 hours lists a part of it instead of being refused with AF20055.
    pub long_span_partial: bool,
    /// Share of windows that miss some blobs of their first instant.
    pub partial_boundary: f64,
    /// The most records of a blob.
    pub records_per_blob: usize,
    /// A content type with one blob of this many bytes. It has as many records as needed of 24 kB each, or longer ones
    /// if there are too few.
    pub huge_blob: Option<(ContentType, usize)>,
    /// Share of blobs that became available in the same millisecond as the one before.
    pub same_instant: f64,
    /// Share of records that are repeated in another blob of their feed.
    pub repeated: f64,
    /// Share of records that are repeated in a blob five or more days later.
    pub repeated_days_later: f64,
    /// Share of records that are repeated in the feed of another content type, which is usually the general one.
    pub repeated_elsewhere: f64,
    /// Share of records that have the same `Id` as one other record, and nothing else in common.
    pub same_id: f64,
    /// Share of records that became available within minutes after they happened, instead of after about an hour.
    pub quick: f64,
    /// Share of records that became available up to a day after they happened.
    pub slow: f64,
    /// Share of records that happened days before their blob became available.
    pub days_old: f64,
    /// Share of blobs that an outage of a day delayed, so that they come together at its end.
    pub flood: f64,
    /// Share of blobs that are listed later than their `contentCreated`.
    pub late: f64,
    /// The longest delay of a late blob.
    pub latest_seconds: i64,
    /// Share of fetches whose blob is not found at first.
    pub not_found_yet: f64,
    /// Requests per minute of one publisher. Further ones are throttled.
    pub per_minute: u32,
    /// Requests per minute of all callers without a publisher.
    pub per_minute_shared: u32,
    /// Share of requests that are throttled at any rate.
    pub throttled: f64,
    /// The form in which a request is throttled.
    pub throttle: Throttle,
    /// Share of requests that are answered with 404 and "No HTTP resource was found", as if there were no API.
    pub no_resource: f64,
    /// Share of requests that are answered with AF50000 or a similar code.
    pub internal_error: f64,
    /// Share of requests that are answered with status 200 and an error in place of a list.
    pub error_in_ok: f64,
    /// A content type whose requests are always answered with status 500.
    pub broken: Option<ContentType>,
    /// Share of blobs whose URL points to another place.
    pub uri_elsewhere: f64,
    /// The expiry that listings name for a blob.
    pub expiration: Expiration,
    /// Share of blobs whose first record lacks its closing brace, while the others are well formed. The ledger has the
    /// record.
    pub broken_record: f64,
    /// Share of blobs with a byte order mark before them.
    pub byte_order_mark: f64,
    /// Seconds by which the API's clock is wrong, which its `Date` header shows. The login's clock is right.
    pub date_off_seconds: i64,
    /// Share of records with the irregular fields that real records have.
    pub irregular: f64,
    /// Share of `ClientIP` values that have a zone, have a port without brackets, or are a list.
    pub odd_addresses: f64,
    /// Share of records with a nested object whose keys differ only in case.
    pub case_twins: f64,
    /// The `Data` of alerts is JSON in a string, as in production. Otherwise it is an object.
    pub alert_data_as_text: bool,
    /// Share of records with an unpublished record type or with new fields.
    pub unknown: f64,
    /// Share of records of the general feed that are too large and split in three.
    pub split: f64,
    /// Share of records with more than 20 kB.
    pub large: f64,
    /// Spans of content whose listing fails.
    pub broken_spans: Vec<BrokenSpan>,
    /// Blobs whose fetch always fails. The first matching entry applies.
    pub broken_blobs: Vec<BrokenBlobs>,
    /// Blobs that are sent one byte at a time. The first matching entry applies.
    pub trickling_blobs: Vec<TricklingBlobs>,
    /// Spans of wall time in which every request, also one for a token, is answered with an error. Scripts do not count
    /// these requests.
    pub down: Vec<Outage>,
    /// Share of requests that the edge in front of both services answers with a page of HTML and status 403, 400 or
    /// 404. Scripts do not count these requests.
    pub edge_page: f64,
    /// Answers of a gateway in front of both services. Scripts do not count these requests.
    pub gateway: Vec<Gateway>,
    /// The faults of the connection.
    pub transport: Transport,
    /// The scripted faults.
    pub script: Vec<Scripted>,
}
