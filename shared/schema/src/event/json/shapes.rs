//! The shapes of objects seen before: the keys, in the order sent, and how they are sorted. Most objects of a stream have
//! a shape that is known, and to see that takes a fraction of the time of sorting the keys anew; what else follows from
//! the keys alone need not be found again either.

use super::flags::ESCAPED;
use super::member::{Member, Prefix};

/// Shapes that are remembered; when there are so many, all are forgotten before the next event.
const MOST_SHAPES: usize = 1024;
/// Keys that are remembered, over all shapes.
const MOST_KEYS: usize = 16 * MOST_SHAPES;
/// Places to look for a shape: some remain empty.
const PLACES: usize = 4 * MOST_SHAPES;
/// Places that are looked at for one shape. Keys can be chosen so that their hashes collide: a shape that finds no place
/// within so many is not remembered, and costs what an object of an unknown shape costs.
const MAX_LOOKS: usize = 16;
/// The most members of an object whose shape is remembered.
const MOST_MEMBERS: usize = 256;
/// The longest key of an object whose shape is remembered, bytes.
const LONGEST_KEY: usize = 128;

/// Numbers a shape, from 0. Two objects that have one and the same have the same keys in the same order.
pub(crate) type ShapeId = u16;

#[derive(Debug, Clone)]
struct Shape {
    keys: Vec<(Prefix, Box<[u8]>)>,
    /// The places of the keys, sorted.
    order: Vec<u8>,
}

/// The shapes that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    shapes: Vec<Shape>,
    /// Keys over all shapes.
    keys: usize,
    /// By the hash of the keys, or as soon after it as there was room: a shape's number and one.
    places: Vec<u16>,
}

impl Shapes {
    /// The shape of an object with these members, and the places of its members, sorted; if it is known.
    pub(super) fn of(&self, text: &[u8], members: &[Member]) -> Option<(ShapeId, &[u8])> {
        for place in places(members) {
            let id = self.places.get(place)?.checked_sub(1)?;
            let shape = self.shapes.get(usize::from(id))?;
            if shape.is_of(text, members) {
                return Some((id, &shape.order));
            }
        }
        None
    }

    /// Whether no other shape can be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.shapes.len() >= MOST_SHAPES || self.keys + MOST_MEMBERS > MOST_KEYS
    }

    /// Remembers the shape of an object with these members, no key twice, and how they were sorted.
    pub(super) fn learn(&mut self, text: &[u8], members: &[Member], sorted: &[Member]) -> Option<ShapeId> {
        let is_odd = |member: &Member| member.key.flags & ESCAPED != 0 || member.key.len() > LONGEST_KEY;
        if self.is_full() || members.len() > MOST_MEMBERS || members.iter().any(is_odd) {
            return None;
        }
        // The values' ids grow in the order sent.
        let place = |member: &Member| members.binary_search_by_key(&member.value, |sent| sent.value).ok();
        let order = sorted.iter().filter_map(place).filter_map(|place| u8::try_from(place).ok()).collect();
        let key = |member: &Member| (member.prefix, text.get(member.key.range()).unwrap_or_default().into());
        let id = ShapeId::try_from(self.shapes.len()).ok()?;
        self.places.resize(PLACES, 0);
        let free = places(members).find(|place| self.places[*place] == 0)?;
        self.keys += members.len();
        self.shapes.push(Shape { keys: members.iter().map(key).collect(), order });
        self.places[free] = id + 1;
        Some(id)
    }
}

impl Shape {
    fn is_of(&self, text: &[u8], members: &[Member]) -> bool {
        const START: usize = size_of::<Prefix>();
        let is_same = |(member, (prefix, key)): (&Member, &(Prefix, Box<[u8]>))| {
            // What is compared is what was sent, and that is the key only without escapes.
            member.key.flags & ESCAPED == 0
                && member.prefix == *prefix
                && member.key.len() == key.len()
                && (key.len() <= START
                    || text.get(member.key.range()).and_then(|sent| sent.get(START..)) == key.get(START..))
        };
        self.keys.len() == members.len() && members.iter().zip(&self.keys).all(is_same)
    }
}

