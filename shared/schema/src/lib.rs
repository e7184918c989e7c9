//! Turns the events that vendors send into the lines of the lake, by the schema of their log type.
//!
//! A [`Normalizer`] takes the bytes of one event and appends one line of JSON: the event's fields, typed and under the
//! names of columns, and the fields that every line has. It also returns the event's [`RowId`], by which the same event
//! is recognised when it comes again. The crate is pure: bytes go in and bytes come out, and it reads no clock, file or
//! network.
//!
//! ```
//! use jiff::Timestamp;
//! use schema::{LineContext, LogType, Normalizer};
//!
//! let normalizer = Normalizer::new(LogType::OpenAiAudit);
//! let event = br#"{"id": "audit_log-1", "type": "login.succeeded", "effective_at": 1787301845}"#;
//! let context = LineContext { source_id: "acme", source_label: "", parse_time: Timestamp::from_second(1_787_301_900)? };
//! let mut lines = Vec::new();
//! let normalized = normalizer.normalize(event, &context, &mut lines)?;
//! assert_eq!(normalized.row_id.to_string().len(), 32);
//! let begin = br#"{"id":"audit_log-1","type":"login.succeeded","effective_at":"2026-08-21 08:44:05.000000000","#;
//! assert!(lines.starts_with(begin) && lines.ends_with(b"}\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An event that cannot become a line is a [`Rejection`]. An event is never rejected for a single value: a value that
//! does not fit its type is put under `p_nonconforming`. [`DriftNames`] collects names that no schema knows.
//!
//! The other entry points:
//!
//! - [`ArraySplitter`] splits a JSON array, which may be broken, into its records.
//! - [`Schema`] parses a schema file, and exports it as [`JsonSchema`], as Athena table or as DuckDB query.
//! - [`LogType`] lists the built-in log types; [`schema()`] returns their schemas, and [`model_text`] their data models.
//! - [`CustomModels`] replaces built-in data models, which fill `p_udm`, by others.
//!
//! The modules import each other in one direction, from the bottom up: `drift`, `event` (JSON documents and arrays),
//! `value` (times and indicators), `language` (schemas), `identity` (row ids), `udm` (data models on lines), `log_type`
//! (the table of log types), `line` (the normaliser) and `export`.

mod drift;
mod event;
mod export;
mod identity;
mod language;
mod line;
mod log_type;
mod udm;
mod value;

pub use drift::{DriftNames, Names};
pub use event::split::{ArraySplitter, SplitError};
pub use export::describe::FieldInfo;
pub use export::json_schema::JsonSchema;
pub use identity::row_id::RowId;
pub use language::compile::SchemaError;
pub use language::model::Schema;
pub use line::context::LineContext;
pub use line::custom_models::{CustomModels, NO_CUSTOM_MODELS};
pub use line::normalize::{Mode, Normalized, Normalizer, Rejection};
pub use log_type::LogType;
pub use log_type::models::{NativeMethods, examples_text, model_text, python_text};
pub use log_type::schemas::{schema, schema_text};
pub use udm::{LineModel, SharedMethods};
