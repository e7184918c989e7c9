//! Small real fakes of the ports, for unit tests: state, bucket, vendor and clock as values in memory.
//!
//! Time passes only when somebody waits for it: [`TestClock::run`] polls a future and, whenever that waits, sets the clock
//! to the moment of the next waker.

mod clock;
mod store;
mod values;
mod vendor;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use schema::{LogType, NO_CUSTOM_MODELS, Normalizer};

pub(crate) use clock::TestClock;
pub(crate) use store::{At, Calls, Fault, MemoryBucket, MemoryState};
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
use crate::state::cache::SourceCache;
use crate::state::stream_state::StreamState;

/// One stream, and everything that its ticks work with.
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
    /// How long a tick may list.
    pub(crate) tick_time: Duration,
    normalizer: Normalizer,
}

pub(crate) type TestEnv<'a> = Env<'a, MemoryState, MemoryBucket, TestClock>;
pub(crate) type TestRun<'a> = StreamRun<'a, MemoryState, MemoryBucket, TestClock, TestVendor>;
pub(crate) type TestDelivery<'a> = Delivery<'a, MemoryState, MemoryBucket, TestClock>;
pub(crate) type TestStreamState<'a> = StreamState<'a, MemoryState, MemoryBucket, TestClock>;

impl World {
    /// A stream that was never collected.
    pub(crate) fn new() -> Self {
        let (clock, calls) = (TestClock::new(), Rc::<Calls>::default());
        let state = MemoryState::new(&clock, &calls);
        let bucket = MemoryBucket::new(&calls);
        Self::of_ports(clock, calls, state, bucket)
    }

    /// Another process that collects the same stream, with a vendor of its own.
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

    /// A stream whose listing was listed up to that moment.
    pub(crate) fn listed_to(watermark: UnixSeconds) -> Self {
        Self::with(ListingState { watermark, ..ListingState::default() })
    }

    /// A stream whose listing stands so.
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

    /// How the listing stands.
    pub(crate) fn listing(&self) -> ListingState {
        self.head().listings[LISTING].clone()
    }

    /// The ports and settings of a tick that begins now.
    pub(crate) fn env(&self) -> TestEnv<'_> {
        let deadline = self.clock.now() + self.tick_time + COMMIT_RESERVE;
        let (state, bucket, clock, settings) = (&self.state, &self.bucket, &self.clock, &self.settings);
        Env { state, bucket, clock, settings, models: &NO_CUSTOM_MODELS, deadline }
    }

    /// The stream's state; the process is warm once something is in its cache.
    pub(crate) fn open<'a>(&'a self, env: &'a TestEnv<'a>) -> Result<TestStreamState<'a>, PortError> {
        self.clock.run(StreamState::open(env, &self.stream, &self.policy, &self.cache))
    }

    pub(crate) fn delivery<'a>(&'a self, env: &'a TestEnv<'a>) -> TestDelivery<'a> {
        Delivery::new(self.open(env).unwrap(), self.policy.horizon, self.cache.budget())
    }

    /// A tick that has opened its state and done nothing yet.
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

    /// A whole tick.
    pub(crate) fn tick(&self) -> StreamReport {
        let env = self.env();
        self.clock.run(run_stream(&env, (&self.vendor, &self.policy), &self.stream, &self.cache))
    }

    /// The ids of the events in all objects, sorted: one that was delivered twice stands there twice.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let keys = self.bucket.keys();
        let objects = keys.iter().filter(|key| key.contains("/dt=")).map(|key| self.bucket.object(key).unwrap());
        let mut ids: Vec<String> = objects.flat_map(|object| lines(&object)).map(|line| id_of(&line)).collect();
        ids.sort_unstable();
        ids
    }
}
