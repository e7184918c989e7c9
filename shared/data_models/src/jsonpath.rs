//! The JSONPath dialect of data models: that of the Python library `jsonpath-ng` with its extensions, which Panther
//! uses.
//!
//! The parser follows version 1.5.3, which Panther pins, with two additions from later versions: `&&` and `||` in
//! filters, and unquoted names that begin with `true` or `false`.

mod arithmetic;
mod ast;
mod error;
mod evaluate;
mod filter;
mod lexer;
mod location;
mod matches;
mod named;
mod parser;
mod python;

pub use error::{EvaluationError, PathError};
pub use matches::{MAX_STEPS, Match};

use crate::value::Value;

/// A compiled path.
///
/// ```
/// use data_models::jsonpath::JsonPath;
/// use data_models::Value;
///
/// let path = JsonPath::parse("$.actor.email")?;
/// let event = Value::parse(r#"{"actor":{"email":"a@example.com"}}"#)?;
/// let found = path.find(&event)?;
/// assert_eq!(found[0].value.to_json(), r#""a@example.com""#);
/// assert_eq!(found[0].location(), "actor.email");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct JsonPath {
    root: ast::Path,
    names: Option<Box<[Box<str>]>>,
}

impl JsonPath {
    /// Compiles a path.
    ///
    /// # Errors
    /// The text is not a path of the dialect. The error has the position and the reason.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let root = parser::parse(text)?;
        let mut names = Vec::new();
        let is_plain = root.collect_names(&mut names) && !names.is_empty();
        Ok(Self { root, names: is_plain.then(|| names.into()) })
    }

    /// Returns all matches of the path in the event, in the event's order.
    ///
    /// # Errors
    /// The path cannot be evaluated on this event, for example because it would compare values of different types, or
    /// the evaluation exceeds its limits.
    pub fn find<'e>(&self, event: &Value<'e>) -> Result<Vec<Match<'e>>, EvaluationError> {
        evaluate::find(&self.root, event)
    }

    /// Returns the names in the path if it consists of names only, like `$.a.b`; `None` for any other path.
    pub fn names(&self) -> Option<&[Box<str>]> {
        self.names.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::JsonPath;

    #[test]
    fn a_path_of_names_returns_its_names() {
        let names = |text: &str| JsonPath::parse(text).unwrap().names().map(|names| names.join("/"));
        for (text, expected) in [
            ("a", "a"),
            ("$.a", "a"),
            ("$.a.b.c", "a/b/c"),
            ("a.b", "a/b"),
            ("$.'a.b'.\"c d\"", "a.b/c d"),
            ("$['a'].b", "a/b"),
            ("(a.b).c", "a/b/c"),
            ("@.a", "a"),
        ] {
            assert_eq!(names(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["$", "$.a[0]", "$.a.*", "$..a", "a,b", "a|b", "$.a[?(@.b == 1)]", "a.$.b", "a.`len`", "a.`parent`"]
        {
            assert_eq!(names(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_path_is_refused_with_its_place_and_what_to_do() {
        let needs_a_path = "a filter or an order in brackets needs a path before it, such as * after ..";
        for (text, expected) in [
            (
                "a b",
                "at character 3: the path is complete before this; a name with a space or a sign in it needs quotes",
            ),
            ("$..[?(@.x == 1)]", &format!("at character 5: {needs_a_path}")),
            ("$..[/x]", &format!("at character 5: {needs_a_path}")),
            ("$.[", "at character 4: an index, a slice, a name or a filter is missing"),
        ] {
            assert_eq!(JsonPath::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
    }
}
