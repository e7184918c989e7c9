//! What a worker asks of the world, and what it is told: plain values.

use std::time::Duration;

use super::object::Body;
use collector::{
    BlobRef, Head, LedgerHour, LedgerItem, LedgerKind, Listed, PortError, Prepared, Put, UnixSeconds, Window, Written,
};

/// The tick that makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TickId {
    /// Its number. Where nobody asks which of two ticks that began together it was, all have one number.
    pub number: u64,
    /// When it began, by the world's clock.
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
        /// The version the head must have.
        expected: Option<u64>,
        /// The new head.
        head: Head,
        /// What the ledger gains.
        items: Vec<LedgerItem>,
    },
    /// `State::ledger`
    Ledger {
        /// The stream's name.
        stream: String,
        /// Rows or blobs.
        kind: LedgerKind,
        /// The bucket.
        hour: u32,
        /// Only what came after.
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
        /// The whole key.
        key: String,
        /// The object.
        body: Body,
        /// Its type.
        content_type: String,
    },
    /// `Bucket::get`
    Get {
        /// The whole key.
        key: String,
    },
    /// `Bucket::replace`
    Replace {
        /// The whole key.
        key: String,
        /// The content that the object must have.
        expected: Body,
        /// The new content.
        body: Body,
        /// Its type.
        content_type: String,
    },
    /// `Vendor::prepare`
    Prepare {
        /// The stream's name.
        stream: String,
        /// As the head remembers it.
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
        /// The last page's `next`.
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
        /// Chunks received so far.
        chunk: usize,
    },
    /// `Clock::sleep`
    Sleep {
        /// How long.
        duration: Duration,
    },
    /// `Secrets::get`
    Secret {
        /// Which.
        reference: String,
    },
}

impl Request {
    /// Whether the call changes the world.
    pub fn has_effect(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::Put { .. } | Self::Replace { .. })
    }

    /// Whether the call is `Vendor::prepare`.
    pub fn is_prepare(&self) -> bool {
        matches!(self, Self::Prepare { .. })
    }

    /// Whether the call goes to the vendor.
    pub fn is_for_vendor(&self) -> bool {
        matches!(self, Self::Prepare { .. } | Self::List { .. } | Self::Fetch { .. } | Self::Chunk { .. })
    }
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The port's error.
    Failed(PortError),
    /// The code behind the port panics.
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

/// What a fetch came to, without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobAnswer {
    /// The bytes follow in chunks.
    Body,
    /// Not there now.
    Missing,
    /// Dropped.
    Expired,
}
