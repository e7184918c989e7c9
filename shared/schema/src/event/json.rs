//! Parses a JSON document into a flat tree that borrows its text, and writes values as JSON.
//!
//! A general JSON library is not enough here. Row ids depend on duplicate keys, on numbers as they were sent, and on
//! lone surrogates that must stay different from each other. Lines copy whole branches of an event without rebuilding
//! them. The nesting depth is bounded.

mod canonical;
mod document;
mod flags;
mod member;
mod parse;
mod shapes;
mod text;
mod write;

pub(crate) use canonical::write_canonical_string;
pub(crate) use document::{Document, DocumentBuffers, Kind};
pub(crate) use member::{Member, NodeId, Prefix, prefix};
pub(crate) use parse::{SyntaxError, find_special_byte, parse, parse_prefix, parse_with};
pub(crate) use text::unescape;
pub(crate) use write::{write_separator, write_string};
