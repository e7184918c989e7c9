//! Subscriptions: a content type nobody subscribed to is not kept for anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use adapters::http::Answer;
use collector::{Clock, PortError, Prepared, Recovery, Secrets, UnixSeconds};
use futures_util::lock::Mutex as AsyncMutex;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::api::{Api, Call, Outcome, Verb};
use crate::content_type::ContentType;
use crate::refusal::{Refusal, Task};
use crate::wire::Subscription;

/// The vendor wants this long between two starts of a content type.
pub(crate) const BETWEEN_STARTS: UnixSeconds = 15 * 60;
/// For this long after a start the vendor may not have noticed it, in seconds.
const SETTLES_IN: UnixSeconds = 120;
/// One list serves all the tenant's streams of a tick.
const LIST_SERVES: SignedDuration = SignedDuration::from_secs(60);
/// The longest list of subscriptions, or answer to a start, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// The codes of a subscription that was never started, or is disabled.
pub(crate) const NOT_SUBSCRIBED: u32 = 20_022;
pub(crate) const DISABLED: u32 = 20_023;
/// "The subscription is already enabled": an error in name only.
const ALREADY_ENABLED: u32 = 20_024;

/// What is known of the tenant's subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    list: AsyncMutex<Option<List>>,
    starts: Mutex<BTreeMap<ContentType, Start>>,
}

/// The vendor's list as it was at a time.
#[derive(Debug, Clone)]
struct List {
    taken: Timestamp,
    vendor_now: Option<Timestamp>,
    /// None when it could not be had.
    enabled: Option<BTreeSet<ContentType>>,
}

/// The last start of a content type.
#[derive(Debug, Clone)]
struct Start {
    at: UnixSeconds,
    failed: Option<PortError>,
}

impl Subscriptions {
    /// Makes sure the content type is subscribed to. A start that was refused is still one that is
    /// remembered; what the refusal means, listing finds out.
    ///
    /// Without the list nothing is started: content may be listable all the same, and starting
    /// blindly uses up the start of the next quarter of an hour.
    pub(crate) async fn ensure<S: Secrets, C: Clock>(
        &self,
        api: &Api<S, C>,
        content_type: ContentType,
        last_start: Option<UnixSeconds>,
    ) -> Result<Prepared, PortError> {
        self.remember(content_type, last_start);
        let list = self.list(api).await;
        let missing = list.enabled.as_ref().is_some_and(|enabled| !enabled.contains(&content_type));
        if missing && self.started_lately(api, content_type).is_none() {
            self.start(api, content_type).await?;
        }
        let started = self.last(content_type).map(|start| start.at) > last_start;
        Ok(Prepared::Ready { vendor_now: list.vendor_now(api.clock.now()), started })
    }

    /// A listing was refused for want of a subscription: starts it, unless it was started lately.
    /// Then that start was refused, or is not noticed yet, or somebody keeps undoing it.
    pub(crate) async fn heal<S: Secrets, C: Clock>(
        &self,
        api: &Api<S, C>,
        content_type: ContentType,
        refusal: Refusal,
        task: Task<'_>,
    ) -> Result<(), PortError> {
        let start = match self.started_lately(api, content_type) {
            Some(start) => start,
            None => self.start(api, content_type).await?,
        };
        match start.failed {
            Some(error) => Err(error),
            None if api.clock.now().as_second() < start.at + SETTLES_IN => Ok(()),
            None => Err(refusal.into_error(task)),
        }
    }

    /// Starts the content type. An error is one of getting through; a refusal is a start that failed.
    async fn start<S: Secrets, C: Clock>(
        &self,
        api: &Api<S, C>,
        content_type: ContentType,
    ) -> Result<Start, PortError> {
        let task = Task { content_type: Some(content_type), doing: "starting the subscription" };
        let url = api.urls.start(content_type);
        let outcome = api.ask(Call { verb: Verb::Start, url: &url, task }, read_start).await?;
        let failed = match outcome {
            Ok(()) => None,
            Err(refusal) if refusal.is_af(&[ALREADY_ENABLED]) => None,
            Err(refusal) => Some(left_for_later(refusal.into_error(task))),
        };
        let start = Start { at: api.clock.now().as_second(), failed };
        self.with_starts(|starts| starts.insert(content_type, start.clone()));
        Ok(start)
    }

    fn started_lately<S, C: Clock>(&self, api: &Api<S, C>, content_type: ContentType) -> Option<Start> {
        let now = api.clock.now().as_second();
        self.last(content_type).filter(|start| now < start.at + BETWEEN_STARTS)
    }

    fn last(&self, content_type: ContentType) -> Option<Start> {
        self.with_starts(|starts| starts.get(&content_type).cloned())
    }

    fn remember(&self, content_type: ContentType, last_start: Option<UnixSeconds>) {
        let Some(at) = last_start else { return };
        self.with_starts(|starts| {
            let known = starts.entry(content_type).or_insert(Start { at, failed: None });
            if known.at < at {
                *known = Start { at, failed: None };
            }
        });
    }

    fn with_starts<T>(&self, change: impl FnOnce(&mut BTreeMap<ContentType, Start>) -> T) -> T {
        change(&mut self.starts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The list, asked for once for all streams of a tick, also when it fails.
    async fn list<S: Secrets, C: Clock>(&self, api: &Api<S, C>) -> List {
        let mut list = self.list.lock().await;
        let fresh = |list: &List| api.clock.now().duration_since(list.taken).abs() < LIST_SERVES;
        if let Some(known) = list.clone().filter(fresh) {
            return known;
        }
        let task = Task { content_type: None, doing: "listing subscriptions" };
        let url = api.urls.subscriptions();
        // What is wrong for good, listing content finds as well, and by content type.
        let found = api.ask(Call { verb: Verb::Get, url: &url, task }, read_list).await.ok().and_then(Result::ok);
        let (vendor_now, enabled) = found.map_or((None, None), |(now, enabled)| (now, Some(enabled)));
        list.insert(List { taken: api.clock.now(), vendor_now, enabled }).clone()
    }
}

impl List {
    /// The vendor's clock now: as it was, and what has passed since.
    fn vendor_now(&self, now: Timestamp) -> Option<UnixSeconds> {
        let passed = now.duration_since(self.taken);
        self.vendor_now?.saturating_add(passed).ok().map(|now| now.as_second())
    }
}

/// Nobody further out repeats a start.
fn left_for_later(error: PortError) -> PortError {
    let recovery = match error.recovery {
        Recovery::Again { .. } => Recovery::NextTick,
        other => other,
    };
    PortError { recovery, ..error }
}

async fn read_list(answer: Answer) -> Result<Outcome<(Option<Timestamp>, BTreeSet<ContentType>)>, PortError> {
    let (status, retry_after, date) = (answer.status(), answer.retry_after(), answer.date());
    let body = answer.bytes(LONGEST_ANSWER).await?;
    Ok(match serde_json::from_slice::<Vec<Subscription>>(&body) {
        Ok(list) => Ok((date, list.iter().filter_map(Subscription::enabled).collect())),
        Err(_) => Err(Refusal::read(status, &body, retry_after)),
    })
}

async fn read_start(answer: Answer) -> Result<Outcome<()>, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(LONGEST_ANSWER).await?;
    let is_error = serde_json::from_slice::<Value>(&body).is_ok_and(|body| body.get("error").is_some());
    Ok(if is_error { Err(Refusal::read(status, &body, retry_after)) } else { Ok(()) })
}
