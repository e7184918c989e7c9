//! The HTTP server of a simulator. A [`Simulation`] produces the replies.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Sleep;

use crate::http::{self, End, Reply, Request};
use crate::ledger::ServedEvent;
use crate::requests::{ReceivedRequest, Requests};

/// Number of connections that are served at the same time. Further ones wait until another one is closed.
const MAX_CONNECTIONS: usize = 512;
/// A request with a longer body ends the connection.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Length of each chunk of a reply that is sent in chunks.
const CHUNK_BYTES: usize = 4_096;

/// The received requests, shared by all connections.
type SharedRequests = Arc<Mutex<Requests>>;

fn lock(requests: &SharedRequests) -> MutexGuard<'_, Requests> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A simulated vendor, which turns each request into a reply.
pub(crate) trait Simulation: Send + Sync + 'static {
    /// Returns the name of the operation that `request` asks for; `other` if the vendor has no such operation.
    fn operation(&self, request: &Request) -> &'static str;
    /// Handles a request and returns the reply to it.
    fn answer(&self, request: &Request) -> Reply;
    /// Returns the time by the simulator's clock.
    fn now(&self) -> Timestamp;
    /// Returns the time for the `Date` header, which differs from [`Self::now`] if the vendor's clock is wrong.
    fn date(&self) -> Timestamp {
        self.now()
    }
    /// Returns the value of [`RunningSimulator::served`].
    fn served(&self) -> Vec<ServedEvent>;

    /// Returns the value of [`RunningSimulator::counts`].
    fn counts(&self) -> Vec<(&'static str, u64)>;

    /// Returns the value of [`RunningSimulator::pending`].
    fn pending(&self) -> usize;
}

/// A simulator with a running HTTP server. Dropping it stops the server.
pub struct RunningSimulator {
    address: SocketAddr,
    requests: SharedRequests,
    simulation: Arc<dyn Simulation>,
    accept_task: JoinHandle<()>,
}

impl std::fmt::Debug for RunningSimulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningSimulator").field("address", &self.address).finish_non_exhaustive()
    }
}

impl RunningSimulator {
    /// Serves `simulation` on 127.0.0.1. Port 0 means any free port.
    ///
    /// # Errors
    /// The port cannot be bound, or the caller is not in a tokio runtime.
    pub(crate) fn start(simulation: Arc<dyn Simulation>, port: u16) -> io::Result<Self> {
        tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = TcpListener::from_std(listener)?;
        let requests = SharedRequests::default();
        let accept_task = tokio::spawn(accept_connections(listener, Arc::clone(&simulation), Arc::clone(&requests)));
        Ok(Self { address, requests, simulation, accept_task })
    }

    /// Returns the address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the ledger: every distinct event that was visible by the time of the last request, in the order in which
    /// the events became visible.
    ///
    /// A test can compare it with the events of a client once nothing is [pending](Self::pending) and the client has
    /// listed all time once more after that. Before, an event may have become visible after the client had listed the
    /// event's time.
    pub fn served(&self) -> Vec<ServedEvent> {
        self.simulation.served()
    }

    /// Returns the number of distinct events that have been visible so far, per log type. Log types without events are
    /// left out.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.simulation.counts()
    }

    /// Returns the number of events that are not visible yet: late events, and events that happen in the future.
    pub fn pending(&self) -> usize {
        self.simulation.pending()
    }

    /// Returns the number of requests that were received so far.
    pub fn requests(&self) -> u64 {
        lock(&self.requests).total()
    }

    /// Returns the number of requests of an operation, named as in [`Scripted::operation`](crate::Scripted::operation),
    /// or `other` for requests that match no operation.
    pub fn requests_of(&self, operation: &str) -> u64 {
        lock(&self.requests).count_of(operation)
    }

    /// Returns the number of requests received at or after `from` and before `to`, by the simulator's clock. Only the
    /// [latest requests](Self::received_requests) are counted.
    pub fn requests_between(&self, from: Timestamp, to: Timestamp) -> usize {
        lock(&self.requests).latest().filter(|request| from <= request.at && request.at < to).count()
    }

    /// Returns the latest requests, at most 100,000, in the order in which they were answered.
    pub fn received_requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.requests).latest().cloned().collect()
    }

    /// Stops the server and waits until it has closed its connections and its port.
    pub async fn stop(mut self) {
        self.accept_task.abort();
        // The task was aborted, so this is always an error.
        let _ = (&mut self.accept_task).await;
    }
}

