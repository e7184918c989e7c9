//! Subscriptions: the vendor records a content type only while the tenant is subscribed to it.

mod starts;

use std::cell::Cell;
use std::collections::BTreeMap;

use adapters::http::Answer;
use collector::{Clock, PortError, Prepared, Secrets, Tries, UnixSeconds, Window};
use futures_util::lock::Mutex as AsyncMutex;
use jiff::{SignedDuration, Timestamp};

use crate::byte_order_mark::without_byte_order_mark;
use crate::config::content_type::ContentType;
use crate::errors::af_codes;
use crate::errors::refusal::{Refusal, Task};
use crate::feed::api::{Api, Call, CallKind, Outcome};
use crate::feed::wire::{Subscription, SubscriptionStatus};
use starts::{Cause, Start, Starts};

pub(crate) use starts::NotRecorded;

/// Time after a start in which the vendor may still refuse a listing.
const SETTLING_SECONDS: UnixSeconds = 120;
/// Age up to which a list of subscriptions is reused, so that one call serves all the tenant's streams in a tick.
const MAX_LIST_AGE: SignedDuration = SignedDuration::from_secs(60);
/// The longest list of subscriptions, and the longest answer to a start, that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// The state of the tenant's subscriptions, as far as this process knows it.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    list: AsyncMutex<Option<List>>,
    starts: Starts,
}

/// The vendor's list of subscriptions at one time.
#[derive(Debug, Clone)]
struct List {
    read_at: Timestamp,
    /// `None` if the call failed.
    statuses: Option<BTreeMap<ContentType, SubscriptionStatus>>,
}

impl Subscriptions {
    /// Starts the subscription of the content type if the vendor's list shows that it is missing.
    ///
    /// A failed start is recorded like any other, and the listing reports its error. If the list cannot be read,
    /// nothing is started: the subscription may exist, and the vendor allows only one start per quarter of an hour.
    pub(crate) async fn ensure<S: Secrets, C: Clock>(
        &self,
        api: &Api<S, C>,
        content_type: ContentType,
        last_start: Option<UnixSeconds>,
    ) -> Result<Prepared, PortError> {
        api.begin_tick(content_type).await;
        self.starts.remember(content_type, last_start);
        let list = self.list(api).await;
        let status = list.statuses.as_ref().map(|statuses| statuses.get(&content_type));
        let cause = match status {
            None | Some(Some(SubscriptionStatus::Enabled)) => None,
            Some(Some(SubscriptionStatus::Disabled)) => Some(Cause::Disabled),
            Some(None) => Some(Cause::NeverStarted),
        };
        if let Some(cause) = cause
            && self.starts.blocking_start(content_type, api.clock.now().as_second()).is_none()
        {
            self.start(api, content_type, cause, Tries::Patient).await?;
        }
        let started = self.starts.last(content_type).map(|start| start.at) > last_start;
        Ok(Prepared::Ready { vendor_now: api.vendor_now(), started })
    }

    /// Starts the subscription after a listing was refused because it is missing.
    ///
    /// It is not started again soon after the last start: that start failed, or the vendor has not applied it yet, or
    /// another client keeps disabling the subscription.
    pub(crate) async fn restore<S: Secrets, C: Clock>(
        &self,
        api: &Api<S, C>,
        content_type: ContentType,
        refusal: Refusal,
        window: Window,
        task: Task<'_>,
        tries: Tries,
    ) -> Result<(), NotRecorded> {
        let cause = if refusal.has_af_code(&[af_codes::DISABLED]) { Cause::Disabled } else { Cause::NeverStarted };
        let start = match self.starts.blocking_start(content_type, api.clock.now().as_second()) {
            Some(start) => start,
            None => self.start(api, content_type, cause, tries).await?,
        };
        if let Some(error) = start.failed {
            return Err(error.into());
        }
        self.report_restart(content_type, window, task)?;
        let is_settling = api.clock.now().as_second() < start.at + SETTLING_SECONDS;
        if is_settling { Ok(()) } else { Err(refusal.into_error(task).into()) }
    }

