//! The ports of a source, with each call tracked by [`InFlight`].

use std::rc::Rc;

use collector::{
    BlobRef, Body, Bucket, Fetched, Head, LedgerHour, LedgerItem, LedgerKind, ListRequest, Listed, PortError, Prepared,
    Put, Source, State, Stream, Tries, UnixSeconds, Vendor, Written,
};

use super::in_flight::InFlight;

/// A port whose calls are tracked.
#[derive(Debug)]
pub(super) struct Watched<P> {
    port: P,
    calls: Rc<InFlight>,
}

impl<P> Watched<P> {
    pub(super) fn new(port: P, calls: &Rc<InFlight>) -> Self {
        Self { port, calls: Rc::clone(calls) }
    }
}

/// Returns the source with a vendor whose calls are tracked.
pub(super) fn watched_source<V>(source: Source<V>, calls: &Rc<InFlight>) -> Source<Watched<V>> {
    let Source { vendor, streams, policy } = source;
    Source { vendor: Watched::new(vendor, calls), streams, policy }
}

impl<S: State> State for Watched<&S> {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        let description = format!("state table: read the head of {}", stream.name());
        self.calls.count_state();
        self.calls.track(description, self.port.head(stream)).await
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        let description = format!("state table: write the head of {}", stream.name());
        self.calls.count_state();
        self.calls.track(description, self.port.write(stream, expected, head, items)).await
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        let description = format!("state table: read the ledger of {}, hour {hour}", stream.name());
        self.calls.count_state();
        self.calls.track(description, self.port.ledger(stream, kind, hour, after_seq)).await
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        let description = format!("state table: verify commit {seq} of {}", stream.name());
        self.calls.count_state();
        self.calls.track(description, self.port.visible_hours(stream, seq, hours)).await
    }
}

impl<B: Bucket> Bucket for Watched<&B> {
    async fn put_if_absent(&self, key: &str, body: Vec<u8>, content_type: &str) -> Result<Put, PortError> {
        self.calls.count_bucket();
        self.calls.track(format!("bucket: put {key}"), self.port.put_if_absent(key, body, content_type)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.calls.count_bucket();
        self.calls.track(format!("bucket: get {key}"), self.port.get(key)).await
    }

    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, content_type: &str) -> Result<bool, PortError> {
        self.calls.count_bucket();
        self.calls.track(format!("bucket: replace {key}"), self.port.replace(key, expected, body, content_type)).await
    }
}

impl<V: Vendor> Vendor for Watched<V> {
    type Body = WatchedBody<V::Body>;

    async fn prepare(&self, stream: &Stream, last_start: Option<UnixSeconds>) -> Result<Prepared, PortError> {
        let description = format!("vendor: prepare {}", stream.name());
        self.calls.track(description, self.port.prepare(stream, last_start)).await
    }

    async fn list(&self, request: ListRequest<'_>) -> Result<Listed, PortError> {
        let (name, window) = (request.stream.name(), request.window);
        let description = format!("vendor: list {} of {name} from {} to {}", request.listing, window.from, window.to);
        self.calls.track(description, self.port.list(request)).await
    }

    async fn fetch(
        &self,
        stream: &Stream,
        blob: &BlobRef,
        tries: Tries,
    ) -> Result<Fetched<WatchedBody<V::Body>>, PortError> {
        let description = format!("vendor: fetch content {} of {}", blob.id, stream.name());
        Ok(match self.calls.track(description, self.port.fetch(stream, blob, tries)).await? {
            Fetched::Body(body) => {
                let description = format!("vendor: receive content {} of {}", blob.id, stream.name());
                Fetched::Body(WatchedBody { body, calls: Rc::clone(&self.calls), description })
            }
            Fetched::Missing => Fetched::Missing,
            Fetched::Expired => Fetched::Expired,
        })
    }
}

/// The body of a blob. Each read of a chunk is tracked.
#[derive(Debug)]
pub(super) struct WatchedBody<B> {
    body: B,
    calls: Rc<InFlight>,
    description: String,
}

impl<B: Body> Body for WatchedBody<B> {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        self.calls.track(self.description.clone(), self.body.chunk()).await
    }

    fn is_corrupt(&self) -> bool {
        self.body.is_corrupt()
    }
}
