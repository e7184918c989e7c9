//! What the vendor holds, and how it shows it.
//!
//! A scenario never changes, except that a driver may end its [`PermanentFaults`]; what is visible of it depends on the world's
//! clock alone. The order of a listing is the order of the entries, which means nothing.

use collector::{BlobRef, Item, ListingId, Page, Settings, Source, Stream, UnixSeconds, VendorPolicy, Window};

use super::permanent_faults::{BrokenBlob, PermanentFaults};

/// One source, its API and the deployment's settings.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The streams, each with what the vendor holds of it.
    pub streams: Vec<ScenarioStream>,
    /// How they are listed.
    pub policy: VendorPolicy,
    /// The deployment's.
    pub settings: Settings,
    /// Entries a page.
    pub page_size: usize,
    /// Bytes a chunk of a blob.
    pub chunk_bytes: usize,
    /// Whether `prepare` tells the vendor's clock; pages always do.
    pub has_clock_in_prepare: bool,
    /// Seconds a tick has.
    pub tick_seconds: i64,
    /// Seconds that each page takes.
    pub page_seconds: i64,
    /// What is permanently wrong at the vendor.
    pub permanent_faults: PermanentFaults,
}

/// One stream of a scenario.
#[derive(Debug, Clone)]
pub struct ScenarioStream {
    /// The stream.
    pub stream: Stream,
    /// Its distinct events.
    pub events: Vec<Event>,
    /// What listings show, in their order.
    pub entries: Vec<Entry>,
}

/// One distinct event.
#[derive(Debug, Clone)]
pub struct Event {
    /// What a line of it is recognised by, see [`identity_of_line`](super::object::identity_of_line);
    /// `None` for input that cannot become a line.
    pub identity: Option<String>,
    /// The ways the vendor writes it: other order of keys, or fields added later.
    pub texts: Vec<String>,
}

/// One item of listings.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The time listings go by.
    pub at: UnixSeconds,
    /// When it is first shown, which may be much later.
    pub visible_at: UnixSeconds,
    /// The listings that show it.
    pub listings: Vec<ListingId>,
    /// What it is.
    pub content: Content,
}

/// What an entry is. Events are named by their index and the index of their text.
#[derive(Debug, Clone)]
pub enum Content {
    /// The event itself.
    Event(usize, usize),
    /// A blob of events.
    Blob {
        /// Its id.
        id: String,
        /// What is in it.
        events: Vec<(usize, usize)>,
    },
}

impl Content {
    /// The id of a blob.
    pub fn blob_id(&self) -> Option<&str> {
        match self {
            Self::Event(..) => None,
            Self::Blob { id, .. } => Some(id),
        }
    }

    /// The indices of the events shown.
    pub fn events(&self) -> Vec<usize> {
        match self {
            Self::Event(event, _) => vec![*event],
            Self::Blob { events, .. } => events.iter().map(|(event, _)| *event).collect(),
        }
    }
}

/// Seconds after which a blob is gone.
const BLOB_KEPT: UnixSeconds = 7 * 86_400;

impl Scenario {
    /// The source as the collector knows it.
    pub fn source<V>(&self, vendor: V) -> Source<V> {
        let streams = self.streams.iter().map(|stream| stream.stream.clone()).collect();
        Source { vendor, streams, policy: self.policy.clone() }
    }

    /// The stream of that name.
    pub fn stream(&self, name: &str) -> Option<&ScenarioStream> {
        self.streams.iter().find(|stream| stream.stream.name() == name)
    }

    /// The first moment at which everything is visible.
    pub fn all_visible_at(&self) -> UnixSeconds {
        let entries = self.streams.iter().flat_map(|stream| &stream.entries);
        entries.map(|entry| entry.visible_at.max(entry.at + 1)).max().unwrap_or(0)
    }

    /// The first second that the vendor still lists at `now`.
    pub fn kept_from(&self, now: UnixSeconds) -> UnixSeconds {
        self.policy.retention.map_or(UnixSeconds::MIN, |retention| now - retention.keeps)
    }

    /// Ticks that listing everything takes beyond what it takes where pages take no time: for halving windows, and for
    /// each page once more.
    pub fn slow_ticks(&self) -> usize {
        let pages = self.streams.iter().map(|stream| stream.entries.len().div_ceil(self.page_size)).max().unwrap_or(0);
        if self.page_seconds == 0 { 0 } else { pages + 32 }
    }

    /// Returns `true` if listings show blobs.
    pub fn has_blobs(&self) -> bool {
        self.streams.iter().flat_map(|stream| &stream.entries).any(|entry| entry.content.blob_id().is_some())
    }

    /// Whether permanent trouble keeps the listing from handing out the entry.
    pub fn is_broken(&self, entry: &Entry, listing: &str) -> bool {
        let second = Window { from: entry.at, to: entry.at + 1 };
        self.permanent_faults.breaks(listing, second) || self.broken_blob(entry).is_some()
    }

    /// The permanent trouble of an entry that is a blob.
    pub fn broken_blob(&self, entry: &Entry) -> Option<BrokenBlob> {
        self.permanent_faults.blobs.get(entry.content.blob_id()?).copied()
    }
}

impl ScenarioStream {
    /// One page of at most `size` items of a window of a listing as shown at `now`, or none when the cursor is not one
    /// of ours.
    pub fn page(
        &self,
        listing: &str,
        window: Window,
        cursor: Option<&str>,
        (size, now): (usize, UnixSeconds),
    ) -> Option<Page> {
        let after = cursor.map_or(Some(0), |cursor| cursor.strip_prefix("after:")?.parse::<usize>().ok())?;
        let shown = |entry: &Entry| {
            entry.visible_at <= now && (window.from..window.to).contains(&entry.at) && entry.listings.contains(&listing)
        };
        let mut left = self.entries.iter().enumerate().skip(after).filter(|(_, entry)| shown(entry)).peekable();
        let mut page = Page::default();
        let mut last = after;
        while page.items.len() < size {
            let Some((index, entry)) = left.next() else { break };
            page.items.push(self.item(entry));
            last = index + 1;
        }
        page.next = left.peek().map(|_| format!("after:{last}"));
        Some(page)
    }

    fn item(&self, entry: &Entry) -> Item {
        match &entry.content {
            Content::Event(event, text) => Item::Event(self.events[*event].texts[*text].clone().into_bytes()),
            Content::Blob { id, .. } => Item::Blob(BlobRef {
                id: id.clone(),
                uri: format!("blob:{id}"),
                created: entry.at,
                expires: entry.at + BLOB_KEPT,
            }),
        }
    }

    /// The bytes of a blob: one JSON array.
    pub fn blob(&self, wanted: &str) -> Option<Vec<u8>> {
        self.entries.iter().find_map(|entry| match &entry.content {
            Content::Blob { id, events } if id == wanted => {
                let texts: Vec<&str> =
                    events.iter().map(|(event, text)| self.events[*event].texts[*text].as_str()).collect();
                Some(format!("[{}]", texts.join(", ")).into_bytes())
            }
            _ => None,
        })
    }
}
