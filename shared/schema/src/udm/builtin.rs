//! The data models of the built-in log types: their files, and their methods in Rust.
//!
//! The files stand in `shared/schema/data_models`, in the reference's own format. Their Python methods and the
//! functions here return the same values for every line.

mod azure_active_directory;
mod dlp;
mod event_types;
mod exchange;
mod general;
mod open_ai;
mod read;
mod share_point;
mod table;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use data_models::{DataModel, Methods, Value};

use super::native::{List, Members, NativeModel, NativeValue, Read};
use super::raw;
use crate::json::write_string;
use crate::log_type::LogType;

/// The methods of a log type's built-in model, in Rust.
pub(crate) fn native_model(log_type: LogType) -> &'static NativeModel {
    match log_type {
        LogType::OpenAiAudit => &open_ai::MODEL,
        LogType::AzureActiveDirectory => &azure_active_directory::MODEL,
        LogType::Exchange => &exchange::MODEL,
        LogType::General => &general::MODEL,
        LogType::SharePoint => &share_point::MODEL,
        LogType::Dlp => &dlp::MODEL,
    }
}

macro_rules! file {
    ($table:literal, $end:literal) => {
        include_str!(concat!("../../data_models/", $table, $end))
    };
}

/// Returns the text of one of a built-in model's files.
macro_rules! file_of {
    ($log_type:expr, $end:literal) => {
        match $log_type {
            LogType::OpenAiAudit => file!("openai_audit", $end),
            LogType::AzureActiveDirectory => file!("microsoft365_audit_azureactivedirectory", $end),
            LogType::Exchange => file!("microsoft365_audit_exchange", $end),
            LogType::General => file!("microsoft365_audit_general", $end),
            LogType::SharePoint => file!("microsoft365_audit_sharepoint", $end),
            LogType::Dlp => file!("microsoft365_dlp_all", $end),
        }
    };
}

/// The specification of a log type's built-in model.
pub fn model_text(log_type: LogType) -> &'static str {
    file_of!(log_type, "_data_model.yml")
}

/// The Python methods of a log type's built-in model.
pub fn python_text(log_type: LogType) -> &'static str {
    file_of!(log_type, "_data_model.py")
}

/// The examples of a log type's built-in model: events, and the values of their names.
pub fn examples_text(log_type: LogType) -> &'static str {
    file_of!(log_type, "_examples.yml")
}

/// An engine that runs the methods of the built-in models in Rust.
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeMethods;

impl Methods for NativeMethods {
    fn call(&mut self, model: &DataModel, method: &str, event: &Value<'_>) -> Result<String, String> {
        let native = LogType::from_name(&model.log_type).map(native_model);
        let (native, method) = native
            .and_then(|native| Some((native, native.method(method)?)))
            .ok_or_else(|| format!("the built-in model for {} has no method {method}", model.log_type))?;
        // A copy is written without white space, which is how lines are read.
        let text = event.to_owned().to_json();
        let line = Line { text: &text, reads: native.reads };
        let value = (native.values)(&line).take(method);
        Ok(value.map_or_else(|| "null".to_owned(), |value| json(&value)))
    }
}

/// A whole line, and the paths of its members.
struct Line<'l> {
    text: &'l str,
    reads: &'static [&'static [&'static str]],
}

impl Members for Line<'_> {
    fn get(&self, read: Read) -> Option<&[u8]> {
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
