//! Pulls the Microsoft 365 Management Activity API: one tenant is a source, each of its content
//! types a stream, listed by the time its blobs became available.

mod aadsts;
mod api;
mod blob;
mod budget;
mod certificate;
mod cloud;
mod config;
mod content_type;
mod policy;
mod refusal;
mod source;
mod subscription;
mod token;
mod urls;
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
