//! Requests of a worker and answers of the world, as plain values.

use std::time::Duration;

use super::object::Body;
use collector::{
    BlobRef, Head, LedgerHour, LedgerItem, LedgerKind, Listed, PortError, Prepared, Put, UnixSeconds, Window, Written,
};

/// The tick that makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TickId {
    /// The tick's number. The exhaustive driver gives all ticks number 0, because it need not tell them apart.
    pub number: u64,
    /// The start of the tick by the world's clock.
    pub began: UnixSeconds,
}

/// One call of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `State::head`
    Head {
        /// The stream's name.
        stream: String,
    },
    /// `State::write`
    Write {
        /// The stream's name.
        stream: String,
        /// The version that the stored head must have.
        expected: Option<u64>,
        /// The new head.
        head: Head,
        /// The new ledger items.
        items: Vec<LedgerItem>,
    },
    /// `State::ledger`
    Ledger {
        /// The stream's name.
        stream: String,
        /// Rows or blobs.
        kind: LedgerKind,
        /// The ledger hour.
        hour: u32,
        /// Only items with a greater `seq` are wanted.
        after_seq: Option<u64>,
    },
    /// `State::visible_hours`
    VisibleHours {
        /// The stream's name.
        stream: String,
        /// The commit's `seq`.
        seq: u64,
        /// The ledger hours that the commit wrote.
        hours: Vec<LedgerHour>,
    },
    /// `Bucket::put_if_absent`
    Put {
        /// The key with its prefix.
        key: String,
        /// The object.
        body: Body,
        /// The content type.
        content_type: String,
    },
    /// `Bucket::get`
    Get {
        /// The key with its prefix.
        key: String,
    },
    /// `Bucket::replace`
    Replace {
        /// The key with its prefix.
        key: String,
        /// The content that the object must have.
        expected: Body,
        /// The new content.
        body: Body,
        /// The content type.
        content_type: String,
    },
    /// `Vendor::prepare`
    Prepare {
        /// The stream's name.
        stream: String,
        /// The last start of the subscription as the head has it.
        last_start: Option<UnixSeconds>,
    },
    /// `Vendor::list`
    List {
        /// The stream's name.
        stream: String,
        /// The listing.
        listing: &'static str,
        /// The window.
        window: Window,
        /// The `next` of the last page.
        cursor: Option<String>,
    },
    /// `Vendor::fetch`
    Fetch {
        /// The stream's name.
        stream: String,
        /// The blob.
        blob: BlobRef,
    },
    /// `Body::chunk`
    Chunk {
        /// The stream's name.
        stream: String,
        /// The blob's id.
        blob: String,
        /// The number of chunks received so far.
        chunk: usize,
    },
    /// `Clock::sleep`
    Sleep {
        /// The length of the sleep.
        duration: Duration,
    },
    /// `Secrets::get`
    Secret {
        /// The reference of the secret.
        reference: String,
    },
}

impl Request {
    /// Returns `true` if the call changes the world.
    pub fn has_effect(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::Put { .. } | Self::Replace { .. })
    }

    /// Returns `true` if the call is `Vendor::prepare`.
    pub fn is_prepare(&self) -> bool {
        matches!(self, Self::Prepare { .. })
    }

    /// Returns `true` if the call goes to the vendor.
    pub fn is_for_vendor(&self) -> bool {
        matches!(self, Self::Prepare { .. } | Self::List { .. } | Self::Fetch { .. } | Self::Chunk { .. })
    }
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The port failed with this error.
    Failed(PortError),
    /// The port's implementation panics.
    Panic,
    /// To [`Request::Head`].
    Head(Option<Head>),
    /// To [`Request::Write`].
    Written(Written),
    /// To [`Request::Ledger`].
    Ledger(Vec<LedgerItem>),
    /// To [`Request::VisibleHours`].
    VisibleHours(Vec<LedgerHour>),
    /// To [`Request::Put`].
    Put(Put),
    /// To [`Request::Get`].
    Object(Option<Body>),
    /// To [`Request::Replace`].
    Replaced(bool),
    /// To [`Request::Prepare`].
    Prepared(Prepared),
    /// To [`Request::List`].
    Listed(Listed),
    /// To [`Request::Fetch`].
    Fetched(BlobAnswer),
    /// To [`Request::Chunk`].
    Chunk(Option<Vec<u8>>),
    /// To [`Request::Sleep`].
    Slept,
    /// To [`Request::Secret`].
    Secret(String),
}

/// The answer to a fetch, without the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAnswer {
    /// The bytes follow in chunks.
    Body,
    /// The vendor does not find the blob now.
    Missing,
    /// The vendor has dropped the blob for good.
    Expired,
}