/// Where to look for the shape of an object with these members, one place after the other.
fn places(members: &[Member]) -> impl Iterator<Item = usize> {
    let first = hash(members);
    (first..first + MAX_LOOKS).map(|place| place % PLACES)
}

/// The first place for the shape of an object with these members.
fn hash(members: &[Member]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, member: &Member| {
        let word = (member.prefix >> 64) as u64 ^ (member.prefix as u64).rotate_left(31);
        (hash.rotate_left(7) ^ word).wrapping_mul(FACTOR)
    };
    (members.iter().fold(0, mix) >> 48) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::ShapeId;
    use crate::event::json::{Document, Parts, parse_with};

    /// Parses one text after the other in the same parts; the shapes of their roots.
    fn shapes(texts: &[&str]) -> Vec<Option<ShapeId>> {
        let mut parts = Parts::remembering();
        let shape = |text: &&str| {
            let document = parse_with(text.as_bytes(), std::mem::take(&mut parts)).unwrap();
            let shape = document.shape(Document::ROOT);
            parts = document.into_parts();
            shape
        };
        texts.iter().map(shape).collect()
    }

    #[test]
    fn ok_the_same_keys_in_the_same_order_are_one_shape() {
        let of =
            shapes(&[r#"{"b":1,"a":{}}"#, r#"{"b":[],"a":"x"}"#, r#"{"a":1,"b":2}"#, "{ \"b\" : 1, \"a\":2}", "{}"]);
        assert_eq!(of, [Some(1), Some(1), Some(2), Some(1), Some(0)], "{{}} was closed first");
    }

    #[test]
    fn ok_keys_that_differ_past_what_is_compared_first_are_told_apart() {
        let of = shapes(&[
            r#"{"a_key_of_twenty_bytes":1}"#,
            r#"{"a_key_of_twenty_bites":1}"#,
            r#"{"a_key_of_twenty_byte":1}"#,
        ]);
        assert_eq!(of, [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn ok_an_escaped_key_is_not_taken_for_another_of_its_length() {
        let known = r#"{"/23456789012345zz":1,"/23456789012345z!":2}"#;
        let escaped = r#"{"\/23456789012345z":1,"/23456789012345z!":2}"#;
        assert_eq!(known.len(), escaped.len());
        assert_eq!(shapes(&[known, escaped]), [Some(0), None]);
    }

    #[test]
    fn ok_some_objects_have_no_shape() {
        let (long, many) = ("k".repeat(200), (0..300).map(|at| format!("\"{at}\":0")).collect::<Vec<_>>().join(","));
        let odd = [r#"{"a":1,"a":2}"#, r#"{"\u0061":1}"#, &format!("{{\"{long}\":1}}"), &format!("{{{many}}}")];
        for text in odd {
            assert_eq!(shapes(&[text, text]), [None, None], "{text}");
        }
    }

    #[test]
    fn f2_of_keys_whose_hashes_collide_only_a_few_are_remembered_and_looked_at() {
        // The hash is made of the first sixteen bytes of a key.
        let texts: Vec<String> = (0..200).map(|at| format!("{{\"a_key_with_one_prefix_{at}\":1}}")).collect();
        let texts: Vec<&str> = texts.iter().chain(&texts).map(String::as_str).collect();
        let of = shapes(&texts);
        assert_eq!(of.iter().flatten().count(), 2 * super::MAX_LOOKS);
        assert_eq!(of[..200], of[200..]);
    }

    #[test]
    fn ok_what_is_remembered_is_bounded() {
        let texts: Vec<String> = (0..3_000).map(|at| format!("{{\"key{at}\":1}}")).collect();
        let of = shapes(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(of.iter().flatten().count(), super::MOST_SHAPES);
    }
}
