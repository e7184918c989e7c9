//! The log schemas, the normaliser and the row id. Pure: bytes in, bytes out.

mod athena;
mod builtin;
mod column;
mod compile;
mod construct;
mod definition;
mod describe;
mod drift;
mod format;
mod identity;
mod indicator;
mod json;
mod json_schema;
mod line;
mod log_type;
mod memory;
mod model;
mod normalize;
mod record_types;
mod row_id;
mod split;
mod standard;
mod time;
mod transform;
mod validate;

pub use builtin::{schema, schema_text};
pub use compile::SchemaError;
pub use describe::FieldInfo;
pub use drift::{DriftNames, Names};
pub use json_schema::JsonSchema;
pub use log_type::LogType;
pub use model::Schema;
pub use normalize::{LineContext, Mode, Normalized, Normalizer, Rejection};
pub use row_id::RowId;
pub use split::{ArraySplitter, SplitError};
