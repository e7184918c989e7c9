//! The five ports to the world. Everything else in this crate takes values and returns values.
//!
//! A port has one to three methods; `tests/` holds one conformance suite that every adapter of a
//! port passes. Futures need not be `Send`: a tick runs on one thread.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::error::PortError;
use super::head::Head;
use super::ledger::{LedgerHour, LedgerItem, LedgerKind};
use super::stream::{ListingId, Stream};
use super::time::{UnixSeconds, Window};

/// Time and chance.
pub trait Clock {
    /// The wall clock, UTC.
    fn now(&self) -> Timestamp;
    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
    /// 64 random bits: for jitter and for the id of a new head, never for secrets.
    fn random(&self) -> u64;
}

/// Sources share the clock they wait on.
impl<C: Clock> Clock for &C {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }

    fn random(&self) -> u64 {
        (**self).random()
    }
}

/// Secrets by reference (an ARN, a file path, a name).
pub trait Secrets {
    /// The secret's text. `fresh` passes every cache: asked for once after a vendor's 401.
    fn get(&self, reference: &str, fresh: bool) -> impl Future<Output = Result<SecretString, PortError>>;

    /// The name that the store itself has for a secret that was read; `None` when the store told none. A reference does
    /// not always tell: only some ARNs have a suffix after the name.
    fn name(&self, reference: &str) -> Option<String> {
        let _ = reference;
        None
    }
}

/// Sources share what they read secrets from.
impl<S: Secrets> Secrets for &S {
    async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
        (**self).get(reference, fresh).await
    }

    fn name(&self, reference: &str) -> Option<String> {
        (**self).name(reference)
    }
}

/// What a conditional write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is in force.
    Applied,
    /// The head was not at the expected version: nothing was written. Read it again.
    Refused,
}

/// Heads and ledgers. Every read is strongly consistent; every write is one transaction.
pub trait State {
    /// The stream's head, or none.
    fn head(&self, stream: &Stream) -> impl Future<Output = Result<Option<Head>, PortError>>;

    /// Puts `head` in the place of the head at version `expected` (`None`: of no head at all),
    /// together with `items`, or nothing at all. An item's place is its kind, hour and `seq`.
    ///
    /// Only a failed condition is [`Written::Refused`]. An adapter repeats conflicts, throttling
    /// and time-outs under one idempotency token; what it cannot settle is an error, after which
    /// the write may or may not be in force: the caller reads the head again.
    fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> impl Future<Output = Result<Written, PortError>>;

    /// All items of one bucket of the ledger with `seq` above `after_seq` (`None`: all), in
    /// ascending order of `seq`, every page read. An item past its expiry that is still there counts.
    fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> impl Future<Output = Result<Vec<LedgerItem>, PortError>>;

    /// Which of these ledger hours show the item that commit `seq` wrote there, in any order.
    ///
    /// `hours` are hours that commit wrote, at most [`MAX_COMMIT_HOURS`](crate::MAX_COMMIT_HOURS). A store may show a head before
    /// the ledger items of the same transaction: an hour that is left out does not show its item *yet*.
    fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> impl Future<Output = Result<Vec<LedgerHour>, PortError>>;
}

/// What a put-if-absent came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// This call created the object.
    Created,
    /// An object was there already (or the answer was lost and it is there now): nothing changed.
    AlreadyThere,
}

/// The bucket: created once, never changed.
pub trait Bucket {
    /// Creates the object if there is none at `key`; of many callers exactly one is told
    /// [`Put::Created`]. `key` is the whole key, the deployment's prefix included. The object
    /// is whole or not there. An error leaves open whether it was created.
    fn put_if_absent(
        &self,
        key: &str,
        body: Vec<u8>,
        content_type: &str,
    ) -> impl Future<Output = Result<Put, PortError>>;

    /// The object, or none. "Not allowed" is an error with [`Recovery::Person`](super::error::Recovery::Person), never
    /// `None`; behind a delete marker the last version is the answer.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>>;

    /// Replaces the object at `key` if its content is still `expected`; says whether it did. The object is
    /// replaced whole or not at all; of several callers with the same `expected` at most one is told `true`.
    ///
    /// Only birth records are ever replaced. An error leaves open whether the object was replaced.
    fn replace(
        &self,
        key: &str,
        expected: &[u8],
        body: Vec<u8>,
        content_type: &str,
    ) -> impl Future<Output = Result<bool, PortError>>;
}

/// What a page of a listing holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event, as the vendor sent it: one JSON value, raw.
    Event(Vec<u8>),
    /// A reference to a blob of events.
    Blob(BlobRef),
}

/// A Microsoft content item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRef {
    /// Opaque, unique within the stream.
    pub id: String,
    /// Where to fetch it; already held against the configured host.
    pub uri: String,
    /// When it became available: the time the listing goes by.
    pub created: UnixSeconds,
    /// When the vendor drops it.
    pub expires: UnixSeconds,
}

