//! The sources of a function, opened once while it is warm.

use std::collections::HashMap;
use std::time::Duration;

use collector::{Clock, Failure, MemoryBudget, PortError, Secrets, Source, SourceCache, StreamReport, Vendor};
use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};

use super::isolated::isolated;
use crate::aws::secret_name;

/// All sources are opened before the first is run; one whose secret does not come holds up no more than this.
const OPENING: Duration = Duration::from_secs(15);

/// One source, ready to be run.
pub(super) struct Opened<V> {
    pub(super) source: Source<V>,
    /// What the engine keeps of it between ticks.
    pub(super) cache: SourceCache,
    arn: String,
    /// The secret it was opened with: when that changes it is opened again.
    secret: SecretString,
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

/// Opens every source by its secret, or tells in a report why it cannot be. `warm` are those of the last
/// tick, and their order is kept; before them come those that it did not have.
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
    let cut = clock.now() + OPENING;
    let opening = arns.into_iter().map(|arn| {
        let warm = warm.remove(arn);
        async move {
            let opened = isolated(clock, cut, open_one(arn, warm, budget, secrets, open)).await;
            opened.flatten().map_err(|error| not_opened(arn, &error))
        }
    });
    let (mut opened, mut reports) = (Vec::new(), Vec::new());
    for result in join_all(opening).await {
        match result {
            Ok(source) => opened.push(source),
            Err(report) => reports.push(report),
        }
    }
    (opened, reports)
}

fn in_order<'a, V>(arns: &'a [String], warm: &[Opened<V>]) -> Vec<&'a String> {
    let mut arns: Vec<_> = arns.iter().collect();
    arns.sort_by_cached_key(|arn| warm.iter().position(|opened| opened.arn == **arn));
    arns
}

async fn open_one<V: Vendor>(
    arn: &str,
    warm: Option<Opened<V>>,
    budget: &MemoryBudget,
    secrets: &impl Secrets,
    open: &impl AsyncFn(&str) -> Result<Source<V>, PortError>,
) -> Result<Opened<V>, PortError> {
    let secret = secrets.get(arn, false).await?;
    match warm {
        Some(warm) if warm.secret.expose_secret() == secret.expose_secret() => Ok(warm),
        _ => Ok(Opened { source: open(arn).await?, cache: SourceCache::new(budget), arn: arn.to_owned(), secret }),
    }
}

/// Two secrets with one source id would share heads: nothing runs until a person has told them apart.
pub(super) fn same_id_twice<V>(opened: &[Opened<V>]) -> Option<StreamReport> {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    opened.iter().find_map(|source| {
        let other = seen.insert(source.id(), &source.arn)?;
        let (one, two) = (secret_name(other), secret_name(&source.arn));
        let error = PortError::person(format!(
            "this source_id stands in two secrets, {one} and {two}: give each its own; nothing was pulled"
        ));
        Some(not_run(source.id(), &error))
    })
}

/// The source's id is in its secret, so the secret's name has to stand for it.
fn not_opened(arn: &str, error: &PortError) -> StreamReport {
    not_run(secret_name(arn), error)
}

fn not_run(source: &str, error: &PortError) -> StreamReport {
    StreamReport {
        source: source.to_owned(),
        stream: "all".to_owned(),
        failure: Some(Failure::new(source, error)),
        ..StreamReport::default()
    }
}
