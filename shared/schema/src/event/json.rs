//! Parses a JSON document to a flat tree that borrows its text, and writes values back.
//!
//! A general JSON library is not enough here. The row id needs all duplicate keys, all numbers as they were sent, and
//! lone surrogates that stay different. The line copies whole branches without rebuilding them. The depth is bounded.

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
