//! `p_udm`: the member of a line that gives its values under a few names, such as `source_ip` and `actor_user`, which
//! are the same for all log types.
//!
//! A data model reads the line after it was written and not the event. So a masked value stays masked in `p_udm`, and a
//! path uses the names of the line's columns.

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
