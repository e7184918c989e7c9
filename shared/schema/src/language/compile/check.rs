//! Refuses schema files that are valid YAML but have a mistake.

use crate::language::column::column;
use crate::language::definition::{Definition, SchemaFile};
use crate::language::model::Type;

/// Refuses top-level names that begin with `p_`: they are reserved for the fields that every line has.
pub(super) fn check_names(fields: &[Definition]) -> Result<(), String> {
    let is_reserved = |name: &&str| column(name).starts_with("p_");
    match fields.iter().filter_map(|field| field.name.as_deref()).find(is_reserved) {
        Some(name) => Err(format!("{name}: names that begin with p_ are the line's own")),
        None => Ok(()),
    }
}

/// Refuses a field that takes its value from itself, because it would never have a value.
pub(super) fn check_source(name: &str, definition: &Definition) -> Result<(), String> {
    let is_own = |from: &str| from == name;
    first_mistake(&[
        (definition.copy.as_ref().is_some_and(|copy| is_own(&copy.from)), "copy: the field is copied from itself"),
        (
            definition.rename.as_ref().is_some_and(|rename| is_own(&rename.from)),
            "rename: the field is renamed to itself",
        ),
    ])
}

/// Refuses every parser but the native one, because the input is JSON.
pub(super) fn check_parser(file: &SchemaFile) -> Result<(), String> {
    let Some(parser) = &file.parser else { return Ok(()) };
    match parser.keys().find(|key| *key != "native") {
        Some(other) => Err(format!("parser: {other} is not supported; the input is JSON (native, or no parser)")),
        None if parser.is_empty() => Err("parser: none is named".to_owned()),
        None => Ok(()),
    }
}

/// Checks the element of an array. It cannot hold the event time: an event has one time, and an array has many values.
pub(super) fn check_element(definition: &Definition) -> Result<(), String> {
    check_unnamed(definition)?;
    first_mistake(&[(definition.is_event_time, "isEventTime belongs to a field")])
}

/// Refuses keys that only a field can have, in a value without a name: an array's element or a definition.
pub(super) fn check_unnamed(definition: &Definition) -> Result<(), String> {
    first_mistake(&[
        (definition.name.is_some(), "name belongs to a field"),
        (definition.required, "required belongs to a field"),
        (definition.extension, "extension belongs to a field"),
        (definition.rename.is_some(), "rename belongs to a field"),
        (definition.copy.is_some(), "copy belongs to a field"),
        (definition.concat.is_some(), "concat belongs to a field"),
        (definition.split.is_some(), "split belongs to a field"),
        (definition.mask.is_some(), "mask belongs to a field"),
    ])
}

/// Refuses, in a `ref`, the keys that belong to its target.
pub(super) fn check_ref(definition: &Definition) -> Result<(), String> {
    first_mistake(&[
        (has_indicators(definition), "indicators belong to the target of a ref"),
        (definition.validate.is_some(), "validate belongs to the target of a ref"),
        (definition.is_event_time || definition.is_expiration, "isEventTime belongs to the target of a ref"),
        (
            definition.time_format.is_some() || definition.time_formats.is_some(),
            "timeFormat belongs to the target of a ref",
        ),
        (definition.element.is_some(), "element belongs to the target of a ref"),
        (definition.fields.is_some(), "fields belong to the target of a ref"),
        (definition.is_embedded_json, "isEmbeddedJSON belongs to the target of a ref"),
    ])
}

/// Refuses keys that have no meaning for a type.
pub(super) fn check_keys_of_type(definition: &Definition, kind: &Type) -> Result<(), String> {
    let is_string = matches!(kind, Type::String);
    let is_time = matches!(kind, Type::Timestamp(_));
    first_mistake(&[
        (has_indicators(definition) && !is_string, "indicators belong to a string"),
        (definition.validate.is_some() && !is_string, "validate belongs to a string"),
        ((definition.is_event_time || definition.is_expiration) && !is_time, "isEventTime belongs to a timestamp"),
        (
            (definition.time_format.is_some() || definition.time_formats.is_some()) && !is_time,
            "timeFormat belongs to a timestamp",
        ),
        (definition.element.is_some() && !matches!(kind, Type::Array(_)), "element belongs to an array"),
        (definition.fields.is_some() && !matches!(kind, Type::Object(_)), "fields belong to an object"),
        (definition.target.is_some(), "target belongs to a ref"),
        (
            definition.is_embedded_json && !matches!(kind, Type::Array(_) | Type::Object(_) | Type::Json),
            "isEmbeddedJSON belongs to an object, an array or json",
        ),
    ])
}

fn has_indicators(definition: &Definition) -> bool {
    !definition.indicators.is_empty() || !definition.extension_indicators.is_empty()
}

/// Fails with the text of the first mistake whose flag is `true`.
fn first_mistake(mistakes: &[(bool, &str)]) -> Result<(), String> {
    match mistakes.iter().find(|(is_made, _)| *is_made) {
        Some((_, reason)) => Err((*reason).to_owned()),
        None => Ok(()),
    }
}

/// Returns `true` for a valid name of a log type: two or more parts with dots between them. A part is a letter,
/// followed by letters and digits.
pub(super) fn is_log_type(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|char: char| char.is_ascii_alphabetic())
            && part.chars().all(|char| char.is_ascii_alphanumeric())
    };
    name.contains('.') && name.split('.').all(is_part)
}
