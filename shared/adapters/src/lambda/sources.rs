//! The sources of a function. A process opens each of them once and keeps it between ticks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use collector::{
    Clock, Failure, MemoryBudget, PortError, Recovery, Secrets, Source, SourceCache, StreamReport, Vendor,
};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::in_flight::InFlight;
use super::isolated::run_isolated;
use super::watched::{Watched, watched_source};
use crate::aws::{secret_name, with_deadline};

/// Time limit for opening a source. No source runs before all are opened, so one slow secret delays the others by no
/// more.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);
/// Time limit for reading the secret of an open source again, which delays the tick.
const REREAD_TIMEOUT: Duration = Duration::from_secs(5);
/// The secret of an open source is read again at this age, so that a change takes effect within ten minutes. It is less
/// than ten minutes because a tick may begin a little early.
const SECRET_MAX_AGE: Duration = Duration::from_secs(9 * 60);
/// At most this many secrets are read at the same time.
const MAX_CONCURRENT_READS: usize = 64;

/// A source that is ready to run.
pub(super) struct Opened<V> {
    pub(super) source: Source<Watched<V>>,
    /// The calls of the source that have no answer yet.
    pub(super) calls: Rc<InFlight>,
    /// The data that the collector keeps for the source between ticks.
    pub(super) cache: SourceCache,
    arn: String,
    /// The secret with which the source was opened. If it changes, the source is opened again.
    secret: SecretString,
    /// The time at which the secret was last read from its store.
    read_at: Timestamp,
}

impl<V> Opened<V> {
    /// Returns the source's id.
    pub(super) fn id(&self) -> &str {
        self.source.streams.first().map_or("", |stream| stream.source.as_str())
    }

    /// Returns a report of this error for each stream of the source.
    pub(super) fn failed(&self, error: &PortError) -> Vec<StreamReport> {
        self.source.streams.iter().map(|stream| StreamReport::failed(stream, error)).collect()
    }
}

/// Divides the sources into those of these secrets and the others, and keeps the order of both.
pub(super) fn divide<V>(sources: Vec<Opened<V>>, arns: &[String]) -> (Vec<Opened<V>>, Vec<Opened<V>>) {
    let named: HashSet<&str> = arns.iter().map(String::as_str).collect();
    sources.into_iter().partition(|source| named.contains(source.arn.as_str()))
}

/// Opens the source of each secret, or returns a report if it cannot be opened. `warm` holds the sources of the last
/// tick: they keep their order, and the others come before them.
///
/// The secret is read again if the source could not be opened in the last tick, or after [`SECRET_MAX_AGE`]. So a
/// corrected or changed secret takes effect without a new process.
pub(super) async fn open_all<V: Vendor>(
    arns: &[String],
    warm: Vec<Opened<V>>,
    budget: &MemoryBudget,
    secrets: &impl Secrets,
    clock: &impl Clock,
    open: &impl AsyncFn(&str) -> Result<Source<V>, PortError>,
) -> (Vec<Opened<V>>, Vec<StreamReport>) {
    let arns = in_order(arns, &warm);
    let mut warm: HashMap<String, Opened<V>> = warm.into_iter().map(|opened| (opened.arn.clone(), opened)).collect();
    let opener = Opener { budget, secrets, clock, open, began: clock.now() };
    let opener = &opener;
    let opening = arns.into_iter().map(|arn| {
        let warm = warm.remove(arn);
        async move { opener.open(arn, warm).await.map_err(|error| not_opened(arn, &error)) }
    });
    let opening: Vec<_> = opening.collect();
    let results: Vec<_> = stream::iter(opening).buffered(MAX_CONCURRENT_READS).collect().await;
    let (mut opened, mut reports) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(source) => opened.push(source),
            Err(report) => reports.push(report),
        }
    }
    (opened, reports)
}

fn in_order<'a, V>(arns: &'a [String], warm: &[Opened<V>]) -> Vec<&'a String> {
    let places: HashMap<&str, usize> = warm.iter().map(|opened| opened.arn.as_str()).zip(0..).collect();
    let mut arns: Vec<_> = arns.iter().collect();
    arns.sort_by_cached_key(|arn| places.get(arn.as_str()).copied());
    arns
}

