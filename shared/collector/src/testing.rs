//! Small real fakes of the ports, for unit tests: state, bucket, vendor and clock as values in memory.
//!
//! Time passes only when somebody waits for it: [`TestClock::run`] polls a future and, whenever that waits, sets the clock
//! to the moment of the next waker.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::io::Read;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jiff::Timestamp;
use schema::{LogType, Normalizer};

use crate::base::env::{COMMIT_RESERVE, Env};
use crate::base::error::PortError;
use crate::base::head::{Head, HeadTimes, LastCommit, ListingState};
use crate::base::ledger::{LedgerHour, LedgerItem, LedgerKind};
use crate::base::pending::{PendingBlob, PendingSpan, Schedule};
use crate::base::policy::{Settings, VendorPolicy};
use crate::base::ports::{
    BlobRef, Body, Bucket, Clock, Fetched, Item, ListRequest, Listed, Page, Prepared, Put, State, Tries, Vendor,
    Written,
};
use crate::base::report::StreamReport;
use crate::base::stream::{SourceId, Stream};
use crate::base::time::{UnixSeconds, Window};
use crate::collect::intake::Intake;
use crate::collect::run::{Findings, StreamRun};
use crate::collect::stream::run_stream;
use crate::deliver::delivery::Delivery;
use crate::plan::vendor_time::VendorTime;
use crate::state::cache::SourceCache;
use crate::state::stream_state::StreamState;

/// When every world begins: the first second of an hour.
pub(crate) const NOW: UnixSeconds = 3_600_000;
/// The listing of a stream that has one.
pub(crate) const LISTING: &str = "all";
/// A future that is polled more often than this does not end.
const MAX_POLLS: u32 = 1_000_000;

pub(crate) const fn window(from: UnixSeconds, to: UnixSeconds) -> Window {
    Window { from, to }
}

/// A clock that moves by being slept on.
#[derive(Clone)]
pub(crate) struct TestClock(Rc<ClockState>);

struct ClockState {
    now: Cell<Timestamp>,
    /// Who waits until when.
    sleepers: RefCell<BTreeMap<(Timestamp, u64), Waker>>,
    next_sleeper: Cell<u64>,
    random: Cell<u64>,
}

struct Sleep {
    clock: TestClock,
    key: (Timestamp, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.key.0 {
            return Poll::Ready(());
        }
        self.clock.0.sleepers.borrow_mut().insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.0.sleepers.borrow_mut().remove(&self.key);
    }
}

/// Notes that the future can go on.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl TestClock {
    fn new() -> Self {
        let (now, next_sleeper, random) = (Cell::new(at(NOW)), Cell::new(0), Cell::new(0));
        Self(Rc::new(ClockState { now, sleepers: RefCell::default(), next_sleeper, random }))
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.now.set(self.now() + Duration::from_secs(seconds.unsigned_abs()));
    }

    /// The seconds since the world began.
    pub(crate) fn elapsed(&self) -> f64 {
        self.now().duration_since(at(NOW)).as_secs_f64()
    }

    /// Every random number from now on.
    pub(crate) fn set_random(&self, random: u64) {
        self.0.random.set(random);
    }

    /// Runs the work to its end, while time passes as far as it waits.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        for _ in 0..MAX_POLLS {
            if let Poll::Ready(output) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            if !woken.0.swap(false, Ordering::Relaxed) {
                self.wake_next();
                woken.0.store(false, Ordering::Relaxed);
            }
        }
        panic!("the work does not end");
    }

    fn wake_next(&self) {
        let first = self.0.sleepers.borrow_mut().pop_first();
        let ((until, _), waker) = first.expect("the work waits for nothing that will happen");
        self.0.now.set(until);
        waker.wake();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.now.get()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> {
        let id = self.0.next_sleeper.replace(self.0.next_sleeper.get() + 1);
        Sleep { clock: self.clone(), key: (self.now() + duration, id) }
    }

    fn random(&self) -> u64 {
        self.0.random.get()
    }
}

