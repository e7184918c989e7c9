//! Compares paths with recorded results of `jsonpath-ng`, for cases in which its versions 1.5.3 and 1.16 agree.
//!
//! The cases are random. Each line of `recorded.ndjson` has the path, the event and the outcome of one case.

use data_models::Value;
use data_models::jsonpath::JsonPath;
use serde_json::{Value as Json, json};

#[test]
fn paths_find_what_jsonpath_ng_finds() {
    let recorded = include_str!("recorded.ndjson");
    let mut different = Vec::new();
    for line in recorded.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        // The event is cut out of the line, so that its members keep their order.
        let (_, event) = line.split_once(r#","event":"#).unwrap();
        let event = &event[..event.rfind(r#","outcome":"#).unwrap()];
        let mut wanted = case.clone();
        ["path", "event"].iter().for_each(|name| drop(wanted.as_object_mut().unwrap().remove(*name)));
        let found = outcome(case["path"].as_str().unwrap(), event);
        if found != wanted {
            different.push(format!("{} on {event}: {found}, not {wanted}", case["path"]));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(recorded.lines().count() > 700);
}

fn outcome(path: &str, event: &str) -> Json {
    let Ok(path) = JsonPath::parse(path) else { return json!({"outcome": "no path"}) };
    let Ok(found) = Value::parse(event).map_err(drop).and_then(|event| path.find(&event).map_err(drop)) else {
        return json!({"outcome": "error"});
    };
    match found.as_slice() {
        [] => json!({"outcome": "none"}),
        [one] => {
            let value: Json = serde_json::from_str(&one.value.to_json()).unwrap_or_default();
            json!({"outcome": "one", "value": value, "location": one.location()})
        }
        _ => json!({"outcome": "several"}),
    }
}
