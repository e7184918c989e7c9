//! A stream's first tick, and how a lost head is told from a new stream.
//!
//! The head is written first, then a record of its birth in the bucket. A record without its head
//! therefore means that the state was lost, or that the bucket's prefix belongs to another
//! deployment: to begin anew would deliver everything again, so the stream stops.

use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::head::{Head, ListingState};
use crate::key;
use crate::policy::VendorPolicy;
use crate::ports::{Bucket, Clock, Put, State, Written};
use crate::stream::Stream;
use crate::tick::Tick;
use crate::window::UnixSeconds;

/// The birth record, as it stands in the bucket.
#[derive(Debug, Serialize, Deserialize)]
struct Birth {
    id: String,
    born_at: String,
}

/// The stream's head, made if the stream is new; its birth record is there afterwards and bears its id.
pub(crate) async fn open<S: State, B: Bucket, C: Clock>(
    tick: &Tick<'_, S, B, C>,
    stream: &Stream,
    policy: &VendorPolicy,
    verified: Option<&str>,
) -> Result<Head, PortError> {
    let head = match tick.state.head(stream).await? {
        Some(head) => head,
        None => create(tick, stream, policy).await?,
    };
    if verified != Some(head.id.as_str()) {
        verify(tick, stream, &head).await?;
    }
    Ok(head)
}

async fn create<S: State, B: Bucket, C: Clock>(
    tick: &Tick<'_, S, B, C>,
    stream: &Stream,
    policy: &VendorPolicy,
) -> Result<Head, PortError> {
    let key = key::birth(&tick.settings.prefix, stream);
    let born = tick.bucket.get(&key).await?.is_some();
    if !born {
        let head = new_head(tick, stream, policy);
        if tick.state.write(stream, None, &head, &[]).await? == Written::Applied {
            return Ok(head);
        }
    }
    // Another tick may have made it since we looked: the head precedes its record.
    tick.state.head(stream).await?.ok_or_else(|| lost(&key))
}

fn new_head<S, B, C: Clock>(tick: &Tick<'_, S, B, C>, stream: &Stream, policy: &VendorPolicy) -> Head {
    let now = tick.clock.now().as_second();
    let floor = now - lookback(tick.settings.lookback, policy);
    let listing = ListingState { watermark: floor, ..ListingState::default() };
    Head {
        version: 1,
        id: format!("{:016x}{:016x}", tick.clock.random(), tick.clock.random()),
        seq: 0,
        intent: None,
        floor,
        listings: stream.listings.iter().map(|id| ((*id).to_owned(), listing.clone())).collect(),
        last_start: None,
        missing: Default::default(),
        last_event: None,
        written_at: now,
    }
}

/// How far back a new stream begins. Twice the margin inside the vendor's retention, so that a
/// first tick that takes its time, or a clock that is somewhat off, does not begin with a gap.
fn lookback(wanted: UnixSeconds, policy: &VendorPolicy) -> UnixSeconds {
    policy.retention.map_or(wanted, |retention| wanted.min(retention.keeps - 2 * retention.margin))
}

async fn verify<S: State, B: Bucket, C: Clock>(
    tick: &Tick<'_, S, B, C>,
    stream: &Stream,
    head: &Head,
) -> Result<(), PortError> {
    let key = key::birth(&tick.settings.prefix, stream);
    let mut record = tick.bucket.get(&key).await?;
    if record.is_none() {
        let birth = Birth { id: head.id.clone(), born_at: tick.clock.now().to_string() };
        let body = serde_json::to_vec(&birth).map_err(|why| PortError::next_tick(format!("birth record: {why}")))?;
        if tick.bucket.put_if_absent(&key, body, "application/json").await? == Put::Created {
            return Ok(());
        }
        record = tick.bucket.get(&key).await?;
    }
    let id = record.and_then(|record| serde_json::from_slice::<Birth>(&record).ok()).map(|birth| birth.id);
    if id.as_deref() == Some(head.id.as_str()) { Ok(()) } else { Err(another(&key)) }
}

fn lost(key: &str) -> PortError {
    PortError::person(format!(
        "the state of this stream is gone, but {key} in the bucket shows that it was delivered before; \
         to begin anew would deliver it twice: run `audit-pull rebuild`, or use another prefix if another \
         deployment writes to this one"
    ))
}

fn another(key: &str) -> PortError {
    PortError::person(format!(
        "{key} in the bucket belongs to another deployment, or to a state that was lost since; two would \
         deliver everything twice: use another prefix, or run `audit-pull rebuild`"
    ))
}
