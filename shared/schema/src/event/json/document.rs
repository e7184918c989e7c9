//! The parsed document, and access to its values.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::flags::{ESCAPED, REPEATS, REPEATS_INSIDE, UNTIDY};
use super::member::{Inside, Member, NodeId, Prefix, compare_rest, prefix};
use super::shapes::{ShapeId, Shapes};
use super::text::{unescape, unescape_wtf8};

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

#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The node after this one and everything in it.
    pub(super) next: u32,
    /// An object's first member, as an index into the document's members.
    pub(super) first_member: u32,
    pub(super) members: u32,
    /// An object's shape, when it is known.
    pub(super) shape: Option<ShapeId>,
}

/// What a document is made of; kept from one to the next, so that not each asks for memory anew.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(super) nodes: Vec<Node>,
    pub(super) members: Vec<Member>,
    /// Members of the objects not yet closed, while parsing.
    pub(super) open: Vec<Member>,
    /// What is known of objects' shapes; none to know nothing of them.
    pub(super) shapes: Option<Shapes>,
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
    pub(super) text: &'a str,
    pub(super) parts: Parts,
}

impl<'a> Document<'a> {
    pub(crate) const ROOT: NodeId = 0;

    /// Gives back what it was made of.
    pub(crate) fn into_parts(self) -> Parts {
        self.parts
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
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
    pub(super) fn sent(&self, inside: Inside) -> &'a str {
        &self.text[inside.start as usize..inside.end as usize]
    }

    pub(super) fn sent_bytes(&self, inside: Inside) -> &'a [u8] {
        &self.text.as_bytes()[inside.start as usize..inside.end as usize]
    }

    pub(super) fn inside(&self, id: NodeId) -> Inside {
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

    /// Returns `true` for a value in which an object has a key twice, at any depth.
    pub(crate) fn has_repeats(&self, id: NodeId) -> bool {
        self.node(id).flags & REPEATS_INSIDE != 0
    }

    /// An object's members, each with `true` when a later one has the same key. None of others.
    pub(crate) fn members_and_repeats(&self, id: NodeId) -> impl Iterator<Item = (Member, bool)> {
        let members = self.members(id);
        let repeats = self.node(id).flags & REPEATS != 0;
        let is_repeated = move |at: usize| {
            let next = members.get(at + 1).filter(|_| repeats);
            next.is_some_and(|next| self.compare(&members[at], next).is_eq())
        };
        members.iter().enumerate().map(move |(at, member)| (*member, is_repeated(at)))
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
    pub(super) fn compare(&self, a: &Member, b: &Member) -> Ordering {
        a.prefix.cmp(&b.prefix).then_with(|| {
            if (a.key.flags | b.key.flags) & ESCAPED == 0 {
                compare_rest(self.sent_bytes(a.key), self.sent_bytes(b.key))
            } else {
                self.name_wtf8(a).cmp(&self.name_wtf8(b))
            }
        })
    }
}
