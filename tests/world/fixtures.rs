//! What is explored exhaustively: two workers, three events, two faults, and every way in which an
//! earlier tick may have left things behind.

use std::sync::Arc;

use collector::{BatchLimits, Compression, Retention, Settings, UnixSeconds, VendorPolicy};
use schema::LogType;

use super::call::Request;
use super::cast::{Shape, reject, stream};
use super::explore::Fixture;
use super::lone::Lone;
use super::scene::{Content, Entry, Event, Scene, SceneStream};
use super::simulation::Simulation;
use super::trouble::Trouble;

const HOUR_BEGINS: UnixSeconds = 1_795_302_000;
/// Ten minutes before an hour ends.
const NOW: UnixSeconds = HOUR_BEGINS + 3_000;
/// More than an hour after: another partition, and worth a write of its own to a watermark.
const LATER: UnixSeconds = NOW + 4_000;
/// All in one hour of the ledger, and far behind the overlap: what a watermark passes is lost.
const TIMES: [UnixSeconds; 3] = [HOUR_BEGINS + 100, HOUR_BEGINS + 200, HOUR_BEGINS + 300];
/// Failures and deaths in every exploration, together.
const FAULTS: u8 = 2;

/// How a tick left things behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing was ever done.
    Nothing,
    /// A head, and no birth record yet.
    HeadOnly,
    /// A head, a birth record, nothing delivered.
    Born,
    /// An intent, and no object.
    Intent,
    /// An intent, its object, and no commit.
    Object,
    /// One object, the listing not at its end: the watermark unmoved.
    OneBatch,
    /// All that was visible an hour ago; the watermark moves next, also without an object.
    All,
}

/// What the vendor shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Three events, one of them twice.
    Events,
    /// The first of them cannot become a line.
    Rejected,
    /// The last of them is seen only by the worker whose clock is ahead.
    Late,
    /// A blob of three events, one of them twice.
    Blobs,
}

/// One exploration.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What the vendor shows.
    pub shown: Shown,
    /// How an earlier tick left things.
    pub left: Left,
    /// Lines a batch: three make the listing one object, two cut it in its middle.
    pub lines: usize,
    /// Seconds the second worker's clock is ahead of the first's.
    pub ahead: i64,
}

const fn case(shown: Shown, left: Left, lines: usize, ahead: i64) -> Case {
    Case { shown, left, lines, ahead }
}

/// All that is explored, the smaller ones first.
pub const CASES: [Case; 17] = [
    case(Shown::Late, Left::All, 2, 0),
    case(Shown::Blobs, Left::All, 2, LATER - NOW),
    case(Shown::Events, Left::OneBatch, 2, 0),
    case(Shown::Blobs, Left::Object, 3, 0),
    case(Shown::Events, Left::Object, 2, 0),
    case(Shown::Rejected, Left::Intent, 3, 0),
    case(Shown::Late, Left::All, 2, LATER - NOW),
    case(Shown::Events, Left::HeadOnly, 3, 0),
    case(Shown::Late, Left::Object, 3, LATER - NOW),
    case(Shown::Late, Left::Intent, 3, LATER - NOW),
    case(Shown::Events, Left::Intent, 2, 0),
    case(Shown::Events, Left::Object, 2, LATER - NOW),
    case(Shown::Rejected, Left::Born, 3, 0),
    case(Shown::Late, Left::OneBatch, 1, LATER - NOW),
    case(Shown::Blobs, Left::Intent, 3, 0),
    case(Shown::Events, Left::Born, 2, 0),
    case(Shown::Events, Left::Nothing, 3, 0),
];

impl Case {
    /// The world after that tick.
    ///
    /// # Errors
    /// When the tick does not come as far.
    pub fn fixture(&self) -> Result<Fixture, String> {
        let mut scene = match self.shown {
            Shown::Blobs => blobs_scene(),
            shown => events_scene(shown),
        };
        scene.settings.batch.lines = self.lines;
        let mut lone = Lone::new(Simulation::new(Arc::new(scene), NOW));
        leave(&mut lone, self.left)?;
        let clocks = [lone.world.clock, lone.world.clock + self.ahead];
        Ok(Fixture { world: lone.world, faults: FAULTS, clocks })
    }
}

fn leave(lone: &mut Lone, left: Left) -> Result<(), String> {
    let puts =
        |part: &'static str| move |request: &Request| matches!(request, Request::Put { key, .. } if key.contains(part));
    let commits = |request: &Request| matches!(request, Request::Write { items, .. } if !items.is_empty());
    match left {
        Left::Nothing => Ok(()),
        Left::HeadOnly => lone.die_at(puts("_state/")),
        Left::Born => lone.die_at(Request::to_vendor),
        Left::Intent => lone.die_at(puts("/dt=")),
        Left::Object => lone.die_at(commits),
        Left::OneBatch => lone.die_at(puts("acme-000000000001")),
        Left::All => {
            lone.drain()?;
            lone.world.clock = LATER;
            Ok(())
        }
    }
}

fn events_scene(shown: Shown) -> Scene {
    let mut events = events(Shape::Events);
    if shown == Shown::Rejected {
        events[0] = reject(0);
    }
    // Late, but within the overlap.
    let (last, late) = if shown == Shown::Late { (NOW - 30, NOW + 600) } else { (TIMES[2], NOW) };
    let entry = |event: usize, text: usize, visible_at: UnixSeconds| Entry {
        at: if event == 2 { last } else { TIMES[event] },
        visible_at,
        listings: vec!["organization"],
        content: Content::Event(event, text),
    };
    let entries = vec![entry(1, 0, NOW), entry(0, 0, NOW), entry(2, 0, late), entry(1, 1, NOW)];
    let stream = SceneStream { stream: stream(LogType::OpenAiAudit, &["organization"]), events, entries };
    scene(stream, None)
}

fn blobs_scene() -> Scene {
    let content = Content::Blob { id: "blob".into(), events: vec![(0, 0), (1, 0), (2, 0), (1, 1)] };
    let at = TIMES[2] + 60;
    let entries = vec![Entry { at, visible_at: at, listings: vec!["content"], content }];
    let stream = SceneStream { stream: stream(LogType::Exchange, &["content"]), events: events(Shape::Blobs), entries };
    Scene { tells_time: true, ..scene(stream, Some(Retention { keeps: 604_800, margin: 3_600 })) }
}

fn events(shape: Shape) -> Vec<Event> {
    TIMES.iter().enumerate().map(|(number, at)| shape.event(number, *at)).collect()
}

/// Without sweeps, which would find again what a broken protocol loses.
fn scene(stream: SceneStream, retention: Option<Retention>) -> Scene {
    Scene {
        streams: vec![stream],
        policy: VendorPolicy {
            tick_seconds: 60,
            overlap: 60,
            sweeps: &[],
            first_window: 30 * 86_400,
            longest_window: 30 * 86_400,
            retention,
            horizon: 30 * 86_400,
            split_after_pages: None,
            silence: None,
            fetches_ahead: 1,
        },
        settings: Settings {
            prefix: String::new(),
            compression: Compression::Gzip,
            lookback: 7_200,
            batch: BatchLimits::default(),
        },
        page_size: 10,
        chunk_bytes: 4_096,
        tells_time: false,
        tick_seconds: 50,
        page_seconds: 0,
        trouble: Trouble::default(),
    }
}
