//! Small working fakes of the ports for unit tests: state, bucket, vendor and clock as values in memory.
//!
//! Time passes only while a future waits: [`TestClock::run`] polls a future and, whenever it waits, sets the clock to
//! the time of the next wake-up.

mod bucket;
mod calls;
mod clock;
mod scratch;
mod state;
mod values;
mod vendor;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use schema::{LogType, NO_CUSTOM_MODELS, Normalizer};

pub(crate) use bucket::MemoryBucket;
pub(crate) use calls::{Calls, Fault, FaultyCall};
pub(crate) use clock::TestClock;
pub(crate) use scratch::MemoryScratch;
pub(crate) use state::MemoryState;
pub(crate) use values::*;
pub(crate) use vendor::{Content, TestVendor};

use crate::base::env::{COMMIT_RESERVE, Env};
use crate::base::error::PortError;
use crate::base::head::{Head, ListingState};
use crate::base::policy::{Settings, VendorPolicy};
use crate::base::ports::Clock;
use crate::base::report::StreamReport;
use crate::base::stream::Stream;
use crate::base::time::UnixSeconds;
use crate::collect::intake::Intake;
use crate::collect::run::{Findings, StreamRun};
use crate::collect::stream::run_stream;
use crate::deliver::delivery::Delivery;
use crate::plan::vendor_time::VendorTime;
use crate::state::backfill::Backfill;
use crate::state::cache::SourceCache;
use crate::state::stream_state::StreamState;

/// One stream, with everything that its ticks need.
pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) calls: Rc<Calls>,
    pub(crate) state: MemoryState,
    pub(crate) bucket: MemoryBucket,
    pub(crate) vendor: TestVendor,
    pub(crate) policy: VendorPolicy,
    pub(crate) settings: Settings,
    pub(crate) stream: Stream,
    pub(crate) cache: SourceCache,
    /// The time that a tick has for listing.
    pub(crate) tick_time: Duration,
    normalizer: Normalizer,
}

pub(crate) type TestEnv<'a> = Env<'a, MemoryState, MemoryBucket, TestClock>;
pub(crate) type TestRun<'a> = StreamRun<'a, MemoryState, MemoryBucket, TestClock, TestVendor>;
pub(crate) type TestDelivery<'a> = Delivery<'a, MemoryState, MemoryBucket, TestClock>;
pub(crate) type TestStreamState<'a> = StreamState<'a, MemoryState, MemoryBucket, TestClock>;

impl World {
    /// Returns a stream that was never collected.
    pub(crate) fn new() -> Self {
        let (clock, calls) = (TestClock::new(), Rc::<Calls>::default());
        let state = MemoryState::new(&clock, &calls);
        let bucket = MemoryBucket::new(&calls);
        Self::of_ports(clock, calls, state, bucket)
    }

    /// Returns another process that collects the same stream. The process has a vendor and a cache of its own.
    pub(crate) fn other_process(&self) -> Self {
        Self::of_ports(self.clock.clone(), Rc::clone(&self.calls), self.state.clone(), self.bucket.clone())
    }

    fn of_ports(clock: TestClock, calls: Rc<Calls>, state: MemoryState, bucket: MemoryBucket) -> Self {
        Self {
            vendor: TestVendor::new(&clock),
            clock,
            calls,
            state,
            bucket,
            policy: policy(),
            settings: Settings::default(),
            stream: stream("acme"),
            cache: SourceCache::default(),
            tick_time: Duration::from_secs(100),
            normalizer: Normalizer::new(LogType::OpenAiAudit),
        }
    }

    /// Returns a stream whose listing has this watermark.
    pub(crate) fn listed_to(watermark: UnixSeconds) -> Self {
        Self::with(ListingState { watermark, ..ListingState::default() })
    }

    /// Returns a stream whose listing has this state.
    pub(crate) fn with(listing: ListingState) -> Self {
        let world = Self::new();
        world.set_head(Head { listings: BTreeMap::from([(LISTING.to_owned(), listing)]), ..head() });
        world
    }

    pub(crate) fn head(&self) -> Head {
        self.state.head_of(&self.stream).unwrap()
    }

    pub(crate) fn set_head(&self, head: Head) {
        self.state.restore(&self.stream, Some(head), &[]);
    }

    /// Returns the state of the listing.
    pub(crate) fn listing(&self) -> ListingState {
        self.head().listings[LISTING].clone()
    }

    /// Returns the environment of a tick that begins now.
    pub(crate) fn env(&self) -> TestEnv<'_> {
        let deadline = self.clock.now() + self.tick_time + COMMIT_RESERVE;
        let (state, bucket, clock, settings) = (&self.state, &self.bucket, &self.clock, &self.settings);
        Env { state, bucket, clock, settings, models: &NO_CUSTOM_MODELS, deadline }
    }

    /// Opens the stream's state. The process is warm once its cache has the stream.
    pub(crate) fn open<'a>(&'a self, env: &'a TestEnv<'a>) -> Result<TestStreamState<'a>, PortError> {
        self.clock.run(StreamState::open(env, &self.stream, &self.policy, &self.cache))
    }

    pub(crate) fn delivery<'a>(&'a self, env: &'a TestEnv<'a>) -> TestDelivery<'a> {
        Delivery::new(self.open(env).unwrap(), self.policy.dedup_horizon_seconds, self.cache.budget())
    }

    /// Returns a run that has opened its state and done nothing else yet.
    pub(crate) fn begin<'a>(&'a self, env: &'a TestEnv<'a>) -> TestRun<'a> {
        StreamRun {
            env,
            vendor: &self.vendor,
            stream: &self.stream,
            policy: &self.policy,
            budget: self.cache.budget(),
            progress: self.cache.progress_of_streams(),
            began: self.clock.now(),
            intake: Intake::new(&self.normalizer, self.delivery(env)),
            vendor_time: VendorTime::default(),
            cutoff: env.cutoff(),
            no_window_after: env.cutoff(),
            calls_until: env.cutoff(),
            blobs: Default::default(),
            findings: Findings::default(),
        }
    }

    /// Runs a whole tick.
    pub(crate) fn tick(&self) -> StreamReport {
        let env = self.env();
        self.clock.run(run_stream(&env, (&self.vendor, &self.policy), &self.stream, &self.cache, None))
    }

    /// Runs one step of a backfill.
    pub(crate) fn step(&self, backfill: &Backfill) -> StreamReport {
        let env = self.env();
        let work = run_stream(&env, (&self.vendor, &self.policy), &self.stream, &self.cache, Some(backfill));
        self.clock.run(work)
    }

    /// Returns the sorted ids of the events in all objects. An event that was delivered twice appears twice.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let keys = self.bucket.keys();
        let objects = keys.iter().filter(|key| key.contains("/dt=")).map(|key| self.bucket.object(key).unwrap());
        let mut ids: Vec<String> = objects.flat_map(|object| lines(&object)).map(|line| id_of(&line)).collect();
        ids.sort_unstable();
        ids
    }
}
