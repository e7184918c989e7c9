//! A client whose calls take virtual time.

use std::cell::RefCell;
use std::time::Duration;

use collector::{BlobRef, Fetched, ListRequest, Listed, PortError, Prepared, Stream, Tries, UnixSeconds, Vendor};

use super::time::Time;
use crate::world::chance::Chance;

/// How long a call takes, in milliseconds: from the first to the second.
pub type Pace = (i64, i64);

/// A client whose calls take virtual time.
#[derive(Debug)]
pub struct Paced<V> {
    client: V,
    time: Time,
    pace: Pace,
    chance: RefCell<Chance>,
}

impl<V> Paced<V> {
    /// `client`, each of whose calls takes as long as `pace` says.
    pub fn new(client: V, time: &Time, pace: Pace, seed: u64) -> Self {
        Self { client, time: time.clone(), pace, chance: RefCell::new(Chance::new(seed)) }
    }

    fn pass(&self) {
        let (from, to) = self.pace;
        let millis = self.chance.borrow_mut().between(from, to);
        self.time.forward(Duration::from_millis(millis.unsigned_abs()));
    }
}

impl<V: Vendor> Vendor for Paced<V> {
    type Body = V::Body;

    async fn prepare(&self, stream: &Stream, last_start: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        self.client.prepare(stream, last_start).await
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        let listed = self.client.list(request).await;
        self.pass();
        listed
    }

    async fn fetch(&self, stream: &Stream, blob: &BlobRef, tries: Tries) -> Result<Fetched<V::Body>, PortError> {
        let fetched = self.client.fetch(stream, blob, tries).await;
        self.pass();
        fetched
    }
}
