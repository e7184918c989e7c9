//! Checks strict mode against recorded lines that were computed independently, with libraries of Go, the language of
//! Panther. Also checks the errors of invalid schemas.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schema::{LineContext, Mode, Normalizer, Schema};
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/strict")
}

/// Returns the members of an event's line, without those that are the same in every line; `None` if the event is
/// rejected.
fn members(normalizer: &Normalizer, event: &str) -> Option<Map<String, Value>> {
    let parse_time: Timestamp = "2026-01-02T03:04:05.6Z".parse().unwrap();
    let context = LineContext { source_id: "s", source_label: "l", parse_time };
    let mut out = Vec::new();
    normalizer.normalize(event.as_bytes(), &context, &mut out).ok()?;
    let mut line: Map<String, Value> = serde_json::from_slice(&out).unwrap();
    for name in ["p_log_type", "p_row_id", "p_parse_time", "p_source_id", "p_source_label"] {
        assert!(line.remove(name).is_some(), "{name} is not in {event}");
    }
    if line["p_event_time"] == "2026-01-02 03:04:05.600000000" {
        line.remove("p_event_time");
    }
    Some(line)
}

fn strict(schema: &str) -> Normalizer {
    Normalizer::with_schema(Schema::parse(schema, "own.yml").unwrap(), Mode::Strict)
}

