//! The deployment that is checked or restored.

use crate::base::policy::VendorPolicy;
use crate::base::stream::Stream;

/// The ports and the prefix of the deployment that is checked or restored.
#[derive(Debug)]
pub struct Place<'a, S, B, C> {
    /// The store of heads and ledgers.
    pub state: &'a S,
    /// The bucket with the objects and birth records.
    pub bucket: &'a B,
    /// The source of time and random numbers.
    pub clock: &'a C,
    /// The prefix of every key. It is empty or ends in `/`.
    pub prefix: &'a str,
}

impl<S, B, C> Clone for Place<'_, S, B, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, B, C> Copy for Place<'_, S, B, C> {}

/// A stream that is checked or restored, with the rules of its vendor.
#[derive(Debug, Clone)]
pub struct RecoveryStream {
    /// The stream. [`Stream::listings`] may be an empty list, because checks and rebuilds do not need it.
    pub stream: Stream,
    /// The rules by which the stream is listed.
    pub policy: &'static VendorPolicy,
}
