//! Checks a schema file and compiles it to a [`Schema`].

mod check;
mod cycles;

use crate::language::column::column;
use crate::language::definition::{Definition, SchemaFile};
use crate::language::model::{Declaration, Field, NO_SLOT, Object, Schema, Type, Value};
use crate::language::transform::{Transform, resolve_references};
use crate::language::validate::Validator;
use crate::value::format::TimeFormat;
use crate::value::indicator::Indicator;
use check::{
    check_element, check_keys_of_type, check_names, check_parser, check_ref, check_source, check_unnamed, is_log_type,
};
use cycles::find_cycle;

/// The most levels to which fields and definitions may nest.
const MAX_DEPTH: usize = 64;
/// The most values of a schema. A definition counts once per reference to it, because references multiply: if each of
/// 20 definitions refers to the next one twice, the schema has a million values.
const MAX_VALUES: usize = 10_000;

/// A mistake in a schema file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {path}: {reason}")]
pub struct SchemaError {
    /// The file's name.
    pub file: String,
    /// The place of the mistake: the names of the fields from the top, with dots between them.
    pub path: String,
    /// The mistake, in words.
    pub reason: String,
}

impl Schema {
    /// Parses and checks the text of a schema file; `file` names it in errors.
    ///
    /// # Errors
    /// The text is not a schema file, or the schema has a mistake.
    pub fn parse(text: &str, file: &str) -> Result<Self, SchemaError> {
        let error = |path: String, reason| SchemaError { file: file.to_owned(), path, reason };
        let schema_file: SchemaFile =
            serde_saphyr::from_str(text).map_err(|cause| error("(file)".to_owned(), cause.to_string()))?;
        let mut compiler =
            Compiler { file: &schema_file, path: Vec::new(), open_definitions: Vec::new(), value_count: 0 };
        let root = compiler.schema().map_err(|reason| {
            let path = if compiler.path.is_empty() { "(top)".to_owned() } else { compiler.path.join(".") };
            error(path, reason)
        })?;
        Ok(Self {
            name: schema_file.schema,
            version: schema_file.version,
            description: schema_file.description,
            reference_url: schema_file.reference_url,
            root,
        })
    }
}

/// The state of a compilation.
struct Compiler<'a> {
    file: &'a SchemaFile,
    /// The names that lead to the current field, from the top.
    path: Vec<String>,
    /// The names of the definitions that contain the current value. A reference to one of them would never end.
    open_definitions: Vec<&'a str>,
    /// The number of values that were compiled so far.
    value_count: usize,
}

impl<'a> Compiler<'a> {
    fn schema(&mut self) -> Result<Object, String> {
        let file = self.file;
        if file.version != 0 {
            return Err(format!("version {} is not known; the language has version 0", file.version));
        }
        if !is_log_type(&file.schema) {
            return Err(format!("schema: {:?} is not a log type such as Vendor.Product", file.schema));
        }
        check_parser(file)?;
        for (name, definition) in &file.definitions {
            self.path.push(format!("definitions.{name}"));
            check_unnamed(definition)?;
            self.open_definitions.push(name);
            self.value(definition)?;
            self.open_definitions.pop();
            self.path.pop();
        }
        check_names(&file.fields)?;
        self.object(&file.fields)
    }

    fn object(&mut self, definitions: &'a [Definition]) -> Result<Object, String> {
        if definitions.is_empty() {
            return Err("an object needs at least one field".to_owned());
        }
        let mut fields: Vec<Field> = Vec::with_capacity(definitions.len());
        for definition in definitions {
            let name = definition.name.clone().filter(|name| !name.is_empty()).ok_or("a field without a name")?;
            if fields.iter().any(|field| *field.name == *name) {
                return Err(format!("the field {name} is there twice"));
            }
            self.path.push(name.clone());
            fields.push(self.field(name, definition)?);
            self.path.pop();
        }
        if let Some((at, cycle)) = find_cycle(&fields) {
            self.path.push(fields[at].name.to_string());
            return Err(format!("the field takes its value from itself: {cycle}"));
        }
        resolve_references(fields.iter_mut().filter_map(|field| Some((&*field.name, field.transform.as_deref_mut()?))));
        Ok(Object::new(fields))
    }

