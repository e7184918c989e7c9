//! Notes the places of the members that a data model reads in the line that is being written.

use super::raw;
use crate::language::model::{NO_SLOT, Object, RowSlots, Slot, Type};

/// The slots of all members that a model reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    count: usize,
    /// The members at the top that the schema does not declare.
    undeclared: Vec<(Box<str>, Slot)>,
    /// The standard fields.
    standard: Vec<(Box<str>, Slot)>,
}

impl Slots {
    /// Claims the slot of the member at the end of a path of columns, or of the last declared member on the path. Returns
    /// the slot, and the number of names that lead to its member; `None` if all slots are taken.
    pub(super) fn claim(&mut self, root: &mut Object, names: &[impl AsRef<str>]) -> Option<(Slot, usize)> {
        self.declared(root, names).or_else(|| Some((self.other(names.first()?.as_ref())?, 1)))
    }

    /// Claims the slot of a declared member.
    fn declared(&mut self, object: &mut Object, names: &[impl AsRef<str>]) -> Option<(Slot, usize)> {
        let (name, rest) = names.split_first()?;
        let is_named = |column: &str| column == name.as_ref();
        if object.fields.iter().filter(|field| is_named(&field.column)).count() == 1 {
            let inner = object.fields.iter_mut().find(|field| is_named(&field.column));
            if let Some(Type::Object(inner)) = inner.map(|field| &mut field.value.kind)
                && let Some((slot, used)) = self.declared(inner, rest)
            {
                return Some((slot, used + 1));
            }
        }
        let mut same = object.fields.iter_mut().filter(|field| is_named(&field.column)).peekable();
        let slot = match same.peek()?.slot {
            NO_SLOT => self.next()?,
            slot => slot,
        };
        same.for_each(|field| field.slot = slot);
        Some((slot, 1))
    }

    /// Claims the slots of a list of objects at the top and of two members of its objects; `None` if the schema does not
    /// declare all of them.
    pub(super) fn claim_rows(&mut self, root: &mut Object, list: &str, cells: [&str; 2]) -> Option<RowSlots> {
        let mut named = root.fields.iter_mut().filter(|field| *field.column == *list);
        let field = named.next().filter(|_| named.next().is_none())?;
        let Type::Array(element) = &mut field.value.kind else { return None };
        let Type::Object(object) = &mut element.kind else { return None };
        let [first, second] = cells.map(|cell| self.declared(object, &[cell]).map(|(slot, _)| slot));
        if field.slot == NO_SLOT {
            field.slot = self.next()?;
        }
        object.row = Some(RowSlots { list: field.slot, cells: [first?, second?] });
        object.row
    }

    /// Claims the slot of an undeclared member or a standard field at the top.
    fn other(&mut self, name: &str) -> Option<Slot> {
        let known = self.undeclared.iter().chain(&self.standard).find(|(known, _)| **known == *name);
        if let Some((_, slot)) = known {
            return Some(*slot);
        }
        let slot = self.next()?;
        // The names of undeclared members never begin with `p_`.
        let others = if name.starts_with("p_") { &mut self.standard } else { &mut self.undeclared };
        others.push((name.into(), slot));
        Some(slot)
    }

    fn next(&mut self) -> Option<Slot> {
        let slot = Slot::try_from(self.count).ok().filter(|slot| *slot != NO_SLOT)?;
        self.count += 1;
        Some(slot)
    }

    /// Returns the slot of an undeclared member at the top; [`NO_SLOT`] if no model reads it.
    pub(crate) fn undeclared(&self, column: &str) -> Slot {
        self.undeclared.iter().find(|(name, _)| **name == *column).map_or(NO_SLOT, |(_, slot)| *slot)
    }
}

/// The beginning and the end of a part of the written lines. They are equal for a member that the line does not have.
type Span = (usize, usize);

/// The places of two members of an object in a list.
#[derive(Debug)]
struct Row {
    list: Slot,
    cells: [Span; 2],
}

/// The places of one line's members in the written lines.
#[derive(Debug, Default)]
pub(crate) struct Places {
    spans: Vec<Span>,
    rows: Vec<Row>,
    /// The beginning of the standard fields.
    pub(crate) standard: usize,
}

impl Places {
    /// Forgets the places of the line before.
    pub(crate) fn begin(&mut self, slots: Option<&Slots>) {
        self.rows.clear();
        self.spans.clear();
        self.spans.resize(slots.map_or(0, |slots| slots.count), (0, 0));
    }

    /// Notes the place of a value.
    #[inline]
    pub(crate) fn note(&mut self, slot: Slot, from: usize, to: usize) {
        if let Some(span) = self.spans.get_mut(usize::from(slot)) {
            *span = (from, to);
        }
    }

    /// Notes an object of a list after its members were written.
    pub(crate) fn note_row(&mut self, slots: RowSlots) {
        // The places are cleared, because the next object may not have the members.
        let cells =
            slots.cells.map(|slot| self.spans.get_mut(usize::from(slot)).map(std::mem::take).unwrap_or_default());
        self.rows.push(Row { list: slots.list, cells });
    }

    /// Returns the JSON texts of two members of each object of a list, in a line that begins at `start`.
    pub(super) fn rows<'l>(
        &'l self,
        line: &'l [u8],
        start: usize,
        slots: RowSlots,
    ) -> impl Iterator<Item = [Option<&'l [u8]>; 2]> {
        let is_written = self.get(line, start, slots.list).is_some();
        let rows = self.rows.iter().filter(move |row| is_written && row.list == slots.list);
        rows.map(move |row| row.cells.map(|span| text(line, start, span)))
    }

    /// Returns the size of the buffers in bytes.
    pub(crate) fn size(&self) -> usize {
        self.spans.capacity() * size_of::<Span>() + self.rows.capacity() * size_of::<Row>()
    }

    /// Finds the places of the standard fields after they were written.
    pub(super) fn find_standard(&mut self, slots: &Slots, lines: &[u8]) {
        if slots.standard.is_empty() {
            return;
        }
        let text = lines.get(self.standard..).unwrap_or_default();
        let text = text.strip_prefix(b",").unwrap_or(text);
        for (name, slot) in &slots.standard {
            let found = raw::members(text).find(|(key, _)| *key == name.as_bytes());
            if let Some((_, value)) = found {
                let from = value.as_ptr().addr() - lines.as_ptr().addr();
                self.note(*slot, from, from + value.len());
            }
        }
    }

    /// Returns the JSON text of a member's value in a line that begins at `start`; `None` if the line does not have it.
    #[inline]
    pub(super) fn get<'l>(&self, line: &'l [u8], start: usize, slot: Slot) -> Option<&'l [u8]> {
        text(line, start, *self.spans.get(usize::from(slot))?)
    }
}

/// Returns the text at a place of a line that begins at `start`; `None` if the place is empty.
#[inline]
fn text(line: &[u8], start: usize, (from, to): Span) -> Option<&[u8]> {
    line.get(from.checked_sub(start)?..to.checked_sub(start)?).filter(|json| !json.is_empty())
}