    /// Fails if a disabled subscription was started again and this has not been reported yet. The vendor may not have
    /// recorded the time from the start of `window` until the restart.
    pub(crate) fn report_restart(
        &self,
        content_type: ContentType,
        window: Window,
        task: Task<'_>,
    ) -> Result<(), NotRecorded> {
        self.starts.take_unreported(content_type).map_or(Ok(()), |restart| Err(restart.report(window.from, task)))
    }

    /// Returns the time of the last start of the content type's subscription; `None` if no start is known.
    pub(crate) fn last_start(&self, content_type: ContentType) -> Option<UnixSeconds> {
        self.starts.last(content_type).map(|start| start.at)
    }

    /// Starts the subscription with one call, because the vendor counts attempts.
    ///
    /// If the call was sent and failed, returns a [`Start`] with the error. Fails only if the call was not sent.
    async fn start<S: Secrets, C: Clock>(
        &self,
        api: &Api<S, C>,
        content_type: ContentType,
        cause: Cause,
        tries: Tries,
    ) -> Result<Start, PortError> {
        let task = Task { content_type: Some(content_type), activity: "starting the subscription" };
        let (url, sent) = (api.urls.start(content_type), Cell::new(false));
        let outcome = api.call(Call { kind: CallKind::Start(&sent), url: &url, task, tries }, read_start).await;
        let now = api.clock.now().as_second();
        let start = match outcome {
            Err(error) if !sent.get() => return Err(error),
            Err(error) => Start::failed(now, None, error),
            Ok(Ok(())) => Start::succeeded(now),
            Ok(Err(refusal)) if refusal.has_af_code(&[af_codes::ALREADY_ENABLED]) => Start::succeeded(now),
            Ok(Err(refusal)) => {
                let wait = refusal.retry_after.filter(|_| refusal.is_throttled());
                // A start is never repeated within a tick.
                Start::failed(now, wait, refusal.into_error(task).for_next_tick())
            }
        };
        self.starts.record(content_type, start.clone(), cause);
        Ok(start)
    }

    /// Returns the list of subscriptions. A tick reads it once for all streams, also if the call fails.
    async fn list<S: Secrets, C: Clock>(&self, api: &Api<S, C>) -> List {
        let mut list = self.list.lock().await;
        let is_fresh = |list: &List| api.clock.now().duration_since(list.read_at).abs() < MAX_LIST_AGE;
        if let Some(known) = list.clone().filter(is_fresh) {
            return known;
        }
        let task = Task { content_type: None, activity: "listing subscriptions" };
        let url = api.urls.subscriptions();
        // The failure is not reported here. If it lasts, the listing of each content type fails, too, and reports it.
        let call = Call { kind: CallKind::Get, url: &url, task, tries: Tries::Patient };
        let statuses = api.call(call, read_list).await.ok().and_then(Result::ok);
        list.insert(List { read_at: api.clock.now(), statuses }).clone()
    }
}

pub(crate) async fn read_list(answer: Answer) -> Result<Outcome<BTreeMap<ContentType, SubscriptionStatus>>, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(MAX_ANSWER_BYTES).await?;
    Ok(match serde_json::from_slice::<Vec<Subscription>>(without_byte_order_mark(&body)) {
        Ok(list) => Ok(list.iter().filter_map(Subscription::known_status).collect()),
        Err(_) => Err(Refusal::read(status, &body, retry_after)),
    })
}

pub(crate) async fn read_start(answer: Answer) -> Result<Outcome<()>, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(MAX_ANSWER_BYTES).await?;
    let subscription = serde_json::from_slice::<Subscription>(without_byte_order_mark(&body)).ok();
    let is_named = subscription.is_some_and(|subscription| subscription.known_status().is_some());
    Ok(if is_named { Ok(()) } else { Err(Refusal::read(status, &body, retry_after)) })
}
