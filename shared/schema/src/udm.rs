//! `p_udm`: one set of names, such as `source_ip` and `actor_user`, over the lines of all log types.
//!
//! A data model is read on the line that was just written, so that it sees what a reader of the line sees: masked
//! values masked, and fields under their columns.

mod builtin;
mod holds;
mod model;
pub(crate) mod native;
mod places;
pub(crate) mod raw;
mod writer;

pub use builtin::{NativeMethods, examples_text, model_text, python_text};
pub use holds::STANDARD_NAMES;
pub use model::{LineModel, SharedMethods};
pub(crate) use holds::Holds;
pub(crate) use places::{NO_SLOT, Places, Slot, Slots};
pub(crate) use writer::Writer;

use crate::log_type::LogType;

/// The built-in model of a log type.
pub(crate) fn builtin_model(_: LogType) -> Option<LineModel> {
    None
}

#[cfg(test)]
mod tests;
