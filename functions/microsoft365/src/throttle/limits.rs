//! The limits that all calls to one tenant share, whichever stream or source makes them: its cooldown, its request rate
//! and the number of concurrent blob fetches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use adapters::http::Url;
use collector::{Clock, PortError, Tries, lock};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::concurrency_limit::{ConcurrencyLimit, Permit};
use super::cooldown::Cooldown;
use super::rate_limiter::RateLimiter;

/// A call waits for the end of a cooldown if at most this much is left. A longer wait does not fit into a tick.
pub(crate) const MAX_COOLDOWN_WAIT: Duration = Duration::from_secs(90);
/// A call that is made only once waits for the end of a cooldown if at most this much is left.
const MAX_COOLDOWN_WAIT_OF_SINGLE_TRY: Duration = Duration::from_secs(5);
/// A call waits for at most this many cooldowns: another one may begin while it waits for a permit or the rate limiter.
const MAX_ROUNDS: u32 = 8;
/// An answer within this time counts as quick.
const MAX_QUICK_ANSWER: SignedDuration = SignedDuration::from_secs(2);

/// The API's base URL and the tenant: the vendor counts requests per tenant.
type TenantKey = (String, Uuid);

/// The limits in use in this process. Two sources may belong to the same tenant.
static TENANTS: Mutex<BTreeMap<TenantKey, Weak<Limits>>> = Mutex::new(BTreeMap::new());

/// The limits of one tenant.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    rate_limiter: RateLimiter,
    cooldown: Cooldown,
    concurrency: ConcurrencyLimit,
}

/// The permission to make one call now. The caller also records the call's answer with it.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    limits: &'a Limits,
    /// The permit of a fetch; `None` for other calls. It is returned when the admission is dropped.
    permit: Option<Permit<'a>>,
    generation: u64,
    began: Timestamp,
}

impl Limits {
    /// Returns the tenant's limits, which every source of that tenant in this process shares.
    pub(crate) fn shared(api: &Url, tenant: Uuid) -> Arc<Self> {
        let mut tenants = lock(&TENANTS);
        tenants.retain(|_, limits| limits.strong_count() > 0);
        let key = (api.to_string(), tenant);
        if let Some(known) = tenants.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        let limits = Arc::new(Self::default());
        tenants.insert(key, Arc::downgrade(&limits));
        limits
    }

    /// Waits for the end of a cooldown, for a permit if the call is a fetch, and for the rate limiter.
    ///
    /// Fails at once with [`Recovery::Paused`](collector::Recovery::Paused) if the cooldown does not fit into this tick,
    /// or if it is not short and the call is made only once.
    pub(crate) async fn admit(
        &self,
        clock: &impl Clock,
        is_fetch: bool,
        tries: Tries,
    ) -> Result<Admission<'_>, PortError> {
        let max_wait = match tries {
            Tries::Patient => MAX_COOLDOWN_WAIT,
            Tries::Once => MAX_COOLDOWN_WAIT_OF_SINGLE_TRY,
        };
        for _ in 0..MAX_ROUNDS {
            self.wait_out_cooldown(clock, max_wait).await?;
            let permit = if is_fetch { Some(self.concurrency.acquire().await) } else { None };
            let wait = self.rate_limiter.reserve(clock.now());
            if !wait.is_zero() {
                clock.sleep(wait).await;
            }
            let began = clock.now();
            if self.cooldown.left(began).is_none() {
                return Ok(Admission { limits: self, permit, generation: self.cooldown.generation(), began });
            }
        }
        Err(PortError::paused(
            "the vendor refused requests of this tenant for being too many again and again; the next tick carries on",
        ))
    }

    async fn wait_out_cooldown(&self, clock: &impl Clock, max_wait: Duration) -> Result<(), PortError> {
        match self.cooldown.left(clock.now()) {
            None => Ok(()),
            Some(left) if left <= max_wait => {
                clock.sleep(left).await;
                Ok(())
            }
            Some(left) => Err(PortError::paused(format!(
                "the vendor refused requests of this tenant for being too many, and no more are made for {} s; a \
                 later tick carries on where this one stops",
                left.as_secs()
            ))),
        }
    }
}

impl Admission<'_> {
    /// Records that the call was answered without a refusal.
    pub(crate) fn record_answer(&self, now: Timestamp) {
        self.limits.cooldown.record_answer(self.generation);
        if self.permit.is_some() && now.duration_since(self.began) <= MAX_QUICK_ANSWER {
            self.limits.concurrency.record_quick_answer();
        }
    }

    /// Records that the call was throttled. `named` is the wait that the vendor named, if any. A new cooldown also
    /// halves the concurrency limit and forbids a burst after it.
    pub(crate) fn record_throttling(&self, named: Option<Duration>, clock: &impl Clock) {
        if let Some(end) = self.limits.cooldown.begin(self.generation, named, clock.now(), clock.random()) {
            self.limits.concurrency.record_throttling();
            self.limits.rate_limiter.forbid_burst_from(end);
        }
    }
}

#[cfg(test)]
mod tests;