/// The values that opening a source needs.
struct Opener<'a, Se, C, O> {
    budget: &'a MemoryBudget,
    secrets: &'a Se,
    clock: &'a C,
    open: &'a O,
    began: Timestamp,
}

impl<Se: Secrets, C: Clock, O> Opener<'_, Se, C, O> {
    async fn open<V: Vendor>(&self, arn: &str, warm: Option<Opened<V>>) -> Result<Opened<V>, PortError>
    where
        O: AsyncFn(&str) -> Result<Source<V>, PortError>,
    {
        let is_due = warm.as_ref().is_none_or(|warm| self.began >= warm.read_at + SECRET_MAX_AGE);
        let limit = if warm.is_some() { REREAD_TIMEOUT } else { OPEN_TIMEOUT };
        let read = self.bounded(limit, arn, "read", self.secrets.get(arn, is_due)).await;
        let (secret, warm) = match (read, warm) {
            (Ok(secret), warm) => (secret, warm),
            (Err(error), Some(warm)) if error.recovery != Recovery::Person => {
                let secret = secret_name(arn);
                tracing::warn!(
                    secret,
                    failure = error.message,
                    "the secret could not be read again; its source goes on"
                );
                return Ok(warm);
            }
            (Err(error), _) => return Err(error),
        };
        let read_at = warm.as_ref().filter(|_| !is_due).map_or(self.began, |warm| warm.read_at);
        match warm {
            Some(warm) if warm.secret.expose_secret() == secret.expose_secret() => Ok(Opened { read_at, ..warm }),
            _ => {
                let source = self.bounded(OPEN_TIMEOUT, arn, "open the source of", (self.open)(arn)).await?;
                let (calls, cache) = (Rc::default(), SourceCache::new(self.budget));
                let source = watched_source(source, &calls);
                Ok(Opened { source, calls, cache, arn: arn.to_owned(), secret, read_at })
            }
        }
    }

    /// Waits for `work` on a secret, until `limit` after the beginning of the tick.
    async fn bounded<T>(
        &self,
        limit: Duration,
        arn: &str,
        activity: &str,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let (cutoff, calls) = (self.began + limit, InFlight::default());
        let work = calls.track(format!("secret store: {activity} secret {}", secret_name(arn)), work);
        run_isolated(self.clock, cutoff, &calls, with_deadline(cutoff, work)).await.flatten()
    }
}

/// Removes the sources whose id is in more than one secret, because they would share heads. Each of them gets a report
/// that needs a person.
pub(super) fn remove_duplicate_ids<V>(opened: Vec<Opened<V>>) -> (Vec<Opened<V>>, Vec<StreamReport>) {
    let mut secrets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in &opened {
        secrets.entry(source.id().to_owned()).or_default().push(secret_name(&source.arn).to_owned());
    }
    let (unique, equal): (Vec<_>, Vec<_>) =
        opened.into_iter().partition(|source| secrets.get(source.id()).is_none_or(|named| named.len() < 2));
    let report = |source: &Opened<V>| {
        let (id, named) = (source.id(), secrets.get(source.id()).map(|named| named.join(" and ")).unwrap_or_default());
        not_opened(
            &source.arn,
            &PortError::person(format!(
                "source_id {id:?} stands in the secrets {named}, so none of them was pulled; give each secret a \
                 source_id of its own"
            )),
        )
    };
    let reports = equal.iter().map(report).collect();
    (unique, reports)
}

/// Returns the report of a source that was not opened. It names the secret, because the source's id is in the secret.
pub(super) fn not_opened(arn: &str, error: &PortError) -> StreamReport {
    let source = secret_name(arn);
    StreamReport {
        source: source.to_owned(),
        stream: "all".to_owned(),
        failure: Some(Failure::new(source, error)),
        ..StreamReport::default()
    }
}

#[cfg(test)]
mod tests;
