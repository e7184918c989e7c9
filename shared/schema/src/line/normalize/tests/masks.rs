//! Tests of schemas with masks.

use serde_json::{Value, json};

use super::context;
use crate::language::model::Schema;
use crate::line::normalize::{Mode, Normalizer};

const SCHEMA: &str = r#"
schema: Test.Masks
fields:
- {name: Id, type: string}
- {name: pin, type: string, rename: {from: PIN}, mask: {type: redact, to: "*"}}
- {name: token, type: string, mask: {type: hash, salt: s}}
- {name: copied, type: string, copy: {from: PIN}}
- {name: number, type: int, copy: {from: token}}
- {name: joined, type: string, concat: {separator: "-", paths: [Id, token]}}
- {name: any, type: json}
- {name: text, type: string}
- {name: who, type: object, fields: [{name: secret.word, type: string, mask: {type: redact}}, {name: n, type: int}]}
- {name: whole, type: object, copy: {from: who}, fields: [{name: secret.word, type: string}]}
"#;

/// Returns the line of an event, and the number of values under `p_nonconforming`. Checks that the masked text `CLEAR`
/// is not in the line.
fn normalized(schema: &str, event: &str) -> (Value, u32) {
    let normalizer = Normalizer::with_schema(Schema::parse(schema, "own.yml").unwrap(), Mode::Default);
    let mut out = Vec::new();
    let normalized = normalizer.normalize(event.as_bytes(), &context(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains("CLEAR"), "{event} gives {text}");
    (serde_json::from_str(&text).unwrap(), normalized.nonconforming)
}

#[test]
fn f1_masked_values_appear_nowhere_in_clear_text() {
    for event in [
        r#"{"PIN":"CLEAR"}"#,
        r#"{"PIN":"CLEAR","pin":"CLEAR"}"#,
        r#"{"pin":"CLEAR","Pin":"CLEAR","P.I.N":1}"#,
        r#"{"PIN":["CLEAR"],"token":{"a":"CLEAR"}}"#,
        r#"{"token":"CLEAR","token":"CLEAR2","PIN":{"x":"CLEAR","x":"CLEAR"},"PIN":"CLEAR"}"#,
        r#"{"other":{"PIN":"CLEAR","list":[{"token":["CLEAR"]}]}}"#,
        r#"{"any":{"pin":"CLEAR","x":[{"secret_word":"CLEAR"}]}}"#,
        r#"{"any":"{\"pin\":\"CLEAR\",\"x\":\"{\\\"token\\\":\\\"CLEAR\\\"}\"}","text":" [{\"PIN\":\"CLEAR\"}]"}"#,
        r#"{"text":{"token":"CLEAR"}}"#,
        r#"{"who":{"secret.word":"CLEAR","secret_word":"CLEAR"}}"#,
        r#"{"who":{"secret_word":"CLEAR"}}"#,
        r#"{"who":[{"secret.word":"CLEAR"}]}"#,
        r#"{"who":"{\"secret.word\":\"CLEAR\",\"n\":\"x\"}"}"#,
        r#"{"who":"[{\"secret.word\":\"CLEAR\"}]"}"#,
        r#"{"who":{"n":{"secret.word":"CLEAR"}}}"#,
        r#"{"p_x":{"token":"CLEAR"},"a b":{"PIN":"CLEAR"},"a_b":{"PIN":"CLEAR"}}"#,
    ] {
        normalized(SCHEMA, event);
    }
}

#[test]
fn f1_text_that_is_json_in_any_form_is_masked() {
    for event in [
        // JSON text in JSON text, JSON that is cut, and JSON that other text follows.
        r#"{"text":"\"{\\\"pin\\\":\\\"CLEAR\\\"}\""}"#,
        r#"{"text":"{\"pin\":\"CLEAR"}"#,
        r#"{"any":{"x":"{\"Token\":\"CLEAR\"}; and more"}}"#,
        r#"{"other":"[{\"PIN\":\"CLEAR\""}"#,
    ] {
        normalized(SCHEMA, event);
    }
}

#[test]
fn f1_no_indicator_shows_a_masked_value_inside_of_a_text() {
    let schema = r#"
schema: Test.Indicators
fields:
- {name: pin, type: string, mask: {type: redact}}
- {name: text, type: string, indicators: [username]}
- {name: inner, type: string, copy: {from: pin.a}}
- {name: cased, type: string, copy: {from: PIN}}
"#;
    for event in [r#"{"text":"{\"PIN\":\"CLEAR\"}"}"#, r#"{"pin":{"a":"CLEAR"}}"#, r#"{"PIN":"CLEAR"}"#] {
        normalized(schema, event);
    }
}

#[test]
fn f1_a_masked_object_is_masked_as_a_whole_and_counted() {
    let (line, nonconforming) = normalized(SCHEMA, r#"{"PIN":{"a":"CLEAR"}}"#);
    assert_eq!((&line["pin"], &line["copied"]), (&json!("*"), &json!("*")));
    assert_eq!(line["p_nonconforming"], json!({"pin": "*", "copied": "*"}));
    assert_eq!(nonconforming, 2);
}

#[test]
fn f1_a_field_that_has_the_masked_name_is_masked_and_counted() {
    let (line, nonconforming) = normalized(SCHEMA, r#"{"PIN":"CLEAR1","pin":"CLEAR2","Token":null,"x":{"pin":7}}"#);
    assert_eq!(line["pin"], "*");
    assert_eq!(line["x"], json!({"pin": "*"}));
    assert_eq!((&line["p_nonconforming"], nonconforming), (&json!({"pin": "*"}), 1));
}

#[test]
fn f1_a_copy_of_a_masked_field_has_its_mask() {
    // The output of `printf sCLEAR | sha256sum`.
    let hash = "ea4f6aa0fcb033bcd765ef61d6242fb7f9a322a94fc4d7a1fbd0802c68b9013b";
    let (line, nonconforming) = normalized(SCHEMA, r#"{"token":"CLEAR","who":{"secret.word":"CLEAR"}}"#);
    assert_eq!(line["token"], hash);
    assert_eq!((&line["p_nonconforming"], nonconforming), (&json!({"number": hash}), 1));
    assert_eq!(line["whole"], json!({"secret_word": "REDACTED"}));
}

#[test]
fn f1_the_payload_of_general_and_an_event_that_is_set_aside_are_masked() {
    let general = "schema: Microsoft365.Audit.General\nfields:\n- {name: payload, type: json}\n- {name: UserId, type: string, mask: {type: redact}}\n";
    let (line, _) = normalized(general, r#"{"UserId":"CLEAR","x":{"userid":"CLEAR"}}"#);
    assert_eq!(line["payload"], json!({"UserId": "REDACTED", "x": {"userid": "REDACTED"}}));
    let many = format!(r#"{{"PIN":"CLEAR","numbers":[{}1]}}"#, "{\"p\":1},".repeat(10_001));
    let schema = "schema: A.B\nfields:\n- {name: PIN, type: string, mask: {type: redact}}\n- {name: numbers, type: array, element: {type: int}}\n";
    let (line, _) = normalized(schema, &many);
    assert_eq!(line["p_nonconforming"]["event"]["PIN"], "REDACTED");
}

#[test]
fn c9_duplicate_keys_under_masks_are_kept_or_counted() {
    // Duplicate keys inside of a masked value are counted but not shown.
    let (line, nonconforming) =
        normalized(SCHEMA, r#"{"other":{"PIN":{"x":"CLEAR","x":["CLEAR"],"y":[{"z":"CLEAR","z":1}]}}}"#);
    assert_eq!((&line["other"], nonconforming), (&json!({"PIN": "*"}), 2));
    assert_eq!(line.get("p_nonconforming"), None);
    // JSON text keeps its duplicate keys, and the masks apply to all of them.
    let (line, _) = normalized(SCHEMA, r#"{"text":"{\"a\":1,\"a\":2,\"pin\":\"CLEAR\",\"pin\":null}"}"#);
    assert_eq!(line["text"], r#"{"a":1,"a":2,"pin":"*","pin":null}"#);
    let (line, _) = normalized(SCHEMA, r#"{"text":"{\"a\":{\"pin\":\"CLEAR\"},\"a\":1}"}"#);
    assert_eq!(line["text"], r#"{"a":{"pin":"*"},"a":1}"#);
}

#[test]
fn c9_a_masked_event_that_is_set_aside_keeps_duplicate_keys() {
    let schema = "schema: A.B\nfields:\n- {name: PIN, type: string, mask: {type: redact}}\n- {name: numbers, type: array, element: {type: int}}\n";
    let many = format!(r#"{{"a":1,"a":2,"PIN":"CLEAR","PIN":"CLEAR","numbers":[{}1]}}"#, "{\"p\":1},".repeat(10_001));
    let (line, nonconforming) = normalized(schema, &many);
    let event = line["p_nonconforming"]["event"].as_str().unwrap();
    assert!(
        event.starts_with(r#"{"a":1,"a":2,"PIN":"REDACTED","PIN":"REDACTED","numbers":[{"p":1},"#),
        "{}",
        &event[..80]
    );
    assert_eq!(nonconforming, 10_003);
}
