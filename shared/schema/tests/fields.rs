//! Checks that the schema files have every field of Panther's schemas with the same attributes, and mark every other
//! field as an extension.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use schema::{FieldInfo, LogType, schema};

const PANTHER_FIELDS: &str = include_str!("data/fields.tsv");
const HEADER: &str = "schema\tpath\ttype\telement\trequired\ttimeFormat\teventTime\tindicators";
const PANTHER_FIELD_COUNT: usize = 293;

fn row(log_type: LogType, field: &FieldInfo) -> String {
    let flag = |is_set: bool| if is_set { "true" } else { "" };
    [
        log_type.name(),
        &field.path,
        &field.kind,
        field.element.as_deref().unwrap_or_default(),
        flag(field.is_required),
        &field.time_formats.join(","),
        flag(field.is_event_time),
        &field.indicators.join(","),
    ]
    .join("\t")
}

/// Returns every field of every log type.
fn fields() -> impl Iterator<Item = (LogType, FieldInfo)> {
    let of = |log_type| schema(log_type).fields().into_iter().map(move |field| (log_type, field));
    LogType::ALL.into_iter().flat_map(of)
}

fn extensions() -> impl Iterator<Item = (LogType, FieldInfo)> {
    fields().filter(|(_, field)| field.is_extension)
}

/// Returns the last name of a field's path.
fn name(field: &FieldInfo) -> &str {
    field.path.rsplit('.').next().unwrap()
}

#[test]
fn the_schemas_have_every_field_of_panther_in_order_and_mark_all_others_as_extensions() {
    let ours: Vec<String> =
        fields().filter(|(_, field)| !field.is_extension).map(|(log_type, field)| row(log_type, &field)).collect();
    let mut panther = PANTHER_FIELDS.lines();
    assert_eq!(panther.next(), Some(HEADER));
    let panther: Vec<&str> = panther.collect();
    assert_eq!(panther.len(), PANTHER_FIELD_COUNT);
    assert_eq!(ours, panther);
}

#[test]
fn extensions_are_not_required_and_hold_no_event_time() {
    for (log_type, field) in extensions() {
        assert!(!field.is_required && !field.is_event_time, "{} {}", log_type.name(), field.path);
    }
}

#[test]
fn every_description_is_a_sentence_that_says_more_than_the_name() {
    const FILLERS: [&str; 16] =
        ["a", "an", "and", "by", "for", "from", "in", "is", "it", "its", "of", "on", "that", "the", "this", "to"];
    for (log_type, field) in fields() {
        let description = &field.description;
        assert!(
            description.starts_with(|char: char| char.is_uppercase()) && description.ends_with('.'),
            "{description}"
        );
        let name = name(&field).to_lowercase();
        let words = description.split(|char: char| !char.is_alphanumeric()).map(str::to_lowercase);
        let more: Vec<String> =
            words.filter(|word| !FILLERS.contains(&word.as_str()) && !name.contains(word.as_str())).collect();
        assert!(!more.is_empty(), "{} {}: {description}", log_type.name(), field.path);
    }
}

/// Ends of field names that reveal an indicator, each with the name of the indicator.
const INDICATOR_SUFFIXES: [(&str, &str); 13] = [
    ("ip", "ip"),
    ("ip_address", "ip"),
    ("allowed_ips", "ip"),
    ("email", "email"),
    ("emailaddress", "email"),
    ("upn", "username"),
    ("sid", "username"),
    ("url", "url"),
    ("domain", "domain"),
    ("devicename", "hostname"),
    ("sha1", "sha1"),
    ("sha256", "sha256"),
    ("correlationid", "trace_id"),
];

#[test]
fn text_extensions_whose_name_reveals_an_indicator_declare_it() {
    let mut found = BTreeMap::new();
    for (log_type, field) in extensions().filter(|(_, field)| {
        [&field.kind, field.element.as_ref().unwrap_or(&field.kind)].contains(&&"string".to_owned())
    }) {
        let name = name(&field).to_lowercase();
        let revealed = INDICATOR_SUFFIXES.iter().find(|(end, _)| name.ends_with(end));
        if let Some((end, indicator)) = revealed {
            assert!(field.indicators.contains(&(*indicator).to_owned()), "{} {}", log_type.name(), field.path);
            *found.entry(*end).or_insert(0) += 1;
        }
    }
    assert_eq!(found.len(), INDICATOR_SUFFIXES.len(), "{found:?}");
}

/// Athena ignores the case of names, so fields with such names share a column there.
#[test]
fn names_that_differ_only_by_case_are_few_and_have_one_type() {
    let mut found = Vec::new();
    for log_type in LogType::ALL {
        let mut first: BTreeMap<String, FieldInfo> = BTreeMap::new();
        for field in schema(log_type).fields() {
            let Some(other) = first.insert(field.path.replace('.', "_").to_lowercase(), field.clone()) else {
                continue;
            };
            assert_eq!((&other.kind, &other.time_formats), (&field.kind, &field.time_formats), "{}", field.path);
            found.push(format!("{}/{}", other.path, name(&field)));
        }
    }
    // The vendor's documentation and its records spell these names differently.
    let known_pairs = [
        "CopilotEventData.AccessedResources[].Id/ID",
        "SharePointMetaData.itemCreationTime/ItemCreationTime",
        "SharePointMetaData.UniqueId/UniqueID",
        "ExchangeMetaData.UniqueId/UniqueID",
    ];
    assert_eq!(found, known_pairs);
}
