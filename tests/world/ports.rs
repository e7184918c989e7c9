//! The collector's ports as a queue of open calls.
//!
//! A port call puts its [`Request`] into the worker's [`CallQueue`] and waits for the [`Answer`]:
//! at every call the driver decides what happens next. With a
//! [`Simulation`] behind the queue ([`Ports::direct`]) every call is answered at once and without faults.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use collector::{
    BlobRef, Bucket, Clock, Fetched, Head, LedgerHour, LedgerItem, LedgerKind, ListRequest, Listed, PortError,
    Prepared, Put, Secrets, State, Stream, Tries, UnixSeconds, Vendor, Written,
};
use jiff::Timestamp;
use secrecy::SecretString;

use super::call::{Answer, BlobAnswer, Request};
use super::object::Body;
use super::rng::SeededRng;
use super::simulation::Simulation;

/// An open call.
#[derive(Debug)]
struct PendingCall {
    request: Request,
    answer: Option<Answer>,
    waker: Waker,
}

/// The open calls of one worker, with its clock and its random numbers.
#[derive(Debug)]
pub struct CallQueue {
    calls: BTreeMap<u64, PendingCall>,
    next_id: u64,
    /// The time on the worker's clock.
    pub now: Timestamp,
    rng: SeededRng,
    direct: Option<Simulation>,
}

impl CallQueue {
    /// Returns the calls that wait for an answer, oldest first.
    pub fn waiting(&self) -> Vec<(u64, Request)> {
        let unanswered = self.calls.iter().filter(|(_, call)| call.answer.is_none());
        unanswered.map(|(id, call)| (*id, call.request.clone())).collect()
    }

    /// Returns the world that answers every call at once; `None` if the calls wait for a driver.
    pub fn world(&self) -> Option<&Simulation> {
        self.direct.as_ref()
    }

    /// Answers a call. Does nothing if the call was dropped meanwhile.
    pub fn answer(&mut self, id: u64, answer: Answer) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.answer = Some(answer);
            call.waker.wake_by_ref();
        }
    }
}

/// The implementation of all ports for one worker.
#[derive(Debug, Clone)]
pub struct Ports {
    queue: Rc<RefCell<CallQueue>>,
}

impl Ports {
    /// Creates ports whose calls wait for an answer; `seed` is for the worker's random numbers.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        let rng = SeededRng::new(seed);
        let queue = CallQueue { calls: BTreeMap::new(), next_id: 0, now, rng, direct: None };
        Self { queue: Rc::new(RefCell::new(queue)) }
    }

    /// Creates ports whose calls `simulation` answers at once.
    pub fn direct(simulation: Simulation, seed: u64) -> Self {
        let ports = Self::new(simulation.now(), seed);
        ports.queue.borrow_mut().direct = Some(simulation);
        ports
    }

    /// Returns the queue behind the ports.
    pub fn queue(&self) -> Rc<RefCell<CallQueue>> {
        Rc::clone(&self.queue)
    }

    fn call(&self, request: Request) -> Call {
        Call { queue: self.queue(), state: CallState::New(Box::new(request)) }
    }
}

#[derive(Debug)]
enum CallState {
    New(Box<Request>),
    Sent(u64),
    Answered,
}

/// One call of a port. Its first poll adds it to the queue, and its drop removes it.
#[derive(Debug)]
struct Call {
    queue: Rc<RefCell<CallQueue>>,
    state: CallState,
}

impl Future for Call {
    type Output = Result<Answer, PortError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let queue = self.queue();
        let mut queue = queue.borrow_mut();
        let id = match std::mem::replace(&mut self.state, CallState::Answered) {
            CallState::Answered => return Poll::Pending,
            CallState::Sent(id) => id,
            CallState::New(request) => queue.send(*request, context.waker()),
        };
        match queue.take_answer(id, context.waker()) {
            None => {
                self.state = CallState::Sent(id);
                Poll::Pending
            }
            Some(Answer::Panic) => {
                drop(queue);
                std::panic::panic_any("the world made this call panic");
            }
            Some(Answer::Failed(error)) => Poll::Ready(Err(error)),
            Some(answer) => Poll::Ready(Ok(answer)),
        }
    }
}

impl Call {
    fn queue(&self) -> Rc<RefCell<CallQueue>> {
        Rc::clone(&self.queue)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let CallState::Sent(id) = self.state {
            self.queue.borrow_mut().calls.remove(&id);
        }
    }
}

impl CallQueue {
    fn send(&mut self, request: Request, waker: &Waker) -> u64 {
        let answer = self.direct.as_mut().map(|simulation| simulation.answer(&request));
        if let Some(simulation) = &self.direct {
            self.now = simulation.now();
        }
        let id = self.next_id;
        self.next_id += 1;
        self.calls.insert(id, PendingCall { request, answer, waker: waker.clone() });
        id
    }

