//! The OpenAI audit logs API, as a [`collector::Vendor`].
//!
//! One source is one organization with one stream, its audit log. The stream has two listings: one of the organization's
//! events and one of its tenant's. Neither shows events of the other.

mod config;
mod cooldown;
mod default_source_id;
mod doctor;
mod policy;
mod refusal;
mod retry_policy;
mod source;
mod wire;

pub use config::{
    BASE_URL_VARIABLE, Config, DEFAULT_BASE_URL, LISTINGS, LISTINGS_VARIABLE, ORGANIZATION, SourceSecret, TENANT,
    VARIABLES,
};
pub use doctor::check;
pub use policy::POLICY;
pub use source::OpenAi;
