//! The stores of any place, behind the collector's ports.

#[cfg(feature = "aws")]
use adapters::aws::{DynamoState, S3Bucket, SecretsManager};
use adapters::local::{LocalBucket, LocalSecrets, LocalState};
use adapters::{KeyList, ListObjects};
use collector::{Bucket, Head, LedgerHour, LedgerItem, LedgerKind, PortError, Put, Secrets, State, Stream, Written};
use secrecy::SecretString;

#[cfg(feature = "aws")]
use crate::clock::CliClock;

/// Calls a method of the store, whichever it is.
macro_rules! on_store {
    ($any:expr, $store:ident => $call:expr) => {
        match $any {
            Self::Local($store) => $call,
            #[cfg(feature = "aws")]
            Self::Aws($store) => $call,
        }
    };
}

/// The heads and ledgers of any place.
#[derive(Debug)]
pub(crate) enum AnyState {
    /// A file on the local disk.
    Local(LocalState),
    /// A DynamoDB table.
    #[cfg(feature = "aws")]
    Aws(DynamoState<CliClock>),
}

impl State for AnyState {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        on_store!(self, state => state.head(stream).await)
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        on_store!(self, state => state.write(stream, expected, head, items).await)
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        on_store!(self, state => state.ledger(stream, kind, hour, after_seq).await)
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        on_store!(self, state => state.visible_hours(stream, seq, hours).await)
    }
}

/// The objects of any place.
#[derive(Debug)]
pub(crate) enum AnyBucket {
    /// A directory on the local disk.
    Local(LocalBucket),
    /// An S3 bucket.
    #[cfg(feature = "aws")]
    Aws(S3Bucket<CliClock>),
}

impl Bucket for AnyBucket {
    async fn put_if_absent(&self, key: &str, body: Vec<u8>, content_type: &str) -> Result<Put, PortError> {
        on_store!(self, bucket => bucket.put_if_absent(key, body, content_type).await)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        on_store!(self, bucket => bucket.get(key).await)
    }

    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, content_type: &str) -> Result<bool, PortError> {
        on_store!(self, bucket => bucket.replace(key, expected, body, content_type).await)
    }
}

impl ListObjects for AnyBucket {
    async fn list_after(&self, prefix: &str, after: &str, max: usize) -> Result<KeyList, PortError> {
        on_store!(self, bucket => bucket.list_after(prefix, after, max).await)
    }
}

/// The secrets of a command.
#[derive(Debug)]
pub(crate) enum AnySecrets {
    /// A file, or environment variables.
    Local(LocalSecrets),
    /// Secrets Manager.
    #[cfg(feature = "aws")]
    Aws(SecretsManager<CliClock>),
}

impl Secrets for AnySecrets {
    async fn get(&self, reference: &str, fresh: bool) -> Result<SecretString, PortError> {
        on_store!(self, secrets => secrets.get(reference, fresh).await)
    }

    fn name(&self, reference: &str) -> Option<String> {
        on_store!(self, secrets => secrets.name(reference))
    }
}
