//! The switch between short and complete test runs.

/// Returns `true` if `AUDIT_PULL_TESTS=whole` asks for all cases and seeds, which takes a quarter of an hour. Otherwise the
/// tests run as many as fit a few minutes.
#[expect(clippy::disallowed_methods, reason = "the tests' own switch")]
pub fn is_whole() -> bool {
    std::env::var("AUDIT_PULL_TESTS").is_ok_and(|value| value == "whole")
}
