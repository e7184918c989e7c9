//! The built-in data models of the log types: their files, and an engine that runs their methods in Rust.

use data_models::specification::{SourceFile, load};
use data_models::{DataModel, DataModels, Methods, Value};

use super::{LogType, PerLogType};
use crate::udm::{LineModel, call_native};

static MODELS: PerLogType<LineModel> = PerLogType::new();

/// Returns the built-in data model of a log type.
pub(crate) fn builtin_model(log_type: LogType) -> LineModel {
    MODELS.get(log_type, load_model).clone()
}

#[expect(clippy::expect_used, reason = "the files are part of this build, and a test reads every one of them")]
fn load_model(log_type: LogType) -> LineModel {
    let (path, text) = (log_type.table(), model_text(log_type).to_owned());
    let specifications = load(&[SourceFile { path, text }]).expect("a built-in model is valid");
    let models = DataModels::new(&specifications);
    let model = models.get(log_type.name()).expect("a built-in model is for its log type");
    LineModel::native(model.clone(), log_type.spec().native_model)
}

/// Returns the specification of a log type's built-in data model.
pub fn model_text(log_type: LogType) -> &'static str {
    log_type.spec().data_model.specification
}

/// Returns the Python methods of a log type's built-in data model.
pub fn python_text(log_type: LogType) -> &'static str {
    log_type.spec().data_model.python
}

/// Returns the examples of a log type's built-in data model: events, each with the values that the model finds in it.
pub fn examples_text(log_type: LogType) -> &'static str {
    log_type.spec().data_model.examples
}

/// An engine that runs the methods of the built-in data models in Rust.
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeMethods;

impl Methods for NativeMethods {
    fn call(&mut self, model: &DataModel, method: &str, event: &Value<'_>) -> Result<String, String> {
        LogType::from_name(&model.log_type)
            .and_then(|log_type| call_native(log_type.spec().native_model, method, event))
            .ok_or_else(|| format!("the built-in model for {} has no method {method}", model.log_type))
    }
}
