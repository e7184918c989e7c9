//! The Microsoft 365 Management Activity API, as a [`collector::Vendor`].
//!
//! One source is one tenant, and each of its content types is a stream. A content type has one listing, ordered by the
//! time at which a blob became available.

mod auth;
mod byte_order_mark;
mod config;
mod doctor;
mod errors;
mod feed;
mod policy;
mod source;
mod throttle;

#[cfg(test)]
mod tests;

pub use config::cloud::Cloud;
pub use config::content_type::ContentType;
pub use config::{API_URL_VARIABLE, Config, ConfigError, LISTING, LOGIN_URL_VARIABLE, SourceSecret, VARIABLES};
pub use doctor::check;
pub use feed::blob::Blob;
pub use policy::POLICY;
pub use source::Microsoft365;
