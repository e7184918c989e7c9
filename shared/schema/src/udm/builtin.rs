//! The methods of the built-in data models, in Rust.
//!
//! The models' files are in `shared/schema/data_models`, in Panther's own format. For every line, the Python
//! methods in those files and the functions here return the same values.

pub(crate) mod azure_active_directory;
pub(crate) mod dlp;
mod event_types;
pub(crate) mod exchange;
pub(crate) mod general;
pub(crate) mod open_ai;
mod read;
pub(crate) mod share_point;
mod table;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use data_models::Value;

use super::native::{List, Members, NativeModel, NativeValue, PathIndex};
use super::raw;
use crate::event::json::write_string;

/// Calls a method of a built-in model on a line. Returns its value as JSON, `null` if it has no value for this line;
/// `None` if the model has no such method.
pub(crate) fn call_native(native: &NativeModel, method: &str, event: &Value<'_>) -> Option<String> {
    let method = native.method(method)?;
    // [`raw`] reads only compact JSON, and the text of an owned copy is compact.
    let text = event.to_owned().to_json();
    let line = Line { text: &text, reads: native.reads };
    let value = (native.values)(&line).take(method);
    Some(value.map_or_else(|| "null".to_owned(), |value| json(&value)))
}

/// A whole line, and the paths of the members that a model reads in it.
struct Line<'l> {
    text: &'l str,
    reads: &'static [&'static [&'static str]],
}

impl Members for Line<'_> {
    fn get(&self, read: PathIndex) -> Option<&[u8]> {
        self.reads.get(read)?.iter().try_fold(self.text.as_bytes(), |at, name| raw::member(at, name))
    }

    fn each_row<'l>(&'l self, list: &List, visit: &mut dyn FnMut([Option<&'l [u8]>; 2]) -> ControlFlow<()>) {
        if let Some(list_text) = raw::member(self.text.as_bytes(), list.name) {
            let _ = raw::objects(list_text, list.cells).try_for_each(visit);
        }
    }
}

fn json(value: &NativeValue<'_>) -> String {
    match value {
        NativeValue::Json(json) => String::from_utf8_lossy(json).into_owned(),
        NativeValue::Number(number) => number.to_string(),
        NativeValue::Text(text) => {
            let mut json = Vec::new();
            write_string(text, &mut json);
            String::from_utf8_lossy(&json).into_owned()
        }
    }
}
