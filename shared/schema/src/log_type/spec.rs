//! The row of a log type in the table of log types.

use std::sync::LazyLock;

use super::record_types::RecordTypes;
use crate::event::construct::Construction;
use crate::identity::IdentityRule;
use crate::udm::NativeModel;

/// All that the crate knows about one log type.
#[derive(Debug)]
pub(crate) struct LogTypeSpec {
    /// The log type's name, which is `p_log_type`.
    pub(crate) name: &'static str,
    /// The name of the table that holds its lines.
    pub(crate) table: &'static str,
    /// The text of its schema file.
    pub(crate) schema: &'static str,
    /// Lines have undeclared fields as well as the declared ones.
    pub(crate) keeps_undeclared: bool,
    /// The fields that the vendor's API does not have, and the rule that fills each of them.
    pub(crate) constructions: &'static [ConstructedField],
    /// The rule that says what identifies an event of this log type.
    pub(crate) identity: &'static IdentityRule,
    /// The record types that the vendor publishes.
    pub(crate) record_types: &'static LazyLock<RecordTypes>,
    /// The files of its built-in data model.
    pub(crate) data_model: DataModelFiles,
    /// The methods of its built-in data model, in Rust.
    pub(crate) native_model: &'static NativeModel,
}

/// A field of the schema, by the names from the top, and the rule that fills it.
pub(crate) type ConstructedField = (&'static [&'static str], Construction);

/// The texts of a built-in data model's files.
#[derive(Debug)]
pub(crate) struct DataModelFiles {
    /// The specification, in Panther's format.
    pub(crate) specification: &'static str,
    /// The methods in Python.
    pub(crate) python: &'static str,
    /// Events, each with the values that the model finds in it.
    pub(crate) examples: &'static str,
}

/// Includes the files of the data model of a table.
macro_rules! data_model_files {
    ($table:literal) => {
        $crate::log_type::spec::DataModelFiles {
            specification: include_str!(concat!("../../data_models/", $table, "_data_model.yml")),
            python: include_str!(concat!("../../data_models/", $table, "_data_model.py")),
            examples: include_str!(concat!("../../data_models/", $table, "_examples.yml")),
        }
    };
}
pub(super) use data_model_files;
