//! The ledger has the events that clients can see, and the same seed gives the same answers.

use std::collections::BTreeMap;

use simulators::openai::OpenAiSimulator;
use simulators::{Faults, Options};

use super::{get, ids, list_all_pages, list_both_listings, options, served_by_id, try_get};
use crate::{ManualClock, run};

#[test]
fn b32_both_listings_together_have_the_events_of_the_ledger() {
    run(async {
        let clock = ManualClock::new();
        let running = OpenAiSimulator::start(options(&clock), 0, clock.clock()).unwrap();
        let early =
            [list_all_pages(&running, "limit=7").await, list_all_pages(&running, "limit=100&tenant_only=true").await]
                .concat();
        assert!(running.pending() > 0, "nothing is late");
        clock.advance(5);
        let all = list_both_listings(&running).await;
        assert_eq!(running.pending(), 0);
        assert!(early.len() < all.len());
        assert_eq!((all.len(), ids(&all).len()), (400, 400));
        let listed: BTreeMap<_, _> =
            all.iter().map(|event| (event["id"].as_str().unwrap().to_owned(), event.clone())).collect();
        assert_eq!(served_by_id(&running), listed);
        assert_eq!(running.counts(), [("OpenAI.Audit", 400)]);
        running.stop().await;
    });
}

#[test]
fn b32_the_ledger_has_exactly_the_visible_events() {
    run(async {
        let clock = ManualClock::new();
        let simulator = OpenAiSimulator::new(&options(&clock), clock.clock()).unwrap();
        let running = simulator.serve(0).unwrap();
        simulator.change(|b| b.kept_since = clock.now());
        assert!(list_both_listings(&running).await.is_empty() && running.served().is_empty());
        // Events that were not kept when they would have become visible stay invisible afterwards.
        simulator.change(|b| b.kept_since = jiff::Timestamp::MIN);
        clock.advance(10);
        let now = list_both_listings(&running).await;
        assert_eq!(now.len(), running.served().len());
        assert!(now.len() < 20, "{}", now.len());
    });
}

#[test]
fn b32_the_same_seed_gives_the_same_answers() {
    let answers = |seed| {
        let mut answers = Vec::new();
        run(async {
            let clock = ManualClock::new();
            let options = Options { seed, faults: Faults::Storm, ..options(&clock) };
            let running = OpenAiSimulator::start(options, 0, clock.clock()).unwrap();
            for query in ["limit=5", "limit=5", "limit=7", "tenant_only=true", "limit=5"] {
                answers.push(try_get(&running, query).await.map(|answer| (answer.status, answer.body)).ok());
            }
            let identities: Vec<_> = running.served().into_iter().map(|event| event.identity).collect();
            answers.push(Some((0, identities.join(" ").into_bytes())));
        });
        answers
    };
    assert_eq!(answers(3), answers(3));
    assert_ne!(answers(3), answers(4));
}

#[test]
fn b32_an_answer_does_not_depend_on_earlier_requests() {
    run(async {
        let clock = ManualClock::new();
        let answer = async |before: usize| {
            let options = Options { seed: 5, faults: Faults::Storm, ..options(&clock) };
            let running = OpenAiSimulator::start(options, 0, clock.clock()).unwrap();
            for number in 0..before {
                let _ = try_get(&running, &format!("limit={}", 1 + number)).await;
            }
            try_get(&running, "limit=50").await.ok()
        };
        assert_eq!(answer(0).await, answer(30).await);
    });
}

#[test]
fn b32_the_virtual_clock_decides_what_is_visible() {
    run(async {
        let clock = ManualClock::new();
        let options = Options { ahead_seconds: 86_400, ..options(&clock) };
        let running = OpenAiSimulator::start(options, 0, clock.clock()).unwrap();
        let before = get(&running, "").await.json();
        assert_eq!(get(&running, "").await.json(), before);
        clock.advance(86_400);
        assert_ne!(get(&running, "").await.json(), before);
    });
}
