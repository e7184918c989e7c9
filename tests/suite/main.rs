//! The tests that need more than one crate.

mod aws;
mod conformance;
mod documents;
mod exhaustive;
mod local;
mod memory_store;
mod monitoring;
mod settings;
mod stack;
mod stops;
mod storage;
mod template;
mod world;
mod yaml;
