//! Random streams and their events.

use collector::{ListingId, SourceId, Stream, UnixSeconds};
use jiff::Timestamp;
use schema::LogType;

use super::rng::SeededRng;
use super::scenario::{Content, Entry, Event, ScenarioStream};

/// The start of every random world: half an hour before midnight, so that runs cross hours and a day.
pub const BEGIN: UnixSeconds = 1_795_303_800;

/// Seconds per minute.
pub(super) const MINUTE: i64 = 60;
/// Seconds per hour.
pub(super) const HOUR: i64 = 3_600;
/// Seconds per day.
pub(super) const DAY: i64 = 86_400;

/// The kind of listing that a vendor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Listings hold events, as OpenAI's do.
    Events,
    /// Listings hold blobs of events, as Microsoft's do.
    Blobs,
}

impl Shape {
    /// Returns the listings of a stream of this shape.
    pub fn listings(self) -> &'static [ListingId] {
        match self {
            Self::Events => &["organization", "tenant"],
            Self::Blobs => &["content"],
        }
    }

    /// Creates event `number`, which happens at `at`, with two spellings: JSON texts of the same event.
    pub fn event(self, number: usize, at: UnixSeconds) -> Event {
        match self {
            Self::Events => openai_event(number, at),
            Self::Blobs => microsoft_event(number, number, at),
        }
    }
}

fn openai_event(number: usize, at: UnixSeconds) -> Event {
    let id = format!("audit_log-{number:04}");
    let head = format!(r#"{{"id":"{id}","type":"api_key.created","effective_at":{at}"#);
    Event {
        texts: vec![
            format!(r#"{head},"actor":{{"type":"session"}}}}"#),
            format!(r#"{head},"project":{{"id":"proj_{number}","name":"added later"}}}}"#),
        ],
        identity: Some(id),
    }
}

/// Creates an event whose identity is its `Id` together with its operation.
fn microsoft_event(id: usize, number: usize, at: UnixSeconds) -> Event {
    let (id, operation) = (format!("00000000-0000-4000-8000-{id:012}"), format!("Op{number}"));
    let time = Timestamp::from_second(at).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    Event {
        texts: vec![
            format!(r#"{{"Id":"{id}","CreationTime":"{time}","Operation":"{operation}","RecordType":2}}"#),
            format!(r#"{{"RecordType":2, "Operation":"{operation}", "CreationTime":"{time}", "Id":"{id}"}}"#),
        ],
        identity: Some(format!("{id}|{operation}")),
    }
}

/// Creates input that cannot become a line.
pub fn reject(number: usize) -> Event {
    let text = format!(r#""not an object, number {number}""#);
    Event { identity: None, texts: vec![text.clone(), text] }
}

/// Creates a stream of the source `acme`.
pub fn stream(log_type: LogType, listings: &[ListingId]) -> Stream {
    let source = SourceId::try_from("acme".to_owned()).unwrap_or_else(|error| unreachable!("{error}"));
    Stream { source, label: "Acme".into(), log_type, listings: listings.to_vec() }
}

/// Creates a stream with random entries.
pub(super) fn scenario_stream(rng: &mut SeededRng, shape: Shape, log_type: LogType) -> ScenarioStream {
    let mut events = Vec::new();
    let mut times = Vec::new();
    for number in 0..3 + rng.index(10) {
        // Some events precede the first tick by days, some happen during the run, and some share a second.
        let at = match times.last() {
            Some(last) if rng.happens(150) => *last,
            _ => any_time(rng),
        };
        events.push(event(rng, shape, number, at));
        times.push(at);
    }
    let mut entries = match shape {
        Shape::Events => inline_entries(rng, &times),
        Shape::Blobs => blob_entries(rng, &times),
    };
    rng.shuffle(&mut entries);
    ScenarioStream { stream: stream(log_type, shape.listings()), events, entries }
}

/// Picks a time up to two days before the first tick or during the run.
pub(super) fn any_time(rng: &mut SeededRng) -> UnixSeconds {
    BEGIN + rng.between(-50 * HOUR, 5 * HOUR)
}

/// Adds a blob with one new event to the stream.
pub(super) fn add_blob(rng: &mut SeededRng, scenario_stream: &mut ScenarioStream) {
    let (event_number, blob_number, at) = (scenario_stream.events.len(), scenario_stream.entries.len(), any_time(rng));
    scenario_stream.events.push(event(rng, Shape::Blobs, event_number, at));
    let contents = vec![(event_number, rng.index(2))];
    let blob = blob_entry(rng, blob_number, at, contents);
    scenario_stream.entries.insert(rng.index(blob_number + 1), blob);
}

fn event(rng: &mut SeededRng, shape: Shape, number: usize, at: UnixSeconds) -> Event {
    if rng.happens(60) {
        return reject(number);
    }
    match shape {
        Shape::Blobs if number > 0 && rng.happens(150) => microsoft_event(number - 1, number, at),
        _ => shape.event(number, at),
    }
}

/// Picks the time at which an entry becomes visible: at once, or up to five hours late.
fn visible_at(rng: &mut SeededRng, at: UnixSeconds) -> UnixSeconds {
    match rng.below(4) {
        0 => at + rng.between(0, 5 * HOUR),
        1 => at + rng.between(0, 10 * MINUTE),
        _ => at,
    }
}

fn inline_entries(rng: &mut SeededRng, times: &[UnixSeconds]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (event, at) in times.iter().enumerate() {
        let listings = rng.pick(&[&["organization"][..], &["tenant"][..], &["organization", "tenant"][..]]);
        for _ in 0..rng.pick(&[1, 1, 2, 3]) {
            entries.push(Entry {
                at: *at,
                visible_at: visible_at(rng, *at),
                listings: listings.to_vec(),
                content: Content::Event(event, rng.index(2)),
            });
        }
    }
    entries
}

/// Puts every event into one to three blobs.
fn blob_entries(rng: &mut SeededRng, times: &[UnixSeconds]) -> Vec<Entry> {
    let blobs = 1 + rng.index(times.len());
    let mut contents = vec![Vec::new(); blobs];
    for event in 0..times.len() {
        for _ in 0..rng.pick(&[1, 1, 1, 2, 3]) {
            contents[rng.index(blobs)].push((event, rng.index(2)));
        }
    }
    let with_number = contents.into_iter().enumerate();
    with_number
        .map(|(number, mut events)| {
            rng.shuffle(&mut events);
            let newest = events.iter().map(|(event, _)| times[*event]).max().unwrap_or(BEGIN);
            blob_entry(rng, number, newest, events)
        })
        .collect()
}

/// Creates a blob up to 90 minutes after its newest event.
fn blob_entry(rng: &mut SeededRng, number: usize, newest: UnixSeconds, events: Vec<(usize, usize)>) -> Entry {
    let at = newest + rng.between(0, 90 * MINUTE);
    Entry {
        at,
        visible_at: visible_at(rng, at),
        listings: vec!["content"],
        content: Content::Blob { id: format!("blob-{number}"), events },
    }
}
