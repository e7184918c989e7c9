//! Runs the unit tests of the benchmark's modules. The benchmark itself, `main.rs`, is built without a test harness.
#![allow(dead_code, reason = "the program's own uses are in main.rs")]

mod baselines;
mod batches;
mod blob;
mod compressors;
mod corpus;
mod cost;
mod failed;
mod measure;
mod memory;
mod speeds;
mod table;
mod target;

mod tests {
    mod baselines;
    mod batches;
    mod blob;
    mod compressors;
    mod cost;
    mod measure;
    mod memory;
    mod speeds;
    mod table;
    mod target;
}
