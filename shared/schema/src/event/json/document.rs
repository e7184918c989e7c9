//! The parsed document, and access to its values.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::flags::{DUPLICATE_KEYS, DUPLICATE_KEYS_INSIDE, ESCAPED, NOT_COPYABLE};
use super::member::{Member, NodeId, Prefix, StringSpan, compare_rest, prefix};
use super::shapes::{ShapeId, Shapes};
use super::text::{unescape, unescape_wtf8};

/// The type of a JSON value.
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

/// A value of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    /// The offset in the text at which the value begins, in bytes.
    pub(super) start: u32,
    /// The offset in the text just after the value, in bytes.
    pub(super) end: u32,
    /// The id of the first node that is neither this value nor inside it.
    pub(super) next: u32,
    /// The index of an object's first member in [`DocumentBuffers::members`].
    pub(super) first_member: u32,
    /// The number of an object's members.
    pub(super) member_count: u32,
    /// The shape of an object, if [`Shapes`] remembers it.
    pub(super) shape: Option<ShapeId>,
}

/// The buffers of a document. The next document reuses them instead of allocating its own.
#[derive(Debug, Default)]
pub(crate) struct DocumentBuffers {
    pub(super) nodes: Vec<Node>,
    pub(super) members: Vec<Member>,
    /// The members of the objects that the parser has not closed yet.
    pub(super) open: Vec<Member>,
    /// The remembered shapes of objects; `None` to remember no shapes.
    pub(super) shapes: Option<Shapes>,
}

impl DocumentBuffers {
    /// Creates buffers that remember the shapes of objects.
    pub(crate) fn with_shapes() -> Self {
        Self { shapes: Some(Shapes::default()), ..Self::default() }
    }

    /// Returns `true` if the next document should use these buffers: they remember shapes, and have room for more.
    pub(crate) fn is_reusable(&self) -> bool {
        self.shapes.as_ref().is_some_and(|shapes| !shapes.is_full())
    }

    /// Returns the capacity of the buffers in bytes. The shapes do not count: they have a limit of their own.
    pub(crate) fn size(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + (self.members.capacity() + self.open.capacity()) * size_of::<Member>()
    }
}

/// A parsed document. Its root is [`Document::ROOT`].
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) buffers: DocumentBuffers,
}

impl<'a> Document<'a> {
    pub(crate) const ROOT: NodeId = 0;

    /// Returns the buffers, for the next document.
    pub(crate) fn into_buffers(self) -> DocumentBuffers {
        self.buffers
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.buffers.nodes[id as usize]
    }