impl Drop for RunningSimulator {
    fn drop(&mut self) {
        self.accept_task.abort();
    }
}

async fn accept_connections(listener: TcpListener, simulation: Arc<dyn Simulation>, requests: SharedRequests) {
    let mut connections = JoinSet::new();
    let mut number = 0_u64;
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                // A client that disconnected while its connection was accepted needs no answer.
                let Ok((stream, _)) = accepted else { continue };
                number += 1;
                connections.spawn(serve_connection(stream, number, Arc::clone(&simulation), Arc::clone(&requests)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, number: u64, simulation: Arc<dyn Simulation>, requests: SharedRequests) {
    let service = service_fn(|request| {
        let (simulation, requests) = (Arc::clone(&simulation), Arc::clone(&requests));
        async move { respond(&*simulation, &requests, request).await }
    });
    // Clients must ignore the case of header names, so every second connection writes them in title case. An error here
    // means that the client disconnected, or that a fault cut the answer.
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .title_case_headers(number.is_multiple_of(2))
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    simulation: &dyn Simulation,
    requests: &SharedRequests,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<ReplyBody>, io::Error> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::from_parts(head, body);
    let (at, operation) = (simulation.now(), simulation.operation(&request));
    let reply = simulation.answer(&request);
    let status = (reply.end != End::Reset).then_some(reply.status.as_u16());
    lock(requests).record(ReceivedRequest { at, operation, target: request.uri().to_string(), status });
    if !reply.delay.is_zero() {
        sleep(reply.delay).await;
    }
    if reply.end == End::Reset {
        return Err(io::Error::from(io::ErrorKind::ConnectionReset));
    }
    let mut response = hyper::Response::builder().status(reply.status);
    // A reply that has its own `Date` header, such as a gateway's, keeps it.
    let has_date = reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date"));
    if let Some(date) = http::date(simulation.date()).filter(|_| !has_date) {
        response = response.header("date", date);
    }
    for (name, value) in &reply.headers {
        response = response.header(name.as_ref(), value);
    }
    response.body(ReplyBody::new(reply)).map_err(io::Error::other)
}

#[expect(clippy::disallowed_methods, reason = "a slow answer is slow on the wire, whatever the virtual clock says")]
fn sleep(delay: Duration) -> Sleep {
    tokio::time::sleep(delay)
}

/// The body of a reply. If the reply is cut, it sends fewer bytes than its `Content-Length` announces.
struct ReplyBody {
    unsent: Bytes,
    content_length: Option<u64>,
    is_cut: bool,
    trickle: Option<Trickle>,
}

/// Paces a body that is sent one byte at a time.
struct Trickle {
    pause: Duration,
    /// The running pause before the next byte; `None` before the first byte, which is sent at once.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl ReplyBody {
    fn new(reply: Reply) -> Self {
        let length = reply.body.len();
        let mut unsent = Bytes::from(reply.body);
        let is_cut = match reply.end {
            End::Cut(after) => {
                unsent.truncate(after);
                true
            }
            End::Whole | End::Reset => false,
        };
        let trickle = reply.pause.map(|pause| Trickle { pause, waiting: None });
        Self { unsent, content_length: (!reply.is_chunked).then_some(length as u64), is_cut, trickle }
    }
}

impl Trickle {
    /// Returns [`Poll::Ready`] when the next byte may be sent, and then starts the pause before the byte after it.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.as_mut().poll(context));
        }
        self.waiting = Some(Box::pin(sleep(self.pause)));
        Poll::Ready(())
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.unsent.is_empty() {
            let is_cut = std::mem::take(&mut self.is_cut);
            return Poll::Ready(is_cut.then(|| Err(io::Error::from(io::ErrorKind::ConnectionAborted))));
        }
        if let Some(trickle) = &mut self.trickle {
            ready!(trickle.poll_ready(context));
            let byte = self.unsent.split_to(1);
            return Poll::Ready(Some(Ok(Frame::data(byte))));
        }
        let size = if self.content_length.is_some() { self.unsent.len() } else { self.unsent.len().min(CHUNK_BYTES) };
        let piece = self.unsent.split_to(size);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.unsent.is_empty() && !self.is_cut
    }

    fn size_hint(&self) -> SizeHint {
        self.content_length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
