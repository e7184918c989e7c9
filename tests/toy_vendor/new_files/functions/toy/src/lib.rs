//! The audit log of the toy vendor, as a [`collector::Vendor`]: one source is one account with one stream.

mod config;
mod policy;
mod source;
mod wire;

pub use config::{BASE_URL_VARIABLE, Config, SourceSecret, VARIABLES};
pub use policy::POLICY;
pub use source::Toy;