    fn field(&mut self, name: String, definition: &'a Definition) -> Result<Field, String> {
        let value = self.value(definition)?;
        let transform = Transform::new(definition)?;
        check_source(&name, definition)?;
        if transform.as_ref().is_some_and(Transform::is_text) && !matches!(value.kind, Type::String) {
            return Err("concat, split and mask make a string".to_owned());
        }
        let column = column(&name).into_owned();
        Ok(Field {
            key: format!("\"{column}\":").into_bytes().into(),
            column: column.into(),
            name: name.into(),
            description: definition.description.as_str().into(),
            is_required: definition.required,
            is_extension: definition.extension,
            shares_column: false,
            is_plain: false,
            slot: NO_SLOT,
            value,
            transform: transform.map(Box::new),
            construction: None,
        })
    }

    fn value(&mut self, definition: &'a Definition) -> Result<Value, String> {
        if self.path.len() + self.open_definitions.len() > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        self.value_count += 1;
        if self.value_count > MAX_VALUES {
            return Err(format!("more than {MAX_VALUES} values, with those of definitions wherever they are used"));
        }
        if definition.kind == "ref" {
            return self.reference(definition);
        }
        let value = Value {
            kind: self.kind(definition)?,
            indicators: indicators(definition.indicators.iter().chain(&definition.extension_indicators))?,
            declaration: Box::new(Declaration {
                kind: definition.kind.clone(),
                indicators: definition.indicators.clone(),
                extension_indicators: definition.extension_indicators.clone(),
                time_formats: definition
                    .time_format
                    .iter()
                    .chain(definition.time_formats.iter().flatten())
                    .cloned()
                    .collect(),
            }),
            validate: definition.validate.as_ref().map(Validator::new).transpose()?.map(Box::new),
            is_event_time: definition.is_event_time,
            is_embedded: definition.is_embedded_json,
        };
        check_keys_of_type(definition, &value.kind)?;
        Ok(value)
    }

    fn reference(&mut self, definition: &'a Definition) -> Result<Value, String> {
        check_ref(definition)?;
        let target = definition.target.as_deref().ok_or("ref needs a target")?;
        let file = self.file;
        let (name, target_definition) =
            file.definitions.get_key_value(target).ok_or_else(|| format!("no definition is called {target}"))?;
        if self.open_definitions.contains(&name.as_str()) {
            return Err(format!("the definition {target} contains itself"));
        }
        self.open_definitions.push(name);
        let value = self.value(target_definition)?;
        self.open_definitions.pop();
        Ok(value)
    }

    fn kind(&mut self, definition: &'a Definition) -> Result<Type, String> {
        Ok(match definition.kind.as_str() {
            "string" => Type::String,
            "smallint" => Type::Integer(16),
            "int" => Type::Integer(32),
            "bigint" => Type::Integer(64),
            "float" => Type::Float,
            "boolean" => Type::Boolean,
            "json" => Type::Json,
            "timestamp" => Type::Timestamp(time_formats(definition)?),
            "array" => {
                let element = definition.element.as_deref().ok_or("an array needs an element")?;
                self.path.push("element".to_owned());
                check_element(element)?;
                let element = Value { is_event_time: false, ..self.value(element)? };
                self.path.pop();
                Type::Array(Box::new(element))
            }
            "object" => {
                let fields = definition.fields.as_deref().ok_or("an object needs fields")?;
                Type::Object(Box::new(self.object(fields)?))
            }
            "" => return Err("a type is missing".to_owned()),
            other => return Err(format!("no type is called {other}")),
        })
    }
}

/// Returns the time formats of a timestamp field: RFC 3339 if the field names none.
fn time_formats(definition: &Definition) -> Result<Box<[TimeFormat]>, String> {
    let names = match (&definition.time_format, &definition.time_formats) {
        (Some(_), Some(_)) => return Err("timeFormat and timeFormats exclude each other".to_owned()),
        (Some(name), None) => vec![name.as_str()],
        (None, Some(names)) if names.is_empty() => return Err("timeFormats is empty".to_owned()),
        (None, Some(names)) => names.iter().map(String::as_str).collect(),
        (None, None) => vec!["rfc3339"],
    };
    names.into_iter().map(TimeFormat::new).collect()
}

