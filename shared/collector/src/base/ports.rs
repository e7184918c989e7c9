//! The six ports: the traits through which this crate reaches the outside world. Everything else in the crate takes
//! values and returns values.
//!
//! A port has one to four methods; `tests/` holds one conformance suite that every adapter of a port passes. Futures
//! need not be `Send`: a tick runs on one thread.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::error::PortError;
use super::head::Head;
use super::ledger::{LedgerHour, LedgerItem, LedgerKind};
use super::stream::{ListingId, Stream};
use super::time::{UnixSeconds, Window};

/// Time and random numbers.
pub trait Clock {
    /// Returns the time of the wall clock, in UTC.
    fn now(&self) -> Timestamp;
    /// Waits for `duration`.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
    /// Returns 64 random bits, for jitter and for the id of a new head, never for secrets.
    fn random(&self) -> u64;
}

/// Several sources share one clock by reference.
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

/// A store of secrets. A secret is named by a reference, which is an ARN, a file path, or a name.
pub trait Secrets {
    /// Returns the secret's text. If `fresh` is `true`, the store is asked even if a cache has the secret. A client
    /// sets `fresh` after the vendor refused the secret (status 401).
    fn get(&self, reference: &str, fresh: bool) -> impl Future<Output = Result<SecretString, PortError>>;

    /// Returns the name of a secret that was read, as the store returned it; `None` if the store returned none. The
    /// name cannot be cut out of the reference, because only some ARNs have a random suffix after the name.
    fn name(&self, reference: &str) -> Option<String> {
        let _ = reference;
        None
    }
}

/// Several sources share one store of secrets by reference.
impl<S: Secrets> Secrets for &S {
    async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
        (**self).get(reference, fresh).await
    }

    fn name(&self, reference: &str) -> Option<String> {
        (**self).name(reference)
    }
}

/// The outcome of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The write was applied.
    Applied,
    /// The head was not at the expected version, and nothing was written. The caller must read the head again.
    Refused,
}

/// The store of heads and ledgers. Every read is strongly consistent; every write is one transaction.
pub trait State {
    /// Returns the stream's head; `None` if it has none.
    fn head(&self, stream: &Stream) -> impl Future<Output = Result<Option<Head>, PortError>>;

    /// Replaces the stored head by `head` and adds `items` if the stored head has the version `expected`; otherwise
    /// changes nothing. If `expected` is `None`, the stream must have no head yet. An item is stored under its kind,
    /// hour and `seq`.
    ///
    /// [`Written::Refused`] means only that the version differs. After a transaction conflict, throttling or a timeout
    /// the adapter repeats the write with the same idempotency token; if no try succeeds, it returns an error. After an
    /// error the write may or may not have been applied, so the caller reads the head again.
    fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> impl Future<Output = Result<Written, PortError>>;

    /// Returns all items of one ledger hour whose `seq` is above `after_seq` (`None`: all items), in ascending order of
    /// `seq`. The adapter reads every page of the store's answer. Expired items that the store has not deleted yet are
    /// included.
    fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> impl Future<Output = Result<Vec<LedgerItem>, PortError>>;

    /// Returns those of `hours` in which the item of commit `seq` is visible, in any order.
    ///
    /// The caller passes only hours to which the commit wrote, and at most
    /// [`MAX_COMMIT_HOURS`](crate::MAX_COMMIT_HOURS) of them. A store may show a head before the ledger items of the
    /// same transaction: if an hour is missing from the result, its item is not visible *yet*.
    fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> impl Future<Output = Result<Vec<LedgerHour>, PortError>>;
}

/// The channel by which people get messages.
pub trait Notifier {
    /// Sends a message. The subject is one line of at most 100 ASCII characters. After an error the message may or may
    /// not have been sent.
    fn notify(&self, subject: &str, text: &str) -> impl Future<Output = Result<(), PortError>>;
}

/// The outcome of [`Bucket::put_if_absent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// This call created the object.
    Created,
    /// The key already had an object, which is unchanged. This call may have created that object itself, in an earlier
    /// try whose answer was lost.
    AlreadyThere,
}

/// The bucket. Objects in it are created once and never changed.
pub trait Bucket {
    /// Creates the object if there is none at `key`; of several callers exactly one gets [`Put::Created`]. `key` is the
    /// whole key, including the deployment's prefix. The object is created whole or not at all. After an error it may
    /// or may not have been created.
    fn put_if_absent(
        &self,
        key: &str,
        body: Vec<u8>,
        content_type: &str,
    ) -> impl Future<Output = Result<Put, PortError>>;

    /// Returns the object; `None` if there is none. "Not allowed" is an error with
    /// [`Recovery::Person`](super::error::Recovery::Person), never `None`. If a delete marker hides the object, its
    /// last version is returned.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>>;

    /// Replaces the object at `key` if its content is still `expected`. Returns `true` if it did. The object is
    /// replaced whole or not at all; of several callers with the same `expected` at most one gets `true`.
    ///
    /// Only birth records are ever replaced. After an error the object may or may not have been replaced.
    fn replace(
        &self,
        key: &str,
        expected: &[u8],
        body: Vec<u8>,
        content_type: &str,
    ) -> impl Future<Output = Result<bool, PortError>>;
}

/// One entry of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An event, as the vendor sent it: one JSON value, raw.
    Event(Vec<u8>),
    /// A reference to a blob of events.
    Blob(BlobRef),
}

