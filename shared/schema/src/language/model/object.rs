//! Derives the lookup tables of an object from its fields.

use super::{Field, NO_SLOT, Name, Object, Schema, Type, Value};
use crate::event::construct::Construction;
use crate::event::json::{Document, Member, prefix};

impl Schema {
    /// Gives each object of the schema a number of its own.
    pub(crate) fn number_objects(&mut self) {
        self.root.number_objects(&mut 0);
    }
}

impl Object {
    pub(crate) fn new(mut fields: Vec<Field>) -> Self {
        let mut columns: Vec<String> = fields.iter().map(|field| field.column.to_string()).collect();
        for (at, field) in fields.iter_mut().enumerate() {
            field.shares_column =
                columns.iter().enumerate().any(|(other, column)| other != at && **column == *field.column);
        }
        columns.sort_unstable();
        let mut by_name = Vec::with_capacity(fields.len());
        for (at, field) in fields.iter().enumerate() {
            let read =
                field.transform.as_ref().map_or(Some(&*field.name), |transform| transform.member_name(&field.name));
            by_name.extend(read.map(|name| Name { prefix: prefix(name.as_bytes()), name: name.to_owned(), field: at }));
        }
        by_name.sort_unstable();
        // A member whose name merely becomes a field's column goes to the field only if the field reads its own name.
        // Any other field would drop the value.
        let reads_own_name =
            |field: &Field| field.transform.as_ref().is_none_or(|transform| transform.reads_own_name());
        let accepting = fields.iter().enumerate().filter(|(_, field)| !field.shares_column && reads_own_name(field));
        let mut by_column: Vec<_> = accepting.map(|(at, field)| (field.column.to_string(), at)).collect();
        by_column.sort_unstable();
        let mut object =
            Self { fields, by_name, by_column, columns, always_processed: Vec::new(), number: 0, row: None };
        object.recompute();
        object
    }

    /// Recomputes the fields that are always processed, and the fields that are plain. It must run after every change
    /// of a field.
    fn recompute(&mut self) {
        let is_always_processed =
            |field: &Field| field.transform.is_some() || field.construction.is_some() || field.is_required;
        let fields = self.fields.iter().enumerate().filter(|(_, field)| is_always_processed(field));
        self.always_processed = fields.map(|(at, _)| at).collect();
        for field in &mut self.fields {
            let is_text = matches!(field.value.kind, Type::String);
            let is_checked = !field.value.indicators.is_empty() || field.value.validate.is_some();
            let is_made = field.transform.is_some() || field.construction.is_some() || field.shares_column;
            field.is_plain = is_text && !is_checked && !is_made;
        }
    }

    /// Removes the slots of all fields, so that no data model reads them.
    pub(crate) fn clear_slots(&mut self) {
        self.row = None;
        for field in &mut self.fields {
            field.slot = NO_SLOT;
            field.value.clear_slots();
        }
    }

    fn number_objects(&mut self, next: &mut usize) {
        self.number = *next;
        *next += 1;
        self.fields.iter_mut().for_each(|field| field.value.number_objects(next));
    }

    /// Returns `true` if a field has this column.
    pub(crate) fn has_column(&self, column: &str) -> bool {
        self.columns.binary_search_by(|declared| declared.as_str().cmp(column)).is_ok()
    }

    /// Returns the indices of the fields that read a member.
    pub(crate) fn readers<'a>(&'a self, document: &Document<'_>, member: &Member) -> impl Iterator<Item = usize> + 'a {
        let is_before = |name: &Name| document.compare_name(member, name.prefix, &name.name).is_gt();
        let from = self.by_name.partition_point(is_before);
        let names = &self.by_name[from..];
        let count =
            names.iter().take_while(|name| document.compare_name(member, name.prefix, &name.name).is_eq()).count();
        names[..count].iter().map(|name| name.field)
    }

    /// Sets the construction of the field at a path of names. Does nothing if there is no such field.
    pub(crate) fn construct(&mut self, path: &[&str], construction: Construction) {
        let Some((first, rest)) = path.split_first() else { return };
        let Some(field) = self.fields.iter_mut().find(|field| *field.name == **first) else { return };
        match &mut field.value.kind {
            _ if rest.is_empty() => field.construction = Some(construction),
            Type::Object(object) => object.construct(rest, construction),
            _ => {}
        }
        self.recompute();
    }
}

impl Value {
    fn clear_slots(&mut self) {
        match &mut self.kind {
            Type::Object(object) => object.clear_slots(),
            Type::Array(element) => element.clear_slots(),
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
