//! A secret that can be rotated while a process has the old value in its cache.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use collector::{PortError, Secrets};
use secrecy::SecretString;

/// A secret store with one secret and a cache in front of it. Clones share both.
#[derive(Debug, Clone)]
pub struct RotatingSecret(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    cached: RefCell<String>,
    current: RefCell<String>,
    fresh_reads: Cell<u32>,
}

impl RotatingSecret {
    /// Creates a store whose secret, also in the cache, is `text`.
    pub fn new(text: &str) -> Self {
        let (cached, current) = (text.to_owned().into(), text.to_owned().into());
        Self(Rc::new(Inner { cached, current, fresh_reads: Cell::new(0) }))
    }

    /// Replaces the stored secret. The cache keeps the old one until a fresh read.
    pub fn rotate(&self, text: &str) {
        text.clone_into(&mut self.0.current.borrow_mut());
    }

    /// Changes the stored and the cached secret.
    pub fn change(&self, change: impl Fn(&str) -> String) {
        for text in [&self.0.cached, &self.0.current] {
            let changed = change(&text.borrow());
            text.replace(changed);
        }
    }

    /// Returns the cached secret.
    pub fn cached(&self) -> String {
        self.0.cached.borrow().clone()
    }

    /// Returns the stored secret.
    pub fn current(&self) -> String {
        self.0.current.borrow().clone()
    }

    /// Returns the number of reads that went past the cache.
    pub fn fresh_reads(&self) -> u32 {
        self.0.fresh_reads.get()
    }
}

impl Secrets for RotatingSecret {
    async fn get(&self, _: &str, fresh: bool) -> Result<SecretString, PortError> {
        if fresh {
            self.0.fresh_reads.set(self.0.fresh_reads.get() + 1);
            self.0.cached.replace(self.current());
        }
        Ok(SecretString::from(self.cached()))
    }
}
