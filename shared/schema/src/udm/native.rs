//! The methods of the built-in models.

use std::borrow::Cow;

use crate::log_type::LogType;

/// The top-level members of a line that a built-in model's methods read.
pub(crate) trait Members {
    /// The JSON text of a member's value; `None` if the line has no such member, or the model does not read it.
    fn get(&self, name: &str) -> Option<&str>;
}

/// A value that a method returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NativeValue<'l> {
    /// A text.
    Text(Cow<'l, str>),
    /// A whole number.
    Number(u64),
}

/// Computes the value of a name from a line; `None` if the line has none.
pub(crate) type NativeMethod = for<'l> fn(&'l dyn Members) -> Option<NativeValue<'l>>;

/// The methods of a built-in model.
#[derive(Debug)]
pub(crate) struct NativeModel {
    /// The log type of the lines it is for.
    pub(crate) log_type: LogType,
    /// The top-level members that its methods read.
    pub(crate) reads: &'static [&'static str],
    /// The methods, by the names that the model's file has for them.
    pub(crate) methods: &'static [(&'static str, NativeMethod)],
}
