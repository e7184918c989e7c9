//! A compiled schema: the fields of lines, with everything that the line writer needs to know about them.

mod object;
mod strict;

use crate::event::construct::Construction;
use crate::event::json::Prefix;
use crate::language::transform::Transform;
use crate::language::validate::Validator;
use crate::value::format::TimeFormat;
use crate::value::indicator::Indicator;

/// The number of a member that a data model reads. The line writer notes the place of each such member in the line
/// under this number.
pub(crate) type Slot = u8;
/// The slot of a field that no data model reads.
pub(crate) const NO_SLOT: Slot = Slot::MAX;

/// The compiled schema of a log type.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) description: String,
    pub(crate) reference_url: String,
    pub(crate) root: Object,
}

/// A declared object: its fields, and tables that find the field for a member.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The fields in schema order.
    pub(crate) fields: Vec<Field>,
    /// The names of members that fields read, sorted by their bytes.
    pub(crate) by_name: Vec<Name>,
    /// The fields that also accept a member of another name that becomes the same column: column and index of each
    /// field, sorted by the columns' bytes.
    pub(crate) by_column: Vec<(String, usize)>,
    /// The columns of all fields, sorted by their bytes.
    pub(crate) columns: Vec<String>,
    /// The indices of the fields that are processed even if the event has no member for them: constructed, transformed
    /// or required ones.
    pub(crate) always_processed: Vec<usize>,
    /// The number of the object among all objects of the schema.
    pub(crate) number: usize,
    /// The slots under which the line writer notes the object, if it is an element of a list that a data model reads.
    pub(crate) row: Option<RowSlots>,
}

/// The slots of a list of objects that a data model reads: one for the whole list, and two for members of each object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowSlots {
    pub(crate) list: Slot,
    pub(crate) cells: [Slot; 2],
}

/// The name of a member, and the index of the field that reads it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) prefix: Prefix,
    pub(crate) name: String,
    pub(crate) field: usize,
}

/// A field of an object.
///
/// The struct is small because the writer reads one for every value of every event. Rarely needed parts are boxed.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) column: Box<str>,
    /// The column as the beginning of a JSON member: `"column":`
    pub(crate) key: Box<[u8]>,
    pub(crate) description: Box<str>,
    pub(crate) is_required: bool,
    /// Panther's schema does not have the field.
    pub(crate) is_extension: bool,
    /// Another field of the object has the same column.
    pub(crate) shares_column: bool,
    /// A string value needs no check or change, and can be copied to the line as it was sent.
    pub(crate) is_plain: bool,
    /// The slot under which a data model reads the field.
    pub(crate) slot: Slot,
    pub(crate) value: Value,
    pub(crate) transform: Option<Box<Transform>>,
    /// The rule that fills the field if the event has no value for it.
    pub(crate) construction: Option<Construction>,
}

/// The value of a field, or of an array's elements.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    pub(crate) kind: Type,
    /// The indicators that Panther's schema declares, followed by the extension indicators.
    pub(crate) indicators: Box<[Indicator]>,
    pub(crate) declaration: Box<Declaration>,
    pub(crate) validate: Option<Box<Validator>>,
    pub(crate) is_event_time: bool,
    /// The event holds the value as JSON in a string.
    pub(crate) is_embedded: bool,
}

/// The declaration of a value as the schema file spells it, for the exports of schemas.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declaration {
    /// The type's name in the schema language.
    pub(crate) kind: String,
    /// The names of the indicators that Panther's schema declares.
    pub(crate) indicators: Vec<String>,
    pub(crate) extension_indicators: Vec<String>,
    pub(crate) time_formats: Vec<String>,
}

/// A type of the schema language.
#[derive(Debug, Clone)]
pub(crate) enum Type {
    String,
    /// A signed integer of this many bits.
    Integer(u32),
    Float,
    Boolean,
    /// A time, with the formats that are tried in this order.
    Timestamp(Box<[TimeFormat]>),
    Array(Box<Value>),
    Object(Box<Object>),
    /// Any JSON value.
    Json,
}

impl Schema {
    /// The log type's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the table that holds the log type's lines: the log type's name in lower case, with `_` for each `.`.
    pub(crate) fn table(&self) -> String {
        self.name.to_ascii_lowercase().replace('.', "_")
    }
}