fn at(second: UnixSeconds) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// What goes wrong at a call of state or bucket.
pub(crate) enum Fault {
    /// It fails without an effect.
    Before,
    /// It has its effect, but its answer is lost.
    After,
    /// Something else happens just before it.
    Meanwhile(Box<dyn FnOnce()>),
}

/// Which call a fault meets.
pub(crate) enum At {
    /// The one of this number, counted from 0.
    Number(usize),
    /// The next of this name.
    Next(&'static str),
}

/// The calls of state and bucket by name, and the faults that they meet.
#[derive(Default)]
pub(crate) struct Calls {
    names: RefCell<Vec<&'static str>>,
    faults: RefCell<Vec<(At, Fault)>>,
}

impl Calls {
    /// The names of all calls since this was last asked.
    pub(crate) fn take(&self) -> Vec<&'static str> {
        self.names.take()
    }

    /// From now on every fault meets one call.
    pub(crate) fn fault(&self, at: At, fault: Fault) {
        self.faults.borrow_mut().push((at, fault));
    }

    /// Whether some fault has not met its call.
    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.borrow().is_empty()
    }

    fn call<T>(&self, name: &'static str, effect: impl FnOnce() -> T) -> Result<T, PortError> {
        let number = self.names.borrow().len();
        self.names.borrow_mut().push(name);
        let is_met = |(at, _): &(At, Fault)| match at {
            At::Number(at) => *at == number,
            At::Next(next) => *next == name,
        };
        let met = self.faults.borrow().iter().position(is_met);
        let fault = met.map(|met| self.faults.borrow_mut().remove(met).1);
        match fault {
            Some(Fault::Before) => return Err(PortError::next_tick("no answer")),
            Some(Fault::After) => {
                effect();
                return Err(PortError::next_tick("no answer"));
            }
            Some(Fault::Meanwhile(other)) => other(),
            None => {}
        }
        Ok(effect())
    }
}

/// Heads and ledgers in memory.
#[derive(Clone)]
pub(crate) struct MemoryState(Rc<StateRows>);

struct StateRows {
    clock: TestClock,
    calls: Rc<Calls>,
    /// By stream.
    heads: RefCell<BTreeMap<String, Head>>,
    /// With their stream, and when they become visible.
    items: RefCell<Vec<(String, LedgerItem, Timestamp)>>,
    hide_items_for: Cell<Duration>,
}

impl MemoryState {
    /// From now on the items of a commit are visible so much later than its head.
    pub(crate) fn hide_items_for(&self, time: Duration) {
        self.0.hide_items_for.set(time);
    }

    pub(crate) fn head_of(&self, stream: &Stream) -> Option<Head> {
        self.0.heads.borrow().get(&stream.name()).cloned()
    }

    /// Puts a head and its items there, whatever was there; none removes the head.
    pub(crate) fn restore(&self, stream: &Stream, head: Option<Head>, items: &[LedgerItem]) {
        let (name, visible_at) = (stream.name(), self.0.clock.now() + self.0.hide_items_for.get());
        let items = items.iter().map(|item| (name.clone(), item.clone(), visible_at));
        self.0.items.borrow_mut().extend(items);
        match head {
            Some(head) => self.0.heads.borrow_mut().insert(name, head),
            None => self.0.heads.borrow_mut().remove(&name),
        };
    }

    fn visible(&self, stream: &Stream, is_wanted: impl Fn(&LedgerItem) -> bool) -> Vec<LedgerItem> {
        let (name, now) = (stream.name(), self.0.clock.now());
        let items = self.0.items.borrow();
        let wanted = items.iter().filter(|(of, item, visible_at)| *of == name && *visible_at <= now && is_wanted(item));
        wanted.map(|(_, item, _)| item.clone()).collect()
    }
}

