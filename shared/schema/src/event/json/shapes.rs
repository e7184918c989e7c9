//! Remembers the shapes of objects: their keys in the order sent, and the sorted order of these keys.
//!
//! Most objects of a stream have a remembered shape, and recognising it takes less time than sorting the keys. The
//! number of a shape is also the key under which the line writer remembers which member goes to which field.

use super::flags::ESCAPED;
use super::member::{Member, Prefix};

/// The most shapes that are remembered. Once this number is reached, all shapes are forgotten before the next event.
const MAX_SHAPES: usize = 1024;
/// The most keys of all remembered shapes together.
const MAX_KEYS: usize = 16 * MAX_SHAPES;
/// The number of entries of the hash table. At most a quarter of them is used, so that few hashes collide.
const TABLE_ENTRIES: usize = 4 * MAX_SHAPES;
/// The most entries of the hash table that a lookup reads. An attacker can choose keys whose hashes collide. A shape
/// that finds no free entry within this number is not remembered, and its objects are sorted each time.
const MAX_PROBES: usize = 16;
/// The most members of an object whose shape is remembered.
const MAX_MEMBERS: usize = 256;
/// The longest key, in bytes, of an object whose shape is remembered.
const MAX_KEY_BYTES: usize = 128;

/// The number of a shape, from 0. Objects of one shape have the same keys in the same order.
pub(crate) type ShapeId = u16;

/// The keys of an object, and their sorted order.
#[derive(Debug, Clone)]
struct Shape {
    /// The keys in the order sent, each with its prefix.
    keys: Vec<(Prefix, Box<[u8]>)>,
    /// Indices into `keys`, in the sorted order of the keys.
    order: Vec<u8>,
}

/// The shapes that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    shapes: Vec<Shape>,
    /// The number of keys of all shapes together.
    key_count: usize,
    /// The hash table. The number of a shape, plus one, is in the entry for the hash of its keys, or in the next free
    /// entry after it. A free entry holds 0.
    table: Vec<u16>,
}

impl Shapes {
    /// Finds the shape of an object with these members. Returns its number and the sorted order of the members; `None`
    /// if the shape is not remembered.
    pub(super) fn find(&self, text: &[u8], members: &[Member]) -> Option<(ShapeId, &[u8])> {
        for place in probes(members) {
            let id = self.table.get(place)?.checked_sub(1)?;
            let shape = self.shapes.get(usize::from(id))?;
            if shape.matches(text, members) {
                return Some((id, &shape.order));
            }
        }
        None
    }

    /// Returns `true` if no further shape can be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.shapes.len() >= MAX_SHAPES || self.key_count + MAX_MEMBERS > MAX_KEYS
    }

    /// Remembers the shape of an object with these members and their `sorted` order. The keys must be distinct. Returns
    /// the number of the shape; `None` if it cannot be remembered.
    pub(super) fn remember(&mut self, text: &[u8], members: &[Member], sorted: &[Member]) -> Option<ShapeId> {
        let is_unsuitable = |member: &Member| member.key.flags & ESCAPED != 0 || member.key.len() > MAX_KEY_BYTES;
        if self.is_full() || members.len() > MAX_MEMBERS || members.iter().any(is_unsuitable) {
            return None;
        }
        // `members` is in the order sent, in which the ids of the values ascend.
        let place = |member: &Member| members.binary_search_by_key(&member.value, |sent| sent.value).ok();
        let order = sorted.iter().filter_map(place).filter_map(|place| u8::try_from(place).ok()).collect();
        let key = |member: &Member| (member.prefix, text.get(member.key.range()).unwrap_or_default().into());
        let id = ShapeId::try_from(self.shapes.len()).ok()?;
        self.table.resize(TABLE_ENTRIES, 0);
        let free = probes(members).find(|place| self.table[*place] == 0)?;
        self.key_count += members.len();
        self.shapes.push(Shape { keys: members.iter().map(key).collect(), order });
        self.table[free] = id + 1;
        Some(id)
    }
}

impl Shape {
    /// Returns `true` if an object with these members has this shape.
    fn matches(&self, text: &[u8], members: &[Member]) -> bool {
        const PREFIX_BYTES: usize = size_of::<Prefix>();
        let is_same = |(member, (prefix, key)): (&Member, &(Prefix, Box<[u8]>))| {
            // The comparison reads the text as it was sent, which is the key only if it has no escapes.
            member.key.flags & ESCAPED == 0
                && member.prefix == *prefix
                && member.key.len() == key.len()
                && (key.len() <= PREFIX_BYTES
                    || text.get(member.key.range()).and_then(|sent| sent.get(PREFIX_BYTES..))
                        == key.get(PREFIX_BYTES..))
        };
        self.keys.len() == members.len() && members.iter().zip(&self.keys).all(is_same)
    }
}

