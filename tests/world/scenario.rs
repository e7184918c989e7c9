//! The vendor's data, and the rules by which the vendor lists them.
//!
//! A scenario never changes, except that a driver may end its [`PermanentFaults`]; the visible part of it depends on
//! the world's clock alone. Listings keep the order of the entries, which is arbitrary.

use collector::{BlobRef, Item, ListingId, Page, Settings, Source, Stream, UnixSeconds, VendorPolicy, Window};

use super::permanent_faults::{BrokenBlob, PermanentFaults};

/// One source, its API and the deployment's settings.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The streams, each with the vendor's data.
    pub streams: Vec<ScenarioStream>,
    /// The policy by which the streams are listed.
    pub policy: VendorPolicy,
    /// The deployment's settings.
    pub settings: Settings,
    /// Entries per page.
    pub page_size: usize,
    /// Bytes per chunk of a blob.
    pub chunk_bytes: usize,
    /// `true` if the answer to `prepare` has the vendor's clock; pages always have it.
    pub has_clock_in_prepare: bool,
    /// The time limit of a tick, in seconds.
    pub tick_seconds: i64,
    /// Seconds that each page takes.
    pub page_seconds: i64,
    /// The permanent faults of the vendor.
    pub permanent_faults: PermanentFaults,
}

/// One stream of a scenario.
#[derive(Debug, Clone)]
pub struct ScenarioStream {
    /// The stream.
    pub stream: Stream,
    /// The distinct events.
    pub events: Vec<Event>,
    /// The entries of all listings, in the order of the listings.
    pub entries: Vec<Entry>,
}

/// One distinct event.
#[derive(Debug, Clone)]
pub struct Event {
    /// The identity by which a line of the event is recognised, see
    /// [`identity_of_line`](super::object::identity_of_line); `None` for input that cannot become a line.
    pub identity: Option<String>,
    /// The spellings of the event: other order of keys, or fields added later.
    pub texts: Vec<String>,
}

/// One entry that listings show: an event or a blob.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The time by which the entry is listed.
    pub at: UnixSeconds,
    /// The time at which the entry becomes visible, which may be much later.
    pub visible_at: UnixSeconds,
    /// The listings that show the entry.
    pub listings: Vec<ListingId>,
    /// The content of the entry.
    pub content: Content,
}

/// The content of an entry. Events are given by their index and the index of their spelling.
#[derive(Debug, Clone)]
pub enum Content {
    /// The event itself.
    Event(usize, usize),
    /// A blob of events.
    Blob {
        /// The blob's id.
        id: String,
        /// The events in the blob.
        events: Vec<(usize, usize)>,
    },
}

impl Content {
    /// Returns the blob's id; `None` if the content is an event.
    pub fn blob_id(&self) -> Option<&str> {
        match self {
            Self::Event(..) => None,
            Self::Blob { id, .. } => Some(id),
        }
    }

    /// Returns the indices of the events.
    pub fn events(&self) -> Vec<usize> {
        match self {
            Self::Event(event, _) => vec![*event],
            Self::Blob { events, .. } => events.iter().map(|(event, _)| *event).collect(),
        }
    }
}

/// Seconds after which the vendor drops a blob.
const BLOB_RETENTION_SECONDS: UnixSeconds = 7 * 86_400;

impl Scenario {
    /// Creates the collector's source for the scenario.
    pub fn source<V>(&self, vendor: V) -> Source<V> {
        let streams = self.streams.iter().map(|stream| stream.stream.clone()).collect();
        Source { vendor, streams, policy: self.policy.clone() }
    }

    /// Returns the stream with this name.
    pub fn stream(&self, name: &str) -> Option<&ScenarioStream> {
        self.streams.iter().find(|stream| stream.stream.name() == name)
    }

    /// Returns the first moment at which all entries are visible.
    pub fn all_visible_at(&self) -> UnixSeconds {
        let entries = self.streams.iter().flat_map(|stream| &stream.entries);
        entries.map(|entry| entry.visible_at.max(entry.at + 1)).max().unwrap_or(0)
    }

    /// Returns the first second that the vendor still lists at `now`.
    pub fn kept_from(&self, now: UnixSeconds) -> UnixSeconds {
        self.policy.retention.map_or(UnixSeconds::MIN, |retention| now - retention.keep_seconds)
    }

    /// Returns the extra ticks that slow pages cost while all entries are listed: for halving windows, and for listing
    /// each page once more.
    pub fn slow_ticks(&self) -> usize {
        let pages = self.streams.iter().map(|stream| stream.entries.len().div_ceil(self.page_size)).max().unwrap_or(0);
        if self.page_seconds == 0 { 0 } else { pages + 32 }
    }

    /// Returns `true` if listings show blobs.
    pub fn has_blobs(&self) -> bool {
        self.streams.iter().flat_map(|stream| &stream.entries).any(|entry| entry.content.blob_id().is_some())
    }

    /// Returns `true` if a permanent fault keeps the collector from getting the entry by this listing.
    pub fn is_broken(&self, entry: &Entry, listing: &str) -> bool {
        let second = Window { from: entry.at, to: entry.at + 1 };
        self.permanent_faults.breaks(listing, second) || self.broken_blob(entry).is_some()
    }

    /// Returns the permanent fault of an entry that is a blob; `None` for a healthy blob or an event.
    pub fn broken_blob(&self, entry: &Entry) -> Option<BrokenBlob> {
        self.permanent_faults.blobs.get(entry.content.blob_id()?).copied()
    }
}

impl ScenarioStream {
    /// Returns a page of at most `size` items of a window as a listing shows it at `now`, or `None` if the cursor did
    /// not come from this method.
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
                expires: entry.at + BLOB_RETENTION_SECONDS,
            }),
        }
    }

    /// Returns the bytes of a blob: one JSON array.
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
