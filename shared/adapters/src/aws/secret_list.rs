//! Lists the secrets whose names begin with a prefix.

use std::future::Future;

use collector::{PortError, Secrets};

/// The secrets whose names begin with a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretList {
    /// The ARNs of the secrets.
    pub arns: Vec<String>,
    /// There are more secrets than the list may hold.
    pub has_more: bool,
}

/// A store of secrets that can list them.
pub trait ListSecrets: Secrets {
    /// Returns the secrets whose names begin with `prefix`.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<SecretList, PortError>>;
}
