//! The settings that make the simulator behave in every way that was ever seen of this API.

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

/// The default id of the simulated tenant.
pub const TENANT_ID: &str = "3f6c1d52-8b0e-4c1a-9d7e-2a5b9c4e7f10";
/// The default id of the application that may log in.
pub const CLIENT_ID: &str = "b7e0a9c4-51d2-4f38-8a66-90c3d1f2e5a7";
/// The default secret of the application. It has characters that a client must encode in a form.
pub const CLIENT_SECRET: &str = "s1M~ul8+ted/S3cret=&%20.x";
/// The permission to read all content types except `DLP.All`.
pub const READ: &str = "ActivityFeed.Read";
/// The permission to read the content type `DLP.All` (data loss prevention).
pub const READ_DLP: &str = "ActivityFeed.ReadDlp";

/// The behaviour of the API and of its token endpoint. A share is the part of all requests, records or blobs to which
/// something happens, from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviours {
    /// The id of the tenant that has the audit log.
    pub tenant_id: String,
    /// Ids of further tenants. The application can log in there, but they have no audit log.
    pub other_tenants: Vec<String>,
    /// The id of the application that may log in.
    pub client_id: String,
    /// The secrets with which the application can log in.
    pub client_secrets: Vec<String>,
    /// Secrets that are refused because they are expired.
    pub expired_secrets: Vec<String>,
    /// The certificates with which the application can log in.
    pub certificates: Vec<Certificate>,
    /// The Microsoft cloud to which the tenant belongs.
    pub cloud: Cloud,
    /// The permissions of new tokens, such as [`READ`].
    pub roles: Vec<String>,
    /// The delegated permissions that tokens have in their claim `scp`. They permit nothing here: the simulator has no
    /// users.
    pub scopes: Vec<String>,
    /// `true` if a token without [`READ_DLP`] may read `DLP.All`, but gets its records without the detected sensitive
    /// values. Otherwise it is refused. The ledger has a record twice if it was available in both forms.
    pub dlp_redacted: bool,
    /// Lifetime of a token in seconds.
    pub token_seconds: i64,
    /// Share of requests to the API that revoke their token before its expiry. The first five requests with a token
    /// never do.
    pub token_refused: f64,
    /// Share of token requests that are answered with a 5xx status.
    pub token_error: f64,
    /// Share of token requests that are answered with status 200 and a page of HTML.
    pub login_page: f64,
    /// Share of token requests that are answered with status 200 and JSON without a token.
    pub token_missing: f64,
    /// The form of the 401 answer to an invalid token.
    pub unauthorized: Unauthorized,
    /// `true` if auditing is off in the tenant, so that no subscription can be started.
    pub auditing_off: bool,
    /// The answer to a request that starts a subscription that is already enabled.
    pub already_on: AlreadyOn,
    /// `true` if a subscription can be started only 15 minutes after its previous start; earlier starts are throttled.
    pub start_throttled: bool,
    /// If set, the starts of a subscription are refused until this many seconds after its first one. The answer has the
    /// code `429` and says in words how long to wait.
    pub start_waits_seconds: Option<i64>,
    /// A content type whose subscription cannot be started: every start is answered with status 500.
    pub start_broken: Option<ContentType>,
    /// `true` if a stopped subscription looks as if it had never been started: it is not listed, and requests for its
    /// content are refused with AF20022 instead of AF20023.
    pub stopped_is_gone: bool,
    /// `true` if the list of subscriptions leaves out the `status` of its first entry.
    pub status_missing: bool,
    /// Seconds from the first start of a subscription to its first blob. Content that would become available in this
    /// time becomes available at its end. In production it is about one hour, and at most twelve; the default is 0, so
    /// that a test need not wait.
    pub first_blob_seconds: i64,
    /// A content type for which another time than `first_blob_seconds` applies, and that time in seconds.
    pub slow_start: Option<(ContentType, i64)>,
    /// `true` if subscriptions have content from before their first start. In production they have none. It is the
    /// default here, so that a test has content of several days at once.
    pub has_history: bool,
    /// The largest number of blobs on a page of a listing.
    pub page_size: usize,
    /// Share of pages that are empty although another page follows. At most three such pages follow each other.
    pub empty_pages: f64,
    /// Share of pages whose link to the next page is in the header `NextPageUrl` instead of `NextPageUri`.
    pub next_page_url: f64,
    /// Share of links to a next page that spell the query parameters in unusual upper and lower case.
    pub odd_casing: f64,
    /// Share of requests with a valid link to a next page that are refused with AF20031.
    pub links_lost: f64,
    /// Share of pages whose link to the next page leads to the same page again.
    pub links_stuck: f64,
    /// A window is accepted if it starts at most seven days and this many seconds ago. In production it is at most an
    /// hour.
    pub grace_seconds: i64,
    /// `true` if a listing of more than 24 hours returns the content of the first 24 hours. Otherwise it is refused
    /// with AF20055.
    pub long_span_partial: bool,
    /// Share of listings that leave out some of the blobs that were created exactly at the start of the window.
    pub partial_boundary: f64,
    /// The largest number of records in a blob, apart from repeated records and from [`Self::huge_blob`].
    pub records_per_blob: usize,
    /// A content type whose first blob is huge, and the size of that blob in bytes. The blob has records of 24 kB each,
    /// or longer ones if there are too few records.
    pub huge_blob: Option<(ContentType, usize)>,
    /// Share of blobs that are created in the same millisecond as another blob.
    pub same_instant: f64,
    /// Share of records that are repeated in a second blob of the same content type.
    pub repeated_records: f64,
    /// Share of records that are repeated in a blob of the same content type at least five days later.
    pub repeated_days_later: f64,
    /// Share of records that are repeated in a blob of another content type: `Audit.General`, or `Audit.Exchange` for
    /// records of `Audit.General`.
    pub repeated_elsewhere: f64,
    /// The probability with which every second record has the `Id` of the record before it, although their content
    /// differs.
    pub same_id: f64,
    /// Share of records that become available 2 to 10 minutes after they happened, instead of the usual 60 to 90
    /// minutes.
    pub quick_records: f64,
    /// Share of records that become available one and a half hours to a day after they happened.
    pub slow_records: f64,
    /// Share of records that become available one to six days after they happened.
    pub days_old_records: f64,
    /// Share of blobs that an outage of the vendor delayed. They are all created within ten minutes, at the end of the
    /// outage.
    pub delayed_blobs: f64,
    /// Share of blobs that listings show only some time after their `contentCreated`.
    pub late_blobs: f64,
    /// The longest delay of such a blob, in seconds.
    pub max_delay_seconds: i64,
    /// Share of requests for a blob that are answered with 404 although the blob exists.
    pub not_found_yet: f64,
    /// Number of requests per minute that are accepted from one publisher (the query parameter `PublisherIdentifier`).
    /// Further ones are throttled.
    pub per_minute: u32,
    /// Number of requests per minute that are accepted from all clients without a publisher together.
    pub per_minute_shared: u32,
    /// Share of requests that are throttled even if the client makes few requests.
    pub throttled: f64,
    /// The form of the answer to a throttled request.
    pub throttle: Throttle,
    /// Share of requests that are answered with 404 and "No HTTP resource was found", as if the API did not exist.
    pub no_resource: f64,
    /// Share of requests that are answered with status 500 and the code AF50000, AF50005 or AF50006.
    pub internal_error: f64,
    /// Share of requests that are answered with status 200 and an error object instead of the expected array.
    pub error_in_ok: f64,
    /// A content type for which all requests are answered with status 500.
    pub broken_content_type: Option<ContentType>,
    /// Share of listed blobs whose `contentUri` has the wrong host, tenant or path.
    pub uri_elsewhere: f64,
    /// The `contentExpiration` that listings show.
    pub expiration: Expiration,
    /// Share of blobs that are not valid JSON because their first record lacks its closing brace. The ledger has the
    /// complete record.
    pub broken_record: f64,
    /// Share of requests for a blob whose answer begins with a byte order mark.
    pub byte_order_mark: f64,
    /// Seconds by which the API's clock is ahead of the correct time; negative if it is behind. The `Date` header shows
    /// it. The clock of the token endpoint is always correct.
    pub date_off_seconds: i64,
    /// Share of records in which one or two fields have an irregular form that was seen in production.
    pub irregular_records: f64,
    /// Share of records whose `ClientIP` is hard to parse: it has a zone, a port without brackets or an IPv4-mapped
    /// address, or is a list.
    pub odd_addresses: f64,
    /// Share of records with an object that has several keys which differ only in upper and lower case.
    pub case_twins: f64,
    /// `true` if the field `Data` of alerts is a string that holds JSON, as in production. Otherwise it is an object.
    pub alert_data_as_text: bool,
    /// Share of records with a record type or with fields that Microsoft has not published.
    pub unpublished_records: f64,
    /// Share of records of `Audit.General` that are one of the three parts of an event that is too large for one
    /// record.
    pub split_events: f64,
    /// Share of records that are larger than 20 kB.
    pub large_records: f64,
    /// Spans of content whose listing always fails.
    pub broken_spans: Vec<BrokenSpan>,
    /// Blobs that cannot be fetched. If several entries match a blob, the first one applies.
    pub broken_blobs: Vec<BrokenBlobs>,
    /// Blobs that are sent one byte at a time. If several entries match a blob, the first one applies.
    pub trickling_blobs: Vec<TricklingBlobs>,
    /// Spans of the simulator's time in which every request, including token requests, is answered with an error.
    /// [Scripts](Self::script) do not count these requests.
    pub outages: Vec<Outage>,
    /// Share of requests that a content delivery network in front of the API and the token endpoint answers with a page
    /// of HTML and status 403, 400 or 404. [Scripts](Self::script) do not count these requests.
    pub edge_page: f64,
    /// Gateways in front of the API and the token endpoint, which answer some requests themselves.
    /// [Scripts](Self::script) do not count these requests.
    pub gateway: Vec<Gateway>,
    /// The faults of the connection.
    pub transport: Transport,
    /// The scripted faults.
    pub script: Vec<Scripted>,
}
