//! One JSON document as a flat tree that borrows its text.
//!
//! A general JSON library is not enough here: the row id needs every duplicate key, every number as it was sent and
//! lone surrogates told apart, the line wants to copy whole branches without rebuilding them, and the depth is bounded.

mod canonical;
mod parse;
mod shapes;
mod text;
mod write;

use std::borrow::Cow;
use std::cmp::Ordering;

pub(crate) use canonical::write_canonical_string;
pub(crate) use parse::{SyntaxError, parse, parse_prefix, parse_with, plain_until};
pub(crate) use shapes::ShapeId;
use shapes::Shapes;
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
/// An object that has a key twice.
const REPEATS: u8 = 4;
/// A value that is not in canonical form as it was sent: white space between tokens, escapes, or keys that are not
/// sorted, at any depth.
const LOOSE: u8 = 8;
/// What a value has because of what is in it.
const INHERITED: u8 = UNTIDY | LOOSE;

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    flags: u8,
    start: u32,
    end: u32,
    /// The node after this one and everything in it.
    next: u32,
    /// An object's first member, as an index into the document's members.
    first_member: u32,
    members: u32,
    /// An object's shape, when it is known.
    shape: Option<ShapeId>,
}

/// A string: where its inside stands in the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inside {
    start: u32,
    end: u32,
    flags: u8,
}

/// A key's first sixteen bytes, as a number that compares as they do: most comparisons end there.
pub(crate) type Prefix = u128;

/// A key and its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) prefix: Prefix,
    pub(crate) key: Inside,
    pub(crate) value: NodeId,
}

/// What a document is made of; kept from one to the next, so that not each asks for memory anew.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    nodes: Vec<Node>,
    members: Vec<Member>,
    /// Members of the objects not yet closed, while parsing.
    open: Vec<Member>,
    /// What is known of objects' shapes; none to know nothing of them.
    shapes: Option<Shapes>,
}

impl Parts {
    /// Parts that remember the shapes of objects.
    pub(crate) fn remembering() -> Self {
        Self { shapes: Some(Shapes::default()), ..Self::default() }
    }

    /// Whether they are worth keeping: they remember shapes, and can remember others.
    pub(crate) fn is_of_use(&self) -> bool {
        self.shapes.as_ref().is_some_and(|shapes| !shapes.is_full())
    }

    /// Bytes of memory that the last document needed. What is remembered of shapes has a bound of its own.
    pub(crate) fn size(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + (self.members.capacity() + self.open.capacity()) * size_of::<Member>()
    }
}

/// A parsed document. Its root is [`Document::ROOT`].
#[derive(Debug)]
pub(crate) struct Document<'a> {
    text: &'a str,
    parts: Parts,
}

impl<'a> Document<'a> {
    pub(crate) const ROOT: NodeId = 0;

    /// Gives back what it was made of.
    pub(crate) fn into_parts(self) -> Parts {
        self.parts
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.parts.nodes[id as usize]
    }

