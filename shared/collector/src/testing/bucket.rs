//! A bucket in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::calls::Calls;
use crate::base::error::PortError;
use crate::base::object_list::{KeyList, ListObjects};
use crate::base::ports::{Bucket, Put};

/// A bucket in memory.
#[derive(Clone)]
pub(crate) struct MemoryBucket(Rc<Objects>);

struct Objects {
    calls: Rc<Calls>,
    by_key: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl MemoryBucket {
    pub(super) fn new(calls: &Rc<Calls>) -> Self {
        Self(Rc::new(Objects { calls: Rc::clone(calls), by_key: RefCell::default() }))
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.by_key.borrow().keys().cloned().collect()
    }

    pub(crate) fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.0.by_key.borrow().get(key).cloned()
    }

    pub(crate) fn insert(&self, key: &str, body: &[u8]) {
        self.0.by_key.borrow_mut().insert(key.to_owned(), body.to_vec());
    }

    pub(crate) fn remove(&self, key: &str) {
        self.0.by_key.borrow_mut().remove(key);
    }
}

impl Bucket for MemoryBucket {
    async fn put_if_absent(&self, key: &str, body: Vec<u8>, _: &str) -> Result<Put, PortError> {
        self.0.calls.call("put", || match self.object(key) {
            Some(_) => Put::AlreadyThere,
            None => {
                self.insert(key, &body);
                Put::Created
            }
        })
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        self.0.calls.call("get", || self.object(key))
    }

    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, _: &str) -> Result<bool, PortError> {
        self.0.calls.call("replace", || {
            let is_expected = self.object(key).is_some_and(|object| object == expected);
            if is_expected {
                self.insert(key, &body);
            }
            is_expected
        })
    }
}

impl ListObjects for MemoryBucket {
    async fn list_after(&self, prefix: &str, after: &str, max: usize) -> Result<KeyList, PortError> {
        let is_listed = |key: &String| key.starts_with(prefix) && key.as_str() > after;
        self.0.calls.call("list", || KeyList::first(self.keys().into_iter().filter(is_listed).collect(), max))
    }
}
