//! Exports a schema as a JSON Schema, by which all lines of default mode ([`crate::Mode::Default`]) are valid.

use serde::{Serialize, Serializer};

use crate::language::model::{Object, Schema, Type, Value};
use crate::line::standard::{StandardField, StandardType};
use crate::udm::UdmType;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const TIME_PATTERN: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}$";
const ROW_ID_PATTERN: &str = "^[0-9a-f]{32}$";

/// A JSON Schema, draft 2020-12. Serialise it to get its text. Properties have the order of the members of a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct JsonSchema<'a>(ValueSchema<'a>);

/// A JSON Schema of one value, with the keywords that lines need.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ValueSchema<'a> {
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    dialect: Option<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty", serialize_with = "one_or_more")]
    kinds: Vec<&'static str>,
    #[serde(rename = "const", skip_serializing_if = "Option::is_none")]
    constant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Box<ValueSchema<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_items: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unique_items: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    any_of: Vec<ValueSchema<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    properties: Vec<(&'a str, ValueSchema<'a>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    required: Vec<&'static str>,
}

/// Writes one type as a string, and several types as an array.
fn one_or_more<S: Serializer>(kinds: &[&'static str], serializer: S) -> Result<S::Ok, S::Error> {
    match kinds {
        [kind] => kind.serialize(serializer),
        kinds => kinds.serialize(serializer),
    }
}

/// Serialises properties as an object that keeps their order.
fn in_order<S: Serializer>(properties: &[(&str, ValueSchema<'_>)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(properties.iter().map(|(name, value)| (name, value)))
}

impl Schema {
    /// Returns the JSON Schema of a line of default mode: every column with its type, and the standard fields. It
    /// allows further properties everywhere, because undeclared fields are kept. It requires none of the event's
    /// fields, because a value that does not fit is put under `p_nonconforming` instead.
    pub fn json_schema(&self) -> JsonSchema<'_> {
        let standard = self.standard_fields();
        let mut line = ValueSchema::object(&self.root);
        line.dialect = Some(DIALECT);
        line.title = &self.name;
        line.description = &self.description;
        line.required = standard.iter().filter(|field| field.is_always_present).map(|field| field.name).collect();
        line.properties.extend(standard.iter().map(|field| (field.name, self.standard_schema(field))));
        JsonSchema(line)
    }

    fn standard_schema(&self, field: &StandardField) -> ValueSchema<'_> {
        let value = match field.kind {
            StandardType::LogType => ValueSchema { constant: Some(&self.name), ..ValueSchema::of("string") },
            StandardType::RowId => ValueSchema { pattern: Some(ROW_ID_PATTERN), ..ValueSchema::of("string") },
            StandardType::Time => ValueSchema { pattern: Some(TIME_PATTERN), ..ValueSchema::of("string") },
            StandardType::Text => ValueSchema::of("string"),
            StandardType::Revision => ValueSchema { minimum: Some(0), ..ValueSchema::of("integer") },
            StandardType::Object => ValueSchema::of("object"),
            StandardType::Udm => {
                ValueSchema { properties: UdmType::standard().map(udm_property).collect(), ..ValueSchema::of("object") }
            }
            StandardType::Set => ValueSchema { unique_items: true, ..ValueSchema::array(ValueSchema::of("string")) },
        };
        ValueSchema { description: field.description, ..value }
    }
}

/// Returns the property of `p_udm` for a standard name of data models: its name, and the schema of its values.
fn udm_property((name, kind): (&'static str, UdmType)) -> (&'static str, ValueSchema<'static>) {
    let value = match kind {
        UdmType::Text => ValueSchema::of("string"),
        UdmType::Integer => {
            ValueSchema { minimum: Some(i64::MIN), maximum: Some(i64::MAX), ..ValueSchema::of("integer") }
        }
        UdmType::Any => ValueSchema::default(),
    };
    (name, value)
}

impl<'a> ValueSchema<'a> {
    fn of(kind: &'static str) -> Self {
        Self { kinds: vec![kind], ..Self::default() }
    }

    /// Returns the schema of an array. It requires at least one element, because lines leave out empty arrays.
    fn array(items: Self) -> Self {
        Self { items: Some(Box::new(items)), min_items: Some(1), ..Self::of("array") }
    }

    fn object(object: &'a Object) -> Self {
        let mut properties: Vec<(&str, Self)> = Vec::with_capacity(object.fields.len());
        for field in &object.fields {
            let value = Self { description: &field.description, ..Self::value(&field.value) };
            match properties.iter_mut().find(|(name, _)| **name == *field.column) {
                Some((_, first)) => first.or(value),
                None => properties.push((&field.column, value)),
            }
        }
        Self { properties, ..Self::of("object") }
    }

    fn value(value: &'a Value) -> Self {
        match &value.kind {
            Type::String => Self::of("string"),
            Type::Integer(bits) => {
                let maximum = i64::MAX >> (64 - bits);
                Self { minimum: Some(-maximum - 1), maximum: Some(maximum), ..Self::of("integer") }
            }
            Type::Float => Self::of("number"),
            Type::Boolean => Self::of("boolean"),
            Type::Timestamp(_) => Self { pattern: Some(TIME_PATTERN), ..Self::of("string") },
            Type::Array(element) => Self::array(Self::value(element).or_null()),
            Type::Object(object) => Self::object(object),
            Type::Json => Self::default(),
        }
    }

    /// Also allows null, which replaces an element that does not fit in the array of a line.
    fn or_null(mut self) -> Self {
        if !self.kinds.is_empty() {
            self.kinds.push("null");
        }
        self
    }

    /// Also allows the values of another field with the same column.
    fn or(&mut self, other: Self) {
        if self.any_of.is_empty() {
            let first = std::mem::take(self);
            self.any_of.push(first);
        }
        self.any_of.push(other);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn properties(fields: &str) -> serde_json::Value {
        let text = format!("schema: A.B\ndescription: What it is.\nfields:\n{fields}\n");
        let schema = Schema::parse(&text, "a.yml").unwrap();
        let mut value = serde_json::to_value(schema.json_schema()).unwrap();
        assert_eq!((&value["$schema"], &value["title"]), (&json!(DIALECT), &json!("A.B")));
        assert_eq!(value["properties"]["p_log_type"]["const"], "A.B");
        assert_eq!(
            value["required"],
            json!(["p_log_type", "p_row_id", "p_event_time", "p_parse_time", "p_schema_version"])
        );
        let properties = value["properties"].as_object_mut().unwrap();
        properties.retain(|name, _| !name.starts_with("p_"));
        value["properties"].take()
    }

    #[test]
    fn every_type_has_its_schema() {
        assert_eq!(
            properties("- {name: a.b, type: string, description: A text.}"),
            json!({"a_b": {"type": "string", "description": "A text."}})
        );
        assert_eq!(
            properties("- {name: i, type: smallint}"),
            json!({"i": {"type": "integer", "minimum": -32768, "maximum": 32767}})
        );
        assert_eq!(
            properties("- {name: f, type: float}\n- {name: b, type: boolean}\n- {name: j, type: json}"),
            json!({"f": {"type": "number"}, "b": {"type": "boolean"}, "j": {}})
        );
        assert_eq!(
            properties("- {name: t, type: timestamp}"),
            json!({"t": {"type": "string", "pattern": TIME_PATTERN}})
        );
        assert_eq!(
            properties("- {name: a, type: array, element: {type: array, element: {type: json}}}"),
            json!({"a": {"type": "array", "minItems": 1, "items": {"type": ["array", "null"], "minItems": 1, "items": {}}}})
        );
        assert_eq!(
            properties("- {name: o, type: object, fields: [{name: x, type: boolean}]}"),
            json!({"o": {"type": "object", "properties": {"x": {"type": "boolean"}}}})
        );
    }

    #[test]
    fn fields_of_one_column_are_alternatives() {
        assert_eq!(
            properties("- {name: a b, type: string}\n- {name: a.b, type: boolean}\n- {name: a_b, type: float}"),
            json!({"a_b": {"anyOf": [{"type": "string"}, {"type": "boolean"}, {"type": "number"}]}})
        );
    }

    #[test]
    fn p_udm_has_the_standard_names_with_their_types_and_may_have_other_names() {
        let schema = Schema::parse("schema: A.B\nfields:\n- {name: z, type: json}\n", "a.yml").unwrap();
        let value = serde_json::to_value(schema.json_schema()).unwrap();
        let udm = &value["properties"]["p_udm"];
        assert_eq!(udm["type"], "object");
        assert_eq!(udm["properties"].as_object().unwrap().len(), 10);
        assert_eq!(udm["properties"]["source_ip"], json!({"type": "string"}));
        assert_eq!(udm["properties"]["source_port"]["type"], "integer");
        assert_eq!(udm.get("additionalProperties"), None);
    }

    #[test]
    fn properties_stand_in_the_order_of_a_line() {
        let text = "schema: A.B\nfields:\n- {name: z, type: json}\n- {name: a, type: json}\n";
        let schema = Schema::parse(text, "a.yml").unwrap();
        let text = serde_json::to_string(&schema.json_schema()).unwrap();
        let at = |name: &str| text.find(&format!("\"{name}\":")).unwrap();
        assert!(at("z") < at("a") && at("a") < at("p_row_id"), "{text}");
    }
}