#[test]
fn every_event_gives_its_recorded_line() {
    let normalizer = strict(&fs::read_to_string(folder().join("Kinds.yml")).unwrap());
    let cases = fs::read_to_string(folder().join("cases.ndjson")).unwrap();
    let mut wrong = Vec::new();
    for case in cases.lines() {
        let case: Value = serde_json::from_str(case).unwrap();
        let event = case["event"].as_str().unwrap();
        let found = members(&normalizer, event).map_or(Value::Null, Value::Object);
        if found != case["line"] {
            wrong.push(format!("{event}\n  expected {}\n  found    {found}", case["line"]));
        }
    }
    assert!(cases.lines().count() > 500);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_strict_line_has_no_extension() {
    let schema = "schema: A.B\nfields:\n- {name: a, type: int}\n- {name: x, type: string, extension: true}\n";
    let line = members(&strict(schema), r#"{"a":1,"x":"e","zz":2}"#).unwrap();
    assert_eq!(Value::Object(line), json!({"a": 1}));
}

const TRANSFORMING_SCHEMA: &str = "
schema: A.B
fields:
- {name: user, type: string, rename: {from: userName}, indicators: [username]}
- {name: mail, type: string, copy: {from: actor.mail}, indicators: [email]}
- {name: whole, type: object, copy: {from: actor}, fields: [{name: mail, type: string}]}
- {name: number, type: int, copy: {from: actor.number}}
- {name: again, type: string, copy: {from: user}}
- {name: joined, type: string, concat: {separator: '-', paths: [actor.mail, user, mail, none, actor.number, actor]}}
- {name: part, type: string, split: {from: path, separator: /, index: 1}, indicators: [hostname]}
- {name: piece, type: string, split: {from: mail, separator: '@', index: 1}}
- {name: secret, type: string, rename: {from: PIN}, mask: {type: redact, to: '*'}}
- {name: hidden, type: string, mask: {type: redact}}
- {name: hashed, type: string, mask: {type: hash, salt: s}, indicators: [username]}
- {name: inner, type: object, fields: [{name: b, type: string, copy: {from: a}}]}
";

#[test]
fn transformations_give_the_expected_values() {
    let normalizer = strict(TRANSFORMING_SCHEMA);
    let check = |event: &str, expected: Value| {
        let line = members(&normalizer, event).map_or(Value::Null, Value::Object);
        assert_eq!(line, expected, "{event}");
    };
    check("{}", json!({}));
    check(
        r#"{"userName":"bob","user":"other"}"#,
        json!({"user": "bob", "again": "bob", "joined": "bob", "p_any_usernames": ["bob"]}),
    );
    check(
        r#"{"actor":{"mail":"a@b.c","number":7}}"#,
        json!({"mail": "a@b.c", "whole": {"mail": "a@b.c"}, "number": 7, "joined": "a@b.c-a@b.c-7", "piece": "b.c",
            "p_any_emails": ["a@b.c"]}),
    );
    check(r#"{"actor":{"mail":null,"number":null}}"#, json!({"whole": {}}));
    check(r#"{"actor":{"number":"x"}}"#, Value::Null);
    check(r#"{"actor":5}"#, Value::Null);
    check(r#"{"path":"/h/x"}"#, json!({"part": "h", "p_any_domain_names": ["h"]}));
    check(r#"{"path":"h"}"#, json!({}));
    check(r#"{"path":["/h"]}"#, json!({}));
    check(r#"{"path":"//"}"#, json!({"part": ""}));
    check(r#"{"PIN":1234,"hidden":true}"#, json!({"secret": "*", "hidden": "REDACTED"}));
    check(r#"{"PIN":null,"hidden":""}"#, json!({"hidden": "REDACTED"}));
    check(r#"{"hidden":{"a":1}}"#, json!({}));
    check(r#"{"inner":{"a":"x","b":"y"}}"#, json!({"inner": {"b": "x"}}));
    let hashed = members(&normalizer, r#"{"hashed":"bob"}"#).unwrap();
    let text = hashed["hashed"].as_str().unwrap();
    assert!(text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
    assert_eq!(hashed["p_any_usernames"], json!([text]));
}

#[test]
fn json_in_strings_is_read() {
    let normalizer = strict(
        "schema: A.B\nfields:\n- {name: o, type: object, isEmbeddedJSON: true, fields: [{name: ip, type: string, indicators: [ip]}]}\n\
         - {name: l, type: array, isEmbeddedJSON: true, element: {type: int}}\n- {name: j, type: json, isEmbeddedJSON: true}\n",
    );
    let check = |event: Value, expected: Value| {
        let line = members(&normalizer, &event.to_string()).map_or(Value::Null, Value::Object);
        assert_eq!(line, expected, "{event}");
    };
    let found = json!({"o": {"ip": "1.1.1.1"}, "p_any_ip_addresses": ["1.1.1.1"]});
    check(json!({"o": r#" {"ip":"1.1.1.1","zz":1} "#}), found.clone());
    check(json!({"o": {"ip": "1.1.1.1"}}), found);
    check(json!({"l": "[1,\"2\",null]", "j": "{\"a\":[1.0]}"}), json!({"l": [1, 2, null], "j": {"a": [1.0]}}));
    check(json!({"l": "[]", "j": "null", "o": null}), json!({}));
    for refused in
        [json!({"o": "[]"}), json!({"o": "x"}), json!({"l": "{}"}), json!({"l": "[\"x\"]"}), json!({"j": "{"})]
    {
        check(refused, Value::Null);
    }
}

#[test]
fn addresses_are_validated() {
    let normalizer = strict(
        "schema: A.B\nfields:\n- {name: four, type: string, validate: {ip: ipv4}}\n- {name: six, type: string, validate: {ip: ipv6}}\n\
         - {name: net, type: string, validate: {cidr: any}}\n- {name: all, type: array, element: {type: string, validate: {ip: any}}}\n",
    );
    let is_taken = |event: Value| members(&normalizer, &event.to_string()).is_some();
    for event in [
        json!({}),
        json!({"four": null, "six": null, "net": null, "all": null}),
        json!({"four": "1.2.3.4", "six": "2001:db8::1", "net": "10.0.0.0/8", "all": ["1.2.3.4", null, "::1"]}),
        json!({"four": "::ffff:1.2.3.4", "net": "::/0"}),
    ] {
        assert!(is_taken(event.clone()), "{event}");
    }
    for event in [
        json!({"four": "::1"}),
        json!({"four": ""}),
        json!({"four": 5}),
        json!({"six": "1.2.3.4"}),
        json!({"six": "::ffff:1.2.3.4"}),
        json!({"net": "10.0.0.0"}),
        json!({"net": "10.0.0.0/33"}),
        json!({"all": ["1.2.3.4", "x"]}),
    ] {
        assert!(!is_taken(event.clone()), "{event}");
    }
}

/// Invalid schemas and their errors. The first line of each schema and the file's name in each error are left out.
const INVALID_SCHEMAS: &[(&str, &str)] = &[
    ("fields: []", "(top): an object needs at least one field"),
    ("fields:\n- {type: int}", "(top): a field without a name"),
    ("fields:\n- {name: a}", "a: a type is missing"),
    ("fields:\n- {name: a, type: text}", "a: no type is called text"),
    ("fields:\n- {name: a, type: int}\n- {name: a, type: int}", "(top): the field a is there twice"),
    ("fields:\n- {name: p_a, type: int}", "(top): p_a: names that begin with p_ are the line's own"),
    ("fields:\n- {name: a, type: int, indicators: [ip]}", "a: indicators belong to a string"),
    ("fields:\n- {name: a, type: string, indicators: [IP]}", "a: no indicator is called IP"),
    ("fields:\n- {name: a, type: int, validate: {allow: [x]}}", "a: validate belongs to a string"),
    ("fields:\n- {name: a, type: string, validate: {allow: []}}", "a: validate: allow is empty"),
    ("fields:\n- {name: a, type: string, validate: {deny: []}}", "a: validate: deny is empty"),
    ("fields:\n- {name: a, type: string, validate: {}}", "a: validate needs allow, deny, ip or cidr"),
    (
        "fields:\n- {name: a, type: string, validate: {cidr: 10.0.0.0/8}}",
        "a: validate: 10.0.0.0/8 is not ipv4, ipv6 or any",
    ),
    ("fields:\n- {name: a, type: string, timeFormat: unix}", "a: timeFormat belongs to a timestamp"),
    ("fields:\n- {name: a, type: string, isEventTime: true}", "a: isEventTime belongs to a timestamp"),
    ("fields:\n- {name: a, type: timestamp, timeFormats: []}", "a: timeFormats is empty"),
    ("fields:\n- {name: a, type: timestamp, timeFormats: [unix, unixtime]}", "a: no time format is called unixtime"),
    (
        "fields:\n- {name: a, type: timestamp, timeFormat: unix, timeFormats: [unix]}",
        "a: timeFormat and timeFormats exclude each other",
    ),
    ("fields:\n- {name: a, type: timestamp, timeFormat: '%H:%M'}", "a: the time format %H:%M has no year"),
    ("fields:\n- {name: a, type: timestamp, timeFormat: '%k:%M'}", "a: the time format %k:%M says no date and time"),
    (
        "fields:\n- {name: a, type: string, isEmbeddedJSON: true}",
        "a: isEmbeddedJSON belongs to an object, an array or json",
    ),
    ("fields:\n- {name: a, type: array}", "a: an array needs an element"),
    ("fields:\n- {name: a, type: object}", "a: an object needs fields"),
    ("fields:\n- {name: a, type: string, element: {type: int}}", "a: element belongs to an array"),
    (
        "fields:\n- {name: a, type: array, element: {type: int}, fields: [{name: x, type: int}]}",
        "a: fields belong to an object",
    ),
    ("fields:\n- {name: a, type: array, element: {name: x, type: int}}", "a.element: name belongs to a field"),
    (
        "fields:\n- {name: a, type: array, element: {required: true, type: int}}",
        "a.element: required belongs to a field",
    ),
    (
        "fields:\n- {name: a, type: array, element: {type: string, mask: {type: hash}}}",
        "a.element: mask belongs to a field",
    ),
    (
        "fields:\n- {name: a, type: array, element: {type: timestamp, isEventTime: true}}",
        "a.element: isEventTime belongs to a field",
    ),
    ("fields:\n- {name: a, type: ref}", "a: ref needs a target"),
    ("fields:\n- {name: a, type: ref, target: T}", "a: no definition is called T"),
    ("fields:\n- {name: a, type: int, target: T}", "a: target belongs to a ref"),
    (
        "definitions: {T: {type: string}}\nfields:\n- {name: a, type: ref, target: T, indicators: [ip]}",
        "a: indicators belong to the target of a ref",
    ),
    (
        "definitions: {T: {type: object, fields: [{name: x, type: ref, target: T}]}}\nfields:\n- {name: a, type: int}",
        "definitions.T.x: the definition T contains itself",
    ),
    (
        "definitions: {T: {type: string, rename: {from: x}}}\nfields:\n- {name: a, type: ref, target: T}",
        "definitions.T: rename belongs to a field",
    ),
    ("fields:\n- {name: a, type: string, rename: {from: ''}}", "a: rename needs a name"),
    ("fields:\n- {name: a, type: string, copy: {from: x..y}}", "a: \"x..y\" is not a path of names"),
    ("fields:\n- {name: a, type: string, concat: {paths: []}}", "a: concat: paths is empty"),
    (
        "fields:\n- {name: a, type: int, split: {from: x, separator: '-', index: 0}}",
        "a: concat, split and mask make a string",
    ),
    ("fields:\n- {name: a, type: string, split: {from: x, separator: '', index: 0}}", "a: split needs a separator"),
    ("fields:\n- {name: a, type: string, mask: {type: rot13}}", "a: mask: rot13 is not hash or redact"),
    ("fields:\n- {name: a, type: string, mask: {type: redact, salt: x}}", "a: mask: salt belongs to hash"),
    ("fields:\n- {name: a, type: string, mask: {type: hash, to: x}}", "a: mask: to belongs to redact"),
    (
        "fields:\n- {name: a, type: string, rename: {from: x}, copy: {from: y}}",
        "a: only one of rename, copy, concat and split",
    ),
    ("version: 1\nfields:\n- {name: a, type: int}", "(top): version 1 is not known; the language has version 0"),
    ("parser: {}\nfields:\n- {name: a, type: int}", "(top): parser: none is named"),
    (
        "parser: {csv: {delimiter: ','}}\nfields:\n- {name: a, type: int}",
        "(top): parser: csv is not supported; the input is JSON (native, or no parser)",
    ),
];

#[test]
fn invalid_schemas_are_refused_with_their_reason() {
    for (text, expected) in INVALID_SCHEMAS {
        let error = Schema::parse(&format!("schema: A.B\n{text}\n"), "own.yml").map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), format!("own.yml: {expected}"), "{text}");
    }
    for (text, says) in [
        ("schema: A.B", "missing field `fields`"),
        ("schema: A.B\nfields:\n- {name: a, type: int, colour: red}", "unknown field `colour`"),
        ("schema: A.B\nfields:\n- {name: a, type: string, validate: {regex: x}}", "unknown field `regex`"),
        ("schema: A.B\nfields:\n- {name: a, type: int, type: int}", "duplicate mapping key: type"),
        (
            "schema: A.B\ndefinitions:\n  T: {type: int}\n  T: {type: int}\nfields:\n- {name: a, type: int}",
            "duplicate mapping key: T",
        ),
        ("- a", "own.yml: (file):"),
        ("", "own.yml: (file):"),
        ("schema: AB\nfields:\n- {name: a, type: int}", "is not a log type"),
    ] {
        let error = Schema::parse(text, "own.yml").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(says) && error.starts_with("own.yml: "), "{text}: {error}");
    }
}