/// Returns the entries of the hash table that may hold the shape of an object with these members, in the order in which
/// a lookup reads them.
fn probes(members: &[Member]) -> impl Iterator<Item = usize> {
    let first = hash(members);
    (first..first + MAX_PROBES).map(|place| place % TABLE_ENTRIES)
}

/// Returns the entry of the hash table at which the lookup for these members begins.
fn hash(members: &[Member]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, member: &Member| {
        let word = (member.prefix >> 64) as u64 ^ (member.prefix as u64).rotate_left(31);
        (hash.rotate_left(7) ^ word).wrapping_mul(FACTOR)
    };
    (members.iter().fold(0, mix) >> 48) as usize % TABLE_ENTRIES
}

#[cfg(test)]
mod tests {
    use super::ShapeId;
    use crate::event::json::{Document, DocumentBuffers, parse_with};

    /// Parses the texts one after the other with the same buffers. Returns the shapes of their roots.
    fn shapes(texts: &[&str]) -> Vec<Option<ShapeId>> {
        let mut buffers = DocumentBuffers::with_shapes();
        let shape = |text: &&str| {
            let document = parse_with(text.as_bytes(), std::mem::take(&mut buffers)).unwrap();
            let shape = document.shape(Document::ROOT);
            buffers = document.into_buffers();
            shape
        };
        texts.iter().map(shape).collect()
    }

    #[test]
    fn objects_with_the_same_keys_in_the_same_order_have_one_shape() {
        let shapes_found =
            shapes(&[r#"{"b":1,"a":{}}"#, r#"{"b":[],"a":"x"}"#, r#"{"a":1,"b":2}"#, "{ \"b\" : 1, \"a\":2}", "{}"]);
        assert_eq!(shapes_found, [Some(1), Some(1), Some(2), Some(1), Some(0)], "{{}} was closed first");
    }

    #[test]
    fn keys_that_differ_only_after_the_prefix_have_different_shapes() {
        let shapes_found = shapes(&[
            r#"{"a_key_of_twenty_bytes":1}"#,
            r#"{"a_key_of_twenty_bites":1}"#,
            r#"{"a_key_of_twenty_byte":1}"#,
        ]);
        assert_eq!(shapes_found, [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn an_escaped_key_does_not_match_another_key_of_its_length() {
        let known = r#"{"/23456789012345zz":1,"/23456789012345z!":2}"#;
        let escaped = r#"{"\/23456789012345z":1,"/23456789012345z!":2}"#;
        assert_eq!(known.len(), escaped.len());
        assert_eq!(shapes(&[known, escaped]), [Some(0), None]);
    }

    #[test]
    fn objects_with_duplicate_escaped_long_or_many_keys_have_no_shape() {
        let (long, many) = ("k".repeat(200), (0..300).map(|at| format!("\"{at}\":0")).collect::<Vec<_>>().join(","));
        let unsuitable = [r#"{"a":1,"a":2}"#, r#"{"\u0061":1}"#, &format!("{{\"{long}\":1}}"), &format!("{{{many}}}")];
        for text in unsuitable {
            assert_eq!(shapes(&[text, text]), [None, None], "{text}");
        }
    }

    #[test]
    fn f2_only_a_few_shapes_with_colliding_hashes_are_remembered() {
        // The hash covers only the first sixteen bytes of a key, which are the same in all these keys.
        let texts: Vec<String> = (0..200).map(|at| format!("{{\"a_key_with_one_prefix_{at}\":1}}")).collect();
        let texts: Vec<&str> = texts.iter().chain(&texts).map(String::as_str).collect();
        let shapes_found = shapes(&texts);
        assert_eq!(shapes_found.iter().flatten().count(), 2 * super::MAX_PROBES);
        assert_eq!(shapes_found[..200], shapes_found[200..]);
    }

    #[test]
    fn the_number_of_remembered_shapes_is_bounded() {
        let texts: Vec<String> = (0..3_000).map(|at| format!("{{\"key{at}\":1}}")).collect();
        let shapes_found = shapes(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(shapes_found.iter().flatten().count(), super::MAX_SHAPES);
    }
}
