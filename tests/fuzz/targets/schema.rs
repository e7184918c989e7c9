//! Runs `Schema::parse` on any text, and everything that can be done with a schema that it accepts.
#![no_main]

use fuzz::{Json, check_line, check_unique_keys, line_context};
use libfuzzer_sys::fuzz_target;
use schema::{Mode, Normalizer, Schema};

/// The maximum nesting of a JSON Schema. It is more than any schema of ours needs.
const MAX_DEPTH: usize = 1024;
/// Events with names and values that short schemas are likely to declare, and with names that cannot be column names.
const EVENTS: [&str; 2] = [
    r#"{"a":"1","b":{"a":"x","b":["y",{"a":1}]},"c":[1,"2",{"a":{"b":3}},null],"d":"{\"a\":[1,\"{}\"]}","e":"t",
    "f":1.5e3,"name":"a,b@c","id":"i","r":"https://[::1]:80/","at":"Fri Aug 21 08:44:05 2026"}"#,
    r#"{"a":{"a":[]},"b":{"a.b":1,"a b":2,"a_b":3},"a.b":"2026-08-21T08:44:05.5+02:00","a b":1787301845,
    "a_b":"1.2.3.4","":"","p_row_id":"forged","P_any_ips":[1],"name":null,"id":0}"#,
];

fn check(normalizer: &Normalizer, mode: Mode, event: &str) {
    let mut line = Vec::new();
    match normalizer.normalize(event.as_bytes(), &line_context(), &mut line) {
        Ok(normalized) => {
            let json = check_line(normalizer, &line, &normalized);
            check_unique_keys(&json, &line);
        }
        Err(rejection) => assert!(mode == Mode::Strict, "an object was rejected: {}", rejection.reason),
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let schema = match Schema::parse(text, "fuzz.yml") {
        Ok(schema) => schema,
        Err(error) => {
            assert!(error.file == "fuzz.yml" && !error.path.is_empty() && !error.reason.is_empty(), "{error:?}");
            return;
        }
    };
    for mode in [Mode::Default, Mode::Strict] {
        let normalizer = Normalizer::with_schema(schema.clone(), mode);
        EVENTS.iter().for_each(|event| check(&normalizer, mode, event));
    }
    let json_schema = serde_json::to_vec(&schema.json_schema()).expect("a JSON Schema is JSON");
    let json_schema = Json::parse(&json_schema, MAX_DEPTH).expect("a JSON Schema is JSON");
    assert_eq!(json_schema.repeated_key(), None, "a property of the JSON Schema is there twice");
    assert!(schema.athena().ends_with(");"));
    assert!(!schema.fields().is_empty());
});
