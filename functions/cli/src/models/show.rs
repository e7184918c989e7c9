//! `audit-pull models show`: prints a built-in model.

use data_models::examples::{self, Example};
use data_models::specification::SourceFile;
use schema::LogType;
use serde_json::{Value, json};

use super::{builtin, list};
use crate::exit::{Exit, Failed};
use crate::output;

/// Prints a model as YAML. The source of each name and an example are in comments, so the output is still a valid
/// specification.
pub(super) fn text(log_type: LogType) -> Result<Exit, Failed> {
    let specification = builtin::specification(log_type)?;
    let mut rows = vec![["# name", "source"].map(str::to_owned)];
    let sources = list::names_with_paths_and_methods(&specification).into_iter();
    rows.extend(sources.map(|(name, sources)| [format!("# {name}"), sources.join(", then ")]));
    let mut text = format!("{}\n\n{}", builtin::model_text(log_type).trim_end(), output::table(&rows, 2));
    // The example in which most names have a value is the most useful one.
    if let Some(example) = examples(log_type)?.iter().rev().max_by_key(|example| example.expected.len()) {
        let expected = json!(example.expected);
        text.push_str(&format!("\n\n# {}\n# {}\n# gives {expected}", example.name, example.event));
    }
    output::print_line(&text).map(|()| Exit::Success)
}

/// Prints a model as JSON, with all its examples.
pub(super) fn json(log_type: LogType) -> Result<Exit, Failed> {
    let mut object = list::to_json(&builtin::specification(log_type)?, list::BUILT_IN);
    let example = |example: &Example| {
        let event: Value = serde_json::from_str(&example.event).unwrap_or_default();
        json!({"name": example.name, "event": event, "expected": example.expected, "fails": example.fails})
    };
    object["examples"] = examples(log_type)?.iter().map(example).collect();
    output::print_pretty_json(&object).map(|()| Exit::Success)
}

/// Prints the Python file with the methods of a model.
pub(super) fn methods(log_type: LogType) -> Result<Exit, Failed> {
    output::print_line(builtin::python_text(log_type).trim_end()).map(|()| Exit::Success)
}

/// Returns the examples of a model.
fn examples(log_type: LogType) -> Result<Vec<Example>, Failed> {
    let text = schema::examples_text(log_type).to_owned();
    let file = SourceFile { path: log_type.name().to_owned(), text };
    let none = |_| Failed::person(format!("the examples of {} cannot be read", log_type.name()));
    examples::read(&[file]).map_err(none)
}
