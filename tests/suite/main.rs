//! Every test that needs more than one crate.

mod aws;
mod conformance;
mod exhaustive;
mod local;
mod shelf;
mod stops;
mod template;
mod world;
