//! Pulls the Microsoft 365 Management Activity API: one tenant is a source, each of its content
//! types a stream, listed by the time its blobs became available.

mod aadsts;
mod af;
mod api;
mod blob;
mod certificate;
mod clamp;
mod cloud;
mod config;
mod content_type;
mod limits;
mod policy;
mod refusal;
mod retry_policy;
mod source;
mod subscription;
mod token;
mod token_endpoint;
mod urls;
mod vendor_clock;
mod wire;

#[cfg(test)]
mod behaviour;
#[cfg(test)]
mod testing;

pub use blob::Blob;
pub use cloud::Cloud;
pub use config::{API_URL, Config, ConfigError, LISTING, LOGIN_URL, Overrides, streams};
pub use content_type::ContentType;
pub use policy::POLICY;
pub use source::Microsoft365;
