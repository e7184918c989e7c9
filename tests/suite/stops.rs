//! Faults that stop a stream, and faults that do not: the real collector in a world with one fault.

use std::sync::Arc;

use collector::{PortError, Recovery, Settings, StreamReport};
use schema::LogType;
use tests::world::call::{Answer, Request};
use tests::world::fixtures::{Case, PriorState, VendorData};
use tests::world::random_streams::{Shape, stream};
use tests::world::scenario::{Content, Entry, Scenario, ScenarioStream};
use tests::world::simulation::Simulation;
use tests::world::single_worker::{SingleWorker, TickOutcome};

/// Creates a world of three events whose earlier tick left this state.
fn world(prior: PriorState) -> Simulation {
    let case = Case::new(VendorData::Events, prior, 2);
    case.fixture(0).unwrap_or_else(|why| panic!("{case:?}: {why}")).world
}

fn lines(world: &Simulation) -> usize {
    world.store.objects.values().map(|object| object.lines.len()).sum()
}

fn only_report(ticked: &TickOutcome) -> &StreamReport {
    let [report] = ticked.reports.as_slice() else { panic!("{:?}", ticked.reports) };
    report
}

/// Asserts that the tick delivered nothing, wrote nothing, and asks for a person in a message that has `words`.
fn assert_stopped(before: &Simulation, after: &Simulation, ticked: &TickOutcome, words: &[&str]) {
    let Some(failure) = &only_report(ticked).failure else { panic!("no failure: {ticked:?}") };
    assert!(failure.needs_person, "{failure:?}");
    for word in words.iter().chain(&["acme/openai_audit"]) {
        assert!(failure.message.contains(word), "{word} is not in: {}", failure.message);
    }
    assert_eq!(only_report(ticked).lines.delivered, 0);
    assert_eq!(lines(after), lines(before));
    assert_eq!(ticked.count(Request::has_effect), 0, "{:?}", ticked.calls);
}

#[test]
fn not_being_allowed_to_settle_stops_the_stream() {
    let before = world(PriorState::Object);
    let mut single = SingleWorker::new(before.clone());
    let denied = || Answer::Failed(PortError::person("reading the object is not allowed (403): grant s3:GetObject"));
    let ticked = single
        .tick_with(|_, request| match request {
            Request::Get { key } if key.contains("/dt=") => Some(denied()),
            _ => None,
        })
        .unwrap();
    assert_stopped(&before, &single.world, &ticked, &["403", "s3:GetObject"]);
    // When the read is allowed again, the tick adopts the object and continues.
    single.settle().unwrap();
}

#[test]
fn a_missing_head_beside_a_birth_record_stops_the_stream() {
    let mut before = world(PriorState::All);
    before.store.heads.clear();
    before.store.ledger.clear();
    let mut single = SingleWorker::new(before.clone());
    let ticked = single.tick().unwrap();
    assert_stopped(&before, &single.world, &ticked, &["_state/acme-openai_audit.json", "restore the"]);
}

#[test]
fn a_second_deployment_on_the_same_prefix_stops() {
    let first = world(PriorState::OneBatch);
    // The second deployment has its own state, whose head was created with another bucket.
    let mut second = Simulation::new(Arc::clone(&first.scenario), first.clock + 60);
    let mut elsewhere = SingleWorker::new(second.clone());
    elsewhere.crash_at(Request::is_for_vendor).unwrap();
    second.store.heads = elsewhere.world.store.heads;
    let id = |world: &Simulation| world.store.heads["acme/openai_audit"].head.id.clone();
    second.store.heads.get_mut("acme/openai_audit").unwrap().head.id = format!("other-{}", id(&first));
    second.store.objects = first.store.objects.clone();
    let mut single = SingleWorker::new(second.clone());
    let ticked = single.tick().unwrap();
    assert_stopped(&second, &single.world, &ticked, &["_state/acme-openai_audit.json", "another deployment"]);
}

/// Creates two Microsoft 365 streams of one source with three visible events each.
fn two_streams() -> Simulation {
    let mut scenario: Scenario = Scenario::clone(&world(PriorState::Nothing).scenario);
    let begin = world(PriorState::Nothing).clock;
    let one = |log_type: LogType| {
        let events: Vec<_> = (0..3).map(|number| Shape::Blobs.event(number, begin - 600)).collect();
        let content = Content::Blob { id: format!("{log_type:?}"), events: vec![(0, 0), (1, 0), (2, 0)] };
        let entries = vec![Entry { at: begin - 500, visible_at: begin - 500, listings: vec!["content"], content }];
        ScenarioStream { stream: stream(log_type, &["content"]), events, entries }
    };
    scenario.streams = vec![one(LogType::Exchange), one(LogType::SharePoint)];
    Simulation::new(Arc::new(scenario), begin)
}

