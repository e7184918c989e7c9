//! The sources of a function, opened once while it is warm.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use collector::{
    Clock, Failure, MemoryBudget, PortError, Recovery, Secrets, Source, SourceCache, StreamReport, Vendor,
};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::in_flight::InFlight;
use super::isolated::isolated;
use super::watched::{Watched, watched_source};
use crate::aws::{secret_name, with_deadline};

/// All sources are opened before the first is run; one whose secret does not come holds up no more than this.
const OPENING: Duration = Duration::from_secs(15);
/// The secret of a source that works already holds up the tick no longer than this when it is read again.
const REREADING: Duration = Duration::from_secs(5);
/// The secret of a working source is read again when it was read this long ago, so that a change is taken within ten
/// minutes. A tick that comes a little early must not put it off to the next one.
const SECRET_MAX_AGE: Duration = Duration::from_secs(9 * 60);
/// Secrets that are read at the same time.
const MAX_OPENING: usize = 64;

/// One source, ready to be run.
pub(super) struct Opened<V> {
    pub(super) source: Source<Watched<V>>,
    /// Its calls that have no answer yet.
    pub(super) calls: Rc<InFlight>,
    /// The memory that the engine keeps of it between ticks.
    pub(super) cache: SourceCache,
    arn: String,
    /// The secret it was opened with: when that changes it is opened again.
    secret: SecretString,
    /// The time at which the secret was last read from its store.
    read_at: Timestamp,
}

impl<V> Opened<V> {
    /// The source's id; a source has at least one stream.
    pub(super) fn id(&self) -> &str {
        self.source.streams.first().map_or("", |stream| stream.source.as_str())
    }

    /// A report for each stream, where the source has none of its own.
    pub(super) fn failed(&self, error: &PortError) -> Vec<StreamReport> {
        self.source.streams.iter().map(|stream| StreamReport::failed(stream, error)).collect()
    }
}

/// Opens every source by its secret, or reports why it cannot be opened. `warm` are those of the last
/// tick, and their order is kept; before them come those that it did not have.
///
/// A source that could not be opened in the last tick has its secret read afresh, and one that works has it read again
/// after [`SECRET_MAX_AGE`]: a secret that is corrected or changed needs no new process.
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
    let results: Vec<_> = stream::iter(opening).buffered(MAX_OPENING).collect().await;
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

/// The parts that are needed to open a source.
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
        let limit = if warm.is_some() { REREADING } else { OPENING };
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
                let source = self.bounded(OPENING, arn, "open the source of", (self.open)(arn)).await?;
                let (calls, cache) = (Rc::default(), SourceCache::new(self.budget));
                let source = watched_source(source, &calls);
                Ok(Opened { source, calls, cache, arn: arn.to_owned(), secret, read_at })
            }
        }
    }

    /// Waits for `work` on a secret until `limit` is over, counted from the beginning of the tick.
    async fn bounded<T>(
        &self,
        limit: Duration,
        arn: &str,
        doing: &str,
        work: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let (cut, calls) = (self.began + limit, InFlight::default());
        let work = calls.track(format!("secret store: {doing} secret {}", secret_name(arn)), work);
        isolated(self.clock, cut, &calls, with_deadline(cut, work)).await.flatten()
    }
}

/// Takes out the sources whose id another secret has too: they would share heads. Each of them gets a report that needs
/// a person, and all others run.
pub(super) fn take_equal_ids<V>(opened: Vec<Opened<V>>) -> (Vec<Opened<V>>, Vec<StreamReport>) {
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

/// The source's id is in its secret, so the secret's name has to stand for it.
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
