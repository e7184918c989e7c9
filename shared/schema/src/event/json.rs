//! One JSON document as a flat tree that borrows its text.
//!
//! A general JSON library is not enough here: the row id needs every duplicate key, every number as it was sent and
//! lone surrogates told apart, the line wants to copy whole branches without rebuilding them, and the depth is bounded.

mod canonical;
mod document;
mod flags;
mod member;
mod parse;
mod shapes;
mod text;
mod write;

pub(crate) use canonical::write_canonical_string;
pub(crate) use document::{Document, Kind, Parts};
pub(crate) use member::{Member, NodeId, Prefix, prefix};
pub(crate) use parse::{SyntaxError, parse, parse_prefix, parse_with, plain_until};
pub(crate) use text::unescape;
pub(crate) use write::{write_separator, write_string};
