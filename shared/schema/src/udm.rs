//! `p_udm`: one set of names, such as `source_ip` and `actor_user`, over the lines of all log types.
//!
//! A data model reads the line that was just written, so it sees the same as a reader of the line: masked values are
//! masked, and fields stand under their columns.

pub(crate) mod builtin;
mod model;
pub(crate) mod native;
mod places;
pub(crate) mod raw;
mod searched;
mod udm_type;
mod writer;

pub(crate) use builtin::call_native;
pub use model::{LineModel, SharedMethods};
pub(crate) use native::NativeModel;
pub(crate) use places::{Places, Slots};
pub(crate) use udm_type::{STANDARD_NAMES, UdmType};
pub(crate) use writer::Writer;

#[cfg(test)]
mod tests;
