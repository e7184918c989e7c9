//! Every test that needs more than one crate.

mod conformance;
mod local;
