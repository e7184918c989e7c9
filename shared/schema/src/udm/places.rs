//! Records where the members that a data model reads stand in the line that is being written.

use super::raw;
use crate::language::model::{NO_SLOT, Object, RowSlots, Slot, Type};

/// Assigns a slot to each member that a model reads. A slot is an index into [`Places`], where the writer stores the
/// span of the member.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    count: usize,
    /// Members at the top of the line that the schema does not declare.
    undeclared: Vec<(Box<str>, Slot)>,
    /// Standard fields, whose names begin with `p_`.
    standard: Vec<(Box<str>, Slot)>,
}

impl Slots {
    /// Claims a slot for the member at the end of a path of columns. If the schema declares only the beginning of the
    /// path, it claims a slot for the last declared member. If it declares nothing of the path, it claims one for the
    /// undeclared member at the top of the line. Returns the slot, and the number of the path's names that lead to the
    /// slot's member; `None` if all slots are taken.
    pub(super) fn claim(&mut self, root: &mut Object, names: &[impl AsRef<str>]) -> Option<(Slot, usize)> {
        self.claim_declared(root, names).or_else(|| Some((self.claim_other(names.first()?.as_ref())?, 1)))
    }

    /// Claims a slot for a member that the schema declares; `None` if it does not, or all slots are taken.
    fn claim_declared(&mut self, object: &mut Object, names: &[impl AsRef<str>]) -> Option<(Slot, usize)> {
        let (name, rest) = names.split_first()?;
        let is_named = |column: &str| column == name.as_ref();
        if object.fields.iter().filter(|field| is_named(&field.column)).count() == 1 {
            let inner = object.fields.iter_mut().find(|field| is_named(&field.column));
            if let Some(Type::Object(inner)) = inner.map(|field| &mut field.value.kind)
                && let Some((slot, used)) = self.claim_declared(inner, rest)
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

    /// Claims slots for a list of objects at the top of the line and for two members of its objects. `None` if the
    /// schema does not declare all of them, or all slots are taken.
    pub(super) fn claim_rows(&mut self, root: &mut Object, list: &str, cells: [&str; 2]) -> Option<RowSlots> {
        let mut named = root.fields.iter_mut().filter(|field| *field.column == *list);
        let field = named.next().filter(|_| named.next().is_none())?;
        let Type::Array(element) = &mut field.value.kind else { return None };
        let Type::Object(object) = &mut element.kind else { return None };
        let [first, second] = cells.map(|cell| self.claim_declared(object, &[cell]).map(|(slot, _)| slot));
        if field.slot == NO_SLOT {
            field.slot = self.next()?;
        }
        object.row = Some(RowSlots { list: field.slot, cells: [first?, second?] });
        object.row
    }

    /// Claims a slot for an undeclared member or a standard field at the top of the line.
    fn claim_other(&mut self, name: &str) -> Option<Slot> {
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

/// The byte offsets at which a value begins and ends in the buffer of lines. They are equal if the line does not have
/// it.
type Span = (usize, usize);

/// The spans of two members of one object in a list.
#[derive(Debug)]
struct Row {
    list: Slot,
    cells: [Span; 2],
}

/// The spans of the members of one line, by their slots. Offsets count from the start of the buffer of lines.
#[derive(Debug, Default)]
pub(crate) struct Places {
    spans: Vec<Span>,
    rows: Vec<Row>,
    /// The byte offset at which the standard fields of the line begin.
    pub(crate) standard: usize,
}

impl Places {
    /// Forgets the spans of the previous line and makes room for those of the next.
    pub(crate) fn begin(&mut self, slots: Option<&Slots>) {
        self.rows.clear();
        self.spans.clear();
        self.spans.resize(slots.map_or(0, |slots| slots.count), (0, 0));
    }

    /// Records the span of a value. A slot that no model has claimed is ignored.
    #[inline]
    pub(crate) fn note(&mut self, slot: Slot, from: usize, to: usize) {
        if let Some(span) = self.spans.get_mut(usize::from(slot)) {
            *span = (from, to);
        }
    }

    /// Records an object of a list, after its members were written.
    pub(crate) fn note_row(&mut self, slots: RowSlots) {
        // The spans are taken out, because the next object may lack these members.
        let cells =
            slots.cells.map(|slot| self.spans.get_mut(usize::from(slot)).map(std::mem::take).unwrap_or_default());
        self.rows.push(Row { list: slots.list, cells });
    }

    /// Returns the JSON texts of two members of each object of a list. `line` begins at the offset `start` in the
    /// buffer.
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

    /// Records the spans of the standard fields, after these were written.
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

    /// Returns the JSON text of a member of a line that begins at the offset `start`; `None` if the line does not have
    /// it.
    #[inline]
    pub(super) fn get<'l>(&self, line: &'l [u8], start: usize, slot: Slot) -> Option<&'l [u8]> {
        text(line, start, *self.spans.get(usize::from(slot))?)
    }
}

/// Returns the text of a span in a line that begins at the offset `start`; `None` if the span is empty.
#[inline]
fn text(line: &[u8], start: usize, (from, to): Span) -> Option<&[u8]> {
    line.get(from.checked_sub(start)?..to.checked_sub(start)?).filter(|json| !json.is_empty())
}