impl State for MemoryState {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        self.0.calls.call("head", || self.head_of(stream))
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        self.0.calls.call("write", || {
            if self.head_of(stream).map(|head| head.version) != expected {
                return Written::Refused;
            }
            self.restore(stream, Some(head.clone()), items);
            Written::Applied
        })
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        let is_wanted = |item: &LedgerItem| {
            item.place() == LedgerHour { kind, hour } && after_seq.is_none_or(|after| item.seq > after)
        };
        self.0.calls.call("ledger", || self.visible(stream, is_wanted))
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        let is_wanted = |item: &LedgerItem| item.seq == seq && hours.contains(&item.place());
        self.0.calls.call("visible", || self.visible(stream, is_wanted).iter().map(LedgerItem::place).collect())
    }
}

/// A bucket in memory.
#[derive(Clone)]
pub(crate) struct MemoryBucket(Rc<Objects>);

struct Objects {
    calls: Rc<Calls>,
    by_key: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl MemoryBucket {
    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.by_key.borrow().keys().cloned().collect()
    }

    pub(crate) fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.0.by_key.borrow().get(key).cloned()
    }

    pub(crate) fn insert(&self, key: &str, body: &[u8]) {
        self.0.by_key.borrow_mut().insert(key.to_owned(), body.to_vec());
    }

    pub(crate) fn remove(&self, key: &str) {
        self.0.by_key.borrow_mut().remove(key);
    }
}

impl Bucket for MemoryBucket {
    async fn put_if_absent(&self, key: &str, body: Vec<u8>, _: &str) -> Result<Put, PortError> {
        self.0.calls.call("put", || match self.object(key) {
            Some(_) => Put::AlreadyThere,
            None => {
                self.insert(key, &body);
                Put::Created
            }
        })
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.0.calls.call("get", || self.object(key))
    }

    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, _: &str) -> Result<bool, PortError> {
        self.0.calls.call("replace", || {
            let is_expected = self.object(key).is_some_and(|object| object == expected);
            if is_expected {
                self.insert(key, &body);
            }
            is_expected
        })
    }
}

/// How a blob answers.
#[derive(Clone)]
pub(crate) enum Content {
    /// With chunks, each after its time.
    Chunks(Vec<(Duration, Vec<u8>)>),
    /// With these bytes, and then not as it should.
    Broken(Vec<u8>, PortError),
    /// With bytes that cannot be decompressed.
    Corrupt,
    /// With an error.
    Fails(PortError),
    /// Never.
    Hangs,
    Missing,
    Expired,
}

impl Content {
    /// An array of these events, in one chunk and at once.
    pub(crate) fn of(events: &[String]) -> Self {
        Self::bytes(&format!("[{}]", events.join(",")))
    }

    pub(crate) fn bytes(bytes: &str) -> Self {
        Self::Chunks(vec![(Duration::ZERO, bytes.as_bytes().to_vec())])
    }

    /// An empty array, a byte of it per `wait`.
    pub(crate) fn trickle(wait: Duration, bytes: usize) -> Self {
        let chunk = |byte: &str| (wait, byte.as_bytes().to_vec());
        Self::Chunks([vec![chunk("[")], vec![chunk(" "); bytes], vec![chunk("]")]].concat())
    }
}

pub(crate) struct TestBody {
    clock: TestClock,
    chunks: VecDeque<(Duration, Result<Vec<u8>, PortError>)>,
    is_corrupt: bool,
}

impl Body for TestBody {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        let Some((wait, chunk)) = self.chunks.pop_front() else { return Ok(None) };
        self.clock.sleep(wait).await;
        chunk.map(Some)
    }

    fn is_corrupt(&self) -> bool {
        self.is_corrupt
    }
}