/// Returns the indicators that have these names in the schema language.
fn indicators<'n>(names: impl Iterator<Item = &'n String>) -> Result<Box<[Indicator]>, String> {
    let known = |name: &String| Indicator::from_name(name).ok_or_else(|| format!("no indicator is called {name}"));
    names.map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(fields: &str) -> String {
        let text = format!("schema: A.B\nfields:\n{fields}\n");
        Schema::parse(&text, "a.yml").map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_the_file_the_path_and_the_reason() {
        assert_eq!(
            error_of("- {name: o, type: object, fields: [{name: x, type: strin}]}"),
            "a.yml: o.x: no type is called strin"
        );
        assert_eq!(error_of("- {name: a, type: array}"), "a.yml: a: an array needs an element");
        assert_eq!(error_of("- {name: a, type: ref, target: T}"), "a.yml: a: no definition is called T");
        assert_eq!(error_of("- {name: a, type: int, indicators: [ip]}"), "a.yml: a: indicators belong to a string");
        assert_eq!(error_of("- {name: a, type: string, indicators: [up]}"), "a.yml: a: no indicator is called up");
        assert_eq!(
            error_of("- {name: a, type: int}\n- {name: a, type: int}"),
            "a.yml: (top): the field a is there twice"
        );
        assert_eq!(
            error_of("- {name: a, type: timestamp, timeFormat: never}"),
            "a.yml: a: no time format is called never"
        );
        assert!(error_of("- {name: a, typ: int}").contains("typ"));
    }

    #[test]
    fn f4_a_field_that_is_copied_from_itself_is_refused() {
        assert_eq!(
            error_of("- {name: o, type: object, fields: [{name: x, type: int, copy: {from: x}}]}"),
            "a.yml: o.x: copy: the field is copied from itself"
        );
        assert_eq!(
            error_of("- {name: x, type: int, rename: {from: x}}"),
            "a.yml: x: rename: the field is renamed to itself"
        );
        let inside = "schema: A.B\nfields:\n- {name: x, type: int, copy: {from: x.y}}\n";
        assert!(Schema::parse(inside, "a.yml").is_ok());
    }

    #[test]
    fn a_top_field_with_a_reserved_name_is_refused() {
        let reason = "names that begin with p_ are the line's own";
        assert_eq!(error_of("- {name: p_row_id, type: string}"), format!("a.yml: (top): p_row_id: {reason}"));
        assert_eq!(error_of("- {name: p.x, type: string}"), format!("a.yml: (top): p.x: {reason}"));
        let nested = "schema: A.B\nfields:\n- {name: p, type: object, fields: [{name: p_x, type: int}]}\n";
        assert!(Schema::parse(nested, "a.yml").is_ok());
    }

    #[test]
    fn definitions_that_double_at_each_level_are_refused() {
        const LEVELS: usize = 20;
        let level = |at| {
            format!(
                "  T{at}: {{type: object, fields: [{{name: a, type: ref, target: T{0}}}, {{name: b, type: ref, target: T{0}}}]}}\n",
                at + 1
            )
        };
        let levels: String = (0..LEVELS).map(level).collect();
        let text = format!(
            "schema: A.B\ndefinitions:\n{levels}  T{LEVELS}: {{type: int}}\nfields:\n- {{name: a, type: ref, target: T0}}\n"
        );
        let error = Schema::parse(&text, "a.yml").unwrap_err();
        assert!(error.reason.starts_with("more than 10000 values"), "{error}");
    }

    #[test]
    fn references_are_followed_and_a_definition_in_itself_is_refused() {
        let text = "schema: A.B\ndefinitions:\n  T: {type: object, fields: [{name: x, type: int}]}\nfields:\n- {name: a, type: ref, target: T}\n";
        let schema = Schema::parse(text, "a.yml").unwrap();
        assert!(matches!(schema.root.fields[0].value.kind, Type::Object(_)));
        let endless = "schema: A.B\ndefinitions:\n  T: {type: array, element: {type: ref, target: T}}\nfields:\n- {name: a, type: ref, target: T}\n";
        assert!(Schema::parse(endless, "a.yml").unwrap_err().reason.contains("contains itself"));
    }
}
