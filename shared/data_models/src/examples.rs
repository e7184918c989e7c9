//! Reads and checks worked examples of data models: events, with the names that must have a value in them. They serve
//! as tests and as documentation.
//!
//! A file of examples has no `AnalysisType`, so Panther's tool ignores it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value as Json;
use serde_saphyr::Spanned;

use crate::model::{DataModel, Methods, Name, UdmError};
use crate::specification::{Fault, SourceFile};
use crate::value::Value;
use crate::yaml::{self, Content};

/// An example: an event, and the values that its model must find in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The path of the file that has the example.
    pub path: String,
    /// The line on which the example begins, from 1.
    pub line: u64,
    /// The log type of the event.
    pub log_type: String,
    /// The member `Name` of the example.
    pub name: String,
    /// The member `Event` as JSON text.
    pub event: String,
    /// The member `Expected`: every name that must have a value, with this value. Names whose value is null may be left
    /// out.
    pub expected: BTreeMap<String, Json>,
    /// The member `Fails`: the names whose path or method must fail.
    pub fails: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ExampleFile {
    log_type: String,
    examples: Vec<Spanned<ExampleText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ExampleText {
    name: String,
    event: Json,
    #[serde(default)]
    expected: BTreeMap<String, Json>,
    #[serde(default)]
    fails: BTreeSet<String>,
}

/// Reads the examples of all files that have the key `Examples` and are not specifications.
///
/// # Errors
/// The faults of all files.
pub fn read(files: &[SourceFile]) -> Result<Vec<Example>, Vec<Fault>> {
    let mut examples = Vec::new();
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| has_examples(&file.text)) {
        match read_file(file) {
            Ok(mut found) => examples.append(&mut found),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(examples) } else { Err(faults) }
}

fn has_examples(text: &str) -> bool {
    let Ok(yaml::Node { content: Content::Map(members), .. }) = yaml::parse(text) else { return false };
    let has = |name: &str| members.iter().any(|(key, _)| key.text() == Some(name));
    has("Examples") && !has("AnalysisType")
}

fn read_file(file: &SourceFile) -> Result<Vec<Example>, Fault> {
    let read = yaml::read::<ExampleFile>(&file.text).map_err(|(line, reason)| Fault {
        path: file.path.clone(),
        line,
        reason: format!("the examples cannot be read: {reason}"),
    })?;
    let example = |spanned: Spanned<ExampleText>| {
        let ExampleText { name, event, expected, fails } = spanned.value;
        // An event that is given as a string is JSON text.
        let event = if let Json::String(text) = event { text } else { event.to_string() };
        let line = spanned.referenced.line();
        Example { path: file.path.clone(), line, log_type: read.log_type.clone(), name, event, expected, fails }
    };
    Ok(read.examples.into_iter().map(example).collect())
}

impl Example {
    /// Evaluates the model on the event and returns the differences from [`Self::expected`] and [`Self::fails`], as
    /// text for people.
    pub fn differences(&self, model: &DataModel, methods: &mut dyn Methods) -> Vec<String> {
        let event = match Value::parse(&self.event) {
            Ok(event) => event,
            Err(error) => return vec![format!("Event is {error}")],
        };
        let of_name = |name: &Name| {
            let got = model.mapped(name, &event, methods);
            let difference = self.difference(&name.name, got.map(|found| found.map(|found| found.value)));
            difference.map(|difference| format!("{}: {difference}", name.name))
        };
        let mut differences: Vec<_> = model.names.iter().filter_map(of_name).collect();
        let unknown = self.expected.keys().chain(&self.fails).filter(|name| model.name(name).is_none());
        differences.extend(unknown.map(|name| format!("{name}: the model does not have this name")));
        differences
    }

    /// Compares the value that the model found for one name with the expected one. Returns the difference as text.
    fn difference(&self, name: &str, got: Result<Option<Value<'_>>, UdmError>) -> Option<String> {
        let expected = self.expected.get(name);
        let got = match got {
            Err(_) if self.fails.contains(name) => return None,
            Err(error) => return Some(error.to_string()),
            Ok(got) => got.map(|value| value.to_json().into_owned()),
        };
        let is_same = match (expected, &got) {
            _ if self.fails.contains(name) => false,
            (Some(expected), Some(text)) => serde_json::from_str::<Json>(text).is_ok_and(|got| got == *expected),
            (Some(_), None) => false,
            (None, got) => got.as_deref().is_none_or(|got| got == "null"),
        };
        let wanted = match expected {
            _ if self.fails.contains(name) => "a failure".to_owned(),
            Some(expected) => expected.to_string(),
            None => "no value".to_owned(),
        };
        (!is_same).then(|| format!("expected {wanted}, got {}", got.unwrap_or_else(|| "no value".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specification::load;
    use crate::{DataModels, NoMethods};

    const MODEL: &str = "AnalysisType: datamodel\nDataModelID: A\nEnabled: true\nLogTypes: [A]\nMappings:\n- {Name: a, Path: a}\n- {Name: b, Path: b}\n- {Name: c, Path: 'c[*]'}\n";
    const EXAMPLES: &str = "LogType: A\nExamples:\n- Name: one\n  Event: {a: 1, b: null, c: [x]}\n  Expected: {a: 1, c: x}\n- Name: two\n  Event: '{\"a\":\"1\",\"c\":[1,2]}'\n  Expected: {a: 1, b: 2, d: 3}\n";

    fn file(text: &str) -> SourceFile {
        SourceFile { path: "e.yml".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn an_example_names_all_values_and_no_others() {
        let models = DataModels::new(&load(&[file(MODEL)]).unwrap());
        let model = models.get("A").unwrap();
        let examples = read(&[file(MODEL), file(EXAMPLES), file("- 1\n")]).unwrap();
        assert_eq!(examples.iter().map(|example| example.line).collect::<Vec<_>>(), [3, 6]);
        assert_eq!(examples[0].differences(model, &mut NoMethods), [""; 0]);
        assert_eq!(
            examples[1].differences(model, &mut NoMethods),
            [
                "a: expected 1, got \"1\"",
                "b: expected 2, got no value",
                "c: the path c[*] finds 2 values; a name has one",
                "d: the model does not have this name",
            ]
        );
    }

    #[test]
    fn an_example_may_expect_null_and_a_failure() {
        let models = DataModels::new(&load(&[file(MODEL)]).unwrap());
        let differences = |expected: &str| {
            let text = format!("LogType: A\nExamples:\n- Name: one\n  Event: {{a: null, c: [1, 2]}}\n{expected}");
            read(&[file(&text)]).unwrap()[0].differences(models.get("A").unwrap(), &mut NoMethods)
        };
        assert_eq!(differences("  Expected: {a: null}\n  Fails: [c]\n"), [""; 0]);
        assert_eq!(differences("  Fails: [c]\n"), [""; 0], "null may be left out");
        assert_eq!(
            differences("  Expected: {b: null}\n  Fails: [a, d]\n"),
            [
                "a: expected a failure, got null",
                "b: expected null, got no value",
                "c: the path c[*] finds 2 values; a name has one",
                "d: the model does not have this name",
            ]
        );
    }

    #[test]
    fn a_file_of_examples_that_cannot_be_read_is_a_fault() {
        let fault = read(&[file("Examples:\n- Name: one\n")]).unwrap_err().remove(0).to_string();
        assert!(fault.starts_with("e.yml:") && fault.contains("the examples cannot be read"), "{fault}");
    }
}
