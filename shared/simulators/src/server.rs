//! The shell: sockets in, sockets out. What is answered is decided elsewhere.

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
use crate::ledger::Served;
use crate::requests::{Asked, Requests};

/// Connections served at a time; more wait to be accepted.
const MOST_CONNECTIONS: usize = 512;
/// The longest request body that is read, bytes.
const LONGEST_REQUEST: usize = 1 << 20;
/// A body is sent in pieces of this many bytes when it is sent in chunks.
const CHUNK: usize = 4_096;

/// What was asked, by any connection.
type Shared = Arc<Mutex<Requests>>;

fn lock(requests: &Shared) -> MutexGuard<'_, Requests> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A vendor: a request in, an answer out.
pub(crate) trait Simulation: Send + Sync + 'static {
    /// The name of what is asked for; `other` where it is nothing the vendor knows.
    fn operation(&self, request: &Request) -> &'static str;
    fn answer(&self, request: &Request) -> Reply;
    fn now(&self) -> Timestamp;
    /// What the `Date` header says.
    fn date(&self) -> Timestamp {
        self.now()
    }
    fn served(&self) -> Vec<Served>;
    fn counts(&self) -> Vec<(&'static str, u64)>;
    fn pending(&self) -> usize;
}

/// A simulator that is being served. It stops when dropped.
pub struct Running {
    address: SocketAddr,
    requests: Shared,
    simulation: Arc<dyn Simulation>,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Running {
    /// Serves `simulation` on 127.0.0.1; port 0 is any that is free.
    ///
    /// # Errors
    /// The port cannot be bound, or this is not called inside a tokio runtime.
    pub(crate) fn start(simulation: Arc<dyn Simulation>, port: u16) -> io::Result<Self> {
        tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = TcpListener::from_std(listener)?;
        let requests = Shared::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&simulation), Arc::clone(&requests)));
        Ok(Self { address, requests, simulation, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The ledger: every distinct event that could be seen by the time of the last request, in the
    /// order in which that came about. What a client has can be held against it once nothing is
    /// [pending](Self::pending) and the client has asked for everything once more: until then an
    /// event may have become visible behind its back.
    pub fn served(&self) -> Vec<Served> {
        self.simulation.served()
    }

    /// How many distinct events were made visible so far, by log type; what has none is left out.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.simulation.counts()
    }

    /// How many events are still to become visible: late ones, and those of a time to come.
    pub fn pending(&self) -> usize {
        self.simulation.pending()
    }

    /// How many requests were received.
    pub fn requests(&self) -> u64 {
        lock(&self.requests).total()
    }

    /// How many of an operation, named as in a [`Scripted`](crate::Scripted) fault; `other` for those of none.
    pub fn requests_of(&self, operation: &str) -> u64 {
        lock(&self.requests).of(operation)
    }

    /// How many were received from the one moment on and before the other, by the simulator's clock,
    /// as far as they are [remembered](Self::asked).
    pub fn requests_between(&self, from: Timestamp, to: Timestamp) -> usize {
        lock(&self.requests).latest().filter(|asked| from <= asked.at && asked.at < to).count()
    }

    /// The latest 100,000 requests, in the order of their answers.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.requests).latest().cloned().collect()
    }

    /// Stops serving: open connections are closed, the port is free.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // An aborted task ends in an error by nature.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, simulation: Arc<dyn Simulation>, requests: Shared) {
    let mut connections = JoinSet::new();
    let mut number = 0_u64;
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => {
                // A connection lost while it was being accepted is the client's affair.
                let Ok((stream, _)) = accepted else { continue };
                number += 1;
                connections.spawn(serve(stream, number, Arc::clone(&simulation), Arc::clone(&requests)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, number: u64, simulation: Arc<dyn Simulation>, requests: Shared) {
    let service = service_fn(|request| {
        let (simulation, requests) = (Arc::clone(&simulation), Arc::clone(&requests));
        async move { respond(&*simulation, &requests, request).await }
    });
    // Names of headers have no case: every other connection writes them in another one.
    // An error here is a client that went away, or an answer that was to be cut.
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .title_case_headers(number.is_multiple_of(2))
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    simulation: &dyn Simulation,
    requests: &Shared,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<ReplyBody>, io::Error> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_REQUEST).collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request::from_parts(head, body);
    let (at, operation) = (simulation.now(), simulation.operation(&request));
    let reply = simulation.answer(&request);
    let status = (reply.end != End::Reset).then_some(reply.status.as_u16());
    lock(requests).note(Asked { at, operation, target: request.uri().to_string(), status });
    if !reply.delay.is_zero() {
        sleep(reply.delay).await;
    }
    if reply.end == End::Reset {
        return Err(io::Error::from(io::ErrorKind::ConnectionReset));
    }
    let mut response = hyper::Response::builder().status(reply.status);
    // A reply that has a `Date` of its own, as a gateway's has, keeps it and gets no second one.
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

/// An answer's body; it may promise more than it sends.
struct ReplyBody {
    left: Bytes,
    promised: Option<u64>,
    cut: bool,
    trickle: Option<Trickle>,
}

/// Sends a body a byte at a time.
struct Trickle {
    pause: Duration,
    /// What the next byte waits for; the first waits for nothing.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl ReplyBody {
    fn new(reply: Reply) -> Self {
        let whole = reply.body.len();
        let mut left = Bytes::from(reply.body);
        let cut = match reply.end {
            End::Cut(after) => {
                left.truncate(after);
                true
            }
            End::Whole | End::Reset => false,
        };
        let trickle = reply.pause.map(|pause| Trickle { pause, waiting: None });
        Self { left, promised: (!reply.chunked).then_some(whole as u64), cut, trickle }
    }
}

impl Trickle {
    /// Ready when the next byte may be sent, which begins the pause before the one after it.
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
        if self.left.is_empty() {
            let cut = std::mem::take(&mut self.cut);
            return Poll::Ready(cut.then(|| Err(io::Error::from(io::ErrorKind::ConnectionAborted))));
        }
        if let Some(trickle) = &mut self.trickle {
            ready!(trickle.poll_ready(context));
            let byte = self.left.split_to(1);
            return Poll::Ready(Some(Ok(Frame::data(byte))));
        }
        let size = if self.promised.is_some() { self.left.len() } else { self.left.len().min(CHUNK) };
        let piece = self.left.split_to(size);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        self.promised.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
