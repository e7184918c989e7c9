//! The API of a tenant's feed: subscriptions, listings and blobs.

pub(crate) mod api;
pub(crate) mod blob;
pub(crate) mod subscription;
pub(crate) mod urls;
pub(crate) mod wire;
