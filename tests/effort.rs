//! The switches for short and complete test runs, and for single seeds.

use std::ops::Range;

/// Returns `true` if `AUDIT_PULL_TESTS=whole` asks for all cases and seeds, which takes a quarter of an hour. Otherwise
/// the tests run as many as fit a few minutes.
#[expect(clippy::disallowed_methods, reason = "the tests' own switch")]
pub fn is_whole() -> bool {
    std::env::var("AUDIT_PULL_TESTS").is_ok_and(|value| value == "whole")
}

/// Returns all variants of a test in a complete run, and otherwise the first one.
pub fn variants<T>(all: &[T]) -> &[T] {
    if is_whole() { all } else { &all[..all.len().min(1)] }
}

/// Returns the seeds that `AUDIT_PULL_SEEDS=24..25` names, to repeat the run of a failed seed.
///
/// # Panics
/// The variable does not have this form.
#[expect(clippy::disallowed_methods, reason = "the tests' own switch")]
pub fn named_seeds() -> Option<Range<u64>> {
    let text = std::env::var("AUDIT_PULL_SEEDS").ok()?;
    let range = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    Some(range.unwrap_or_else(|| panic!("AUDIT_PULL_SEEDS={text} is not of the form 24..25")))
}
