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
mod searched;
mod writer;

pub use builtin::{NativeMethods, examples_text, model_text, python_text};
pub(crate) use holds::Holds;
pub use holds::STANDARD_NAMES;
pub use model::{LineModel, SharedMethods};
pub(crate) use places::{Places, Slots};
pub(crate) use writer::Writer;

use data_models::DataModels;
use data_models::specification::{SourceFile, load};

use self::native::NativeModel;
use crate::log_type::{LogType, PerLogType};

static MODELS: PerLogType<LineModel> = PerLogType::new();

/// The built-in model of a log type.
pub fn builtin_model(log_type: LogType) -> LineModel {
    MODELS.get(log_type, |log_type| with_file(builtin::native_model(log_type))).clone()
}

/// The built-in model with these methods.
#[expect(clippy::expect_used, reason = "the files are part of this build, and a test reads every one of them")]
fn with_file(native: &'static NativeModel) -> LineModel {
    let (path, text) = (native.log_type.table(), model_text(native.log_type).to_owned());
    let specifications = load(&[SourceFile { path, text }]).expect("a built-in model is valid");
    let models = DataModels::new(&specifications);
    let model = models.get(native.log_type.name()).expect("a built-in model is for its log type");
    LineModel::native(model.clone(), native)
}

#[cfg(test)]
mod tests;
