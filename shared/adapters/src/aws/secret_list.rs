//! Secrets that are found by the prefix of their names.

use std::future::Future;

use collector::{PortError, Secrets};

/// Secrets whose names begin with a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretList {
    /// Their ARNs.
    pub arns: Vec<String>,
    /// There are more than can be listed.
    pub has_more: bool,
}

/// A store of secrets that can list them.
pub trait ListSecrets: Secrets {
    /// The secrets whose names begin with `prefix`.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<SecretList, PortError>>;
}
