//! The schema files hold every field of the reference schemas, with the same attributes.

use schema::{FieldInfo, LogType, schema};

const REFERENCE: &str = include_str!("data/fields.tsv");
const FIELDS: usize = 293;

fn row(log_type: LogType, field: &FieldInfo) -> String {
    let flag = |is_set: bool| if is_set { "true" } else { "" };
    [
        log_type.name(),
        &field.path,
        &field.kind,
        field.element.as_deref().unwrap_or_default(),
        flag(field.required),
        &field.time_formats.join(","),
        flag(field.is_event_time),
        &field.indicators.join(","),
    ]
    .join("\t")
}

#[test]
fn every_field_of_the_reference_is_there_in_its_order_and_all_others_are_marked_ours() {
    let ours = |log_type| {
        let fields = schema(log_type).fields().into_iter().filter(|field| !field.is_extension);
        fields.map(move |field| row(log_type, &field)).collect::<Vec<_>>()
    };
    let ours: Vec<String> = LogType::ALL.into_iter().flat_map(ours).collect();
    let reference: Vec<&str> = REFERENCE.lines().skip(1).collect();
    assert_eq!(reference.len(), FIELDS);
    assert_eq!(ours, reference);
}

#[test]
fn every_field_says_what_it_is() {
    for log_type in LogType::ALL {
        for field in schema(log_type).fields() {
            assert!(field.description.len() > 4, "{} {}", log_type.name(), field.path);
            assert!(field.description.ends_with('.'), "{} {}", log_type.name(), field.path);
        }
    }
}

#[test]
fn no_two_columns_differ_only_by_case() {
    for log_type in LogType::ALL {
        let mut paths: Vec<String> =
            schema(log_type).fields().into_iter().map(|field| field.path.replace('.', "_").to_lowercase()).collect();
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), count, "{}", log_type.name());
    }
}
