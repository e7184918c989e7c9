//! Warnings about parts of a specification that Panther's tool accepts, but its author hardly intended.

use std::collections::BTreeMap;

use crate::specification::{Fault, Mapping, Source, Specification};

/// Returns the warnings of all specifications, in the order of the files and lines.
pub fn warnings(specifications: &[Specification]) -> Vec<Fault> {
    specifications.iter().flat_map(of_specification).collect()
}

fn of_specification(specification: &Specification) -> Vec<Fault> {
    let mut seen: BTreeMap<String, &Mapping> = BTreeMap::new();
    let mut warnings = Vec::new();
    for mapping in &specification.mappings {
        let earlier = seen.insert(mapping.name.to_lowercase(), mapping);
        if let Some(reason) = reason(mapping, earlier) {
            warnings.push(Fault { path: specification.path.clone(), line: Some(mapping.line), reason });
        }
    }
    warnings
}

/// Returns the warning about a mapping. `earlier` is the previous mapping whose name is the same or differs only in
/// letter case.
fn reason(mapping: &Mapping, earlier: Option<&Mapping>) -> Option<String> {
    let name = &mapping.name;
    if name.is_empty() {
        return Some("Name is empty".to_owned());
    }
    let earlier = earlier?;
    let line = earlier.line;
    match (&mapping.source, &earlier.source) {
        _ if *name != earlier.name => {
            Some(format!("{name:?} and {:?} on line {line} are two names: letter case counts", earlier.name))
        }
        (Source::Path(..), Source::Path(..)) | (Source::Method(_), Source::Method(_)) => {
            Some(format!("{name:?} is mapped on line {line} as well; this later mapping counts"))
        }
        // A path with a method as fallback is intended: the method is called if the path finds nothing.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specification::{SourceFile, load};

    #[test]
    fn empty_and_repeated_names_and_names_in_another_case_give_warnings() {
        let text = "AnalysisType: datamodel\nDataModelID: A\nEnabled: true\nLogTypes: [A]\nFilename: a.py\nMappings:\n\
                    - {Name: '', Path: a}\n- {Name: a, Path: a}\n- {Name: a, Method: m}\n- {Name: A, Path: a}\n\
                    - {Name: b, Path: a}\n- {Name: b, Path: b}\n";
        let specifications = load(&[SourceFile { path: "a.yml".to_owned(), text: text.to_owned() }]).unwrap();
        let warnings: Vec<_> = warnings(&specifications).iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "a.yml:7: Name is empty",
                "a.yml:10: \"A\" and \"a\" on line 9 are two names: letter case counts",
                "a.yml:12: \"b\" is mapped on line 11 as well; this later mapping counts",
            ]
        );
    }
}