/// Whatever a test wants a list call to answer; `None` where the answer is the vendor's usual one.
type Answer = Box<dyn Fn(&ListRequest<'_>) -> Option<Result<Listed, PortError>>>;

/// A vendor in memory, with events, blobs, or both.
pub(crate) struct TestVendor {
    clock: TestClock,
    /// What it lists, by the second at which it does.
    pub(crate) items: Vec<(UnixSeconds, Item)>,
    pub(crate) page_size: usize,
    /// How long a list call takes.
    pub(crate) page_time: Duration,
    /// What it says of its clock.
    pub(crate) vendor_now: Option<UnixSeconds>,
    /// Windows that overlap one of these cannot be listed.
    pub(crate) broken: Vec<Window>,
    /// Windows that overlap one of these are never answered.
    pub(crate) hanging: Vec<Window>,
    /// Why not.
    pub(crate) error: PortError,
    pub(crate) answer: Answer,
    /// How blobs answer, by id.
    pub(crate) contents: BTreeMap<String, Content>,
    pub(crate) prepared: Result<Prepared, PortError>,
    listed: RefCell<Vec<Window>>,
    fetched: RefCell<Vec<String>>,
}

impl TestVendor {
    fn new(clock: &TestClock) -> Self {
        Self {
            clock: clock.clone(),
            items: Vec::new(),
            page_size: 10,
            page_time: Duration::ZERO,
            vendor_now: None,
            broken: Vec::new(),
            hanging: Vec::new(),
            error: PortError::next_tick("status 500"),
            answer: Box::new(|_| None),
            contents: BTreeMap::new(),
            prepared: Ok(Prepared::Ready { vendor_now: None, started: false }),
            listed: RefCell::default(),
            fetched: RefCell::default(),
        }
    }

    /// It lists an event at each of these seconds, whose id is the second.
    pub(crate) fn add_events(&mut self, seconds: impl IntoIterator<Item = UnixSeconds>) {
        let events = seconds.into_iter().map(|second| (second, Item::Event(event(second).into_bytes())));
        self.items.extend(events);
    }

    /// It lists a blob at that second.
    pub(crate) fn add_blob(&mut self, id: &str, created: UnixSeconds, content: Content) {
        self.items.push((created, Item::Blob(blob(id, created))));
        self.contents.insert(id.to_owned(), content);
    }

    /// The windows of all list calls since this was last asked, a call per page.
    pub(crate) fn listed(&self) -> Vec<Window> {
        self.listed.take()
    }

    /// The blobs of all fetches since this was last asked.
    pub(crate) fn fetched(&self) -> Vec<String> {
        self.fetched.take()
    }

    /// The page of `window` at `cursor`, which is the number of items before it.
    fn page(&self, window: Window, cursor: Option<&str>) -> Page {
        let begin: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let shown = self.items.iter().filter(|(second, _)| (window.from..window.to).contains(second));
        let rest: Vec<Item> = shown.skip(begin).map(|(_, item)| item.clone()).collect();
        let next = (rest.len() > self.page_size).then(|| (begin + self.page_size).to_string());
        Page { items: rest.into_iter().take(self.page_size).collect(), next, vendor_now: self.vendor_now }
    }
}

impl Vendor for TestVendor {
    type Body = TestBody;

    async fn prepare(&self, _: &Stream, _: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        self.prepared.clone()
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        self.listed.borrow_mut().push(request.window);
        self.clock.sleep(self.page_time).await;
        if let Some(answer) = (self.answer)(&request) {
            return answer;
        }
        if self.hanging.iter().any(|hanging| hanging.overlaps(&request.window)) {
            std::future::pending::<()>().await;
        }
        if self.broken.iter().any(|broken| broken.overlaps(&request.window)) {
            return Err(self.error.clone());
        }
        Ok(Listed::Page(self.page(request.window, request.cursor)))
    }

    async fn fetch(&self, _: &Stream, blob: &BlobRef, _: Tries) -> Result<Fetched<TestBody>, PortError> {
        self.fetched.borrow_mut().push(blob.id.clone());
        let at_once = |chunk| (Duration::ZERO, chunk);
        let (chunks, is_corrupt) = match self.contents[&blob.id].clone() {
            Content::Chunks(chunks) => (chunks.into_iter().map(|(wait, chunk)| (wait, Ok(chunk))).collect(), false),
            Content::Broken(bytes, error) => ([Ok(bytes), Err(error)].map(at_once).into(), false),
            Content::Corrupt => ([Err(PortError::next_tick("not gzip"))].map(at_once).into(), true),
            Content::Fails(error) => return Err(error),
            Content::Hangs => std::future::pending().await,
            Content::Missing => return Ok(Fetched::Missing),
            Content::Expired => return Ok(Fetched::Expired),
        };
        Ok(Fetched::Body(TestBody { clock: self.clock.clone(), chunks, is_corrupt }))
    }
}

/// An event whose id is its second.
pub(crate) fn event(second: UnixSeconds) -> String {
    event_of(&second.to_string(), second)
}

pub(crate) fn event_of(id: &str, second: UnixSeconds) -> String {
    format!(r#"{{"id":"{id}","type":"login.succeeded","effective_at":{second}}}"#)
}

pub(crate) fn blob(id: &str, created: UnixSeconds) -> BlobRef {
    BlobRef { id: id.to_owned(), uri: format!("https://vendor/{id}"), created, expires: created + 604_800 }
}

/// A schedule of work that failed once, and is due.
pub(crate) fn due() -> Schedule {
    Schedule { first_failure: NOW - 100, last_attempt: NOW - 100, attempts: 1, next_attempt: NOW }
}

/// A span that failed once, and is due.
pub(crate) fn pending_span(from: UnixSeconds, to: UnixSeconds) -> PendingSpan {
    PendingSpan::new(Window { from, to }, due(), None, "status 500".to_owned())
}

/// A blob that failed once, and is due.
pub(crate) fn pending_blob(id: &str, created: UnixSeconds) -> PendingBlob {
    let BlobRef { id, uri, created, expires } = blob(id, created);
    PendingBlob { id, uri, created, expires, schedule: due(), missing_since: None, reason: "status 500".to_owned() }
}

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
        let state = MemoryState(Rc::new(StateRows {
            clock: clock.clone(),
            calls: Rc::clone(&calls),
            heads: RefCell::default(),
            items: RefCell::default(),
            hide_items_for: Cell::default(),
        }));
        let bucket = MemoryBucket(Rc::new(Objects { calls: Rc::clone(&calls), by_key: RefCell::default() }));
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
        Env { state, bucket, clock, settings, deadline }
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
            began: self.clock.now(),
            intake: Intake::new(&self.normalizer, self.delivery(env)),
            vendor_time: VendorTime::default(),
            cutoff: env.cutoff(),
            no_window_after: env.cutoff(),
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

/// The lines of a compressed object.
pub(crate) fn lines(object: &[u8]) -> Vec<String> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(object).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn id_of(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["id"].as_str().unwrap().to_owned()
}

pub(crate) fn stream(source: &str) -> Stream {
    Stream {
        source: SourceId::try_from(source.to_owned()).unwrap(),
        label: "Acme".to_owned(),
        log_type: LogType::OpenAiAudit,
        listings: vec![LISTING],
    }
}

/// The head of a stream of which nothing was delivered yet.
pub(crate) fn head() -> Head {
    Head {
        version: 1,
        id: "i".to_owned(),
        seq: 0,
        intent: None,
        last_commit: LastCommit::default(),
        floor: 0,
        listings: BTreeMap::new(),
        times: HeadTimes { written_at: NOW, ..HeadTimes::default() },
    }
}

/// No overlap and no sweeps: what is listed is from the watermark on.
pub(crate) fn policy() -> VendorPolicy {
    VendorPolicy {
        tick_seconds: 60,
        overlap: 0,
        sweeps: &[],
        first_window: 1_000,
        longest_window: 1_000,
        retention: None,
        horizon: 30 * 86_400,
        split_after_pages: Some(10),
        silence: None,
        fetches_ahead: 3,
    }
}
