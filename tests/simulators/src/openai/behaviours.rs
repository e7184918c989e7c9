//! What this API was ever seen doing, each a switch.

use jiff::Timestamp;

use crate::Scripted;
use crate::dice::Dice;
use crate::faults::{Faults, Transport};

/// The admin key that is accepted unless others are given.
pub const ADMIN_KEY: &str = "sk-admin-simulated-7Qm2vXc9Lr4TzWb8";

/// A key and when it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key itself.
    pub key: String,
    /// Unknown before.
    pub from: Timestamp,
    /// Revoked from then on.
    pub until: Timestamp,
    /// Whether it may read audit logs.
    pub may_read_audit_logs: bool,
}

impl Key {
    /// A key that is always good.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), from: Timestamp::MIN, until: Timestamp::MAX, may_read_audit_logs: true }
    }
}

/// Whether the organisation's audit logging is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditLogging {
    /// It is.
    On,
    /// It is not, and lists are empty.
    OffEmpty,
    /// It is not, and lists are refused with 403.
    OffForbidden,
}

/// What `after` or `before` an id that does not exist gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownCursor {
    /// 400.
    BadRequest,
    /// 404.
    NotFound,
    /// The first page, as if nothing had been said.
    FirstPage,
}

/// `first_id` and `last_id` of a page that has events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeIds {
    /// The ids of the first and the last event.
    There,
    /// `null`.
    Null,
    /// Left out.
    Absent,
}

/// How the API behaves. Shares are of requests or of events, 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviours {
    /// The keys that are known.
    pub keys: Vec<Key>,
    /// The body of a 401 has a plain string for its `error`: share.
    pub error_as_string: f64,
    /// Whether audit logging is on.
    pub audit_logging: AuditLogging,
    /// Oldest first instead of newest first.
    pub ascending: bool,
    /// An unknown cursor's fate.
    pub unknown_cursor: UnknownCursor,
    /// How `first_id` and `last_id` are withheld when they are.
    pub edge_ids: EdgeIds,
    /// On how many pages they are withheld so: share.
    pub edge_ids_withheld: f64,
    /// Pages shorter than the limit though more follows: share.
    pub short_pages: f64,
    /// The same page again instead of the one after the cursor: share.
    pub page_repeated: f64,
    /// A filter whose name lacks its brackets is ignored instead of refused.
    pub unbracketed_ignored: bool,
    /// `tenant_only=true` is refused with this status.
    pub tenant_only_refused: Option<u16>,
    /// `login.succeeded` and `logout.succeeded` come with an empty payload instead of none.
    pub empty_login_payload: bool,
    /// Events of types nobody has heard of, and events with fields nobody has heard of: share of events.
    pub unheard_of: f64,
    /// Events with control characters, long values, long lists: share of events.
    pub awkward: f64,
    /// Events that show up later than they happened: share of events.
    pub late: f64,
    /// How late the latest are, seconds. Most take a hundredth of that.
    pub latest_seconds: i64,
    /// What happened before is not there (any more).
    pub kept_since: Timestamp,
    /// An event that was listed before comes with a field more, or a field less: share of listings.
    pub reshaped: f64,
    /// 429 with `Retry-After`: share.
    pub throttled: f64,
    /// Requests a minute; more are 429.
    pub per_minute: Option<u32>,
    /// 429 without `Retry-After`, for want of credit: share.
    pub quota_exhausted: f64,
    /// A body of several JSON documents, the page dealt out among them: share.
    pub several_documents: f64,
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
        ascending: false,
        unknown_cursor: UnknownCursor::BadRequest,
        edge_ids: EdgeIds::There,
        edge_ids_withheld: 0.0,
        short_pages: 0.0,
        page_repeated: 0.0,
        unbracketed_ignored: false,
        tenant_only_refused: None,
        empty_login_payload: false,
        unheard_of: 0.01,
        awkward: 0.01,
        late: 0.01,
        latest_seconds: 240,
        kept_since: Timestamp::MIN,
        reshaped: 0.0,
        throttled: 0.0,
        per_minute: None,
        quota_exhausted: 0.0,
        several_documents: 0.0,
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
        ..healthy
    }
}
