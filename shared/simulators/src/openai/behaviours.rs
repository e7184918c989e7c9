//! The settings that make the simulator behave in every way that was ever seen of this API.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::broken_span::BrokenSpan;
use super::choices::{AuditLogging, EdgeIds, QuotaCode, UnknownCursor};
use super::keys::{ADMIN_KEY, Key};
use crate::faults::{Faults, Transport};
use crate::gateway::Gateway;
use crate::outage::Outage;
use crate::script::Scripted;
use crate::seeded_rng::SeededRng;

/// The behaviour of the API. A share is the part of all requests, pages or events to which something happens, from 0 to
/// 1.
///
/// In JSON, every field has the same name as here ([`Self::with_json`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviours {
    /// The known API keys. A key that does not begin with `sk-admin-` is known but may not read the audit log.
    pub keys: Vec<Key>,
    /// Share of 401 answers whose `error` is a plain string instead of an object.
    pub error_as_string: f64,
    /// The state of audit logging. Events that happen while it is off are never listed, even after it is turned on.
    pub audit_logging: AuditLogging,
    /// The status with which requests with `tenant_only=true` are refused; `None` if they are accepted.
    pub tenant_only_refused: Option<u16>,

    /// `true` if the list begins with the oldest events instead of the newest.
    pub ascending: bool,
    /// Share of pages whose events are in random order. `first_id` and `last_id` are those of the correct order.
    pub shuffled_pages: f64,
    /// `true` if a `limit` that is out of range is replaced by the nearest valid one. Otherwise the request is refused.
    pub limit_clamped: bool,
    /// `true` if a filter whose name lacks its brackets is ignored. Otherwise the request is refused.
    pub unbracketed_ignored: bool,
    /// The answer to a cursor that names no known event.
    pub unknown_cursor: UnknownCursor,
    /// Share of requests with a valid cursor that are answered as if the cursor were unknown.
    pub lost_cursors: f64,
    /// `true` if the id of an event that is no longer kept is still a valid cursor. Otherwise it is an unknown cursor.
    pub vanished_cursor_kept: bool,
    /// `true` if the id of an event that the request's filters, window or `tenant_only` exclude is an unknown cursor.
    /// Otherwise it is a valid one.
    pub filtered_cursor_unknown: bool,
    /// The form that `first_id` and `last_id` have on the pages that [`Self::edge_ids_withheld`] chooses.
    pub edge_ids: EdgeIds,
    /// Share of pages whose `first_id` and `last_id` have the form of [`Self::edge_ids`].
    pub edge_ids_withheld: f64,
    /// Share of requests whose page has fewer events than the limit although more events follow.
    pub short_pages: f64,
    /// Share of pages that are sent without events and without ids although more events follow.
    pub empty_pages: f64,
    /// Share of pages without events whose `data` is `null` instead of an empty list.
    pub data_null: f64,
    /// Share of last pages whose `has_more` is `true`. The page after such a page is empty.
    pub false_has_more: f64,
    /// Share of requests with `after` that are answered with the page that ends with the cursor, instead of the page
    /// after it.
    pub repeated_pages: f64,
    /// Share of pages that are sent as two or three JSON documents in one body.
    pub several_documents: f64,
    /// Share of listed events that are sent with one field more or one field less than the event has.
    pub reshaped_events: f64,

    /// `true` if `login.succeeded` and `logout.succeeded` have an empty payload. Otherwise they have no payload.
    pub empty_login_payload: bool,
    /// Share of events without complete details of the actor: no actor, a `null` actor, a session without a user agent,
    /// or an API key without an id.
    pub sparse_actors: f64,
    /// Share of `api_key.updated` events that have their scopes under `changes_requested` instead of `data`.
    pub scopes_requested: f64,
    /// Share of sessions with an IPv6 address.
    pub ipv6_sessions: f64,
    /// The probability with which an event has a type that the API's specification lacks, and with which it has a field
    /// that the specification lacks.
    pub unpublished_fields_and_types: f64,
    /// Share of events with an unusual payload: control characters in names, a value of 10 kB, a long PEM text, or a
    /// list of 500 addresses.
    pub awkward_payloads: f64,
    /// Share of events with a lone surrogate in a name, which is valid JSON but not valid Unicode.
    pub lone_surrogates: f64,
    /// Share of events whose payload is under an earlier name of the event's type. Only types that had another name
    /// before are affected.
    pub earlier_names: f64,
    /// Share of events that all happen in one second, at most 3,000 events.
    pub crowded_events: f64,

    /// Share of events that become visible only some time after they happened.
    pub late_events: f64,
    /// The longest delay of a late event, in seconds. Most late events are delayed by at most a hundredth of it.
    pub max_delay_seconds: i64,
    /// Share of late events that are delayed by at least 95 % of the longest delay.
    pub near_max_delay: f64,
    /// `true` if the late events from before the start become visible within three seconds after the start, so that a
    /// test need not wait for them. Otherwise their delay is random, as for all late events.
    pub late_past_soon: bool,
    /// Events that happened before this time are not kept.
    #[serde(with = "since")]
    pub kept_since: Timestamp,
    /// Seconds for which an event is kept after it happened; `None` if it is kept for ever.
    pub kept_seconds: Option<i64>,

    /// Share of requests that are answered with 429 because of too many requests.
    pub throttled: f64,
    /// The seconds in the `Retry-After` header of a 429; `None` for no such header.
    pub retry_after_seconds: Option<u32>,
    /// Number of requests that are accepted per minute; further ones are answered with 429. If it is set, the headers
    /// of all answers say how many requests are left.
    pub per_minute: Option<u32>,
    /// Share of requests that are answered with 429 because the account has no credit. Such an answer has no
    /// `Retry-After`.
    pub quota_exhausted: f64,
    /// The error code of a 429 because of missing credit.
    pub quota_code: QuotaCode,

    /// Spans of event time whose listing always fails.
    pub broken_spans: Vec<BrokenSpan>,
    /// Spans of the simulator's time in which every request is answered with an error. [Scripts](Self::script) do not
    /// count these requests.
    pub outages: Vec<Outage>,
    /// Share of requests that a content delivery network in front of the API answers with a page of HTML and status
    /// 403, 400 or 404. [Scripts](Self::script) do not count these requests.
    pub edge_page: f64,
    /// Share of requests that are answered with 403 and the code `unsupported_country_region_territory`.
    pub region_refused: f64,
    /// Gateways in front of the API, which answer some requests themselves. [Scripts](Self::script) do not count these
    /// requests.
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
    /// Returns the behaviours of a preset. In a storm, `seed` decides the faults and their shares.
    pub fn new(faults: Faults, seed: u64) -> Self {
        let mut rng = SeededRng::new(seed, "openai behaviours", 0);
        let healthy = healthy(Transport::new(faults, &mut rng));
        match faults {
            Faults::None => healthy,
            Faults::Some => Self { throttled: 0.04, ..healthy },
            Faults::Storm => storm(healthy, &mut rng),
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
        shuffled_pages: 0.0,
        limit_clamped: false,
        unbracketed_ignored: false,
        unknown_cursor: UnknownCursor::BadRequest,
        lost_cursors: 0.0,
        vanished_cursor_kept: false,
        filtered_cursor_unknown: false,
        edge_ids: EdgeIds::Present,
        edge_ids_withheld: 0.0,
        short_pages: 0.0,
        empty_pages: 0.0,
        data_null: 0.0,
        false_has_more: 0.0,
        repeated_pages: 0.0,
        several_documents: 0.0,
        reshaped_events: 0.0,
        empty_login_payload: false,
        sparse_actors: 0.1,
        scopes_requested: 0.5,
        ipv6_sessions: 0.25,
        unpublished_fields_and_types: 0.01,
        awkward_payloads: 0.01,
        lone_surrogates: 0.0,
        earlier_names: 0.0,
        crowded_events: 0.125,
        late_events: 0.01,
        max_delay_seconds: 240,
        near_max_delay: 0.0,
        late_past_soon: true,
        kept_since: Timestamp::MIN,
        kept_seconds: None,
        throttled: 0.0,
        retry_after_seconds: Some(1),
        per_minute: None,
        quota_exhausted: 0.0,
        quota_code: QuotaCode::InsufficientQuota,
        broken_spans: Vec::new(),
        outages: Vec::new(),
        edge_page: 0.0,
        region_refused: 0.0,
        gateway: Vec::new(),
        transport,
        script: Vec::new(),
    }
}

