//! `p_udm`: one set of names, such as `source_ip` and `actor_user`, over the lines of all log types.

mod builtin;
pub(crate) mod native;
pub(crate) mod raw;

pub use builtin::{NativeMethods, examples_text, model_text, python_text};