/// A reference to a blob of events at the vendor (Microsoft 365: a content item).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRef {
    /// The vendor's id of the blob: opaque, and unique within the stream.
    pub id: String,
    /// The address to fetch the blob from. The vendor's client has checked that its host is the configured one.
    pub uri: String,
    /// The time at which the blob became available. A window lists the blobs whose time lies in the window.
    pub created: UnixSeconds,
    /// The time at which the vendor drops the blob.
    pub expires: UnixSeconds,
}

/// One answer of a vendor's list call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The items in the vendor's order. Nothing may rely on that order.
    pub items: Vec<Item>,
    /// The cursor of the next page; `None` if this is the last page. Even an empty page may be followed by another.
    pub next: Option<String>,
    /// The vendor's own time, if the answer contains it. The page shows the vendor's data as of that time.
    pub vendor_now: Option<UnixSeconds>,
    /// The organisation or tenant that owns the events, if the answer names it. All pages of a stream must have the
    /// same owner.
    pub owner: Option<String>,
}

/// The arguments of [`Vendor::list`].
#[derive(Debug, Clone, Copy)]
pub struct ListRequest<'a> {
    /// The stream.
    pub stream: &'a Stream,
    /// The listing of the stream that is read.
    pub listing: ListingId,
    /// The span of vendor time to list, in whole seconds, half open.
    pub window: Window,
    /// The [`Page::next`] of the page before; `None` for the first page.
    pub cursor: Option<&'a str>,
    /// Tells the client how often it may try the call.
    pub tries: Tries,
}

/// The number of times that a vendor's client may try a call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// The client repeats the call as often as the vendor's retry policy allows.
    Patient,
    /// The client makes the call once, because the collector only probes, or retries work that failed before. A token
    /// or key that the vendor refuses is still renewed once, and the call is then repeated.
    Once,
}

/// The outcome of [`Vendor::prepare`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// The stream can be listed.
    Ready {
        /// The vendor's own time, if it is known. No window ends after it.
        vendor_now: Option<UnixSeconds>,
        /// `true` if this call started the recording of the stream (Microsoft 365: a subscription). The caller stores
        /// the time of the start in the head.
        started: bool,
    },
    /// Nothing can be listed in this tick: the vendor does not record the stream's events yet, or a cooldown is not
    /// over.
    NotYet,
}

/// The outcome of [`Vendor::fetch`].
#[derive(Debug)]
pub enum Fetched<B> {
    /// The blob's content, normally one JSON array of events. If the vendor sends something else, the client tries
    /// again, and after its last try it returns the content as it was sent.
    Body(B),
    /// The vendor does not know the blob now. It may know it later.
    Missing,
    /// The vendor has dropped the blob: its events are lost.
    Expired,
}

/// A blob that is being received.
pub trait Body {
    /// Returns the next bytes as they arrive; `None` at the end.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>>;

    /// Returns `true` if the last error was caused by the content and not by the connection: the bytes arrived, but
    /// cannot be decompressed.
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

/// The client of one source's vendor API. It retries failed calls itself as its policy allows, so it never returns an
/// error with [`Recovery::Again`](super::error::Recovery::Again).
pub trait Vendor {
    /// The type of a blob that is being received; [`NoBody`] for a vendor that lists events.
    type Body: Body;

    /// Makes sure that the vendor records the stream's events. `last_start` is the time in the head at which the
    /// recording was last started; `None` if it never was.
    fn prepare(
        &self,
        stream: &Stream,
        last_start: Option<UnixSeconds>,
    ) -> impl Future<Output = Result<Prepared, PortError>>;

    /// Lists one page of one window.
    fn list(&self, request: ListRequest<'_>) -> impl Future<Output = Result<Listed, PortError>>;

    /// Fetches one blob. A vendor that lists events keeps the default, which fails and needs a person.
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

/// The outcome of [`Vendor::list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// A page.
    Page(Page),
    /// The vendor no longer accepts the cursor: the window must be listed again from its start.
    CursorLost,
    /// The vendor does not offer this listing to this source. The other listings are not affected. The collector
    /// suspends the listing for a day; if the listing has answered before, it does so only after several such ticks in
    /// a row.
    NotOffered,
    /// The vendor does not record the stream's events (yet). The window does not count as listed.
    NotYet {
        /// The time at which the client last started the recording; `None` if it did not. The caller stores the time
        /// even if the start failed, because the vendor limits how often a recording may be started.
        started: Option<UnixSeconds>,
        /// The fault that prevents the recording; `None` if the recording is only not ready yet.
        fault: Option<PortError>,
        /// The span that the vendor may not have recorded, so that its events may be lost; `None` if there is none or
        /// it is unknown.
        lost: Option<Window>,
    },
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::FutureExt;
    use secrecy::ExposeSecret;

    use super::*;

    /// A store of secrets that records its requests.
    #[derive(Default)]
    struct RecordingSecrets(RefCell<Vec<(String, bool)>>);

    impl Secrets for RecordingSecrets {
        async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
            self.0.borrow_mut().push((reference.to_owned(), fresh));
            Ok("key".into())
        }
    }

    struct PlainBody;

    impl Body for PlainBody {
        async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
            Err(PortError::next_tick("reset"))
        }
    }

    #[test]
    fn ok_a_reference_to_secrets_reads_the_same_secrets() {
        let secrets = RecordingSecrets::default();
        let secret = Secrets::get(&&secrets, "arn", true).now_or_never().unwrap().unwrap();
        assert_eq!((secret.expose_secret(), secrets.0.take()), ("key", vec![("arn".to_owned(), true)]));
    }

    #[test]
    fn ok_a_body_that_fails_is_not_taken_for_a_corrupt_one() {
        let mut body = PlainBody;
        assert!(body.chunk().now_or_never().unwrap().is_err() && !body.is_corrupt());
    }
}
