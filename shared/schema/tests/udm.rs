//! Checks that `p_udm` holds the values that the data model finds in the rest of the line, and that the rest of the
//! line is the same with and without a model.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::LazyLock;

use data_models::specification::{SourceFile, load};
use data_models::{DataModel, DataModels, NoMethods, Value as Event};
use jiff::Timestamp;
use proptest::prelude::*;
use schema::{LineContext, LineModel, LogType, Mode, Normalizer, schema};
use serde_json::{Map, Value};

/// Names of declared fields, and some names that no schema declares.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let fields = LogType::ALL.into_iter().flat_map(|log_type| schema(log_type).fields());
    let names = fields.flat_map(|field| field.path.split(['.', '[', ']']).map(str::to_owned).collect::<Vec<_>>());
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    names.extend(["own", "other", "p_own", "p_source_id", "p_any_ip_addresses", "p_nonconforming"].map(str::to_owned));
    names.sort_unstable();
    names.dedup();
    names
});

fn name() -> impl Strategy<Value = String> {
    prop_oneof![9 => proptest::sample::select(NAMES.clone()), 1 => "[a-c é\"\\\\]{1,3}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z0-9.:\"\\\\{}\\[\\]é]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((name(), inner), 0..6).prop_map(object),
        ]
    })
}

fn object(members: Vec<(String, Value)>) -> Value {
    Value::Object(members.into_iter().collect::<Map<_, _>>())
}

/// Generates paths of names that may lead to a value, and other paths of the dialect.
fn paths() -> impl Strategy<Value = Vec<String>> {
    let names = proptest::collection::vec(name(), 1..4);
    let path = (names, proptest::sample::select(vec!["", "", "", "", "[0]", ".*", "[*]", "..own"]));
    let path = path.prop_map(|(names, end)| {
        let quoted = |name: &String| format!("'{}'", name.replace('\\', "\\\\").replace('\'', "\\'"));
        format!("$.{}{end}", names.iter().map(quoted).collect::<Vec<_>>().join("."))
    });
    proptest::collection::vec(path, 1..12)
}

/// Returns a data model that maps one custom name to each path. Custom names may have values of any type.
fn model(log_type: LogType, paths: &[String]) -> DataModel {
    let mapping = |(at, path)| format!("- {{Name: own_{at:02}, Path: {}}}\n", Value::from(String::clone(path)));
    let mappings: String = paths.iter().enumerate().map(mapping).collect();
    let text = format!(
        "AnalysisType: datamodel\nDataModelID: Test\nEnabled: true\nLogTypes: [{}]\nMappings:\n{mappings}",
        log_type.name()
    );
    let models = DataModels::new(&load(&[SourceFile { path: "test.yml".into(), text }]).unwrap());
    models.get(log_type.name()).unwrap().clone()
}

fn line(normalizer: &Normalizer, event: &str) -> (String, u32) {
    let context = LineContext { source_id: "acme", source_label: "", parse_time: Timestamp::UNIX_EPOCH };
    let mut out = Vec::new();
    let normalized = normalizer.normalize(event.as_bytes(), &context, &mut out).unwrap();
    assert_eq!(out.pop(), Some(b'\n'));
    (String::from_utf8(out).unwrap(), normalized.udm_failed)
}

/// Returns the members of `p_udm` that the model finds in a line, and the number of names that fail.
fn expected(model: &DataModel, line: &str) -> (String, u32) {
    let (event, mut failed, mut members) = (Event::parse(line).unwrap(), 0, Vec::new());
    let mut names = model.names.clone();
    names.sort_by(|a, b| a.name.cmp(&b.name));
    for name in &names {
        match model.mapped(name, &event, &mut NoMethods) {
            Err(_) => failed += 1,
            Ok(found) => {
                let json = found.map(|found| found.value.to_json().into_owned()).filter(|json| json != "null");
                members.extend(json.map(|json| format!("\"{}\":{json}", name.name)));
            }
        }
    }
    (members.join(","), failed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p_udm_is_what_the_paths_find_on_the_line(
        log_type in proptest::sample::select(LogType::ALL.to_vec()),
        event in proptest::collection::vec((name(), value()), 0..12).prop_map(object),
        paths in paths(),
        sent in any::<proptest::sample::Index>(),
    ) {
        // Adds paths that begin with a name of the event, because they are more likely to find something.
        let mut paths = paths;
        if let Some((top, inner)) = event.as_object().filter(|event| !event.is_empty()).map(|event| {
            let (top, value) = event.iter().nth(sent.index(event.len())).unwrap();
            (top, value.as_object().and_then(|inner| inner.keys().next()))
        }) {
            let quoted = |name: &str| format!("'{}'", name.replace('\\', "\\\\").replace('\'', "\\'"));
            paths.push(format!("$.{}{}", quoted(top), inner.map(|name| format!(".{}", quoted(name))).unwrap_or_default()));
            paths.push(quoted(top));
        }
        let model = model(log_type, &paths);
        let without = Normalizer::with_schema(schema(log_type), Mode::Default).with_model(None);
        let with = without.clone().with_model(Some(LineModel::new(model.clone(), None)));
        let (plain, no_failures) = line(&without, &event.to_string());
        let (written, failed) = line(&with, &event.to_string());
        let (members, expected_failures) = expected(&model, &plain);
        let udm = if members.is_empty() { String::new() } else { format!(",\"p_udm\":{{{members}}}") };
        prop_assert_eq!(written, format!("{}{udm}}}", plain.strip_suffix('}').unwrap()));
        prop_assert_eq!((failed, no_failures), (expected_failures, 0));
    }
}