    pub(crate) fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind
    }

    /// Whether a value is a string that can be copied to a line.
    pub(crate) fn is_tidy_string(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.kind == Kind::String && node.flags & UNTIDY == 0
    }

    /// The value as it was sent.
    pub(crate) fn raw(&self, id: NodeId) -> &'a str {
        let node = self.node(id);
        &self.text[node.start as usize..node.end as usize]
    }

    /// A string's text, lone surrogates replaced by U+FFFD.
    pub(crate) fn text(&self, id: NodeId) -> Cow<'a, str> {
        self.decoded(self.inside(id))
    }

    /// [`Self::text`] of a key.
    pub(crate) fn name(&self, member: &Member) -> Cow<'a, str> {
        self.decoded(member.key)
    }

    /// A key in bytes, lone surrogates as three bytes that no UTF-8 text contains.
    pub(crate) fn name_wtf8(&self, member: &Member) -> Cow<'a, [u8]> {
        self.decoded_wtf8(member.key)
    }

    fn decoded(&self, inside: Inside) -> Cow<'a, str> {
        let sent = self.sent(inside);
        if inside.flags & ESCAPED == 0 { Cow::Borrowed(sent) } else { Cow::Owned(unescape(sent)) }
    }

    fn decoded_wtf8(&self, inside: Inside) -> Cow<'a, [u8]> {
        if inside.flags & ESCAPED == 0 {
            Cow::Borrowed(self.sent_bytes(inside))
        } else {
            Cow::Owned(unescape_wtf8(self.sent(inside)))
        }
    }

    /// What stands between a string's quotes.
    fn sent(&self, inside: Inside) -> &'a str {
        &self.text[inside.start as usize..inside.end as usize]
    }

    fn sent_bytes(&self, inside: Inside) -> &'a [u8] {
        &self.text.as_bytes()[inside.start as usize..inside.end as usize]
    }

    fn inside(&self, id: NodeId) -> Inside {
        let node = self.node(id);
        Inside { start: node.start + 1, end: node.end - 1, flags: node.flags }
    }

    /// An object's members, sorted by the bytes of their keys; equal keys in the order they were sent. None of others.
    pub(crate) fn members(&self, id: NodeId) -> &[Member] {
        let node = self.node(id);
        let first = node.first_member as usize;
        &self.parts.members[first..first + node.members as usize]
    }

    /// An object's shape, when it is known.
    pub(crate) fn shape(&self, id: NodeId) -> Option<ShapeId> {
        self.node(id).shape
    }

    /// An object's members, each key once: of equal keys, the last.
    pub(crate) fn distinct(&self, id: NodeId) -> impl Iterator<Item = Member> + Clone {
        let members = self.members(id);
        self.distinct_places(id).map(|at| members[at])
    }

    /// The places of [`Self::distinct`] in [`Self::members`].
    pub(crate) fn distinct_places(&self, id: NodeId) -> impl Iterator<Item = usize> + Clone {
        let (members, repeats) = (self.members(id), self.node(id).flags & REPEATS != 0);
        let is_last = move |at: &usize| match (members.get(*at), members.get(at + 1)) {
            (Some(member), Some(after)) if repeats => self.compare(member, after) != Ordering::Equal,
            _ => true,
        };
        (0..members.len()).filter(is_last)
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
        let wanted = prefix(key.as_bytes());
        let is_wanted =
            |member: &&Member| member.prefix == wanted && compare_rest(&self.name_wtf8(member), key.as_bytes()).is_eq();
        self.members(id).iter().rfind(is_wanted).map(|member| member.value)
    }

    /// How a member's key compares with a name, whose prefix is given too.
    #[inline]
    pub(crate) fn order(&self, member: &Member, prefix: Prefix, name: &str) -> Ordering {
        member.prefix.cmp(&prefix).then_with(|| compare_rest(&self.name_wtf8(member), name.as_bytes()))
    }

    /// The value at the end of a path of keys.
    pub(crate) fn find(&self, id: NodeId, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(id, |at, key| self.get(at, key))
    }

    #[inline]
    fn compare(&self, a: &Member, b: &Member) -> Ordering {
        a.prefix.cmp(&b.prefix).then_with(|| {
            if (a.key.flags | b.key.flags) & ESCAPED == 0 {
                compare_rest(self.sent_bytes(a.key), self.sent_bytes(b.key))
            } else {
                self.name_wtf8(a).cmp(&self.name_wtf8(b))
            }
        })
    }
}

/// The prefix of a key.
pub(crate) fn prefix(key: &[u8]) -> Prefix {
    let mut bytes = [0; size_of::<Prefix>()];
    let kept = key.len().min(bytes.len());
    bytes[..kept].copy_from_slice(&key[..kept]);
    Prefix::from_be_bytes(bytes)
}

/// The prefix of the key that stands at `start` in a text. Reads past its end and forgets what it found there: that is
/// faster than to read exactly the key.
fn prefix_in(text: &[u8], start: usize, end: usize) -> Prefix {
    let Some(chunk) = text.get(start..).and_then(<[u8]>::first_chunk) else { return prefix(&text[start..end]) };
    let bits = u32::try_from(8 * (end - start)).unwrap_or(u32::MAX);
    let past = Prefix::MAX.checked_shr(bits).unwrap_or(0);
    Prefix::from_be_bytes(*chunk) & !past
}

/// How two keys of equal prefix compare: the bytes after it are looked at only where there are some.
pub(crate) fn compare_rest(a: &[u8], b: &[u8]) -> Ordering {
    if a.len() <= size_of::<Prefix>() && b.len() <= size_of::<Prefix>() { a.len().cmp(&b.len()) } else { a.cmp(b) }
}
