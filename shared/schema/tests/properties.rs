//! Tests properties that must hold for every input.

use std::sync::LazyLock;

use jiff::Timestamp;
use jsonschema::Validator;
use proptest::prelude::*;
use schema::{ArraySplitter, LineContext, LogType, Mode, Normalizer, RowId, schema};
use serde_json::{Map, Value};

fn context() -> LineContext<'static> {
    LineContext { source_id: "acme", source_label: "Acme", parse_time: Timestamp::UNIX_EPOCH }
}

fn log_type() -> impl Strategy<Value = LogType> {
    proptest::sample::select(LogType::ALL.to_vec())
}

/// The names of all fields that the schemas declare, and one name of a standard field.
static DECLARED_NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let fields = LogType::ALL.into_iter().flat_map(|log_type| schema(log_type).fields());
    let top = fields.clone().filter(|field| !field.path.contains("[]")).map(|field| field.path);
    let nested = fields.filter_map(|field| field.path.rsplit(['.', ']']).next().map(str::to_owned));
    let mut names: Vec<String> = top.chain(nested).filter(|name| !name.is_empty()).collect();
    names.push("p_row_id".to_owned());
    names.sort_unstable();
    names.dedup();
    names
});

#[expect(clippy::expect_used, reason = "a failed call fails the test")]
static VALIDATORS: LazyLock<Vec<(LogType, Validator)>> = LazyLock::new(|| {
    let validator = |log_type| {
        let of = schema(log_type);
        let json_schema = serde_json::to_value(of.json_schema()).expect("plain values");
        (log_type, jsonschema::draft202012::new(&json_schema).expect("a valid JSON Schema"))
    };
    LogType::ALL.into_iter().map(validator).collect()
});

fn name() -> impl Strategy<Value = String> {
    let declared = (0..DECLARED_NAMES.len()).prop_map(|at| DECLARED_NAMES[at].clone());
    let alike = (0..DECLARED_NAMES.len()).prop_map(|at| DECLARED_NAMES[at].replace(['_', '.'], " "));
    prop_oneof![16 => declared, 1 => alike, 4 => "[a-c._ @]{0,3}", 4 => any::<String>()]
}

/// Generates values that are not arrays or objects, of every kind that fields convert. Most values are unique, so that
/// a value that is found in a line comes from this leaf.
fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (1_000_000..i64::MAX).prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "[a-z]{8}\"?\\PC{0,4}".prop_map(Value::from),
        "20[0-9]{2}-0[1-9]-1[0-9]T1[0-9]:[0-5][0-9]:[0-5][0-9]Z?".prop_map(Value::from),
        "1\\.[0-9]\\.[0-9]\\.[0-9](:80)?".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((name(), inner), 0..5).prop_map(object),
        ]
    })
}

fn object(members: Vec<(String, Value)>) -> Value {
    Value::Object(members.into_iter().collect::<Map<_, _>>())
}

fn event() -> impl Strategy<Value = Value> {
    proptest::collection::vec((name(), value()), 0..12).prop_map(object)
}

fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Array(elements) => elements.iter().for_each(|element| leaves(element, found)),
        Value::Object(members) => members.values().for_each(|member| leaves(member, found)),
        Value::String(text) => found.push(canonical(text)),
        other => found.push(canonical(&other.to_string())),
    }
}

/// Returns the same text for all forms in which a line may write a leaf.
fn canonical(text: &str) -> String {
    let is_time = text.len() >= 19 && text.as_bytes()[4] == b'-' && text.as_bytes()[13] == b':';
    match (is_time, text.parse::<f64>()) {
        (true, _) => text[..19].replace(' ', "T"),
        (false, Ok(number)) => number.to_string(),
        _ => text.to_owned(),
    }
}

/// Returns `true` for a leaf that is the event time, which a line writes in another form.
fn is_event_time(event: &Value, leaf: &str) -> bool {
    event.get("effective_at").is_some_and(|time| {
        let mut own = Vec::new();
        leaves(time, &mut own);
        own.contains(&leaf.to_owned())
    })
}

