//! The port that lists the keys of a bucket.

use std::future::Future;

use super::error::PortError;

/// The keys of the objects below a prefix, or the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyList {
    /// The keys, in ascending order.
    pub keys: Vec<String>,
    /// `true` if these are all keys; `false` if the list was cut off at its maximum.
    pub is_complete: bool,
}

impl KeyList {
    /// Returns the first `max` of the keys, which must be in ascending order.
    pub fn first(mut keys: Vec<String>, max: usize) -> Self {
        let is_complete = keys.len() <= max;
        keys.truncate(max);
        Self { keys, is_complete }
    }
}

/// A bucket that can list its keys.
pub trait ListObjects {
    /// Returns the keys that begin with `prefix` and come after the key `after` (empty: all of them), in ascending
    /// order of their bytes, but at most the first `max` of them.
    ///
    /// # Errors
    /// Needs a person if the keys may not be listed. After any other error the next tick may succeed.
    fn list_after(&self, prefix: &str, after: &str, max: usize) -> impl Future<Output = Result<KeyList, PortError>>;

    /// Returns the keys that begin with `prefix`, in ascending order, but at most the first `max` of them.
    ///
    /// # Errors
    /// Needs a person if the keys may not be listed. After any other error the next tick may succeed.
    fn list(&self, prefix: &str, max: usize) -> impl Future<Output = Result<KeyList, PortError>> {
        self.list_after(prefix, "", max)
    }

    /// Returns all keys that begin with `prefix`, in ascending order.
    ///
    /// # Errors
    /// Needs a person if there are more than `max` keys or they may not be listed. After any other error the next tick
    /// may succeed.
    fn keys(&self, prefix: &str, max: usize) -> impl Future<Output = Result<Vec<String>, PortError>> {
        async move {
            let KeyList { keys, is_complete } = self.list(prefix, max).await?;
            if is_complete {
                return Ok(keys);
            }
            Err(PortError::person(format!(
                "the keys that begin with {prefix:?}: there are more than {max} objects; keep only what belongs there"
            )))
        }
    }
}
