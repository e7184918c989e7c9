//! The collector's port calls and their answers, as plain values.

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
    /// A call of `State::head`.
    Head {
        /// The stream's name.
        stream: String,
    },
    /// A call of `State::write`.
    Write {
        /// The stream's name.
        stream: String,
        /// The version that the stored head must have; `None` if there must be no head.
        expected: Option<u64>,
        /// The new head.
        head: Box<Head>,
        /// The new ledger items.
        items: Vec<LedgerItem>,
    },
    /// A call of `State::ledger`.
    Ledger {
        /// The stream's name.
        stream: String,
        /// The kind of the ledger items: rows or blobs.
        kind: LedgerKind,
        /// The ledger hour.
        hour: u32,
        /// Only items with a greater `seq` are wanted; `None` asks for all.
        after_seq: Option<u64>,
    },
    /// A call of `State::visible_hours`.
    VisibleHours {
        /// The stream's name.
        stream: String,
        /// The commit's `seq`.
        seq: u64,
        /// The ledger hours that the commit wrote.
        hours: Vec<LedgerHour>,
    },
    /// A call of `Bucket::put_if_absent`.
    Put {
        /// The key with its prefix.
        key: String,
        /// The object's content.
        body: Body,
        /// The content type.
        content_type: String,
    },
    /// A call of `Bucket::get`.
    Get {
        /// The key with its prefix.
        key: String,
    },
    /// A call of `Bucket::replace`.
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
    /// A call of `Vendor::prepare`.
    Prepare {
        /// The stream's name.
        stream: String,
        /// The time at which the subscription was last started, from the head; `None` if that is not recorded.
        last_start: Option<UnixSeconds>,
    },
    /// A call of `Vendor::list`.
    List {
        /// The stream's name.
        stream: String,
        /// The name of the listing.
        listing: &'static str,
        /// The window to list.
        window: Window,
        /// The cursor that the previous page returned; `None` asks for the first page.
        cursor: Option<String>,
    },
    /// A call of `Vendor::fetch`.
    Fetch {
        /// The stream's name.
        stream: String,
        /// The blob to fetch.
        blob: BlobRef,
    },
    /// A call of `Body::chunk`.
    Chunk {
        /// The stream's name.
        stream: String,
        /// The blob's id.
        blob: String,
        /// The number of chunks received so far.
        chunk: usize,
    },
    /// A call of `Clock::sleep`.
    Sleep {
        /// The length of the sleep.
        duration: Duration,
    },
    /// A call of `Secrets::get`.
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
#[expect(clippy::large_enum_variant, reason = "an answer lives for one step only")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The port failed with this error.
    Failed(PortError),
    /// The port's implementation panics.
    Panic,
    /// The answer to [`Request::Head`].
    Head(Option<Head>),
    /// The answer to [`Request::Write`].
    Written(Written),
    /// The answer to [`Request::Ledger`].
    Ledger(Vec<LedgerItem>),
    /// The answer to [`Request::VisibleHours`].
    VisibleHours(Vec<LedgerHour>),
    /// The answer to [`Request::Put`].
    Put(Put),
    /// The answer to [`Request::Get`].
    Object(Option<Body>),
    /// The answer to [`Request::Replace`].
    Replaced(bool),
    /// The answer to [`Request::Prepare`].
    Prepared(Prepared),
    /// The answer to [`Request::List`].
    Listed(Listed),
    /// The answer to [`Request::Fetch`].
    Fetched(BlobAnswer),
    /// The answer to [`Request::Chunk`].
    Chunk(Option<Vec<u8>>),
    /// The answer to [`Request::Sleep`].
    Slept,
    /// The answer to [`Request::Secret`].
    Secret(String),
}

/// The answer to a fetch, without the blob's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAnswer {
    /// The vendor has the blob; [`Request::Chunk`] asks for its bytes.
    Body,
    /// The vendor does not find the blob, but may find it later.
    Missing,
    /// The vendor has dropped the blob permanently.
    Expired,
}
