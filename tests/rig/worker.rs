//! One process: a source, its cache and its ticks.

use std::time::Duration;

use collector::{Env, MemoryBudget, Settings, Source, SourceCache, StreamReport, Vendor, run_tick};
use schema::NO_CUSTOM_MODELS;

use super::killable::{Died, run_killable};
use super::memory_store::MemoryStore;
use super::time::VirtualClock;

/// One process. After a death its cache is lost too, so a test must create a new worker.
#[derive(Debug)]
pub struct Worker<'a, V> {
    /// The source that the process collects.
    pub source: Source<V>,
    cache: SourceCache,
    store: &'a MemoryStore,
    clock: &'a VirtualClock,
    settings: &'a Settings,
}

impl<'a, V: Vendor> Worker<'a, V> {
    /// Creates a process that has just started.
    pub fn new(source: Source<V>, store: &'a MemoryStore, clock: &'a VirtualClock, settings: &'a Settings) -> Self {
        Self { source, cache: SourceCache::default(), store, clock, settings }
    }

    /// Lets the process share a memory budget with others.
    pub fn with_memory_budget(self, budget: &MemoryBudget) -> Self {
        Self { cache: SourceCache::new(budget), ..self }
    }

    /// Runs one tick of `seconds`. With `max_polls` the tick dies after that many polls.
    ///
    /// # Errors
    /// The tick died.
    pub async fn tick(&self, seconds: u64, max_polls: Option<u64>) -> Result<Vec<StreamReport>, Died> {
        use collector::Clock as _;
        let deadline = self.clock.now().saturating_add(Duration::from_secs(seconds)).unwrap_or(jiff::Timestamp::MAX);
        let (state, clock, settings) = (self.store, self.clock, self.settings);
        let env = Env { state, bucket: self.store, clock, settings, models: &NO_CUSTOM_MODELS, deadline };
        run_killable(run_tick(&env, &self.source, &self.cache), max_polls, self.store).await
    }
}
