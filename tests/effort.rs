//! How much the tests explore.

/// Whether everything is explored, which takes a quarter of an hour: with `AUDIT_PULL_TESTS=whole`. Otherwise as much as
/// fits a minute or two.
#[expect(clippy::disallowed_methods, reason = "the tests' own switch")]
pub fn is_whole() -> bool {
    std::env::var("AUDIT_PULL_TESTS").is_ok_and(|value| value == "whole")
}
