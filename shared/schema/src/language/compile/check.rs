//! What a schema may not say.

use crate::language::column::column;
use crate::language::definition::{Definition, SchemaFile};
use crate::language::model::Type;

/// At the top, names that begin with `p_` are of the fields that every line has.
pub(super) fn check_names(fields: &[Definition]) -> Result<(), String> {
    let is_ours = |name: &&str| column(name).starts_with("p_");
    match fields.iter().filter_map(|field| field.name.as_deref()).find(is_ours) {
        Some(name) => Err(format!("{name}: names that begin with p_ are the line's own")),
        None => Ok(()),
    }
}

/// A field that takes its value from itself has none.
pub(super) fn check_source(name: &str, definition: &Definition) -> Result<(), String> {
    let is_own = |from: &str| from == name;
    first(&[
        (definition.copy.as_ref().is_some_and(|copy| is_own(&copy.from)), "copy: the field is copied from itself"),
        (
            definition.rename.as_ref().is_some_and(|rename| is_own(&rename.from)),
            "rename: the field is renamed to itself",
        ),
    ])
}

/// Of the parsers, the input needs the native one or none.
pub(super) fn check_parser(file: &SchemaFile) -> Result<(), String> {
    let Some(parser) = &file.parser else { return Ok(()) };
    match parser.keys().find(|key| *key != "native") {
        Some(other) => Err(format!("parser: {other} is not supported; the input is JSON (native, or no parser)")),
        None if parser.is_empty() => Err("parser: none is named".to_owned()),
        None => Ok(()),
    }
}

/// An event has one time, and an array many.
pub(super) fn check_element(definition: &Definition) -> Result<(), String> {
    check_nameless(definition)?;
    first(&[(definition.is_event_time, "isEventTime belongs to a field")])
}

/// Keys of a field, which mean nothing where a value has no name: in an array's element and in a definition.
pub(super) fn check_nameless(definition: &Definition) -> Result<(), String> {
    first(&[
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

/// A ref has no keys of a value: those are its target's.
pub(super) fn check_ref(definition: &Definition) -> Result<(), String> {
    first(&[
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

/// Keys that mean nothing for a type are mistakes.
pub(super) fn check_fit(definition: &Definition, kind: &Type) -> Result<(), String> {
    let is_string = matches!(kind, Type::String);
    let is_time = matches!(kind, Type::Timestamp(_));
    first(&[
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

fn first(mistakes: &[(bool, &str)]) -> Result<(), String> {
    match mistakes.iter().find(|(is_made, _)| *is_made) {
        Some((_, reason)) => Err((*reason).to_owned()),
        None => Ok(()),
    }
}

/// Two or more parts, each a letter and then letters or digits.
pub(super) fn is_log_type(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|char: char| char.is_ascii_alphabetic())
            && part.chars().all(|char| char.is_ascii_alphanumeric())
    };
    name.contains('.') && name.split('.').all(is_part)
}
