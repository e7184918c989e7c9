//! Evaluates a data model on an event: the value of each name, and the place of the value.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::jsonpath::{EvaluationError, JsonPath, Match};
use crate::specification::{Source, Specification};
use crate::value::{Value, View};

/// The enabled models of a set, at most one per log type.
#[derive(Debug, Clone, Default)]
pub struct DataModels {
    models: BTreeMap<String, DataModel>,
}

impl DataModels {
    /// Compiles the enabled models of specifications that [`crate::specification::load`] returned.
    pub fn new(specifications: &[Specification]) -> Self {
        let enabled = specifications.iter().filter(|specification| specification.enabled);
        Self { models: enabled.map(|one| (one.log_type.clone(), DataModel::new(one))).collect() }
    }

    /// Returns the model of a log type.
    pub fn get(&self, log_type: &str) -> Option<&DataModel> {
        self.models.get(log_type)
    }

    /// Returns all models, in the order of their log types.
    pub fn iter(&self) -> impl Iterator<Item = &DataModel> {
        self.models.values()
    }
}

/// A compiled data model.
#[derive(Debug, Clone)]
pub struct DataModel {
    /// The `DataModelID` in the specification.
    pub id: String,
    /// The log type of the events that the model is for.
    pub log_type: String,
    /// The names that the model maps, in the order of its file and without repeats.
    pub names: Vec<Name>,
}

/// A name that a data model maps, and the sources of its value.
#[derive(Debug, Clone)]
pub struct Name {
    /// The name itself, such as `source_ip`.
    pub name: String,
    /// The path that is tried first, compiled and as text.
    pub path: Option<(JsonPath, String)>,
    /// The method that is called if there is no path, or it finds nothing.
    pub method: Option<String>,
}

/// The reason why the value of a name cannot be determined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UdmError {
    /// The path of the name finds more than one value.
    #[error("the path {path} finds {count} values; a name has one")]
    Several {
        /// The path as text.
        path: String,
        /// The number of values that the path finds.
        count: usize,
    },
    /// The path of the name cannot be evaluated on this event.
    #[error("the path {path}: {error}")]
    Path {
        /// The path as text.
        path: String,
        /// The reason why the evaluation failed.
        error: EvaluationError,
    },
    /// The method of the name failed.
    #[error("the method {method}: {reason}")]
    Method {
        /// The method's name.
        method: String,
        /// The reason why the method failed.
        reason: String,
    },
}

/// An engine that calls the methods of data models.
pub trait Methods {
    /// Calls a method of a model with an event, and returns the result as JSON.
    ///
    /// # Errors
    /// The method failed or took too long. The error is the reason.
    fn call(&mut self, model: &DataModel, method: &str, event: &Value<'_>) -> Result<String, String>;
}

/// An engine that cannot call methods: every call fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMethods;

impl Methods for NoMethods {
    fn call(&mut self, _: &DataModel, _: &str, _: &Value<'_>) -> Result<String, String> {
        Err("this build runs no methods".to_owned())
    }
}

/// The value of a name, and its place in the event.
#[derive(Debug, Clone)]
pub struct Found<'e> {
    /// The value of the name.
    pub value: Value<'e>,
    /// The place of the value in the event or, if a method returned it, the name of the method. It is the result of
    /// [`DataModel::udm_path`].
    pub path: String,
}

impl DataModel {
    fn new(specification: &Specification) -> Self {
        let mut names: Vec<Name> = Vec::new();
        for mapping in &specification.mappings {
            let at = names.iter().position(|name| name.name == mapping.name).unwrap_or_else(|| {
                names.push(Name { name: mapping.name.clone(), path: None, method: None });
                names.len() - 1
            });
            match &mapping.source {
                Source::Path(path, text) => names[at].path = Some((path.clone(), text.clone())),
                Source::Method(method) => names[at].method = Some(method.clone()),
            }
        }
        Self { id: specification.id.clone(), log_type: specification.log_type.clone(), names }
    }

    /// Returns the value of a mapped name and its place; `None` if the event has no value for it.
    ///
    /// # Errors
    /// The path finds several values or cannot be evaluated, or the method fails.
    pub fn mapped<'e>(
        &self,
        name: &Name,
        event: &Value<'e>,
        methods: &mut dyn Methods,
    ) -> Result<Option<Found<'e>>, UdmError> {
        if let Some(found) = name.found_by_path(event)? {
            let path = found.location();
            return Ok(Some(Found { value: found.value, path }));
        }
        let Some(method) = &name.method else { return Ok(None) };
        let failed = |reason: String| UdmError::Method { method: method.clone(), reason };
        let result = methods.call(self, method, event).map_err(failed)?;
        let value = Value::parse(&result).map(|value| value.to_owned()).map_err(|error| failed(error.to_string()))?;
        Ok(Some(Found { value, path: method.clone() }))
    }

    /// Returns the value of a name, as `event.udm(name)` does in Panther. If the model does not map the name, this is
    /// the result of [`unmapped`].
    ///
    /// # Errors
    /// As [`Self::mapped`].
    pub fn udm<'e>(
        &self,
        name: &str,
        event: &Value<'e>,
        methods: &mut dyn Methods,
    ) -> Result<Option<Value<'e>>, UdmError> {
        match self.name(name) {
            Some(name) => Ok(self.mapped(name, event, methods)?.map(|found| found.value)),
            None => Ok(unmapped(event, &[name])),
        }
    }

    /// Returns the place of a name's value, as `event.udm_path(name)` does in Panther: the location of the path's match
    /// or, if there is none, the name of the method, which is not called. `None` if the model does not map the name.
    ///
    /// # Errors
    /// The path finds several values or cannot be evaluated.
    pub fn udm_path(&self, name: &str, event: &Value<'_>) -> Result<Option<String>, UdmError> {
        let Some(name) = self.name(name) else { return Ok(None) };
        Ok(name.found_by_path(event)?.map(|found| found.location()).or_else(|| name.method.clone()))
    }

    /// Returns the mapping of a name; `None` if the model does not map it.
    pub fn name(&self, name: &str) -> Option<&Name> {
        self.names.iter().find(|other| other.name == name)
    }
}