    fn take_answer(&mut self, id: u64, waker: &Waker) -> Option<Answer> {
        let call = self.calls.get_mut(&id)?;
        if call.answer.is_none() {
            call.waker.clone_from(waker);
            return None;
        }
        self.calls.remove(&id).and_then(|call| call.answer)
    }
}

/// Creates the error for an answer that does not fit its request, which is a mistake of the driver.
fn mismatched(answer: &Answer) -> PortError {
    PortError::person(format!("the world gave an answer of the wrong kind: {answer:?}"))
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        self.queue.borrow().now
    }

    async fn sleep(&self, duration: Duration) {
        let _ = self.call(Request::Sleep { duration }).await;
    }

    fn random(&self) -> u64 {
        self.queue.borrow_mut().rng.bits()
    }
}

impl Secrets for Ports {
    async fn get(&self, reference: &str, _fresh: bool) -> Result<SecretString, PortError> {
        match self.call(Request::Secret { reference: reference.to_owned() }).await? {
            Answer::Secret(text) => Ok(SecretString::from(text)),
            other => Err(mismatched(&other)),
        }
    }
}

impl State for Ports {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        match self.call(Request::Head { stream: stream.name() }).await? {
            Answer::Head(head) => Ok(head),
            other => Err(mismatched(&other)),
        }
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        let (stream, head, items) = (stream.name(), Box::new(head.clone()), items.to_vec());
        match self.call(Request::Write { stream, expected, head, items }).await? {
            Answer::Written(written) => Ok(written),
            other => Err(mismatched(&other)),
        }
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        match self.call(Request::Ledger { stream: stream.name(), kind, hour, after_seq }).await? {
            Answer::Ledger(items) => Ok(items),
            other => Err(mismatched(&other)),
        }
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        let (stream, hours) = (stream.name(), hours.to_vec());
        match self.call(Request::VisibleHours { stream, seq, hours }).await? {
            Answer::VisibleHours(hours) => Ok(hours),
            other => Err(mismatched(&other)),
        }
    }
}

impl Bucket for Ports {
    async fn put_if_absent(&self, key: &str, body: Vec<u8>, content_type: &str) -> Result<Put, PortError> {
        let (key, content_type) = (key.to_owned(), content_type.to_owned());
        match self.call(Request::Put { key, body: Body(body), content_type }).await? {
            Answer::Put(put) => Ok(put),
            other => Err(mismatched(&other)),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        match self.call(Request::Get { key: key.to_owned() }).await? {
            Answer::Object(body) => Ok(body.map(|body| body.0)),
            other => Err(mismatched(&other)),
        }
    }

    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, content_type: &str) -> Result<bool, PortError> {
        let (key, content_type) = (key.to_owned(), content_type.to_owned());
        let (expected, body) = (Body(expected.to_vec()), Body(body));
        match self.call(Request::Replace { key, expected, body, content_type }).await? {
            Answer::Replaced(is_replaced) => Ok(is_replaced),
            other => Err(mismatched(&other)),
        }
    }
}

/// The body of a blob that is being fetched.
#[derive(Debug)]
pub struct BlobBody {
    ports: Ports,
    stream: String,
    blob: String,
    chunk: usize,
}

impl collector::Body for BlobBody {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        let (stream, blob) = (self.stream.clone(), self.blob.clone());
        let answer = self.ports.call(Request::Chunk { stream, blob, chunk: self.chunk }).await?;
        self.chunk += 1;
        match answer {
            Answer::Chunk(bytes) => Ok(bytes),
            other => Err(mismatched(&other)),
        }
    }
}

impl Vendor for Ports {
    type Body = BlobBody;

    async fn prepare(&self, stream: &Stream, last_start: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        match self.call(Request::Prepare { stream: stream.name(), last_start }).await? {
            Answer::Prepared(prepared) => Ok(prepared),
            other => Err(mismatched(&other)),
        }
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        let (stream, listing, window) = (request.stream.name(), request.listing, request.window);
        let cursor = request.cursor.map(str::to_owned);
        match self.call(Request::List { stream, listing, window, cursor }).await? {
            Answer::Listed(listed) => Ok(listed),
            other => Err(mismatched(&other)),
        }
    }

    async fn fetch(&self, stream: &Stream, blob: &BlobRef, _: Tries) -> Result<Fetched<BlobBody>, PortError> {
        let stream = stream.name();
        match self.call(Request::Fetch { stream: stream.clone(), blob: blob.clone() }).await? {
            Answer::Fetched(BlobAnswer::Missing) => Ok(Fetched::Missing),
            Answer::Fetched(BlobAnswer::Expired) => Ok(Fetched::Expired),
            Answer::Fetched(BlobAnswer::Body) => {
                Ok(Fetched::Body(BlobBody { ports: self.clone(), stream, blob: blob.id.clone(), chunk: 0 }))
            }
            other => Err(mismatched(&other)),
        }
    }
}
