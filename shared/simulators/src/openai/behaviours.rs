//! Everything that was ever seen of this API, as settings.

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

/// The behaviour of the API. Shares are of requests, pages or events, 0 to 1.
///
/// In JSON, every field has the same name as here ([`Self::with_json`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviours {
    /// The known keys. A key that is not an admin key is refused even so.
    pub keys: Vec<Key>,
    /// Share of 401 answers whose `error` is a plain string.
    pub error_as_string: f64,
    /// The state of audit logging. Events that happened while it was off do not appear when it is on again.
    pub audit_logging: AuditLogging,
    /// The status with which `tenant_only=true` is refused, if it is.
    pub tenant_only_refused: Option<u16>,

    /// The list has the oldest events first instead of the newest.
    pub ascending: bool,
    /// Share of pages whose events are in random order. `first_id` and `last_id` stay the same.
    pub shuffled: f64,
    /// A limit out of range is replaced by the nearest valid one instead of being refused.
    pub limit_clamped: bool,
    /// A filter whose name lacks its brackets is ignored instead of being refused.
    pub unbracketed_ignored: bool,
    /// The answer to an unknown cursor.
    pub unknown_cursor: UnknownCursor,
    /// Share of requests with a cursor whose valid cursor is unknown.
    pub cursor_lost: f64,
    /// The cursor of an event that is no longer kept stays valid instead of being unknown.
    pub vanished_cursor_kept: bool,
    /// The cursor of an event that the filters, the window or `tenant_only` exclude is unknown.
    pub filtered_cursor_unknown: bool,
    /// The form in which `first_id` and `last_id` are withheld.
    pub edge_ids: EdgeIds,
    /// Share of pages on which they are withheld.
    pub edge_ids_withheld: f64,
    /// Share of pages that are shorter than the limit although more events follow.
    pub short_pages: f64,
    /// Share of pages without events and ids that claim that more follows.
    pub empty_pages: f64,
    /// Share of pages without events whose `data` is `null`.
    pub data_null: f64,
    /// Share of last pages that claim that more follows. An empty page follows them.
    pub false_more: f64,
    /// Share of requests with `after` that are answered with the page that ended with the cursor, instead of the next
    /// one.
    pub page_repeated: f64,
    /// Share of pages that are sent as several JSON documents.
    pub several_documents: f64,
    /// Share of listings in which an event that was listed before has one field more or less.
    pub reshaped: f64,

    /// `login.succeeded` and `logout.succeeded` have an empty payload instead of none.
    pub empty_login_payload: bool,
    /// Share of actors that are absent or `null`, of sessions without a user agent, and of API keys without an id.
    pub sparse: f64,
    /// Share of `api_key.updated` events with their scopes under `changes_requested` instead of `data`.
    pub scopes_requested: f64,
    /// Share of sessions with an IPv6 address.
    pub ipv6: f64,
    /// Share of events with an unpublished type or with unpublished fields.
    pub unheard_of: f64,
    /// Share of events with control characters in names, values of 10 kB, PEM text or long lists.
    pub awkward: f64,
    /// Share of events with half a surrogate pair in a name, which is valid JSON but not valid Unicode.
    pub lone_surrogates: f64,
    /// Share of events whose payload has an earlier name of their type, among those whose type has one.
    pub earlier_names: f64,
    /// Share of events that happen in the same second, up to 3,000 events.
    pub crowd: f64,

    /// Share of events that become visible later than they happened.
    pub late: f64,
    /// The longest delay of a late event. Most late events take a hundredth of it.
    pub latest_seconds: i64,
    /// Share of late events whose delay is nearly the longest: within a twentieth of it.
    pub near_latest: f64,
    /// Late events from before the start happened just before it and become visible within three seconds after it, so
    /// that a client need not wait for them. Otherwise their delay decides.
    pub late_past_soon: bool,
    /// The time before which events are not kept.
    #[serde(with = "since")]
    pub kept_since: Timestamp,
    /// Seconds for which an event is kept, if it is not kept for ever.
    pub kept_seconds: Option<i64>,

    /// Share of requests that are answered with 429.
    pub throttled: f64,
    /// The `Retry-After` of such an answer, if any.
    pub retry_after_seconds: Option<u32>,
    /// Requests per minute. Further ones are answered with 429. If it is set, all answers name the remaining requests.
    pub per_minute: Option<u32>,
    /// Share of requests that are answered with 429 without `Retry-After`, for lack of credit.
    pub quota_exhausted: f64,
    /// The code of such an answer.
    pub quota_code: QuotaCode,

    /// Spans of event time whose listing fails.
    pub broken_spans: Vec<BrokenSpan>,
    /// Spans of wall time in which every request is answered with an error. Scripts do not count these requests.
    pub down: Vec<Outage>,
    /// Share of requests that the edge in front of the API answers with a page of HTML and status 403, 400 or 404.
    /// Scripts do not count these requests.
    pub edge_page: f64,
    /// Share of requests that are answered with 403 and `unsupported_country_region_territory`.
    pub region_refused: f64,
    /// Answers of a gateway in front of the API. Scripts do not count these requests.
    pub gateway: Vec<Gateway>,

    /// The faults of the connection.
    pub transport: Transport,
    /// The scripted faults. The only operation is `audit_logs`.
    pub script: Vec<Scripted>,
}

impl Default for Behaviours {
    fn default() -> Self {
        Self::new(Faults::None, 0)
    }
}

impl Behaviours {
    /// Returns the behaviours for this amount of faults. In a storm, `seed` decides the faults and their shares.
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

/// The JSON form of a start, which is `null` for the beginning of time.
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
