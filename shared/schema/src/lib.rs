//! The log schemas, the normaliser and the row id. Pure: bytes in, bytes out.

mod log_type;
mod row_id;

pub use log_type::LogType;
pub use row_id::RowId;
mod normalize;
mod split;

pub use normalize::{LineContext, Normalized, Normalizer, Rejection};
pub use split::{ArraySplitter, SplitError};
