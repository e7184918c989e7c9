//! What a schema may not say.

use super::Type;
use crate::column::column;
use crate::definition::Definition;

/// At the top, names that begin with `p_` are of the fields that every line has.
pub(super) fn check_names(fields: &[Definition]) -> Result<(), String> {
    let is_ours = |name: &&str| column(name).starts_with("p_");
    match fields.iter().filter_map(|field| field.name.as_deref()).find(is_ours) {
        Some(name) => Err(format!("{name}: names that begin with p_ are the line's own")),
        None => Ok(()),
    }
}

/// Keys that mean nothing for a type are mistakes.
pub(super) fn check_fit(definition: &Definition, kind: &Type) -> Result<(), String> {
    let is_string = matches!(kind, Type::String);
    let is_time = matches!(kind, Type::Timestamp(_));
    let misplaced = [
        (!definition.indicators.is_empty() && !is_string, "indicators belong to a string"),
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
    ];
    match misplaced.into_iter().find(|(wrong, _)| *wrong) {
        Some((_, reason)) => Err(reason.to_owned()),
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
