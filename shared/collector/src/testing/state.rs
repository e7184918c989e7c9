//! The store of heads and ledgers in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::calls::Calls;
use super::clock::TestClock;
use crate::base::error::PortError;
use crate::base::head::Head;
use crate::base::ledger::{LedgerHour, LedgerItem, LedgerKind};
use crate::base::ports::{Clock, State, Written};
use crate::base::stream::Stream;

/// A store of heads and ledgers in memory.
#[derive(Clone)]
pub(crate) struct MemoryState(Rc<StateRows>);

struct StateRows {
    clock: TestClock,
    calls: Rc<Calls>,
    /// The heads by stream name.
    heads: RefCell<BTreeMap<String, Head>>,
    /// The ledger items, each with its stream's name and the time from which on it is visible.
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

    /// Makes the ledger items of later commits visible this long after the head of the same commit.
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

    /// Removes all ledger items, as if they had expired.
    pub(crate) fn forget_items(&self) {
        self.0.items.borrow_mut().clear();
    }

    /// Returns the head and all ledger items, as a backup does.
    pub(crate) fn backup(&self, stream: &Stream) -> (Option<Head>, Vec<LedgerItem>) {
        (self.head_of(stream), self.visible(stream, |_| true))
    }

    /// Replaces the head and all ledger items of all streams by those of a backup.
    pub(crate) fn restore_backup(&self, stream: &Stream, (head, items): (Option<Head>, Vec<LedgerItem>)) {
        self.0.items.borrow_mut().clear();
        self.0.heads.borrow_mut().clear();
        self.restore(stream, head, &items);
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
            item.ledger_hour() == LedgerHour { kind, hour } && after_seq.is_none_or(|after| item.seq > after)
        };
        self.0.calls.call("ledger", || self.visible(stream, is_wanted))
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        let is_wanted = |item: &LedgerItem| item.seq == seq && hours.contains(&item.ledger_hour());
        self.0.calls.call("visible", || self.visible(stream, is_wanted).iter().map(LedgerItem::ledger_hour).collect())
    }
}
