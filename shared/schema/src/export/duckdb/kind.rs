//! Translates the types of a schema to types of DuckDB.

use std::collections::BTreeSet;

use crate::language::model::{Object, Type, Value};

/// A type of DuckDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(&'static str),
    Array(Box<Self>),
    /// The members, each with its key and type. No two keys differ only by case.
    Struct(Vec<(String, Self)>),
}

/// Returns the members of an object, each key once. If fields of different types share a key, its member is JSON.
pub(super) fn members(object: &Object) -> Vec<(String, Kind)> {
    let mut members: Vec<(String, Kind)> = Vec::with_capacity(object.fields.len());
    for field in &object.fields {
        let kind = Kind::of(&field.value);
        match members.iter_mut().find(|(name, _)| **name == *field.column) {
            Some((_, known)) if *known != kind => *known = Kind::JSON,
            Some(_) => {}
            None => members.push((field.column.to_string(), kind)),
        }
    }
    members
}

impl Kind {
    pub(super) const JSON: Self = Self::Scalar("JSON");

    fn of(value: &Value) -> Self {
        match &value.kind {
            Type::String => Self::Scalar("VARCHAR"),
            Type::Json => Self::JSON,
            Type::Integer(16) => Self::Scalar("SMALLINT"),
            Type::Integer(32) => Self::Scalar("INTEGER"),
            Type::Integer(_) => Self::Scalar("BIGINT"),
            Type::Float => Self::Scalar("DOUBLE"),
            Type::Boolean => Self::Scalar("BOOLEAN"),
            Type::Timestamp(_) => Self::Scalar("TIMESTAMP"),
            Type::Array(element) => Self::Array(Box::new(Self::of(element))),
            Type::Object(object) => Self::of_object(object),
        }
    }

    /// Returns the type of an object. It is JSON if two keys differ only by case.
    fn of_object(object: &Object) -> Self {
        let members = members(object);
        let names: BTreeSet<String> = members.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        if names.len() < members.len() { Self::JSON } else { Self::Struct(members) }
    }

    /// Returns the type's name in SQL.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Scalar(name) => (*name).to_owned(),
            Self::Array(element) => format!("{}[]", element.name()),
            Self::Struct(members) => {
                let member = |(name, kind): &(String, Self)| format!("\"{name}\" {}", kind.name());
                format!("STRUCT({})", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Returns the type in the JSON notation of the function `json_transform`.
    pub(super) fn structure(&self) -> String {
        match self {
            Self::Scalar(name) => format!("\"{name}\""),
            Self::Array(element) => format!("[{}]", element.structure()),
            Self::Struct(members) => {
                let member = |(name, kind): &(String, Self)| format!("\"{name}\":{}", kind.structure());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }
}
