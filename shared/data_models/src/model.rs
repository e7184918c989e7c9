//! A data model on an event: the value and the place of each name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::jsonpath::{EvaluationError, JsonPath, Match};
use crate::specification::{Source, Specification};
use crate::value::{Value, View};

/// The data models of a set, at most one for each log type.
#[derive(Debug, Clone, Default)]
pub struct DataModels {
    models: BTreeMap<String, DataModel>,
}

impl DataModels {
    /// The enabled models of specifications that [`crate::specification::load`] read.
    pub fn new(specifications: &[Specification]) -> Self {
        let enabled = specifications.iter().filter(|specification| specification.enabled);
        Self { models: enabled.map(|one| (one.log_type.clone(), DataModel::new(one))).collect() }
    }

    /// The model of a log type.
    pub fn get(&self, log_type: &str) -> Option<&DataModel> {
        self.models.get(log_type)
    }

    /// All models, in the order of their log types.
    pub fn iter(&self) -> impl Iterator<Item = &DataModel> {
        self.models.values()
    }
}

/// A data model, compiled.
#[derive(Debug, Clone)]
pub struct DataModel {
    /// `DataModelID`
    pub id: String,
    /// The log type of the events it is for.
    pub log_type: String,
    /// The names it maps, in the order of its file, each once.
    pub names: Vec<Name>,
}

/// A name of a data model.
#[derive(Debug, Clone)]
pub struct Name {
    /// The name.
    pub name: String,
    /// The path that is tried first, and its text.
    pub path: Option<(JsonPath, String)>,
    /// The method that is called if the path finds nothing.
    pub method: Option<String>,
}

/// A name has no value, for this reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UdmError {
    /// The name's path finds more than one value.
    #[error("the path {path} finds {count} values; a name has one")]
    Several {
        /// The path's text.
        path: String,
        /// The number of values that it finds.
        count: usize,
    },
    /// The name's path cannot be evaluated on this event.
    #[error("the path {path}: {error}")]
    Path {
        /// The path's text.
        path: String,
        /// The reason.
        error: EvaluationError,
    },
    /// The name's method failed.
    #[error("the method {method}: {reason}")]
    Method {
        /// The method's name.
        method: String,
        /// The reason.
        reason: String,
    },
}

/// Calls the methods of data models.
pub trait Methods {
    /// Calls a method of a model with an event, and returns its result as JSON.
    ///
    /// # Errors
    /// The method failed, or took too long; the text says how.
    fn call(&mut self, model: &DataModel, method: &str, event: &Value<'_>) -> Result<String, String>;
}

/// An engine for sets without methods: every call fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMethods;

impl Methods for NoMethods {
    fn call(&mut self, _: &DataModel, _: &str, _: &Value<'_>) -> Result<String, String> {
        Err("this build runs no methods".to_owned())
    }
}

/// The value of a name, and its place.
#[derive(Debug, Clone)]
pub struct Found<'e> {
    /// The value.
    pub value: Value<'e>,
    /// The place in the event, or the method's name: what [`DataModel::udm_path`] returns.
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

    /// The value of a mapped name; `None` if the event has none.
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

    /// The value of a name, as `event.udm(name)` returns it: that of the mapping; for a name that is not mapped, what
    /// [`unmapped`] finds.
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

    /// The place of a name's value, as `event.udm_path(name)` returns it: the match of its path, else its method's
    /// name, which is not called.
    ///
    /// # Errors
    /// The path finds several values or cannot be evaluated.
    pub fn udm_path(&self, name: &str, event: &Value<'_>) -> Result<Option<String>, UdmError> {
        let Some(name) = self.name(name) else { return Ok(None) };
        Ok(name.found_by_path(event)?.map(|found| found.location()).or_else(|| name.method.clone()))
    }

    /// The mapping of a name.
    pub fn name(&self, name: &str) -> Option<&Name> {
        self.names.iter().find(|other| other.name == name)
    }
}

impl Name {
    /// The one match of the name's path.
    fn found_by_path<'e>(&self, event: &Value<'e>) -> Result<Option<Match<'e>>, UdmError> {
        let Some((path, text)) = &self.path else { return Ok(None) };
        let mut found = path.find(event).map_err(|error| UdmError::Path { path: text.clone(), error })?;
        match found.len() {
            0 | 1 => Ok(found.pop()),
            count => Err(UdmError::Several { path: text.clone(), count }),
        }
    }
}

/// The value of a key path that no model maps: that of `p_udm`, else that of the event itself; `None` for a value
/// that Python takes for false. Keys are found in any letter case.
pub fn unmapped<'e>(event: &Value<'e>, keys: &[&str]) -> Option<Value<'e>> {
    let in_udm: Vec<&str> = std::iter::once("p_udm").chain(keys.iter().copied()).collect();
    let is_true = |value: &Value<'_>| value.view().is_true();
    deep_get(event, &in_udm).filter(is_true).or_else(|| deep_get(event, keys)).filter(is_true)
}

/// The value of a key path, found in any letter case: first by the very name, else by the first one in the order of
/// the event that differs in case only.
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

    /// Returns the method's name, or fails.
    struct Named;

    impl Methods for Named {
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
        let found = model.udm(name, &Value::parse(event).unwrap(), &mut Named);
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
