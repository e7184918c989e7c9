//! What this API was ever seen doing, each a switch.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::broken_span::BrokenSpan;
use super::choices::{AuditLogging, EdgeIds, QuotaCode, UnknownCursor};
use super::keys::{ADMIN_KEY, Key};
use crate::dice::Dice;
use crate::faults::{Faults, Transport};
use crate::gateway::Gateway;
use crate::outage::Outage;
use crate::script::Scripted;

/// How the API behaves. Shares are of requests, pages or events, 0 to 1.
///
/// As JSON, every field has the name it has here ([`Self::with_json`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviours {
    /// The keys that are known; one that is no admin key is refused all the same.
    pub keys: Vec<Key>,
    /// The body of a 401 has a plain string for its `error`: share of requests.
    pub error_as_string: f64,
    /// Whether audit logging is on. What happened while it was off is nowhere when it is on again.
    pub audit_logging: AuditLogging,
    /// `tenant_only=true` is refused with this status.
    pub tenant_only_refused: Option<u16>,

    /// Oldest first instead of newest first.
    pub ascending: bool,
    /// Pages whose events stand in no order; `first_id` and `last_id` are what they would be: share of pages.
    pub shuffled: f64,
    /// A limit that is out of range is held at its ends instead of refused.
    pub limit_clamped: bool,
    /// A filter whose name lacks its brackets is ignored instead of refused.
    pub unbracketed_ignored: bool,
    /// An unknown cursor's fate.
    pub unknown_cursor: UnknownCursor,
    /// Cursors that are unknown although they were given a moment ago: share of requests with one.
    pub cursor_lost: f64,
    /// The cursor of an event that is no longer kept goes on working instead of being unknown.
    pub vanished_cursor_kept: bool,
    /// The cursor of an event that the filters, the window or `tenant_only` leave out is unknown.
    pub filtered_cursor_unknown: bool,
    /// How `first_id` and `last_id` are withheld when they are.
    pub edge_ids: EdgeIds,
    /// On how many pages they are withheld so: share of pages.
    pub edge_ids_withheld: f64,
    /// Pages shorter than the limit though more follows: share of pages.
    pub short_pages: f64,
    /// Pages without events and ids that say there is more: share of pages.
    pub empty_pages: f64,
    /// Pages without events whose `data` is `null`: share of those.
    pub data_null: f64,
    /// Last pages that say there is more; an empty one follows: share of last pages.
    pub false_more: f64,
    /// The page that ended with the cursor again, instead of the one after it: share of requests with `after`.
    pub page_repeated: f64,
    /// A body of several JSON documents, the page dealt out among them: share of pages.
    pub several_documents: f64,
    /// An event that was listed before comes with a field more, or a field less: share of listings.
    pub reshaped: f64,

    /// `login.succeeded` and `logout.succeeded` come with an empty payload instead of none.
    pub empty_login_payload: bool,
    /// Actors that are absent or `null`, sessions without user agent, API keys without id: share of them.
    pub sparse: f64,
    /// `api_key.updated` with its scopes under `changes_requested` instead of `data`: share of those.
    pub scopes_requested: f64,
    /// Sessions from an IPv6 address: share of sessions.
    pub ipv6: f64,
    /// Events of types nobody has heard of, and events with fields nobody has heard of: share of events.
    pub unheard_of: f64,
    /// Events with control characters in names, values of 10 kB, PEM text, long lists: share of events.
    pub awkward: f64,
    /// Events with half a surrogate pair in a name, which is JSON but no Unicode: share of events.
    pub lone_surrogates: f64,
    /// Events whose payload stands under an earlier name of their type: share of those whose type has one.
    pub earlier_names: f64,
    /// Events that happen in one and the same second: share of events, but at most 3,000 of them.
    pub crowd: f64,

    /// Events that show up later than they happened: share of events.
    pub late: f64,
    /// How late the latest are, seconds. Most of the late ones take a hundredth of that.
    pub latest_seconds: i64,
    /// Late events whose lateness is within a twentieth of the latest: share of late events.
    pub near_latest: f64,
    /// Late events of the time before the start show up within three seconds of it, and happened just
    /// before it, so that nobody has to wait for them; otherwise when their lateness says so.
    pub late_past_soon: bool,
    /// What happened before is not there (any more).
    #[serde(with = "since")]
    pub kept_since: Timestamp,
    /// What happened longer ago than that is not there any more, seconds.
    pub kept_seconds: Option<i64>,

    /// 429: share of requests.
    pub throttled: f64,
    /// Its `Retry-After`, seconds; none for none.
    pub retry_after_seconds: Option<u32>,
    /// Requests a minute; more are 429. With that, all answers tell how many are left.
    pub per_minute: Option<u32>,
    /// 429 without `Retry-After`, for want of credit: share of requests.
    pub quota_exhausted: f64,
    /// How that is called.
    pub quota_code: QuotaCode,

    /// Spans of event time that cannot be listed.
    pub broken_spans: Vec<BrokenSpan>,
    /// Spans of wall time during which every request is answered with an error. Scripts do not count
    /// these requests.
    pub down: Vec<Outage>,
    /// A page of HTML with 403, 400 or 404 from the edge in front of the API, which passes: share of requests. Scripts do
    /// not count these requests.
    pub edge_page: f64,
    /// 403 with `unsupported_country_region_territory`: share of requests.
    pub region_refused: f64,
    /// Answers of a gateway in front of the API. Scripts do not count the requests it answers.
    pub gateway: Vec<Gateway>,

    /// The wire.
    pub transport: Transport,
    /// What goes wrong on purpose. The only operation is `audit_logs`.
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
        let mut dice = Dice::new(seed, "openai behaviours", 0);
        let healthy = healthy(Transport::new(faults, &mut dice));
        match faults {
            Faults::None => healthy,
            Faults::Some => Self { throttled: 0.04, ..healthy },
            Faults::Storm => storm(healthy, &mut dice),
        }
    }
}

