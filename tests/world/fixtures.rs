//! The cases of the exhaustive exploration: two workers, three events, two faults, and every state that
//! an earlier tick may have left.

use std::sync::Arc;

use collector::{BatchLimits, Compression, Retention, Settings, UnixSeconds, VendorPolicy};
use schema::LogType;

use super::call::Request;
use super::explore::Fixture;
use super::invariants::MAX_CLOCK_SKEW_SECONDS;
use super::permanent_faults::PermanentFaults;
use super::random_streams::{Shape, reject, stream};
use super::scenario::{Content, Entry, Event, Scenario, ScenarioStream};
use super::simulation::{Simulation, Tearing};
use super::single_worker::SingleWorker;

const HOUR_BEGINS: UnixSeconds = 1_795_302_000;
/// The clock of the earlier tick: ten minutes before an hour ends.
const EARLIER_TICK_TIME: UnixSeconds = HOUR_BEGINS + 3_000;
/// A time more than an hour after [`EARLIER_TICK_TIME`]: it is in another partition, and so late that a tick writes its
/// watermark even without an object.
const NEXT_HOUR_TIME: UnixSeconds = EARLIER_TICK_TIME + 4_000;
/// The times of the events. They are in one ledger hour, and far before the overlap, so that an event is lost if the
/// watermark passes it without a delivery.
const EVENT_TIMES: [UnixSeconds; 3] = [HOUR_BEGINS + 100, HOUR_BEGINS + 200, HOUR_BEGINS + 300];
/// The maximum number of failures and deaths, together, per exploration.
const FAULTS: u8 = 2;

/// The state that an earlier tick left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriorState {
    /// No tick ever ran.
    Nothing,
    /// A head, but no birth record yet.
    HeadOnly,
    /// A head and a birth record, with nothing delivered.
    Born,
    /// An intent, but no object.
    Intent,
    /// An intent and its object, but no commit.
    Object,
    /// One committed object, with the listing not at its end and the watermark unmoved.
    OneBatch,
    /// All events that were visible an hour ago are delivered. The next tick writes a newer watermark even without an
    /// object.
    All,
}

/// The data that the vendor shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VendorData {
    /// Three events, one of them twice.
    Events,
    /// Three events, of which the first cannot become a line.
    Rejected,
    /// Three events, of which only the worker whose clock is ahead sees the last.
    Late,
    /// A blob of three events, one of them twice.
    Blobs,
}

/// The clocks of the two workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clocks {
    /// Both show the time of the earlier tick, or an hour more if that tick ended.
    Same,
    /// Both show an hour more than the earlier tick's clock, so its intent is stale.
    Later,
    /// The first clock is like [`Clocks::Same`], the second one is more than an hour ahead of it.
    Apart,
}

/// One case of the exploration.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The data that the vendor shows.
    pub data: VendorData,
    /// The state that an earlier tick left.
    pub prior: PriorState,
    /// Lines per batch: with three the listing becomes one object, with two it is cut in the middle.
    pub lines: usize,
    /// The clocks of the two workers.
    pub clocks: Clocks,
    /// `true` if the store shows ledger items later than their head.
    pub is_torn: bool,
    /// The maximum number of failures and deaths, together, in a whole run.
    pub faults: u8,
    /// The maximum number of failures and deaths, together, in a short run; `None` leaves the case out of short runs.
    pub short_run_faults: Option<u8>,
}

/// All cases, the smaller ones first.
pub const CASES: [Case; 26] = {
    use PriorState::{All, Born, HeadOnly, Intent, Nothing, Object, OneBatch};
    use VendorData::{Blobs, Events, Late, Rejected};
    [
        Case::new(Blobs, All, 2).apart(),
        Case::new(Events, OneBatch, 2),
        Case::new(Blobs, Object, 3),
        Case::new(Late, All, 2),
        Case::new(Blobs, Intent, 3),
        Case::new(Rejected, Intent, 3),
        Case::new(Events, Object, 2),
        Case::new(Events, HeadOnly, 3),
        Case::new(Events, Intent, 2),
        Case::new(Rejected, Born, 3).faults(0, 2),
        Case::new(Events, Born, 2).faults(0, 2),
        Case::new(Events, Nothing, 3).faults(0, 2),
        // Cases in which the intent is an hour old.
        Case::new(Events, Intent, 3).later().faults(0, 2),
        Case::new(Blobs, Intent, 3).later().faults(0, 1),
        Case::new(Rejected, Intent, 3).later().faults(0, 1),
        // Cases in which the workers' clocks are in different hours.
        Case::new(Late, Object, 3).apart(),
        Case::new(Late, All, 2).apart().faults(0, 1),
        Case::new(Events, Object, 2).apart().faults(0, 1),
        Case::new(Late, Intent, 3).apart().faults(0, 1).whole_run_only(),
        Case::new(Late, OneBatch, 1).apart().faults(0, 1).whole_run_only(),
        // Cases in which a reader may see a commit in parts.
        Case::new(Events, Object, 2).torn().faults(0, 2),
        Case::new(Blobs, Intent, 3).torn().faults(0, 2),
        Case::new(Events, OneBatch, 1).torn().faults(0, 1).whole_run_only(),
        Case::new(Events, Intent, 2).torn().faults(0, 1),
        Case::new(Events, Born, 2).torn().faults(0, 1),
        // Cases with an old intent in which a reader may see a commit in parts.
        Case::new(Blobs, Intent, 3).later().torn().faults(0, 1),
    ]
};

impl Case {
    /// Creates a case with equal clocks and a store that shows a commit at once.
    pub const fn new(data: VendorData, prior: PriorState, lines: usize) -> Self {
        Self { data, prior, lines, clocks: Clocks::Same, is_torn: false, faults: FAULTS, short_run_faults: Some(1) }
    }

