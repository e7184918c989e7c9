//! Evaluates any `JsonPath` on any event. The first line of the input is the path, the rest the event.
//!
//! Every match must be a JSON value with a location. A path that consists of names only must find exactly the member
//! that the names lead to.
#![no_main]

use data_models::Value;
use data_models::jsonpath::{JsonPath, MAX_STEPS, Match};
use libfuzzer_sys::fuzz_target;

/// Checks that a match is valid JSON, or one of the numbers that only Python writes, such as `inf`.
fn check_value(found: &Match<'_>) {
    let json = found.value.to_json();
    let is_json = Value::parse(&json).is_ok();
    assert!(is_json || json.contains("inf") || json.contains("NaN"), "{json:.200} was found");
}

fn check_names(path: &JsonPath, event: &Value<'_>, found: &[Match<'_>]) {
    let Some(names) = path.names() else { return };
    let led_to = names.iter().try_fold(event.clone(), |value, name| value.get(name));
    let found: Vec<_> = found.iter().map(|found| found.value.to_json()).collect();
    assert_eq!(led_to.iter().map(Value::to_json).collect::<Vec<_>>(), found, "the names lead elsewhere");
}

fuzz_target!(|text: &str| {
    let (path, event) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(path) = JsonPath::parse(path) else { return };
    let Ok(event) = Value::parse(event) else { return };
    let Ok(found) = path.find(&event) else { return };
    assert!(found.len() <= MAX_STEPS, "more matches than steps");
    found.iter().for_each(check_value);
    check_names(&path, &event, &found);
    if let Some(last) = found.last() {
        let _ = last.location();
    }
});
