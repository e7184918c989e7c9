//! The values of a line that do not come from its event.

use jiff::Timestamp;

use crate::event::json::write_string;
use crate::identity::Scope;

/// The values of a line that do not come from its event.
#[derive(Debug, Clone, Copy)]
pub struct LineContext<'a> {
    /// The value of `p_source_id`. If it is empty, the line has no such field.
    pub source_id: &'a str,
    /// The value of `p_source_label`. If it is empty, the line has no such field.
    pub source_label: &'a str,
    /// The time at which the line is made: `p_parse_time`.
    pub parse_time: Timestamp,
}

/// The parts of a line that follow from the source in a [`LineContext`]. They are cached, because most lines of a
/// stream have the same source.
#[derive(Debug, Default)]
pub(crate) struct ContextCache {
    is_set: bool,
    source_id: String,
    source_label: String,
    pub(crate) scope: Scope,
    /// The standard fields after `p_parse_time`, as JSON members with a comma before each.
    pub(crate) fields: Vec<u8>,
}

impl ContextCache {
    /// Returns `true` if the cache is filled for the source of this context.
    pub(crate) fn is_for(&self, context: &LineContext<'_>) -> bool {
        self.is_set && self.source_id == context.source_id && self.source_label == context.source_label
    }

    /// Fills the cache for the source of this context. `schema_version` is the value of `p_schema_version`; if it is
    /// `None`, lines do not have that field.
    pub(crate) fn set(&mut self, context: &LineContext<'_>, scope: Scope, schema_version: Option<u32>) {
        (self.source_id, self.source_label) = (context.source_id.to_owned(), context.source_label.to_owned());
        self.is_set = true;
        self.scope = scope;
        self.fields.clear();
        let out = &mut self.fields;
        let sources: [(&[u8], &str); 2] =
            [(b",\"p_source_id\":", context.source_id), (b",\"p_source_label\":", context.source_label)];
        for (key, text) in sources.into_iter().filter(|(_, text)| !text.is_empty()) {
            out.extend_from_slice(key);
            write_string(text, out);
        }
        if let Some(version) = schema_version {
            out.extend_from_slice(format!(",\"p_schema_version\":{version}").as_bytes());
        }
    }
}
