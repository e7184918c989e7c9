//! Lists models, and shows a built-in one with its methods.

use std::path::Path;

use data_models::specification::{Source, Specification};
use schema::LogType;

use super::builtin;
use super::set::Models;
use crate::exit::{Exit, Failed};
use crate::output;

/// Prints the built-in models and those of a folder.
pub(super) fn list(folder: Option<&Path>) -> Result<Exit, Failed> {
    let own = folder.map(Models::needed).transpose()?;
    let mut rows = vec![["log type", "id", "names", "origin"].map(str::to_owned)];
    rows.extend(builtin::specifications()?.iter().map(|one| row(one, "built-in")));
    rows.extend(own.iter().flat_map(|own| &own.specifications).map(|one| {
        let origin = if one.enabled { one.path.clone() } else { format!("{} (disabled)", one.path) };
        row(one, &origin)
    }));
    output::say(&output::table(&rows, 4))?;
    Ok(Exit::Well)
}

fn row(specification: &Specification, origin: &str) -> [String; 4] {
    let mut names: Vec<&str> = Vec::new();
    for mapping in &specification.mappings {
        if !names.contains(&mapping.name.as_str()) {
            names.push(&mapping.name);
        }
    }
    let names = if names.is_empty() { "-".to_owned() } else { names.join(",") };
    [specification.log_type.clone(), specification.id.clone(), names, origin.to_owned()]
}

/// A built-in model: its YAML, and the source of each name as a comment, so that the whole is a specification still.
pub(super) fn shown(log_type: LogType) -> Result<String, Failed> {
    let text = builtin::model_text(log_type);
    let specification = builtin::specification(log_type)?;
    let mut rows = vec![["# name", "source"].map(str::to_owned)];
    for mapping in &specification.mappings {
        let source = match &mapping.source {
            Source::Path(_, path) => path.clone(),
            Source::Method(method) => format!("{method}()"),
        };
        rows.push([format!("# {}", mapping.name), source]);
    }
    Ok(format!("{}\n\n{}", text.trim_end(), output::table(&rows, 2)))
}

/// Prints the Python file of a built-in model.
pub(super) fn methods(log_type: LogType) -> Result<Exit, Failed> {
    output::say(builtin::python_text(log_type).trim_end()).map(|()| Exit::Well)
}
