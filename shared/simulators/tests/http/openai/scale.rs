//! A second with a hundred thousand events.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use simulators::Options;
use simulators::openai::OpenAiSimulator;

use super::{get, options, page_ids};
use crate::{ManualClock, run};

const EVENTS: usize = 100_000;
/// The maximum median time of a page. The limit is generous, because the machine may be busy.
const MAX_PAGE_TIME: Duration = Duration::from_millis(10);

#[test]
#[expect(clippy::disallowed_methods, reason = "a page is quick on the wire")]
fn b21_a_second_with_100000_events_is_listed_quickly() {
    run(async {
        let clock = ManualClock::new();
        let second = clock.now().as_second() - 3_600;
        let event = |number| {
            json!({"id": format!("e-{number}"), "type": "user.added", "effective_at": second, "actor": null})
                .to_string()
        };
        let options = Options { records: Some((0..EVENTS).map(event).collect()), ..options(&clock) };
        let running = OpenAiSimulator::new(&options, clock.clock()).unwrap().serve(0).unwrap();
        let mut times = Vec::new();
        let mut listed = BTreeSet::new();
        let mut after = String::new();
        loop {
            let query = format!("limit=100&effective_at[gte]={second}&effective_at[lt]={}{after}", second + 1);
            let started_at = Instant::now();
            let page = get(&running, &query).await;
            times.push(started_at.elapsed());
            let ids = page_ids(&page);
            after = format!("&after={}", ids[ids.len() - 1]);
            listed.extend(ids);
            if page.json()["has_more"] == false {
                break;
            }
        }
        assert_eq!((times.len(), listed.len(), running.served().len()), (EVENTS / 100, EVENTS, EVENTS));
        times.sort_unstable();
        let median = times[times.len() / 2];
        println!("median {median:?}, slowest {:?}", times[times.len() - 1]);
        assert!(median < MAX_PAGE_TIME, "{median:?}");
        let started_at = Instant::now();
        assert!(page_ids(&get(&running, "limit=100&tenant_only=true").await).is_empty());
        println!("the empty listing beside it {:?}", started_at.elapsed());
    });
}
