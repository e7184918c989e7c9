//! `audit-pull models list`: lists the built-in models and those in a folder.

use std::path::Path;

use data_models::specification::{Source, Specification};
use serde_json::{Map, Value, json};

use super::builtin;
use super::set::Models;
use crate::exit::{Exit, Failed};
use crate::output;

/// The text in the column `origin` for a built-in model.
pub(super) const BUILT_IN: &str = "built-in";

/// Prints the built-in models and those of a folder, as a table or as one JSON object per line.
pub(super) fn list(folder: Option<&Path>, is_json: bool) -> Result<Exit, Failed> {
    let own = folder.map(Models::load_or_print_faults).transpose()?;
    let builtin = builtin::specifications()?;
    let own = own.iter().flat_map(|own| &own.specifications).map(|one| (one, one.path.as_str()));
    let all: Vec<_> = builtin.iter().map(|one| (one, BUILT_IN)).chain(own).collect();
    if is_json {
        for (specification, origin) in all {
            output::print_json(&to_json(specification, origin))?;
        }
        return Ok(Exit::Success);
    }
    let mut rows = vec![["log type", "id", "origin", "names"].map(str::to_owned)];
    rows.extend(all.into_iter().map(|(specification, origin)| row(specification, origin)));
    output::print_line(&output::table(&rows, 4))?;
    Ok(Exit::Success)
}

/// Makes the row of a model. The names are the last column, because it has no fixed width.
fn row(specification: &Specification, origin: &str) -> [String; 4] {
    let names: Vec<String> = names_with_paths_and_methods(specification).into_iter().map(|(name, _)| name).collect();
    let names = if specification.enabled { names.join(",") } else { "(disabled)".to_owned() };
    [specification.log_type.clone(), specification.id.clone(), origin.to_owned(), names]
}

/// Returns a model as JSON.
pub(super) fn to_json(specification: &Specification, origin: &str) -> Value {
    let names: Map<_, _> =
        names_with_paths_and_methods(specification).into_iter().map(|(name, source)| (name, json!(source))).collect();
    json!({
        "log_type": specification.log_type,
        "id": specification.id,
        "origin": origin,
        "enabled": specification.enabled,
        "names": names,
    })
}

/// Returns the names of a model, each once, in the order of the file. Each name comes with the path and the method that
/// give its value, in the order in which they are tried: the path first, then the method.
pub(super) fn names_with_paths_and_methods(specification: &Specification) -> Vec<(String, Vec<String>)> {
    let mut names: Vec<(String, Option<String>, Option<String>)> = Vec::new();
    for mapping in &specification.mappings {
        let at = names.iter().position(|(name, ..)| *name == mapping.name).unwrap_or_else(|| {
            names.push((mapping.name.clone(), None, None));
            names.len() - 1
        });
        match &mapping.source {
            Source::Path(_, path) => names[at].1 = Some(path.clone()),
            Source::Method(method) => names[at].2 = Some(format!("{method}()")),
        }
    }
    names.into_iter().map(|(name, path, method)| (name, path.into_iter().chain(method).collect())).collect()
}
