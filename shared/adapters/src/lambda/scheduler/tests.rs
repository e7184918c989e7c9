use collector::ListedCounts;

use super::*;

const BEGAN: i64 = 1_795_330_800;

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_second(BEGAN).unwrap() + Duration::from_secs_f64(seconds)
}

fn report(pages: u64, drained: bool) -> StreamReport {
    StreamReport {
        source: "acme".to_owned(),
        stream: "openai_audit".to_owned(),
        listed: ListedCounts { pages, ..ListedCounts::default() },
        drained,
        ..StreamReport::default()
    }
}

fn failed(error: &PortError) -> StreamReport {
    StreamReport { failure: Some(Failure::new("acme/openai_audit", error)), ..report(0, false) }
}

/// The behaviour of a source in its turns.
#[derive(Debug, Clone, PartialEq)]
enum Behaviour {
    /// Needs this many seconds, over all its turns.
    Needs(f64),
    /// Always has more to list.
    Endless,
    /// Never gets an answer, but ends in time.
    Hung,
    /// Does not end and is cut off.
    Stuck,
}

/// A source with its turns so far: the beginning and the length of each, in seconds.
#[derive(Debug, Clone)]
struct Source {
    number: usize,
    behaviour: Behaviour,
    turns: Vec<(f64, f64)>,
}