impl Name {
    /// Returns the only match of the name's path; `None` if the name has no path, or the path finds nothing.
    fn found_by_path<'e>(&self, event: &Value<'e>) -> Result<Option<Match<'e>>, UdmError> {
        let Some((path, text)) = &self.path else { return Ok(None) };
        let mut found = path.find(event).map_err(|error| UdmError::Path { path: text.clone(), error })?;
        match found.len() {
            0 | 1 => Ok(found.pop()),
            count => Err(UdmError::Several { path: text.clone(), count }),
        }
    }
}

/// Returns the value at a key path that no model maps: in the event's `p_udm` if it is there, else in the event itself.
/// `None` for a value that is falsy in Python. Letter case does not matter.
pub fn unmapped<'e>(event: &Value<'e>, keys: &[&str]) -> Option<Value<'e>> {
    let in_udm: Vec<&str> = std::iter::once("p_udm").chain(keys.iter().copied()).collect();
    let is_true = |value: &Value<'_>| value.view().is_true();
    deep_get(event, &in_udm).filter(is_true).or_else(|| deep_get(event, keys)).filter(is_true)
}

/// Returns the value at a key path. Of several keys that differ only in letter case, the exact one is taken, else the
/// first one in the event.
fn deep_get<'e>(event: &Value<'e>, keys: &[&str]) -> Option<Value<'e>> {
    let mut value = event.clone();
    for key in keys {
        let View::Object(members) = value.view() else { return None };
        let exact = members.iter().position(|(name, _)| name == key);
        let lower = key.to_lowercase();
        let any = || members.iter().position(|(name, _): &(Cow<'_, str>, _)| name.to_lowercase() == lower);
        value = members.get(exact.or_else(any)?)?.1.clone();
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specification::{SourceFile, load};

    /// An engine whose methods return their own names; the method `fails` fails.
    struct EchoNames;

    impl Methods for EchoNames {
        fn call(&mut self, _: &DataModel, method: &str, _: &Value<'_>) -> Result<String, String> {
            if method == "fails" { Err("KeyError: 'x'".to_owned()) } else { Ok(format!("{method:?}")) }
        }
    }

    fn model(mappings: &str) -> DataModel {
        let text = format!(
            "AnalysisType: datamodel\nDataModelID: A\nEnabled: true\nLogTypes: [A]\nFilename: a.py\nMappings:\n{mappings}"
        );
        let models = DataModels::new(&load(&[SourceFile { path: "a.yml".into(), text }]).unwrap());
        models.get("A").unwrap().clone()
    }

    fn udm(model: &DataModel, name: &str, event: &str) -> Result<Option<String>, String> {
        let found = model.udm(name, &Value::parse(event).unwrap(), &mut EchoNames);
        found.map(|value| value.map(|value| value.to_json().into_owned())).map_err(|error| error.to_string())
    }

    #[test]
    fn one_match_counts_even_if_it_is_null_and_several_are_an_error() {
        let model = model("- {Name: a, Path: $.a}\n- {Name: b, Path: '$.b[*]'}\n");
        assert_eq!(udm(&model, "a", r#"{"a":null}"#), Ok(Some("null".into())));
        assert_eq!(udm(&model, "a", r#"{"A":1}"#), Ok(None));
        assert_eq!(udm(&model, "b", r#"{"b":[1,2]}"#), Err("the path $.b[*] finds 2 values; a name has one".into()));
    }

    #[test]
    fn a_method_is_called_if_the_path_finds_nothing() {
        let model = model("- {Name: a, Method: m}\n- {Name: a, Path: a}\n- {Name: b, Method: fails}\n");
        assert_eq!(udm(&model, "a", r#"{"a":0}"#), Ok(Some("0".into())));
        assert_eq!(udm(&model, "a", "{}"), Ok(Some("\"m\"".into())));
        assert_eq!(udm(&model, "b", "{}"), Err("the method fails: KeyError: 'x'".into()));
        let event = Value::parse("{}").unwrap();
        assert_eq!(model.udm_path("b", &event), Ok(Some("fails".into())));
    }

    #[test]
    fn a_name_that_is_not_mapped_is_looked_up_in_p_udm_and_the_event() {
        let model = model("- {Name: a, Path: a}\n");
        assert_eq!(udm(&model, "port", r#"{"p_udm":{"Port":1},"port":2}"#), Ok(Some("1".into())));
        assert_eq!(udm(&model, "port", r#"{"p_udm":{"port":0},"PORT":2}"#), Ok(Some("2".into())));
        assert_eq!(udm(&model, "port", r#"{"port":0}"#), Ok(None));
        assert_eq!(udm(&model, "a", r#"{"p_udm":{"a":1}}"#), Ok(None));
    }
}