    pub(crate) fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind
    }

    /// Returns `true` for a string that can be copied to a line as it was sent.
    pub(crate) fn is_copyable_string(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.kind == Kind::String && node.flags & NOT_COPYABLE == 0
    }

    /// Returns the text of a value as it was sent.
    pub(crate) fn raw(&self, id: NodeId) -> &'a str {
        let node = self.node(id);
        &self.text[node.start as usize..node.end as usize]
    }

    /// Returns a string's text with its escapes decoded. Lone surrogates become U+FFFD.
    pub(crate) fn text(&self, id: NodeId) -> Cow<'a, str> {
        self.decoded(self.string_span(id))
    }

    /// Returns the text of a member's key, like [`Self::text`].
    pub(crate) fn name(&self, member: &Member) -> Cow<'a, str> {
        self.decoded(member.key)
    }

    /// Returns the text of a member's key in bytes. A lone surrogate becomes three bytes that no UTF-8 text contains.
    pub(crate) fn name_wtf8(&self, member: &Member) -> Cow<'a, [u8]> {
        self.decoded_wtf8(member.key)
    }

    fn decoded(&self, span: StringSpan) -> Cow<'a, str> {
        let sent = self.span_text(span);
        if span.flags & ESCAPED == 0 { Cow::Borrowed(sent) } else { Cow::Owned(unescape(sent)) }
    }

    fn decoded_wtf8(&self, span: StringSpan) -> Cow<'a, [u8]> {
        if span.flags & ESCAPED == 0 {
            Cow::Borrowed(self.span_bytes(span))
        } else {
            Cow::Owned(unescape_wtf8(self.span_text(span)))
        }
    }

    /// Returns the text between a string's quotes as it was sent.
    pub(super) fn span_text(&self, span: StringSpan) -> &'a str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// Returns the bytes of [`Self::span_text`].
    pub(super) fn span_bytes(&self, span: StringSpan) -> &'a [u8] {
        &self.text.as_bytes()[span.start as usize..span.end as usize]
    }

    /// Returns the place of a string's content in the text. The value must be a string.
    pub(super) fn string_span(&self, id: NodeId) -> StringSpan {
        let node = self.node(id);
        StringSpan { start: node.start + 1, end: node.end - 1, flags: node.flags }
    }

    /// Returns an object's members, sorted by the bytes of their keys; members with equal keys stay in the order sent. Any
    /// other value has none.
    pub(crate) fn members(&self, id: NodeId) -> &[Member] {
        let node = self.node(id);
        let first = node.first_member as usize;
        &self.buffers.members[first..first + node.member_count as usize]
    }

    /// Returns the shape of an object; `None` for other values and for objects whose shape is not remembered.
    pub(crate) fn shape(&self, id: NodeId) -> Option<ShapeId> {
        self.node(id).shape
    }

    /// Returns an object's members with each key once: of members with equal keys, the last.
    pub(crate) fn distinct_members(&self, id: NodeId) -> impl Iterator<Item = Member> + Clone {
        let members = self.members(id);
        self.distinct_indices(id).map(|at| members[at])
    }

    /// Returns the indices in [`Self::members`] of the members that [`Self::distinct_members`] returns.
    pub(crate) fn distinct_indices(&self, id: NodeId) -> impl Iterator<Item = usize> + Clone {
        let (members, has_duplicates) = (self.members(id), self.node(id).flags & DUPLICATE_KEYS != 0);
        let is_last = move |at: &usize| match (members.get(*at), members.get(at + 1)) {
            (Some(member), Some(after)) if has_duplicates => self.compare(member, after) != Ordering::Equal,
            _ => true,
        };
        (0..members.len()).filter(is_last)
    }

    /// Returns `true` if an object in the value, at any depth, has duplicate keys.
    pub(crate) fn has_duplicate_keys(&self, id: NodeId) -> bool {
        self.node(id).flags & DUPLICATE_KEYS_INSIDE != 0
    }

    /// Returns an object's members. The flag of a member is `true` if a later member has the same key. Any other value
    /// has no members.
    pub(crate) fn members_with_duplicates(&self, id: NodeId) -> impl Iterator<Item = (Member, bool)> {
        let members = self.members(id);
        let has_duplicates = self.node(id).flags & DUPLICATE_KEYS != 0;
        let is_duplicate = move |at: usize| {
            let next = members.get(at + 1).filter(|_| has_duplicates);
            next.is_some_and(|next| self.compare(&members[at], next).is_eq())
        };
        members.iter().enumerate().map(move |(at, member)| (*member, is_duplicate(at)))
    }

    /// Returns an array's elements. Any other value has none.
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

    /// Returns the value of an object's member with this key: of members with equal keys, the last.
    pub(crate) fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        let wanted = prefix(key.as_bytes());
        let is_wanted =
            |member: &&Member| member.prefix == wanted && compare_rest(&self.name_wtf8(member), key.as_bytes()).is_eq();
        self.members(id).iter().rfind(is_wanted).map(|member| member.value)
    }

    /// Compares a member's key with `name`. `prefix` must be the prefix of `name`, and decides most comparisons.
    #[inline]
    pub(crate) fn compare_name(&self, member: &Member, prefix: Prefix, name: &str) -> Ordering {
        member.prefix.cmp(&prefix).then_with(|| compare_rest(&self.name_wtf8(member), name.as_bytes()))
    }

    /// Returns the value at the end of a path of keys that begins in `id`; `None` if a key is missing.
    pub(crate) fn find(&self, id: NodeId, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(id, |at, key| self.get(at, key))
    }

    #[inline]
    pub(super) fn compare(&self, a: &Member, b: &Member) -> Ordering {
        a.prefix.cmp(&b.prefix).then_with(|| {
            if (a.key.flags | b.key.flags) & ESCAPED == 0 {
                compare_rest(self.span_bytes(a.key), self.span_bytes(b.key))
            } else {
                self.name_wtf8(a).cmp(&self.name_wtf8(b))
            }
        })
    }
}