fn sources(behaviours: Vec<Behaviour>) -> Vec<Source> {
    behaviours
        .into_iter()
        .enumerate()
        .map(|(number, behaviour)| Source { number, behaviour, turns: Vec::new() })
        .collect()
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Seconds after the end of its turn at which a source that does not end is cut off.
const CUT_AFTER: f64 = 3.0;

/// Simulates a turn and returns the second at which it ends, and its report.
fn work(turn: &mut Turn<Source>, now: Timestamp) -> (f64, StreamReport) {
    let begins = seconds(at(0.0), now);
    let length = seconds(now, turn.end);
    turn.source.turns.push((begins, length));
    let listing_seconds = length - COMMIT_RESERVE.as_secs_f64();
    match &mut turn.source.behaviour {
        Behaviour::Needs(left) if *left <= listing_seconds => (begins + *left, report(1, true)),
        Behaviour::Needs(left) => {
            *left -= listing_seconds;
            (begins + listing_seconds, report(1, false))
        }
        Behaviour::Endless => (begins + listing_seconds, report(1, false)),
        Behaviour::Hung => (begins + listing_seconds, report(0, false)),
        Behaviour::Stuck => (begins + length + CUT_AFTER, failed(&PortError::next_tick("was cut off"))),
    }
}

/// Simulates a tick. Returns the sources in the order of the next tick, the reports, and the second at which the last
/// turn ended.
fn tick(sources: Vec<Source>, end: f64) -> (Vec<Source>, Vec<StreamReport>, f64) {
    let mut scheduler = Scheduler::new(sources, at(0.0), at(end));
    let (mut running, mut now) = (Vec::new(), 0.0_f64);
    for _ in 0..10_000 {
        while running.len() < SLOTS
            && let Some(mut turn) = scheduler.next(at(now))
        {
            let (ends, report) = work(&mut turn, at(now));
            running.push((ends, turn, report));
        }
        // Turns that end at the same time stay in the order in which they began.
        running.sort_by(|a, b| a.0.total_cmp(&b.0));
        if running.is_empty() {
            break;
        }
        let (ends, turn, report) = running.remove(0);
        now = ends;
        scheduler.end_turn(turn, vec![report], at(now));
    }
    let (sources, reports) = scheduler.close(|_, error| vec![failed(error)], |_| None);
    (sources, reports, now)
}

/// Returns the length of each source's first turn, by the source's number.
fn first_turns(sources: &[Source]) -> Vec<f64> {
    let mut sorted: Vec<_> = sources.iter().collect();
    sorted.sort_by_key(|source| source.number);
    sorted.iter().map(|source| source.turns.first().map_or(0.0, |turn| turn.1)).collect()
}

fn numbers(sources: &[Source]) -> Vec<usize> {
    sources.iter().map(|source| source.number).collect()
}

fn without_turns(sources: Vec<Source>) -> Vec<Source> {
    sources.into_iter().map(|source| Source { turns: Vec::new(), ..source }).collect()
}

#[test]
fn a_turn_is_a_share_but_never_too_short_and_never_past_the_end() {
    let of = |left, waiting, min_left| {
        turn_length(Duration::from_secs(left), waiting, min_left).map(|length| length.as_secs_f64())
    };
    assert_eq!(of(265, 1, MIN_FIRST_TURN), Some(265.0));
    assert_eq!(of(265, 8, MIN_FIRST_TURN), Some(265.0));
    assert_eq!(of(268, 9, MIN_FIRST_TURN), Some(138.0));
    assert_eq!(of(288, 50, MIN_FIRST_TURN), Some(48.0));
    assert_eq!(of(50, 50, MIN_FIRST_TURN), Some(20.0));
    assert_eq!(of(14, 50, MIN_FIRST_TURN), Some(14.0));
    assert_eq!(of(10, 1, MIN_FIRST_TURN), Some(10.0));
    assert_eq!(of(9, 1, MIN_FIRST_TURN), None);
    assert_eq!(of(19, 1, MIN_TURN), None);
    assert_eq!(of(20, 1, MIN_TURN), Some(20.0));
    assert_eq!(of(265, 0, MIN_FIRST_TURN), None);
}

#[test]
fn as_many_sources_as_slots_get_the_whole_time_each() {
    let (served, _, ended_at) = tick(sources(vec![Behaviour::Endless; SLOTS]), 50.0);
    assert_eq!(first_turns(&served), [50.0; SLOTS]);
    assert!(served.iter().all(|source| source.turns.len() == 1));
    assert_eq!(ended_at, 42.0);
}

#[test]
fn fifty_slow_sources_share_the_time() {
    let (served, reports, ended_at) = tick(sources(vec![Behaviour::Endless; 50]), 260.0);
    // Two slots serve seven sources each, the others six each, and no time is left unused.
    let shares = first_turns(&served);
    let with_share = |seconds: f64| shares.iter().filter(|share| (**share - seconds).abs() < 0.001).count();
    assert_eq!((with_share(252.0 / 7.0 + 8.0), with_share(252.0 / 6.0 + 8.0)), (14, 36), "{shares:?}");
    assert!((ended_at - 252.0).abs() < 0.001, "{ended_at}");
    assert!(reports.len() == 50 && reports.iter().all(|report| report.failure.is_none()));
}

#[test]
fn one_source_too_many_shares_a_slot() {
    let (served, ..) = tick(sources(vec![Behaviour::Endless; SLOTS + 1]), 50.0);
    let shares = first_turns(&served);
    assert_eq!((shares[0], shares[SLOTS]), (29.0, 29.0));
    assert_eq!(shares[1..SLOTS], [50.0; SLOTS - 1]);
}

/// The first ten sources hang or have a backlog.
#[test]
fn hanging_sources_take_no_time_from_healthy_ones() {
    for hung in [Behaviour::Hung, Behaviour::Stuck, Behaviour::Endless] {
        let behaviours = [vec![hung; 10], vec![Behaviour::Needs(0.5); 40]].concat();
        let (served, reports, ended_at) = tick(sources(behaviours), 50.0);
        let well: Vec<_> = served.iter().filter(|source| source.number >= 10).collect();
        assert!(well.iter().all(|source| source.turns.len() == 1 && source.turns[0].0 < 30.0), "{well:?}");
        assert_eq!(reports.iter().filter(|report| report.drained).count(), 40);
        assert!(ended_at <= 50.0 + CUT_AFTER, "{ended_at}");
        // In the next tick the healthy sources do not wait for the others.
        let (next, ..) = tick(without_turns(served), 50.0);
        let waited = next.iter().filter(|source| source.number >= 10).map(|source| source.turns[0].0);
        assert!(waited.fold(0.0, f64::max) < 6.0);
    }
}

#[test]
fn a_source_without_any_answer_is_reported() {
    let (_, reports, _) = tick(sources(vec![Behaviour::Hung, Behaviour::Endless]), 50.0);
    let [hung, endless] = &reports[..] else { panic!("{reports:?}") };
    let failure = hung.failure.as_ref().unwrap();
    assert!(!failure.needs_person);
    assert!(failure.message.starts_with("acme/openai_audit: nothing could be listed in the 42 s"), "{failure:?}");
    assert_eq!((endless.failure.as_ref(), endless.drained), (None, false));
}

#[test]
fn a_backlog_uses_the_time_that_others_leave() {
    let behaviours = [vec![Behaviour::Needs(24.0)], vec![Behaviour::Needs(0.5); 12]].concat();
    let (served, reports, ended_at) = tick(sources(behaviours), 50.0);
    let backlog = served.iter().find(|source| source.number == 0).unwrap();
    assert_eq!(backlog.turns, [(0.0, 29.0), (21.0, 29.0)]);
    assert_eq!(ended_at, 24.0);
    assert_eq!(reports.len(), 13);
    assert!(reports.iter().all(|report| report.drained));
    assert_eq!(reports.iter().map(|report| report.listed.pages).max(), Some(2));
}

#[test]
fn a_source_that_waits_for_its_vendor_gets_no_second_turn() {
    let mut scheduler = Scheduler::new(vec![1], at(0.0), at(270.0));
    let turn = scheduler.next(at(0.0)).unwrap();
    scheduler.end_turn(turn, vec![report(0, false)], at(0.1));
    assert!(scheduler.next(at(0.1)).is_none());
    let (_, reports) = scheduler.close(|_, _| unreachable!(), |_| None);
    assert_eq!(reports, [report(0, false)], "waiting is no failure");
}

#[test]
fn a_failure_that_more_time_cannot_cure_gets_no_second_turn() {
    let mut scheduler = Scheduler::new(vec![1, 2], at(0.0), at(270.0));
    for (seconds, error) in [(265.0, PortError::person("revoked")), (5.0, PortError::next_tick("refused"))] {
        let turn = scheduler.next(at(0.0)).unwrap();
        scheduler.end_turn(turn, vec![failed(&error)], at(seconds));
    }
    assert!(scheduler.next(at(0.0)).is_none());
}

/// A listing may fail because one second has more pages than a turn can list. More time cures that.
#[test]
fn a_failure_at_the_end_of_a_turn_gets_another_turn() {
    let mut scheduler = Scheduler::new((0..9).collect(), at(0.0), at(100.0));
    let turn = scheduler.next(at(0.0)).unwrap();
    (1..9).for_each(|number| {
        let turn = scheduler.next(at(0.0)).unwrap();
        assert_eq!(turn.source, number);
        scheduler.end_turn(turn, vec![report(1, true)], at(1.0));
    });
    scheduler.end_turn(turn, vec![failed(&PortError::next_tick("crowded"))], at(46.0));
    let turn = scheduler.next(at(46.0)).unwrap();
    assert_eq!((turn.source, turn.end), (0, at(100.0)));
}

#[test]
fn a_source_without_a_turn_is_reported_and_comes_first_in_the_next_tick() {
    let (served, reports, ended_at) = tick(sources(vec![Behaviour::Endless; 50]), 50.0);
    let unserved: Vec<_> = served.iter().take_while(|source| source.turns.is_empty()).collect();
    // Full turns begin at 0, 12 and 24 s, and shorter ones at 36 s.
    assert_eq!((unserved.len(), ended_at), (50 - 4 * SLOTS, 42.0));
    let messages: Vec<_> = reports.iter().filter_map(|report| report.failure.as_ref()).collect();
    assert_eq!(messages.len(), unserved.len());
    assert!(!messages[0].needs_person);
    assert!(messages[0].message.contains("got no turn in this tick: 50 sources share 50 s"), "{messages:?}");
    // The order is: sources whose turn the end of the tick shortened, then the least recently served.
    assert_eq!(numbers(&served)[..18], (32..50).collect::<Vec<_>>());
    assert_eq!(numbers(&served)[18..26], (24..32).collect::<Vec<_>>());
    assert_eq!(numbers(&served)[26..], (0..24).collect::<Vec<_>>());
}

#[test]
fn no_source_misses_two_ticks_in_a_row() {
    let behaviours =
        [vec![Behaviour::Hung; 25], vec![Behaviour::Endless; 15], vec![Behaviour::Needs(0.5); 10]].concat();
    let (mut queue, mut missed) = (sources(behaviours), vec![0; 50]);
    for _ in 0..40 {
        let (served, ..) = tick(without_turns(queue), 50.0);
        for source in &served {
            missed[source.number] = if source.turns.is_empty() { missed[source.number] + 1 } else { 0 };
        }
        assert!(missed.iter().all(|ticks| *ticks <= 1), "{missed:?}");
        queue = served;
    }
}

#[test]
fn a_tick_without_time_or_sources_ends_at_once() {
    let (served, reports, ended_at) = tick(sources(vec![Behaviour::Needs(0.1); 3]), 9.0);
    assert_eq!((numbers(&served), reports.len(), ended_at), (vec![0, 1, 2], 3, 0.0));
    assert!(reports.iter().all(|report| report.failure.is_some()));
    assert_eq!(tick(Vec::new(), 50.0).1, []);
}

#[test]
fn e2_a_turn_that_found_nothing_names_the_call_that_hung() {
    let mut scheduler = Scheduler::new(vec![1], at(0.0), at(50.0));
    let turn = scheduler.next(at(0.0)).unwrap();
    scheduler.end_turn(turn, vec![report(0, false)], at(42.0));
    let (_, reports) = scheduler.close(|_, _| unreachable!(), |_| Some("vendor: list x (41 s)".to_owned()));
    let failure = reports[0].failure.as_ref().unwrap();
    assert!(
        failure.message.contains("in the 42 s it had: it waited for an answer from the vendor: list x"),
        "{failure:?}"
    );
}

#[test]
fn e4_too_little_time_is_not_blamed_on_other_sources() {
    for sources in [1, SLOTS] {
        let (_, reports, _) = tick(self::sources(vec![Behaviour::Needs(0.1); sources]), 6.0);
        let message = &reports[0].failure.as_ref().unwrap().message;
        assert!(message.contains("only 6 s of it were left when it could begin, and a turn needs 10 s"), "{message}");
        assert!(!message.contains("others") && !message.contains("share"), "{message}");
    }
}
