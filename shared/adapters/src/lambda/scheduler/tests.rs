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

/// The behaviour of a source in a turn.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// Takes this many seconds, over all its turns.
    Needs(f64),
    /// Lists without end.
    Endless,
    /// Never gets an answer.
    Hung,
    /// Has to be cut off.
    Stuck,
}

/// One source and the turns it had: when each began, and its length.
#[derive(Debug, Clone)]
struct Source {
    number: usize,
    kind: Kind,
    turns: Vec<(f64, f64)>,
}

fn sources(kinds: Vec<Kind>) -> Vec<Source> {
    kinds.into_iter().enumerate().map(|(number, kind)| Source { number, kind, turns: Vec::new() }).collect()
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Past the turn's end what does not end is cut off.
const CUT_AFTER: f64 = 3.0;

/// The work of a turn: when it ends, and its report.
fn work(turn: &mut Turn<Source>, now: Timestamp) -> (f64, StreamReport) {
    let begins = seconds(at(0.0), now);
    let length = seconds(now, turn.end);
    turn.source.turns.push((begins, length));
    let most = length - COMMIT_RESERVE.as_secs_f64();
    match &mut turn.source.kind {
        Kind::Needs(left) if *left <= most => (begins + *left, report(1, true)),
        Kind::Needs(left) => {
            *left -= most;
            (begins + most, report(1, false))
        }
        Kind::Endless => (begins + most, report(1, false)),
        Kind::Hung => (begins + most, report(0, false)),
        Kind::Stuck => (begins + length + CUT_AFTER, failed(&PortError::next_tick("was cut off"))),
    }
}

/// A whole tick, event by event; the sources as the next one gets them, the reports, and when it was over.
fn tick(sources: Vec<Source>, end: f64) -> (Vec<Source>, Vec<StreamReport>, f64) {
    let mut turns = Turns::new(sources, at(0.0), at(end));
    let (mut running, mut now) = (Vec::new(), 0.0_f64);
    for _ in 0..10_000 {
        while running.len() < PLACES
            && let Some(mut turn) = turns.next(at(now))
        {
            let (ends, report) = work(&mut turn, at(now));
            running.push((ends, turn, report));
        }
        // Of those that end at the same moment, the one that began first.
        running.sort_by(|a, b| a.0.total_cmp(&b.0));
        if running.is_empty() {
            break;
        }
        let (ends, turn, report) = running.remove(0);
        now = ends;
        turns.ended(turn, vec![report], at(now));
    }
    let (sources, reports) = turns.close(|_, error| vec![failed(error)], |_| None);
    (sources, reports, now)
}

/// The first turn's length of each, by number.
fn first_turns(sources: &[Source]) -> Vec<f64> {
    let mut sorted: Vec<_> = sources.iter().collect();
    sorted.sort_by_key(|source| source.number);
    sorted.iter().map(|source| source.turns.first().map_or(0.0, |turn| turn.1)).collect()
}

fn numbers(sources: &[Source]) -> Vec<usize> {
    sources.iter().map(|source| source.number).collect()
}

fn anew(sources: Vec<Source>) -> Vec<Source> {
    sources.into_iter().map(|source| Source { turns: Vec::new(), ..source }).collect()
}

#[test]
fn a_turn_is_a_share_but_never_too_short_and_never_past_the_end() {
    let of =
        |left, waiting, least| length(Duration::from_secs(left), waiting, least).map(|length| length.as_secs_f64());
    assert_eq!(of(265, 1, LEAST_TURN), Some(265.0));
    assert_eq!(of(265, 8, LEAST_TURN), Some(265.0));
    assert_eq!(of(268, 9, LEAST_TURN), Some(138.0));
    assert_eq!(of(288, 50, LEAST_TURN), Some(48.0));
    assert_eq!(of(50, 50, LEAST_TURN), Some(20.0));
    assert_eq!(of(14, 50, LEAST_TURN), Some(14.0));
    assert_eq!(of(10, 1, LEAST_TURN), Some(10.0));
    assert_eq!(of(9, 1, LEAST_TURN), None);
    assert_eq!(of(19, 1, SHORTEST_TURN), None);
    assert_eq!(of(20, 1, SHORTEST_TURN), Some(20.0));
    assert_eq!(of(265, 0, LEAST_TURN), None);
}

#[test]
fn up_to_as_many_as_there_are_places_have_all_the_time() {
    let (served, _, over) = tick(sources(vec![Kind::Endless; PLACES]), 50.0);
    assert_eq!(first_turns(&served), [50.0; PLACES]);
    assert!(served.iter().all(|source| source.turns.len() == 1));
    assert_eq!(over, 42.0);
}

#[test]
fn fifty_that_are_slow_have_equal_shares() {
    let (served, reports, over) = tick(sources(vec![Kind::Endless; 50]), 260.0);
    // Two places serve seven each, six serve six each, and no time is left.
    let shares = first_turns(&served);
    let with_share = |seconds: f64| shares.iter().filter(|share| (**share - seconds).abs() < 0.001).count();
    assert_eq!((with_share(252.0 / 7.0 + 8.0), with_share(252.0 / 6.0 + 8.0)), (14, 36), "{shares:?}");
    assert!((over - 252.0).abs() < 0.001, "{over}");
    assert!(reports.len() == 50 && reports.iter().all(|report| report.failure.is_none()));
}

#[test]
fn one_place_is_shared_where_one_source_is_too_many() {
    let (served, ..) = tick(sources(vec![Kind::Endless; PLACES + 1]), 50.0);
    let shares = first_turns(&served);
    assert_eq!((shares[0], shares[PLACES]), (29.0, 29.0));
    assert_eq!(shares[1..PLACES], [50.0; PLACES - 1]);
}

/// Eight sources hang before all others.
#[test]
fn the_hung_take_nothing_from_the_well() {
    for hung in [Kind::Hung, Kind::Stuck, Kind::Endless] {
        let kinds = [vec![hung; 10], vec![Kind::Needs(0.5); 40]].concat();
        let (served, reports, over) = tick(sources(kinds), 50.0);
        let well: Vec<_> = served.iter().filter(|source| source.number >= 10).collect();
        assert!(well.iter().all(|source| source.turns.len() == 1 && source.turns[0].0 < 30.0), "{well:?}");
        assert_eq!(reports.iter().filter(|report| report.drained).count(), 40);
        assert!(over <= 50.0 + CUT_AFTER, "{over}");
        // In the next tick the well ones do not wait for them at all.
        let (next, ..) = tick(anew(served), 50.0);
        let waited = next.iter().filter(|source| source.number >= 10).map(|source| source.turns[0].0);
        assert!(waited.fold(0.0, f64::max) < 6.0);
    }
}

#[test]
fn what_never_gets_an_answer_says_so() {
    let (_, reports, _) = tick(sources(vec![Kind::Hung, Kind::Endless]), 50.0);
    let [hung, endless] = &reports[..] else { panic!("{reports:?}") };
    let failure = hung.failure.as_ref().unwrap();
    assert!(!failure.needs_person);
    assert!(failure.message.starts_with("acme/openai_audit: nothing could be listed in the 42 s"), "{failure:?}");
    assert_eq!((endless.failure.as_ref(), endless.drained), (None, false));
}

#[test]
fn a_backlog_uses_what_the_others_leave() {
    let kinds = [vec![Kind::Needs(24.0)], vec![Kind::Needs(0.5); 12]].concat();
    let (served, reports, over) = tick(sources(kinds), 50.0);
    let backlog = served.iter().find(|source| source.number == 0).unwrap();
    assert_eq!(backlog.turns, [(0.0, 29.0), (21.0, 29.0)]);
    assert_eq!(over, 24.0);
    assert_eq!(reports.len(), 13);
    assert!(reports.iter().all(|report| report.drained));
    assert_eq!(reports.iter().map(|report| report.listed.pages).max(), Some(2));
}

#[test]
fn who_waits_for_the_vendor_gives_the_place_back_for_good() {
    let mut turns = Turns::new(vec![1], at(0.0), at(270.0));
    let turn = turns.next(at(0.0)).unwrap();
    turns.ended(turn, vec![report(0, false)], at(0.1));
    assert!(turns.next(at(0.1)).is_none());
    let (_, reports) = turns.close(|_, _| unreachable!(), |_| None);
    assert_eq!(reports, [report(0, false)], "waiting is no failure");
}

#[test]
fn no_time_helps_where_a_person_must() {
    let mut turns = Turns::new(vec![1, 2], at(0.0), at(270.0));
    for (seconds, error) in [(265.0, PortError::person("revoked")), (5.0, PortError::next_tick("refused"))] {
        let turn = turns.next(at(0.0)).unwrap();
        turns.ended(turn, vec![failed(&error)], at(seconds));
    }
    assert!(turns.next(at(0.0)).is_none());
}

/// A second with more pages than a turn can list is a failure, and more time is what cures it.
#[test]
fn a_failure_at_the_end_of_a_turn_may_be_for_want_of_time() {
    let mut turns = Turns::new((0..9).collect(), at(0.0), at(100.0));
    let turn = turns.next(at(0.0)).unwrap();
    (1..9).for_each(|number| {
        let turn = turns.next(at(0.0)).unwrap();
        assert_eq!(turn.source, number);
        turns.ended(turn, vec![report(1, true)], at(1.0));
    });
    turns.ended(turn, vec![failed(&PortError::next_tick("crowded"))], at(46.0));
    let turn = turns.next(at(46.0)).unwrap();
    assert_eq!((turn.source, turn.end), (0, at(100.0)));
}

#[test]
fn who_got_no_turn_is_told_and_is_first_in_the_next_tick() {
    let (served, reports, over) = tick(sources(vec![Kind::Endless; 50]), 50.0);
    let unserved: Vec<_> = served.iter().take_while(|source| source.turns.is_empty()).collect();
    // From 0, 12 and 24 s on a whole turn; from 36 s on what is left.
    assert_eq!((unserved.len(), over), (50 - 4 * PLACES, 42.0));
    let messages: Vec<_> = reports.iter().filter_map(|report| report.failure.as_ref()).collect();
    assert_eq!(messages.len(), unserved.len());
    assert!(!messages[0].needs_person);
    assert!(messages[0].message.contains("got no turn in this tick: 50 sources share 50 s"), "{messages:?}");
    // The next in the queue are those whose turn the tick's end cut short, then the least recently served.
    assert_eq!(numbers(&served)[..18], (32..50).collect::<Vec<_>>());
    assert_eq!(numbers(&served)[18..26], (24..32).collect::<Vec<_>>());
    assert_eq!(numbers(&served)[26..], (0..24).collect::<Vec<_>>());
}

#[test]
fn over_ticks_nobody_is_forgotten() {
    let kinds = [vec![Kind::Hung; 25], vec![Kind::Endless; 15], vec![Kind::Needs(0.5); 10]].concat();
    let (mut queue, mut without) = (sources(kinds), vec![0; 50]);
    for _ in 0..40 {
        let (served, ..) = tick(anew(queue), 50.0);
        for source in &served {
            without[source.number] = if source.turns.is_empty() { without[source.number] + 1 } else { 0 };
        }
        assert!(without.iter().all(|ticks| *ticks <= 1), "{without:?}");
        queue = served;
    }
}

#[test]
fn a_tick_without_time_or_sources_ends_at_once() {
    let (served, reports, over) = tick(sources(vec![Kind::Needs(0.1); 3]), 9.0);
    assert_eq!((numbers(&served), reports.len(), over), (vec![0, 1, 2], 3, 0.0));
    assert!(reports.iter().all(|report| report.failure.is_some()));
    assert_eq!(tick(Vec::new(), 50.0).1, []);
}

#[test]
fn e2_a_turn_that_found_nothing_names_the_call_that_hung() {
    let mut turns = Turns::new(vec![1], at(0.0), at(50.0));
    let turn = turns.next(at(0.0)).unwrap();
    turns.ended(turn, vec![report(0, false)], at(42.0));
    let (_, reports) = turns.close(|_, _| unreachable!(), |_| Some("vendor: list x (41 s)".to_owned()));
    let failure = reports[0].failure.as_ref().unwrap();
    assert!(
        failure.message.contains("in the 42 s it had: it waited for an answer from the vendor: list x"),
        "{failure:?}"
    );
}

#[test]
fn e4_a_lone_source_with_too_little_time_does_not_blame_others() {
    for sources in [1, PLACES] {
        let (_, reports, _) = tick(self::sources(vec![Kind::Needs(0.1); sources]), 6.0);
        let message = &reports[0].failure.as_ref().unwrap().message;
        assert!(message.contains("only 6 s of it were left when it could begin, and a turn needs 10 s"), "{message}");
        assert!(!message.contains("others") && !message.contains("share"), "{message}");
    }
}