/// One answer of a vendor's list call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// In the vendor's order, which nothing may rely on.
    pub items: Vec<Item>,
    /// How to ask for the next page; `None` ends the listing. An empty page may have a next one.
    pub next: Option<String>,
    /// The vendor's own clock, where the answer tells it: what a listing shows, it shows as of then.
    pub vendor_now: Option<UnixSeconds>,
    /// The organisation or tenant whose events these are, where the answer names it: a stream belongs to one.
    pub owner: Option<String>,
}

/// What is asked of [`Vendor::list`].
#[derive(Debug, Clone, Copy)]
pub struct ListRequest<'a> {
    /// The stream.
    pub stream: &'a Stream,
    /// Which of its listings.
    pub listing: ListingId,
    /// The span of vendor time, in whole seconds, half open.
    pub window: Window,
    /// The last page's `next`, for every page but the first.
    pub cursor: Option<&'a str>,
    /// How often a call that fails is repeated.
    pub tries: Tries,
}

/// How often a vendor's client repeats a call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// As often as the vendor's retry policy allows.
    Patient,
    /// Not at all: the collector only probes whether the call works, or retries work that failed before.
    /// A token or key that was refused is still renewed once.
    Once,
}

/// What a vendor says before a stream is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// Go on and list.
    Ready {
        /// The vendor's own clock, where it is known: windows never end in its future.
        vendor_now: Option<UnixSeconds>,
        /// A recording was started just now (Microsoft: a subscription): remember when.
        started: bool,
    },
    /// There is nothing to list this time: it does not record yet, or wants to be left alone.
    NotYet,
}

/// What a fetch came to.
#[derive(Debug)]
pub enum Fetched<B> {
    /// The blob's bytes: one JSON array of events, or what comes in its place, try after try, and says nothing else.
    Body(B),
    /// The vendor does not know it now; it may yet.
    Missing,
    /// The vendor has dropped it: its events are lost.
    Expired,
}

/// A blob that is being received.
pub trait Body {
    /// The next bytes, in pieces as they come; `None` at the end.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>>;

    /// Whether the last error was of the bytes themselves, which came and cannot be decompressed.
    fn is_corrupt(&self) -> bool {
        false
    }
}

/// The body type of a vendor that lists events and has no blobs. It has no values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBody {}

impl Body for NoBody {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        match *self {}
    }
}

/// A vendor's API, for one source. Errors come already retried as the policy allows:
/// [`Recovery::Again`](super::error::Recovery::Again) never leaves this port.
pub trait Vendor {
    /// A blob under way; [`NoBody`] for a vendor that lists events.
    type Body: Body;

    /// Makes sure the vendor records the stream. `last_start` is when a recording was last
    /// started, as the head remembers it.
    fn prepare(
        &self,
        stream: &Stream,
        last_start: Option<UnixSeconds>,
    ) -> impl Future<Output = Result<Prepared, PortError>>;

    /// One page of one window of one listing.
    fn list(&self, request: ListRequest<'_>) -> impl Future<Output = Result<Listed, PortError>>;

    /// One blob. A vendor that lists events leaves this out: it fails, and a person has to act.
    fn fetch(
        &self,
        stream: &Stream,
        blob: &BlobRef,
        tries: Tries,
    ) -> impl Future<Output = Result<Fetched<Self::Body>, PortError>> {
        let _ = (blob, tries);
        let message = format!(
            "{}: the stream's state names a blob, but its vendor lists events: the state belongs to another vendor",
            stream.name()
        );
        async { Err(PortError::person(message)) }
    }
}

/// What a list call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// A page.
    Page(Page),
    /// The cursor is no longer good: list the window again from its start.
    CursorLost,
    /// This listing is not offered to this source; the others are unaffected. Probed again daily.
    NotOffered,
    /// The stream is not recorded (yet), so nothing of it can be listed, and nothing counts as listed.
    NotYet {
        /// When its recording was last started, to be remembered whatever became of it: vendors count starts.
        started: Option<UnixSeconds>,
        /// Why it is not, where that is a fault and not just a matter of time.
        fault: Option<PortError>,
        /// What the vendor did not record meanwhile, as far as is known: it may be lost.
        lost: Option<Window>,
    },
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::FutureExt;
    use secrecy::ExposeSecret;

    use super::*;

    /// Secrets that remember how they were asked for.
    #[derive(Default)]
    struct Asked(RefCell<Vec<(String, bool)>>);

    impl Secrets for Asked {
        async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
            self.0.borrow_mut().push((reference.to_owned(), fresh));
            Ok("key".into())
        }
    }

    struct Plain;

    impl Body for Plain {
        async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
            Err(PortError::next_tick("reset"))
        }
    }

    #[test]
    fn ok_secrets_by_reference_are_the_same_secrets() {
        let secrets = Asked::default();
        let secret = Secrets::get(&&secrets, "arn", true).now_or_never().unwrap().unwrap();
        assert_eq!((secret.expose_secret(), secrets.0.take()), ("key", vec![("arn".to_owned(), true)]));
    }

    #[test]
    fn ok_a_body_that_fails_is_not_taken_for_a_corrupt_one() {
        let mut body = Plain;
        assert!(body.chunk().now_or_never().unwrap().is_err() && !body.is_corrupt());
    }
}
