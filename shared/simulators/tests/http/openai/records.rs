//! Events that the caller supplies instead of generated ones.

use jiff::SignedDuration;
use serde_json::json;
use simulators::Options;
use simulators::openai::OpenAiSimulator;

use super::{events_json, get, list_all_pages, options, page_ids, serve_with};
use crate::{ManualClock, run};

#[test]
fn supplied_records_are_served_unchanged_and_written_to_the_file() {
    run(async {
        let clock = ManualClock::new();
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.ndjson");
        let records = [
            r#"{"id":"a", "type":"login.failed","effective_at":1795337000,"n":1.0e2,"n":2}"#,
            r#"{"id":"b","type":"tenant.user.added","effective_at":1795337001}"#,
            r#"{"id":"a","type":"again"}"#,
            r#"{"type":"no.id","effective_at":"no time"}"#,
        ];
        let options = Options {
            records: Some(records.map(str::to_owned).into()),
            ledger: Some(ledger.clone()),
            ..options(&clock)
        };
        let running = OpenAiSimulator::start(options, 0, clock.clock()).unwrap();
        let text = get(&running, "").await.text();
        assert!(text.contains(records[0]) && text.contains(records[3]) && !text.contains("again"), "{text}");
        assert_eq!(list_all_pages(&running, "tenant_only=true").await[0]["id"], "b");
        let lines = std::fs::read_to_string(&ledger).unwrap();
        assert_eq!((lines.lines().count(), running.served().len()), (3, 3));
        assert!(lines.contains(records[0]) && lines.contains(r#""id":null"#), "{lines}");
        let error = OpenAiSimulator::start(
            Options { records: Some(vec!["{".to_owned()]), ..Options::new(clock.now()) },
            0,
            clock.clock(),
        );
        assert!(error.unwrap_err().to_string().starts_with("record 1: "));
    });
}

#[test]
fn a_supplied_value_that_is_no_event_is_served_and_marked_in_the_ledger() {
    run(async {
        let clock = ManualClock::new();
        let lone_surrogate = r#"{"id":"lone","type":"user.added","effective_at":1795337000,"name":"\ud800"}"#;
        let records = ["7", "null", r#"["x", 5]"#, r#"{"type":"no.id"}"#, r#"{"id":8}"#, "null", lone_surrogate];
        let records = Some(records.map(str::to_owned).into());
        let running = OpenAiSimulator::start(Options { records, ..options(&clock) }, 0, clock.clock()).unwrap();
        let mut listed = Vec::new();
        let mut after = String::new();
        loop {
            // Every page has a `last_id`, even if its event has no id.
            let page = get(&running, &format!("limit=1{after}")).await;
            let text = page.text();
            let (start, end) = (text.find('[').unwrap() + 1, text.rfind("],\"first_id\"").unwrap());
            listed.push(text[start..end].to_owned());
            let (_, rest) = text.rsplit_once("\"last_id\":\"").unwrap();
            after = format!("&after={}", rest.split('"').next().unwrap());
            if text.contains("\"has_more\":false") {
                break;
            }
        }
        let served = running.served();
        let events: Vec<_> = served.iter().filter(|event| event.is_object()).collect();
        assert_eq!((served.len(), events.len()), (6, 3));
        let mut raws: Vec<_> = served.iter().map(|event| event.raw.clone()).collect();
        raws.sort();
        listed.sort();
        assert_eq!(raws, listed);
        for event in &served {
            assert_eq!(event.identity, if event.raw == lone_surrogate { "lone" } else { &event.raw });
        }
        let timeless = get(&running, "effective_at[gte]=1795337940").await.json();
        assert_eq!(timeless["data"].as_array().map(Vec::len), Some(5));
        assert_eq!(get(&running, "event_types[]=user.deleted").await.json()["data"], json!([]));
        assert!(get(&running, "event_types[]=user.added").await.text().contains(lone_surrogate));
    });
}

#[test]
fn b22_supplied_records_may_name_when_they_become_visible() {
    run(async {
        let clock = ManualClock::new();
        let records = events_json([("a", 7), ("b", 8), ("c", 9)]);
        let visible_at =
            vec![clock.now() + SignedDuration::from_secs(60), clock.now() + SignedDuration::from_hours(20)];
        let (_, running) = serve_with(&Options { records, visible_at, ..options(&clock) }, &clock, |_| {});
        let mut seen = Vec::new();
        for seconds in [0, 59, 1, 20 * 3_600 - 60] {
            clock.advance(seconds);
            seen.push((page_ids(&get(&running, "").await).concat(), running.pending()));
        }
        assert_eq!(seen, [("c", 2), ("c", 2), ("ca", 1), ("cba", 0)].map(|(ids, pending)| (ids.to_owned(), pending)));
    });
}
