//! The OpenAI audit logs API, as a [`collector::Vendor`].
//!
//! One source is one organization, and one stream: its audit log. Two listings show it, one for
//! the events of the organization and one for those of its tenant; neither shows the other's.

mod config;
mod cooldown;
mod default_source_id;
mod refusal;
mod retry_policy;
mod source;
mod wire;

pub use config::{BASE_URL, Config, LISTINGS, ORGANIZATION, POLICY, SourceSecret, TENANT};
pub use source::{NoBlobs, OpenAi};
