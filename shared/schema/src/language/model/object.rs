//! An object of a schema, and what is settled about it once for all events.

use super::{Field, NO_SLOT, Name, Object, Schema, Type, Value};
use crate::event::construct::Construction;
use crate::event::json::{Document, Member, prefix};

impl Schema {
    /// Numbers its objects.
    pub(crate) fn number_objects(&mut self) {
        self.root.number_objects(&mut 0);
    }
}

impl Object {
    pub(crate) fn new(mut fields: Vec<Field>) -> Self {
        let mut columns: Vec<String> = fields.iter().map(|field| field.column.to_string()).collect();
        for (at, field) in fields.iter_mut().enumerate() {
            field.collides = columns.iter().enumerate().any(|(other, column)| other != at && **column == *field.column);
        }
        columns.sort_unstable();
        let mut by_name = Vec::with_capacity(fields.len());
        for (at, field) in fields.iter().enumerate() {
            let read = field.transform.as_ref().map_or(Some(&*field.name), |transform| transform.reads(&field.name));
            by_name.extend(read.map(|name| Name { prefix: prefix(name.as_bytes()), name: name.to_owned(), field: at }));
        }
        by_name.sort_unstable();
        // A field that reads another name or a path would lose the member.
        let reads_own_name = |field: &Field| field.transform.as_ref().is_none_or(|made| made.reads_own_name());
        let takers = fields.iter().enumerate().filter(|(_, field)| !field.collides && reads_own_name(field));
        let mut by_column: Vec<_> = takers.map(|(at, field)| (field.column.to_string(), at)).collect();
        by_column.sort_unstable();
        let mut object = Self { fields, by_name, by_column, columns, waiting: Vec::new(), number: 0, row: None };
        object.settle();
        object
    }

    /// Settles what follows from the fields, after a change of one.
    fn settle(&mut self) {
        let waits = |field: &Field| field.transform.is_some() || field.construction.is_some() || field.required;
        let waiting = self.fields.iter().enumerate().filter(|(_, field)| waits(field));
        self.waiting = waiting.map(|(at, _)| at).collect();
        for field in &mut self.fields {
            let is_text = matches!(field.value.kind, Type::String);
            let is_checked = !field.value.indicators.is_empty() || field.value.validate.is_some();
            let is_made = field.transform.is_some() || field.construction.is_some() || field.collides;
            field.is_plain = is_text && !is_checked && !is_made;
        }
    }

    /// Has no data model read any field.
    pub(crate) fn forget_slots(&mut self) {
        self.row = None;
        for field in &mut self.fields {
            field.slot = NO_SLOT;
            field.value.forget_slots();
        }
    }

    fn number_objects(&mut self, next: &mut usize) {
        self.number = *next;
        *next += 1;
        self.fields.iter_mut().for_each(|field| field.value.number_objects(next));
    }

    /// Whether a field has this column.
    pub(crate) fn has_column(&self, column: &str) -> bool {
        self.columns.binary_search_by(|declared| declared.as_str().cmp(column)).is_ok()
    }

    /// The fields that read a member's key.
    pub(crate) fn readers<'a>(&'a self, document: &Document<'_>, member: &Member) -> impl Iterator<Item = usize> + 'a {
        let is_before = |name: &Name| document.order(member, name.prefix, &name.name).is_gt();
        let from = self.by_name.partition_point(is_before);
        let names = &self.by_name[from..];
        let count = names.iter().take_while(|name| document.order(member, name.prefix, &name.name).is_eq()).count();
        names[..count].iter().map(|name| name.field)
    }

    /// Has the field at a path of names filled by us.
    pub(crate) fn construct(&mut self, path: &[&str], construction: Construction) {
        let Some((first, rest)) = path.split_first() else { return };
        let Some(field) = self.fields.iter_mut().find(|field| *field.name == **first) else { return };
        match &mut field.value.kind {
            _ if rest.is_empty() => field.construction = Some(construction),
            Type::Object(object) => object.construct(rest, construction),
            _ => {}
        }
        self.settle();
    }
}

impl Value {
    fn forget_slots(&mut self) {
        match &mut self.kind {
            Type::Object(object) => object.forget_slots(),
            Type::Array(element) => element.forget_slots(),
            _ => {}
        }
    }

    fn number_objects(&mut self, next: &mut usize) {
        match &mut self.kind {
            Type::Object(object) => object.number_objects(next),
            Type::Array(element) => element.number_objects(next),
            _ => {}
        }
    }
}