    const fn faults(self, short_run_faults: u8, faults: u8) -> Self {
        Self { faults, short_run_faults: Some(short_run_faults), ..self }
    }

    const fn whole_run_only(self) -> Self {
        Self { short_run_faults: None, ..self }
    }

    const fn later(self) -> Self {
        Self { clocks: Clocks::Later, ..self }
    }

    const fn apart(self) -> Self {
        Self { clocks: Clocks::Apart, ..self }
    }

    const fn torn(self) -> Self {
        Self { is_torn: true, ..self }
    }

    /// Creates the world after the earlier tick; `faults` bounds the failures and deaths to come.
    ///
    /// # Errors
    /// The earlier tick did not reach the wanted state.
    pub fn fixture(&self, faults: u8) -> Result<Fixture, String> {
        let mut scenario = match self.data {
            VendorData::Blobs => blobs_scenario(),
            data => events_scenario(data),
        };
        scenario.settings.batch.lines = self.lines;
        let mut single = SingleWorker::new(Simulation::new(Arc::new(scenario), EARLIER_TICK_TIME));
        run_to(&mut single, self.prior)?;
        let SingleWorker { mut world, .. } = single;
        let hour = NEXT_HOUR_TIME - EARLIER_TICK_TIME;
        let clocks = match self.clocks {
            Clocks::Same => [world.clock; 2],
            Clocks::Later => [world.clock + hour; 2],
            Clocks::Apart => [world.clock, world.clock + hour],
        };
        world.tearing = if self.is_torn { Tearing::UntilRevealed } else { Tearing::Never };
        world.checker.clock_skew = MAX_CLOCK_SKEW_SECONDS + clocks[1] - clocks[0];
        Ok(Fixture { world, faults, clocks })
    }
}

fn run_to(single: &mut SingleWorker, prior: PriorState) -> Result<(), String> {
    let puts =
        |part: &'static str| move |request: &Request| matches!(request, Request::Put { key, .. } if key.contains(part));
    let commits = |request: &Request| matches!(request, Request::Write { items, .. } if !items.is_empty());
    match prior {
        PriorState::Nothing => Ok(()),
        PriorState::HeadOnly => single.crash_at(puts("_state/")),
        PriorState::Born => single.crash_at(Request::is_for_vendor),
        PriorState::Intent => single.crash_at(puts("/dt=")),
        PriorState::Object => single.crash_at(commits),
        PriorState::OneBatch => single.crash_at(puts("acme-000000000001")),
        PriorState::All => {
            single.drain()?;
            single.world.clock = NEXT_HOUR_TIME;
            Ok(())
        }
    }
}

fn events_scenario(data: VendorData) -> Scenario {
    let mut events = events(Shape::Events);
    if data == VendorData::Rejected {
        events[0] = reject(0);
    }
    // The late event lies within the overlap of the next listing.
    let (last, late) = if data == VendorData::Late {
        (EARLIER_TICK_TIME - 30, EARLIER_TICK_TIME + 600)
    } else {
        (EVENT_TIMES[2], EARLIER_TICK_TIME)
    };
    let entry = |event: usize, text: usize, visible_at: UnixSeconds| Entry {
        at: if event == 2 { last } else { EVENT_TIMES[event] },
        visible_at,
        listings: vec!["organization"],
        content: Content::Event(event, text),
    };
    let entries = vec![
        entry(1, 0, EARLIER_TICK_TIME),
        entry(0, 0, EARLIER_TICK_TIME),
        entry(2, 0, late),
        entry(1, 1, EARLIER_TICK_TIME),
    ];
    let stream = ScenarioStream { stream: stream(LogType::OpenAiAudit, &["organization"]), events, entries };
    scenario(stream, None)
}

fn blobs_scenario() -> Scenario {
    let content = Content::Blob { id: "blob".into(), events: vec![(0, 0), (1, 0), (2, 0), (1, 1)] };
    let at = EVENT_TIMES[2] + 60;
    let entries = vec![Entry { at, visible_at: at, listings: vec!["content"], content }];
    let stream =
        ScenarioStream { stream: stream(LogType::Exchange, &["content"]), events: events(Shape::Blobs), entries };
    Scenario {
        has_clock_in_prepare: true,
        ..scenario(stream, Some(Retention { keep_seconds: 604_800, margin_seconds: 3_600 }))
    }
}

fn events(shape: Shape) -> Vec<Event> {
    EVENT_TIMES.iter().enumerate().map(|(number, at)| shape.event(number, *at)).collect()
}

/// Creates a scenario without sweeps, because a sweep would find the events that a broken protocol loses.
fn scenario(stream: ScenarioStream, retention: Option<Retention>) -> Scenario {
    Scenario {
        streams: vec![stream],
        policy: VendorPolicy {
            tick_seconds: 60,
            overlap_seconds: 60,
            sweeps: &[],
            first_window_seconds: 30 * 86_400,
            max_window_seconds: 30 * 86_400,
            retention,
            dedup_horizon_seconds: 30 * 86_400,
            split_after_pages: None,
            silence: None,
            no_data_advice: "",
            start_delay: None,
            fetches_ahead: 1,
        },
        settings: Settings {
            no_data_seconds: 0,
            prefix: String::new(),
            compression: Compression::Gzip,
            lookback_seconds: 7_200,
            batch: BatchLimits::default(),
        },
        page_size: 10,
        chunk_bytes: 4_096,
        has_clock_in_prepare: false,
        tick_seconds: 50,
        page_seconds: 0,
        permanent_faults: PermanentFaults::default(),
    }
}
