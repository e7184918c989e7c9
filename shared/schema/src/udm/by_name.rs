//! The slots of the members that native methods read, found by their names. A model's methods ask for them dozens of
//! times a line.

use crate::model::Slot;

/// Places of the table: several times as many as a model reads members.
const PLACES: usize = 64;

/// The slots by the names of their members.
#[derive(Debug)]
pub(super) struct ByName {
    /// Sorted by the places that the names hash to.
    slots: Box<[(&'static str, Slot)]>,
    /// For each place, where its names begin in `slots`; then their number.
    begins: [u8; PLACES + 1],
}

impl ByName {
    /// A table of these names; those without a slot are left out.
    pub(super) fn new(names: &[&'static str], mut slot: impl FnMut(&str) -> Option<Slot>) -> Self {
        let mut slots: Vec<_> = names.iter().filter_map(|name| Some((*name, slot(name)?))).collect();
        slots.sort_by_key(|(name, _)| place(name));
        let begin = |at: usize| slots.partition_point(|(name, _)| place(name) < at);
        // There are no more slots than a byte counts.
        let begins = std::array::from_fn(|at| u8::try_from(begin(at)).unwrap_or(u8::MAX));
        Self { slots: slots.into(), begins }
    }

    /// The slot of a name; `None` if it is none of the names.
    #[inline]
    pub(super) fn slot(&self, name: &str) -> Option<Slot> {
        let place = place(name);
        let (from, to) = (usize::from(self.begins[place]), usize::from(self.begins[place + 1]));
        self.slots.get(from..to)?.iter().find(|(known, _)| *known == name).map(|(_, slot)| *slot)
    }
}

/// The place of a name.
#[inline]
fn place(name: &str) -> usize {
    let bytes = name.as_bytes();
    let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or(0));
    let last = bytes.len().saturating_sub(1);
    (bytes.len() * 5 + byte(0) * 3 + byte(last) * 7 + byte(last / 2)) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_its_slot_and_others_have_none() {
        let names: Vec<&'static str> =
            "a b ab ba actor user user_added user_updated ClientIP ActorIpAddress".split(' ').collect();
        let mut next = 0;
        let by_name = ByName::new(&names, |_| {
            next += 1;
            Some(next - 1)
        });
        for (at, name) in names.iter().enumerate() {
            assert_eq!(by_name.slot(name).map(usize::from), Some(at), "{name}");
        }
        assert_eq!(["", "c", "users", "USER"].map(|name| by_name.slot(name)), [None; 4]);
        assert_eq!(ByName::new(&names, |_| None).slot("a"), None);
        assert_eq!(ByName::new(&[], |_| None).slot(""), None);
    }
}