#[test]
fn a_panic_in_one_stream_leaves_the_others_delivered() {
    let mut single = SingleWorker::new(two_streams());
    let ticked = single
        .tick_with(|_, request| match request {
            Request::Chunk { stream, .. } if stream.ends_with("exchange") => Some(Answer::Panic),
            _ => None,
        })
        .unwrap();
    let [exchange, sharepoint] = ticked.reports.as_slice() else { panic!("{:?}", ticked.reports) };
    assert!(exchange.failure.as_ref().is_some_and(|failure| failure.needs_person), "{exchange:?}");
    assert_eq!((exchange.lines.delivered, exchange.drained), (0, false));
    assert_eq!((sharepoint.lines.delivered, sharepoint.drained, &sharepoint.failure), (3, true, &None));
    single.settle().unwrap();
}

#[test]
fn a_failure_in_one_stream_leaves_the_others_delivered() {
    let mut single = SingleWorker::new(two_streams());
    let ticked = single
        .tick_with(|_, request| match request {
            Request::List { stream, .. } if stream.ends_with("exchange") => {
                Some(Answer::Failed(PortError { recovery: Recovery::NextTick, message: "503".into() }))
            }
            _ => None,
        })
        .unwrap();
    assert_eq!(ticked.reports.iter().map(|report| report.lines.delivered).collect::<Vec<_>>(), [0, 3]);
    let failure = ticked.reports[0].failure.as_ref().expect("a failure");
    assert!(!failure.needs_person && failure.message.contains("503"), "{failure:?}");
    single.settle().unwrap();
}

#[test]
fn a_deadline_in_the_middle_of_a_listing_commits_the_batch_and_the_next_tick_continues() {
    let mut scenario = Scenario::clone(&world(PriorState::Nothing).scenario);
    scenario.page_size = 1;
    scenario.settings = Settings { lookback_seconds: 7_200, ..Settings::default() };
    let mut single = SingleWorker::new(Simulation::new(Arc::new(scenario), world(PriorState::Nothing).clock));
    // Every page takes 25 of the tick's 50 seconds, so there is no time for the third of four pages.
    let ticked = single
        .tick_with(|world, request| {
            world.clock += if matches!(request, Request::List { .. }) { 25 } else { 0 };
            None
        })
        .unwrap();
    let report = only_report(&ticked);
    assert_eq!((report.drained, &report.failure), (false, &None));
    assert!((1..3).contains(&report.lines.delivered), "{report:?}");
    assert_eq!(lines(&single.world) as u64, report.lines.delivered);
    // The second whose listing continued at a cursor is listed once more from its start.
    single.drain().unwrap();
    assert_eq!(lines(&single.world), 3);
    single.settle().unwrap();
}

#[test]
fn an_idle_tick_costs_two_requests_two_reads_and_no_write() {
    for shape in [Shape::Events, Shape::Blobs] {
        let mut scenario = Scenario::clone(&world(PriorState::Nothing).scenario);
        let begin = world(PriorState::Nothing).clock;
        let log_type = if shape == Shape::Events { LogType::OpenAiAudit } else { LogType::Exchange };
        // Every tick lists the event again, because it is within the overlap.
        let content = match shape {
            Shape::Events => Content::Event(0, 0),
            Shape::Blobs => Content::Blob { id: "blob".into(), events: vec![(0, 0)] },
        };
        let entry = Entry { at: begin - 5, visible_at: begin - 5, listings: shape.listings().to_vec(), content };
        let events = vec![shape.event(0, begin - 5)];
        scenario.streams =
            vec![ScenarioStream { stream: stream(log_type, shape.listings()), events, entries: vec![entry] }];
        scenario.has_clock_in_prepare = shape == Shape::Blobs;
        let mut single = SingleWorker::new(Simulation::new(Arc::new(scenario), begin));
        single.drain().unwrap();
        single.world.clock += 30;

        let ticked = single.tick().unwrap();
        let requests = ticked.count(|call| matches!(call, Request::List { .. } | Request::Fetch { .. }));
        let reads = ticked.count(|call| matches!(call, Request::Head { .. } | Request::Ledger { .. }));
        assert!(requests <= 2, "{shape:?}: {:?}", ticked.calls);
        assert!(reads <= 2, "{shape:?}: {:?}", ticked.calls);
        assert_eq!(ticked.count(Request::has_effect), 0, "{shape:?}: {:?}", ticked.calls);
        assert_eq!(only_report(&ticked).lines.delivered, 0);
        assert!(only_report(&ticked).drained);
    }
}

#[test]
fn a_first_tick_of_two_at_once_is_one_birth() {
    // Both ticks find no head: one writes it, and the other uses it.
    let mut slow = SingleWorker::new(world(PriorState::Nothing));
    let mut reached = false;
    let ticked = slow
        .tick_with(|world, request| {
            if !reached && matches!(request, Request::Write { expected: None, .. }) {
                reached = true;
                let mut fast = SingleWorker::new(world.clone());
                fast.drain().unwrap();
                *world = fast.world;
            }
            None
        })
        .unwrap();
    assert!(reached && only_report(&ticked).failure.is_none(), "{ticked:?}");
    assert_eq!(only_report(&ticked).lines.delivered, 0);
    slow.settle().unwrap();
}