/// Writes a value like `serde_json`, but with white space and with the members of every object in reverse order.
fn reversed(value: &Value) -> String {
    match value {
        Value::Array(elements) => format!("[ {} ]", elements.iter().map(reversed).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(name, value)| format!("{} : {}", Value::String(String::clone(name)), reversed(value));
            format!("{{ {} }}", members.iter().rev().map(member).collect::<Vec<_>>().join(" ,\n"))
        }
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_line_does_not_depend_on_earlier_events(
        log_type in log_type(),
        events in proptest::collection::vec(event(), 1..6),
        order in proptest::collection::vec((0_usize..6, any::<bool>()), 1..24),
        is_strict in any::<bool>(),
    ) {
        let mode = if is_strict { Mode::Strict } else { Mode::Default };
        let normalizer = || Normalizer::with_schema(schema(log_type), mode);
        let line = |normalizer: &Normalizer, event: &str| {
            let mut out = Vec::new();
            let normalized = normalizer.normalize(event.as_bytes(), &context(), &mut out);
            (normalized, String::from_utf8(out))
        };
        let used = normalizer();
        for (at, is_reversed) in order {
            let event = &events[at % events.len()];
            let event = if is_reversed { reversed(event) } else { event.to_string() };
            prop_assert_eq!(line(&used, &event), line(&normalizer(), &event), "{}", event);
        }
    }

    #[test]
    fn an_object_becomes_one_line_in_which_every_leaf_is_found(log_type in log_type(), event in event()) {
        let mut out = Vec::new();
        let normalized = Normalizer::new(log_type).normalize(event.to_string().as_bytes(), &context(), &mut out);
        let normalized = normalized.map_err(|rejection| TestCaseError::fail(rejection.reason))?;
        let text = String::from_utf8(out).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(text.matches('\n').count(), 1);
        let line: Value = serde_json::from_str(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let row_id = normalized.row_id.to_string();
        prop_assert_eq!(line["p_row_id"].as_str(), Some(row_id.as_str()));
        prop_assert_eq!(line["p_log_type"].as_str(), Some(log_type.name()));
        let (mut sent, mut kept) = (Vec::new(), Vec::new());
        leaves(&event, &mut sent);
        leaves(&line, &mut kept);
        for leaf in sent {
            prop_assert!(kept.contains(&leaf) || is_event_time(&event, &leaf), "{} is not in {}", leaf, text);
        }
    }

    #[test]
    fn a_line_is_valid_by_its_json_schema(log_type in log_type(), event in event()) {
        let mut out = Vec::new();
        let normalized = Normalizer::new(log_type).normalize(event.to_string().as_bytes(), &context(), &mut out);
        normalized.map_err(|rejection| TestCaseError::fail(rejection.reason))?;
        let line: Value = serde_json::from_slice(&out).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let (_, validator) = VALIDATORS.iter().find(|(known, _)| *known == log_type).ok_or(TestCaseError::fail("none"))?;
        let errors: Vec<String> =
            validator.iter_errors(&line).map(|error| format!("{}: {error}", error.instance_path())).collect();
        prop_assert!(errors.is_empty(), "{:?} {} {}", errors, event, line);
    }

    #[test]
    fn the_row_id_ignores_the_order_of_members_and_white_space(log_type in log_type(), event in event()) {
        let row_id = |text: String| {
            Normalizer::new(log_type).normalize(text.as_bytes(), &context(), &mut Vec::new()).map(|done| done.row_id)
        };
        prop_assert_eq!(row_id(event.to_string()), row_id(reversed(&event)));
    }

    #[test]
    fn any_bytes_become_a_line_or_a_rejection(
        log_type in log_type(),
        is_strict in any::<bool>(),
        bytes in prop_oneof![
            any::<Vec<u8>>(),
            "[\\[\\]{}\",:\\\\u0-9a-ftrlsn. \n-]{0,60}".prop_map(String::into_bytes),
            (value(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(value, at, byte)| {
                let mut text = value.to_string().into_bytes();
                let at = at.index(text.len());
                text[at] = byte;
                text
            }),
        ],
    ) {
        let normalizer = Normalizer::with_schema(schema(log_type), if is_strict { Mode::Strict } else { Mode::Default });
        let mut out = b"before\n".to_vec();
        match normalizer.normalize(&bytes, &context(), &mut out) {
            Ok(_) => {
                let is_json = serde_json::from_slice::<Value>(&out[7..]).is_ok_and(|line| line.is_object());
                prop_assert!(is_json && out.ends_with(b"}\n"), "{}", String::from_utf8_lossy(&out));
                prop_assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 2);
            }
            Err(rejection) => {
                prop_assert!(rejection.row_id.hour < RowId::RESERVED_HOURS);
                prop_assert_eq!(out, b"before\n");
                let accepted = serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.is_object());
                prop_assert!(is_strict || !accepted, "{}", rejection.reason);
            }
        }
    }

    #[test]
    fn an_array_is_split_the_same_wherever_it_is_cut(
        elements in proptest::collection::vec(value(), 0..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text = Value::from(elements.clone()).to_string();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).chain([0, text.len()]).collect();
        cuts.sort_unstable();
        let mut splitter = ArraySplitter::new(text.len());
        let mut found = Vec::new();
        for cut in cuts.windows(2) {
            let each = |element: &[u8]| found.push(String::from_utf8_lossy(element).into_owned());
            splitter.push(&text.as_bytes()[cut[0]..cut[1]], each).map_err(|error| TestCaseError::fail(error.0))?;
        }
        let each = |element: &[u8]| found.push(String::from_utf8_lossy(element).into_owned());
        splitter.finish(each).map_err(|error| TestCaseError::fail(error.0))?;
        prop_assert_eq!(found, elements.iter().map(Value::to_string).collect::<Vec<_>>());
    }
}