fn storm(healthy: Behaviours, rng: &mut SeededRng) -> Behaviours {
    Behaviours {
        error_as_string: rng.share(1.0),
        ascending: rng.chance(0.2),
        unknown_cursor: rng.pick(&[UnknownCursor::BadRequest, UnknownCursor::NotFound, UnknownCursor::FirstPage]),
        edge_ids: rng.pick(&[EdgeIds::Present, EdgeIds::Null, EdgeIds::Absent]),
        edge_ids_withheld: rng.share(0.5),
        short_pages: rng.share(0.5),
        repeated_pages: rng.share(0.04),
        unbracketed_ignored: rng.chance(0.5),
        empty_login_payload: rng.chance(0.5),
        unpublished_fields_and_types: rng.share(0.1),
        awkward_payloads: rng.share(0.1),
        late_events: rng.share(0.2),
        reshaped_events: rng.share(0.1),
        throttled: rng.share(0.1),
        quota_exhausted: rng.share(0.02),
        several_documents: rng.share(0.3),
        shuffled_pages: rng.share(0.3),
        lost_cursors: rng.share(0.02),
        vanished_cursor_kept: rng.chance(0.5),
        filtered_cursor_unknown: rng.chance(0.5),
        empty_pages: rng.share(0.02),
        false_has_more: rng.share(0.5),
        sparse_actors: rng.share(0.5),
        retry_after_seconds: rng.pick(&[Some(1), Some(2), None]),
        quota_code: rng.pick(&[QuotaCode::InsufficientQuota, QuotaCode::CreditBalanceExhausted]),
        near_max_delay: rng.share(0.3),
        ..healthy
    }
}

/// The JSON form of [`Behaviours::kept_since`]: `null` if there is no such time.
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
