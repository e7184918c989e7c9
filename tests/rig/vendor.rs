//! A client whose calls take virtual time.

use std::cell::RefCell;
use std::time::Duration;

use collector::{BlobRef, Body, Fetched, ListRequest, Listed, PortError, Prepared, Stream, Tries, UnixSeconds, Vendor};

use super::time::VirtualTime;
use crate::world::rng::SeededRng;

/// The range of the time that a call takes, in milliseconds, inclusive.
pub type Pace = (i64, i64);

/// The maximum size of a piece of a body that takes the trickle pause, in bytes.
const MAX_TRICKLED_BYTES: usize = 8;

/// A client whose calls take virtual time.
#[derive(Debug)]
pub struct Paced<V> {
    client: V,
    time: VirtualTime,
    pace: Pace,
    trickle_pause: Duration,
    rng: RefCell<SeededRng>,
}

/// A body whose trickled pieces take virtual time.
#[derive(Debug)]
pub struct PacedBody<B> {
    body: B,
    time: VirtualTime,
    pause: Duration,
}

impl<V> Paced<V> {
    /// Wraps `client` so that each call takes a random time within `pace`.
    pub fn new(client: V, time: &VirtualTime, pace: Pace, seed: u64) -> Self {
        let rng = RefCell::new(SeededRng::new(seed));
        Self { client, time: time.clone(), pace, trickle_pause: Duration::ZERO, rng }
    }

    /// Sets the virtual time that each trickled piece of a body takes. On the wire the pieces come one by one too,
    /// but faster, because HTTP runs on the machine's clock.
    #[must_use]
    pub fn with_trickle_pause(self, trickle_pause: Duration) -> Self {
        Self { trickle_pause, ..self }
    }

    fn take_time(&self) {
        let (from, to) = self.pace;
        let millis = self.rng.borrow_mut().between(from, to);
        self.time.advance(Duration::from_millis(millis.unsigned_abs()));
    }
}

impl<V: Vendor> Vendor for Paced<V> {
    type Body = PacedBody<V::Body>;

    async fn prepare(&self, stream: &Stream, last_start: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        self.client.prepare(stream, last_start).await
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        let listed = self.client.list(request).await;
        self.take_time();
        listed
    }

    async fn fetch(&self, stream: &Stream, blob: &BlobRef, tries: Tries) -> Result<Fetched<Self::Body>, PortError> {
        let fetched = self.client.fetch(stream, blob, tries).await;
        self.take_time();
        let paced = |body| PacedBody { body, time: self.time.clone(), pause: self.trickle_pause };
        Ok(match fetched? {
            Fetched::Body(body) => Fetched::Body(paced(body)),
            Fetched::Missing => Fetched::Missing,
            Fetched::Expired => Fetched::Expired,
        })
    }
}

impl<B: Body> Body for PacedBody<B> {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        let piece = self.body.chunk().await?;
        if piece.as_ref().is_some_and(|bytes| bytes.len() <= MAX_TRICKLED_BYTES) {
            self.time.advance(self.pause);
        }
        Ok(piece)
    }

    fn is_corrupt(&self) -> bool {
        self.body.is_corrupt()
    }
}
