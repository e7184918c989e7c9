//! One JSON document as a flat tree that borrows its text.
//!
//! A general JSON library is not enough here: the row id needs every duplicate key, every number as it was sent and
//! lone surrogates told apart, the line wants to copy whole branches without rebuilding them, and the depth is bounded.

mod parse;
mod text;
mod write;

use std::borrow::Cow;
use std::cmp::Ordering;

pub(crate) use parse::{SyntaxError, parse, parse_prefix, plain_until};
pub(crate) use text::{unescape, unescape_wtf8};
pub(crate) use write::write_string;

/// How deep values may nest.
pub(crate) const MAX_DEPTH: usize = 128;

/// Where a value stands in its document.
pub(crate) type NodeId = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
}

/// A string with a backslash in it.
const ESCAPED: u8 = 1;
/// A value whose bytes may not be copied to a line as they are: white space between tokens, a lone surrogate, or a key
/// given twice, at any depth.
const UNTIDY: u8 = 2;

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    flags: u8,
    start: u32,
    end: u32,
    /// The node after this one and everything in it.
    next: u32,
    /// An object's first member, as an index into `Document::members`.
    first_member: u32,
    members: u32,
}

/// A key and its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// The key's first eight bytes: most comparisons end there.
    pub(crate) prefix: u64,
    pub(crate) key: NodeId,
    pub(crate) value: NodeId,
}

/// A parsed document. Its root is [`Document::ROOT`].
#[derive(Debug)]
pub(crate) struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
    members: Vec<Member>,
}

impl<'a> Document<'a> {
    pub(crate) const ROOT: NodeId = 0;

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    pub(crate) fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind
    }

    /// The value as it was sent.
    pub(crate) fn raw(&self, id: NodeId) -> &'a str {
        let node = self.node(id);
        &self.text[node.start as usize..node.end as usize]
    }

    /// A string's text, lone surrogates replaced by U+FFFD.
    pub(crate) fn text(&self, id: NodeId) -> Cow<'a, str> {
        let inner = self.inner(id);
        if self.node(id).flags & ESCAPED == 0 { Cow::Borrowed(inner) } else { Cow::Owned(unescape(inner)) }
    }

    /// A string's text in bytes, lone surrogates as three bytes that no UTF-8 text contains.
    pub(crate) fn text_wtf8(&self, id: NodeId) -> Cow<'a, [u8]> {
        if self.node(id).flags & ESCAPED == 0 {
            Cow::Borrowed(self.inner_bytes(id))
        } else {
            Cow::Owned(unescape_wtf8(self.inner(id)))
        }
    }

    /// What stands between a string's quotes.
    fn inner(&self, id: NodeId) -> &'a str {
        let node = self.node(id);
        &self.text[node.start as usize + 1..node.end as usize - 1]
    }

    fn inner_bytes(&self, id: NodeId) -> &'a [u8] {
        let node = self.node(id);
        &self.text.as_bytes()[node.start as usize + 1..node.end as usize - 1]
    }

    /// An object's members, sorted by the bytes of their keys; equal keys in the order they were sent. None of others.
    pub(crate) fn members(&self, id: NodeId) -> &[Member] {
        let node = self.node(id);
        let first = node.first_member as usize;
        &self.members[first..first + node.members as usize]
    }

    /// An object's members, each key once: of equal keys, the last.
    pub(crate) fn distinct(&self, id: NodeId) -> impl Iterator<Item = Member> {
        let members = self.members(id);
        members.iter().enumerate().filter_map(move |(at, member)| match members.get(at + 1) {
            Some(after) if self.compare(member, after) == Ordering::Equal => None,
            _ => Some(*member),
        })
    }

    /// An array's elements. None of others.
    pub(crate) fn elements(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let node = self.node(id);
        let end = if node.kind == Kind::Array { node.next } else { id + 1 };
        let mut at = id + 1;
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let element = at;
                at = self.node(at).next;
                element
            })
        })
    }

    /// The value of an object's key: of equal keys, the last.
    pub(crate) fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        let members = self.members(id);
        let after = members.partition_point(|member| *self.text_wtf8(member.key) <= *key.as_bytes());
        let member = members.get(after.checked_sub(1)?)?;
        (*self.text_wtf8(member.key) == *key.as_bytes()).then_some(member.value)
    }

    /// The value at the end of a path of keys.
    pub(crate) fn find(&self, id: NodeId, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(id, |at, key| self.get(at, key))
    }

    fn compare(&self, a: &Member, b: &Member) -> Ordering {
        a.prefix.cmp(&b.prefix).then_with(|| {
            if (self.node(a.key).flags | self.node(b.key).flags) & ESCAPED == 0 {
                self.inner_bytes(a.key).cmp(self.inner_bytes(b.key))
            } else {
                self.text_wtf8(a.key).cmp(&self.text_wtf8(b.key))
            }
        })
    }
}

/// The first eight bytes, so that numbers compare as the bytes would.
pub(crate) fn prefix(key: &[u8]) -> u64 {
    if let Some(start) = key.first_chunk() {
        return u64::from_be_bytes(*start);
    }
    let mut bytes = [0; 8];
    bytes[..key.len()].copy_from_slice(key);
    u64::from_be_bytes(bytes)
}