fn healthy(transport: Transport) -> Behaviours {
    Behaviours {
        keys: vec![Key::new(ADMIN_KEY)],
        error_as_string: 0.0,
        audit_logging: AuditLogging::On,
        tenant_only_refused: None,
        ascending: false,
        shuffled: 0.0,
        limit_clamped: false,
        unbracketed_ignored: false,
        unknown_cursor: UnknownCursor::BadRequest,
        cursor_lost: 0.0,
        vanished_cursor_kept: false,
        filtered_cursor_unknown: false,
        edge_ids: EdgeIds::There,
        edge_ids_withheld: 0.0,
        short_pages: 0.0,
        empty_pages: 0.0,
        data_null: 0.0,
        false_more: 0.0,
        page_repeated: 0.0,
        several_documents: 0.0,
        reshaped: 0.0,
        empty_login_payload: false,
        sparse: 0.1,
        scopes_requested: 0.5,
        ipv6: 0.25,
        unheard_of: 0.01,
        awkward: 0.01,
        lone_surrogates: 0.0,
        earlier_names: 0.0,
        crowd: 0.125,
        late: 0.01,
        latest_seconds: 240,
        near_latest: 0.0,
        late_past_soon: true,
        kept_since: Timestamp::MIN,
        kept_seconds: None,
        throttled: 0.0,
        retry_after_seconds: Some(1),
        per_minute: None,
        quota_exhausted: 0.0,
        quota_code: QuotaCode::InsufficientQuota,
        broken_spans: Vec::new(),
        down: Vec::new(),
        edge_page: 0.0,
        region_refused: 0.0,
        gateway: Vec::new(),
        transport,
        script: Vec::new(),
    }
}

fn storm(healthy: Behaviours, dice: &mut Dice) -> Behaviours {
    Behaviours {
        error_as_string: dice.share(1.0),
        ascending: dice.chance(0.2),
        unknown_cursor: dice.pick(&[UnknownCursor::BadRequest, UnknownCursor::NotFound, UnknownCursor::FirstPage]),
        edge_ids: dice.pick(&[EdgeIds::There, EdgeIds::Null, EdgeIds::Absent]),
        edge_ids_withheld: dice.share(0.5),
        short_pages: dice.share(0.5),
        page_repeated: dice.share(0.04),
        unbracketed_ignored: dice.chance(0.5),
        empty_login_payload: dice.chance(0.5),
        unheard_of: dice.share(0.1),
        awkward: dice.share(0.1),
        late: dice.share(0.2),
        reshaped: dice.share(0.1),
        throttled: dice.share(0.1),
        quota_exhausted: dice.share(0.02),
        several_documents: dice.share(0.3),
        shuffled: dice.share(0.3),
        cursor_lost: dice.share(0.02),
        vanished_cursor_kept: dice.chance(0.5),
        filtered_cursor_unknown: dice.chance(0.5),
        empty_pages: dice.share(0.02),
        false_more: dice.share(0.5),
        sparse: dice.share(0.5),
        retry_after_seconds: dice.pick(&[Some(1), Some(2), None]),
        quota_code: dice.pick(&[QuotaCode::InsufficientQuota, QuotaCode::CreditBalanceExhausted]),
        near_latest: dice.share(0.3),
        ..healthy
    }
}

/// The beginning of time is written as `null`.
mod since {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        (*at != Timestamp::MIN).then_some(at).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(Timestamp::MIN))
    }
}
