//! Parses a YAML file into a tree in which each node knows its line.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Budget, Options, Spanned};

use crate::yaml_error::reason;

/// The maximum nesting of lists and maps. Each level takes up to 30 kB of stack. A more deeply nested event of an
/// example can be given as JSON text.
const MAX_DEPTH: usize = 32;

/// A value or key in a YAML file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The line on which the node begins, from 1.
    pub(crate) line: u64,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Nothing,
    Boolean(bool),
    Integer,
    /// A number with a fraction, or any other scalar that is not a text.
    Other,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl Node {
    /// Returns the type of the node, as messages name it.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Nothing => "nothing",
            Content::Boolean(_) => "a boolean",
            Content::Integer => "an integer",
            Content::Other => "a number",
            Content::Text(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Parses a file into a tree.
///
/// # Errors
/// As [`read`].
pub(crate) fn parse(text: &str) -> Result<Node, (Option<u64>, String)> {
    read::<Spanned<Content>>(text).map(Node::from)
}

/// Parses a file as a `T`. As in YAML 1.2, `yes` and `no` are texts. As in Panther's tool, a tag that is not one of
/// YAML's own is refused.
///
/// # Errors
/// The file is not valid YAML, or not a `T`. The error is the line, if it is known, and the reason.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, (Option<u64>, String)> {
    let mut options = Options::default();
    options.strict_booleans = true;
    options.reject_unsupported_tags = true;
    let mut budget = Budget::default();
    budget.max_depth = MAX_DEPTH;
    options.budget = Some(budget);
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map(|location| location.line());
        (line, reason(&error))
    })
}

impl From<Spanned<Content>> for Node {
    fn from(spanned: Spanned<Content>) -> Self {
        Self { line: spanned.referenced.line(), content: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Nothing)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Boolean(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Content, E> {
        Ok(Content::Integer)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Content, E> {
        Ok(Content::Integer)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Content, E> {
        Ok(Content::Integer)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Content, E> {
        Ok(Content::Integer)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element::<Spanned<Content>>()? {
            nodes.push(node.into());
        }
        Ok(Content::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut members = Vec::new();
        while let Some((name, node)) = map.next_entry::<Spanned<Content>, Spanned<Content>>()? {
            members.push((name.into(), node.into()));
        }
        Ok(Content::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_knows_its_line_and_type() {
        let Content::Map(members) = parse("a: yes\nb:\n- true\n- 1\n- '1'\n- ~\n- 1.5\n").unwrap().content else {
            panic!()
        };
        assert_eq!(members[0].1.text(), Some("yes"));
        let Content::List(nodes) = &members[1].1.content else { panic!() };
        let kinds: Vec<_> = nodes.iter().map(|node| (node.line, node.kind())).collect();
        assert_eq!(kinds, [(3, "a boolean"), (4, "an integer"), (5, "a text"), (6, "nothing"), (7, "a number")]);
    }

    #[test]
    fn a_broken_file_is_an_error_with_its_line() {
        assert_eq!(parse("a: 1\nb: [\n").unwrap_err().0, Some(2));
        assert!(parse("a: 1\na: 2\n").is_err());
    }
}
