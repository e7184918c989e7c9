//! Subscriptions: a content type nobody subscribed to is not kept for anybody.

mod starts;

use std::cell::Cell;
use std::collections::BTreeMap;

use adapters::http::Answer;
use collector::{Clock, PortError, Prepared, Secrets, Tries, UnixSeconds, Window};
use futures_util::lock::Mutex as AsyncMutex;
use jiff::{SignedDuration, Timestamp};

use crate::af;
use crate::api::{Api, Call, Outcome, Verb};
use crate::content_type::ContentType;
use crate::refusal::{Refusal, Task};
use crate::retry_policy::for_next_tick;
use crate::wire::{Standing, Subscription, unmarked};
use starts::{Cause, Start, Starts};

pub(crate) use starts::NotRecorded;

/// For this long after a start the vendor may not have noticed it, in seconds.
const SETTLES_IN: UnixSeconds = 120;
/// One list serves all the tenant's streams of a tick.
const LIST_SERVES: SignedDuration = SignedDuration::from_secs(60);
/// The longest list of subscriptions, or answer to a start, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;

/// What is known of the tenant's subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    list: AsyncMutex<Option<List>>,
    starts: Starts,
}

/// The vendor's list as it was at a time.
#[derive(Debug, Clone)]
struct List {
    taken: Timestamp,
    /// None when it could not be had.
    standings: Option<BTreeMap<ContentType, Standing>>,
}

impl Subscriptions {
    /// Makes sure the content type is subscribed to. A start that failed is still one that is
    /// remembered; what its failure means, listing finds out.
    ///
    /// Without the list nothing is started: content may be listable all the same, and starting
    /// blindly uses up the start of the next quarter of an hour.
    pub(crate) async fn ensure<S: Secrets, C: Clock>(
        &self,
        api: &Api<S, C>,
        content_type: ContentType,
        last_start: Option<UnixSeconds>,
    ) -> Result<Prepared, PortError> {
        api.begin_tick(content_type).await;
        self.starts.remember(content_type, last_start);
        let list = self.list(api).await;
        let standing = list.standings.as_ref().map(|standings| standings.get(&content_type));
        let missing = match standing {
            None | Some(Some(Standing::Enabled)) => None,
            Some(Some(Standing::Disabled)) => Some(Cause::Disabled),
            Some(None) => Some(Cause::NeverStarted),
        };
        if let Some(cause) = missing
            && self.starts.lately(content_type, api.clock.now().as_second()).is_none()
        {
            self.start(api, content_type, cause, Tries::Patient).await?;
        }
        let started = self.starts.last(content_type).map(|start| start.at) > last_start;
        Ok(Prepared::Ready { vendor_now: api.vendor_now(), started })
    }

    /// A listing was refused for want of a subscription: starts it, unless it was started lately.
    /// Then that start failed, or is not noticed yet, or somebody keeps undoing it.
    pub(crate) async fn heal<S: Secrets, C: Clock>(
        &self,
        api: &Api<S, C>,
        content_type: ContentType,
        refusal: Refusal,
        window: Window,
        task: Task<'_>,
        tries: Tries,
    ) -> Result<(), NotRecorded> {
        let cause = if refusal.is_af(&[af::DISABLED]) { Cause::Disabled } else { Cause::NeverStarted };
        let start = match self.starts.lately(content_type, api.clock.now().as_second()) {
            Some(start) => start,
            None => self.start(api, content_type, cause, tries).await?,
        };
        if let Some(error) = start.failed {
            return Err(error.into());
        }
        self.tell_restart(content_type, window, task)?;
        let settling = api.clock.now().as_second() < start.at + SETTLES_IN;
        if settling { Ok(()) } else { Err(refusal.into_error(task).into()) }
    }

    /// Says once that a subscription was found disabled and was started again: that is an error, for what was to be
    /// listed from `window` on, and would have been recorded until then, may be lost.
    pub(crate) fn tell_restart(
        &self,
        content_type: ContentType,
        window: Window,
        task: Task<'_>,
    ) -> Result<(), NotRecorded> {
        self.starts.untold_restart(content_type).map_or(Ok(()), |restart| Err(restart.told(window.from, task)))
    }

    /// When the content type was last started.
    pub(crate) fn last_start(&self, content_type: ContentType) -> Option<UnixSeconds> {
        self.starts.last(content_type).map(|start| start.at)
    }

    /// Starts the content type, once, whatever comes of it: the vendor counts the attempts. An error
    /// is one of not even getting to it.
    async fn start<S: Secrets, C: Clock>(
        &self,
        api: &Api<S, C>,
        content_type: ContentType,
        cause: Cause,
        tries: Tries,
    ) -> Result<Start, PortError> {
        let task = Task { content_type: Some(content_type), doing: "starting the subscription" };
        let (url, sent) = (api.urls.start(content_type), Cell::new(false));
        let outcome = api.ask(Call { verb: Verb::Start(&sent), url: &url, task, tries }, read_start).await;
        let now = api.clock.now().as_second();
        let start = match outcome {
            Err(error) if !sent.get() => return Err(error),
            Err(error) => Start::failed(now, None, error),
            Ok(Ok(())) => Start::made(now),
            Ok(Err(refusal)) if refusal.is_af(&[af::ALREADY_ENABLED]) => Start::made(now),
            Ok(Err(refusal)) => {
                let wait = refusal.retry_after.filter(|_| refusal.is_throttled());
                // The caller does not repeat a start.
                Start::failed(now, wait, for_next_tick(refusal.into_error(task)))
            }
        };
        self.starts.started(content_type, start.clone(), cause);
        Ok(start)
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
        let call = Call { verb: Verb::Get, url: &url, task, tries: Tries::Patient };
        let standings = api.ask(call, read_list).await.ok().and_then(Result::ok);
        list.insert(List { taken: api.clock.now(), standings }).clone()
    }
}

async fn read_list(answer: Answer) -> Result<Outcome<BTreeMap<ContentType, Standing>>, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(LONGEST_ANSWER).await?;
    Ok(match serde_json::from_slice::<Vec<Subscription>>(unmarked(&body)) {
        Ok(list) => Ok(list.iter().filter_map(Subscription::standing).collect()),
        Err(_) => Err(Refusal::read(status, &body, retry_after)),
    })
}

async fn read_start(answer: Answer) -> Result<Outcome<()>, PortError> {
    let (status, retry_after) = (answer.status(), answer.retry_after());
    let body = answer.bytes(LONGEST_ANSWER).await?;
    let subscription = serde_json::from_slice::<Subscription>(unmarked(&body)).ok();
    let is_named = subscription.is_some_and(|subscription| subscription.standing().is_some());
    Ok(if is_named { Ok(()) } else { Err(Refusal::read(status, &body, retry_after)) })
}
