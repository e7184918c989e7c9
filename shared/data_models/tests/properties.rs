//! Property tests on random paths and events: no path panics or exceeds its limits, and equivalent paths find the same
//! values.

use data_models::Value;
use data_models::jsonpath::{EvaluationError, JsonPath};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const NAMES: [&str; 5] = ["a", "b", "name", "x-y", "log status"];

fn events() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        (-1e9..1e9).prop_map(Json::from),
        "[a-c5 \u{e9}]{0,3}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((prop::sample::select(&NAMES), inner), 0..6)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// Returns random sequences of the dialect's parts, most of which are not valid paths.
fn paths() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "'log status'", "\"name\"", "x-y", "*", "$", "@"]).prop_map(str::to_owned),
        4 => prop::sample::select(vec![".", "..", "..", "|", " where ", " & ", ","]).prop_map(str::to_owned),
        3 => prop::sample::select(vec!["[0]", "[-1]", "[*]", "[1:]", "[:-2]", "['a','b']", "[/a]", "[\\b]"]).prop_map(str::to_owned),
        3 => prop::sample::select(vec!["[?(@.a == 5)]", "[?(@.name =~ 'a+')]", "[?@.a < 1.5 & b]", "[?(@.a || @.b && a != 'c')]"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["`len`", "`sorted`", "`parent`", "`sub(/a/, bb)`", "`split(a, 0, -1)`", "`str()`", " + 1", " * 99999"]).prop_map(str::to_owned),
        1 => ".{0,2}",
    ];
    prop::collection::vec(part, 1..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_path_panics_and_each_ends(path in paths(), event in events()) {
        let text = event.to_string();
        let event = Value::parse(&text).unwrap();
        if let Ok(path) = JsonPath::parse(&path) {
            for found in path.find(&event).unwrap_or_default() {
                prop_assert!(serde_json::from_str::<Json>(&found.value.to_json()).is_ok());
                let _ = found.location();
            }
        }
    }

    #[test]
    fn all_spellings_of_a_name_find_the_same_values(name in prop::sample::select(&NAMES), event in events()) {
        let text = event.to_string();
        let event = Value::parse(&text).unwrap();
        let found = |path: String| {
            let found = JsonPath::parse(&path).unwrap().find(&event).unwrap();
            found.iter().map(|found| (found.value.to_json().into_owned(), found.location())).collect::<Vec<_>>()
        };
        let quoted = found(format!("'{name}'"));
        prop_assert_eq!(&quoted, &found(format!("$.'{name}'")));
        prop_assert_eq!(&quoted, &found(format!("$['{name}']")));
        prop_assert_eq!(&quoted, &found(format!("@.\"{name}\"")));
    }

    #[test]
    fn the_names_of_a_path_lead_to_what_it_finds(
        names in prop::collection::vec(prop::sample::select(&NAMES), 1..4),
        event in events(),
    ) {
        let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
        let path = JsonPath::parse(&format!("$.{}", quoted.join("."))).unwrap();
        let text = event.to_string();
        let event = Value::parse(&text).unwrap();
        let led_to = path.names().unwrap().iter().try_fold(event.clone(), |value, name| value.get(name));
        let found = path.find(&event).unwrap().pop().map(|found| found.value);
        prop_assert_eq!(led_to.map(|value| value.to_json().into_owned()), found.map(|value| value.to_json().into_owned()));
    }
}

/// A path that visits many values again and again ends with an error.
#[test]
fn the_work_of_a_path_is_bounded() {
    let row = json!({"b": (0..30).collect::<Vec<_>>()});
    let wide = json!({"a": vec![row; 300]}).to_string();
    let deep = format!("{}1{}", r#"{"a":["#.repeat(60), "]}".repeat(60));
    for (event, path) in [(&wide, "$..[*]..[*]..[*]"), (&deep, "$..a..a..a..a..a..a")] {
        let found = JsonPath::parse(path).unwrap().find(&Value::parse(event).unwrap());
        assert_eq!(found.map(|found| found.len()), Err(EvaluationError::TooMuchWork), "{path}");
    }
}

/// Values may be nested without limit, and the stack of a test thread is small.
#[test]
fn deep_nesting_neither_overflows_the_stack_nor_exceeds_the_limits() {
    let lists = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for levels in [300, 5_000] {
        let both = format!("[{},{}]", lists(levels), lists(levels));
        let events = [lists(levels), both, r#"{"a":"#.repeat(levels) + "1" + &"}".repeat(levels)]
            .map(|x| format!(r#"{{"x":{x}}}"#));
        for path in ["$..x", "$..a", "x.`sorted`", "x.`str()`", "$..*[?(@..y == 1)]", "$..x..y..z", "$..x.`parent`"] {
            for event in &events {
                let found = JsonPath::parse(path).unwrap().find(&Value::parse(event).unwrap());
                let is_bounded = match found {
                    Ok(found) => path.ends_with(['`', ')', ']']) && found.len() <= 2,
                    Err(error) => {
                        [EvaluationError::TooDeep, EvaluationError::TooMuchWork].contains(&error)
                            || path.ends_with("`sorted`")
                    }
                };
                assert!(is_bounded, "{path} on {levels} levels");
            }
        }
    }
}

/// A value that is nested deeply, but within the limits, is written as Python writes it.
#[test]
fn a_deeply_nested_value_is_written_whole() {
    let text = format!(r#"{{"x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    let found = JsonPath::parse("x.`str()`").unwrap().find(&Value::parse(&text).unwrap()).unwrap();
    assert_eq!(found[0].value.to_json().len(), 2 + 400);
}

#[test]
fn a_path_that_is_too_long_or_nested_too_deeply_is_refused() {
    for path in ["a.".repeat(3000) + "a", "(".repeat(500), "a[?(".repeat(100), "a[".repeat(3000)] {
        assert!(JsonPath::parse(&path).is_err());
    }
}
