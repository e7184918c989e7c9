//! A checked schema: the fields by which events are written.

mod object;
mod strict;

use crate::event::construct::Construction;
use crate::event::json::Prefix;
use crate::language::transform::Transform;
use crate::language::validate::Validate;
use crate::value::format::TimeFormat;
use crate::value::indicator::Indicator;

/// Numbers a member of a line that a data model reads.
pub(crate) type Slot = u8;
/// Of a field that no model reads.
pub(crate) const NO_SLOT: Slot = Slot::MAX;

/// A log schema.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) description: String,
    pub(crate) reference_url: String,
    pub(crate) root: Object,
}

#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// In schema order.
    pub(crate) fields: Vec<Field>,
    /// The names that are read, sorted by their bytes.
    pub(crate) by_name: Vec<Name>,
    /// The columns whose field takes a member of another name that has the same column, sorted by their bytes.
    pub(crate) by_column: Vec<(String, usize)>,
    /// Every field's column, sorted by their bytes.
    pub(crate) columns: Vec<String>,
    /// The fields that may come to a value although the event has none for them: filled, made of others, or required.
    pub(crate) waiting: Vec<usize>,
    /// Its number among the schema's objects.
    pub(crate) number: usize,
    /// The list that a data model reads and that this is the element of.
    pub(crate) row: Option<RowSlots>,
}

/// The slots of a list of objects that a data model reads: that of the list, and those of two members of each object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowSlots {
    pub(crate) list: Slot,
    pub(crate) cells: [Slot; 2],
}

/// A name that is read, and the field it is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) prefix: Prefix,
    pub(crate) name: String,
    pub(crate) field: usize,
}

/// Small, for it is looked at for every value of every event: what is seldom needed is boxed.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) column: Box<str>,
    /// `"column":`
    pub(crate) key: Box<[u8]>,
    pub(crate) description: Box<str>,
    pub(crate) required: bool,
    pub(crate) extension: bool,
    /// Another field has the same column.
    pub(crate) collides: bool,
    /// A string is written as it was sent.
    pub(crate) is_plain: bool,
    /// Under which number a data model reads it.
    pub(crate) slot: Slot,
    pub(crate) value: Value,
    pub(crate) transform: Option<Box<Transform>>,
    /// What we fill it with, where the vendor does not.
    pub(crate) construction: Option<Construction>,
}

#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) kind: Type,
    /// Those of the reference, then those that are ours.
    pub(crate) indicators: Box<[Indicator]>,
    pub(crate) written: Box<Written>,
    pub(crate) validate: Option<Box<Validate>>,
    pub(crate) is_event_time: bool,
    /// The value is JSON in a string.
    pub(crate) is_embedded: bool,
}

/// What the schema file says, for those who read schemas rather than events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    pub(crate) kind: String,
    /// Those of the reference only.
    pub(crate) indicators: Vec<String>,
    pub(crate) extension_indicators: Vec<String>,
    pub(crate) time_formats: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Type {
    String,
    /// A whole number of so many bits.
    Integer(u32),
    Float,
    Boolean,
    Timestamp(Box<[TimeFormat]>),
    Array(Box<Value>),
    Object(Box<Object>),
    Json,
}

impl Schema {
    /// The log type's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the table for the log type's lines: the log type's name in lower case, with `_` for each `.`.
    pub(crate) fn table(&self) -> String {
        self.name.to_ascii_lowercase().replace('.', "_")
    }
}
