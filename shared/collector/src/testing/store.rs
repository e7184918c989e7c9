//! State and bucket in memory, with faults of their calls.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::clock::TestClock;
use crate::base::error::PortError;
use crate::base::head::Head;
use crate::base::ledger::{LedgerHour, LedgerItem, LedgerKind};
use crate::base::ports::{Bucket, Clock, Put, State, Written};
use crate::base::stream::Stream;

/// A fault of a call of state or bucket.
pub(crate) enum Fault {
    /// The call fails without an effect.
    Before,
    /// The call has its effect, but its answer is lost.
    After,
    /// This function runs just before the call.
    Meanwhile(Box<dyn FnOnce()>),
}

/// The call that a fault meets.
pub(crate) enum At {
    /// The call with this number, counted from 0.
    Number(usize),
    /// The next call with this name.
    Next(&'static str),
}

/// The calls of state and bucket by name, and the faults that they meet.
#[derive(Default)]
pub(crate) struct Calls {
    names: RefCell<Vec<&'static str>>,
    faults: RefCell<Vec<(At, Fault)>>,
}

impl Calls {
    /// Returns the names of all calls since the last `take`.
    pub(crate) fn take(&self) -> Vec<&'static str> {
        self.names.take()
    }

    /// Adds a fault of one call.
    pub(crate) fn fault(&self, at: At, fault: Fault) {
        self.faults.borrow_mut().push((at, fault));
    }

    /// Returns `true` if a fault has not met its call.
    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.borrow().is_empty()
    }

    pub(super) fn call<T>(&self, name: &'static str, effect: impl FnOnce() -> T) -> Result<T, PortError> {
        let number = self.names.borrow().len();
        self.names.borrow_mut().push(name);
        let is_met = |(at, _): &(At, Fault)| match at {
            At::Number(at) => *at == number,
            At::Next(next) => *next == name,
        };
        let met = self.faults.borrow().iter().position(is_met);
        let fault = met.map(|met| self.faults.borrow_mut().remove(met).1);
        match fault {
            Some(Fault::Before) => return Err(PortError::next_tick("no answer")),
            Some(Fault::After) => {
                effect();
                return Err(PortError::next_tick("no answer"));
            }
            Some(Fault::Meanwhile(other)) => other(),
            None => {}
        }
        Ok(effect())
    }
}

/// Heads and ledgers in memory.
#[derive(Clone)]
pub(crate) struct MemoryState(Rc<StateRows>);

struct StateRows {
    clock: TestClock,
    calls: Rc<Calls>,
    /// The heads by stream name.
    heads: RefCell<BTreeMap<String, Head>>,
    /// The items with their stream name and the time from which on they are visible.
    items: RefCell<Vec<(String, LedgerItem, Timestamp)>>,
    hide_items_for: Cell<Duration>,
}

impl MemoryState {
    pub(super) fn new(clock: &TestClock, calls: &Rc<Calls>) -> Self {
        Self(Rc::new(StateRows {
            clock: clock.clone(),
            calls: Rc::clone(calls),
            heads: RefCell::default(),
            items: RefCell::default(),
            hide_items_for: Cell::default(),
        }))
    }

    /// Makes the items of later commits visible only this long after their head.
    pub(crate) fn hide_items_for(&self, time: Duration) {
        self.0.hide_items_for.set(time);
    }

    pub(crate) fn head_of(&self, stream: &Stream) -> Option<Head> {
        self.0.heads.borrow().get(&stream.name()).cloned()
    }

    /// Replaces the head, whatever its version, and adds the items. `None` removes the head.
    pub(crate) fn restore(&self, stream: &Stream, head: Option<Head>, items: &[LedgerItem]) {
        let (name, visible_at) = (stream.name(), self.0.clock.now() + self.0.hide_items_for.get());
        let items = items.iter().map(|item| (name.clone(), item.clone(), visible_at));
        self.0.items.borrow_mut().extend(items);
        match head {
            Some(head) => self.0.heads.borrow_mut().insert(name, head),
            None => self.0.heads.borrow_mut().remove(&name),
        };
    }

    fn visible(&self, stream: &Stream, is_wanted: impl Fn(&LedgerItem) -> bool) -> Vec<LedgerItem> {
        let (name, now) = (stream.name(), self.0.clock.now());
        let items = self.0.items.borrow();
        let wanted = items.iter().filter(|(of, item, visible_at)| *of == name && *visible_at <= now && is_wanted(item));
        wanted.map(|(_, item, _)| item.clone()).collect()
    }
}

impl State for MemoryState {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        self.0.calls.call("head", || self.head_of(stream))
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        self.0.calls.call("write", || {
            if self.head_of(stream).map(|head| head.version) != expected {
                return Written::Refused;
            }
            self.restore(stream, Some(head.clone()), items);
            Written::Applied
        })
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        let is_wanted = |item: &LedgerItem| {
            item.place() == LedgerHour { kind, hour } && after_seq.is_none_or(|after| item.seq > after)
        };
        self.0.calls.call("ledger", || self.visible(stream, is_wanted))
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        let is_wanted = |item: &LedgerItem| item.seq == seq && hours.contains(&item.place());
        self.0.calls.call("visible", || self.visible(stream, is_wanted).iter().map(LedgerItem::place).collect())
    }
}

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
