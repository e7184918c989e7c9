//! State and bucket in memory, with fault injection.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;

use collector::{Bucket, Head, LedgerHour, LedgerItem, LedgerKind, PortError, Put, State, Stream, Written};

use super::time::pause;
use super::usage::Usage;

/// The kind of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Reads the head.
    Head,
    /// Reads one hour of the ledger.
    Ledger,
    /// Looks up the ledger hours in which a commit is visible.
    VisibleHours,
    /// Writes the head without ledger items: a birth, an intent, or watermarks.
    Write,
    /// Writes the head together with ledger items.
    Commit,
    /// Reads an object.
    Get,
    /// Creates an object.
    Put,
    /// Replaces an object.
    Replace,
}

impl Call {
    /// All kinds.
    pub const ALL: [Self; 8] =
        [Self::Head, Self::Ledger, Self::VisibleHours, Self::Write, Self::Commit, Self::Get, Self::Put, Self::Replace];
}

/// The outcome of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The call takes effect and is answered.
    Succeeds,
    /// The call fails.
    Fails {
        /// `true` if the call takes effect nevertheless.
        is_applied: bool,
        /// The error that the caller gets.
        error: PortError,
    },
    /// The caller dies while it waits for the answer.
    Dies {
        /// `true` if the call takes effect nevertheless.
        is_applied: bool,
    },
}

type Script = Box<dyn FnMut(Call, u64) -> Outcome>;

/// A copy of the state without the bucket, like a backup of the table.
#[derive(Debug, Clone)]
pub struct Backup {
    heads: BTreeMap<String, Head>,
    ledger: BTreeMap<(String, LedgerKind, u32, u64), LedgerItem>,
}

/// The state and the bucket of one deployment.
pub struct MemoryStore(RefCell<Inner>);

struct Inner {
    heads: BTreeMap<String, Head>,
    ledger: BTreeMap<(String, LedgerKind, u32, u64), LedgerItem>,
    objects: BTreeMap<String, Vec<u8>>,
    calls: BTreeMap<Call, u64>,
    usage: Usage,
    script: Script,
    has_died: bool,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.borrow();
        let keys: Vec<_> = inner.objects.keys().collect();
        f.debug_struct("MemoryStore").field("heads", &inner.heads).field("objects", &keys).finish()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self(RefCell::new(Inner {
            heads: BTreeMap::new(),
            ledger: BTreeMap::new(),
            objects: BTreeMap::new(),
            calls: BTreeMap::new(),
            usage: Usage::default(),
            script: Box::new(|_, _| Outcome::Succeeds),
            has_died: false,
        }))
    }
}

impl MemoryStore {
    /// Sets the function that decides the outcome of each call. It gets the call's kind and its number within the kind,
    /// from 1.
    pub fn script(&self, script: impl FnMut(Call, u64) -> Outcome + 'static) {
        let mut inner = self.0.borrow_mut();
        inner.calls.clear();
        inner.script = Box::new(script);
    }

    /// Lets every call succeed from now on, and restarts the counts of calls.
    pub fn clear_faults(&self) {
        self.script(|_, _| Outcome::Succeeds);
    }

    /// Returns the number of calls of this kind since the last [`Self::script`] or [`Self::clear_faults`].
    pub fn calls(&self, call: Call) -> u64 {
        self.0.borrow().calls.get(&call).copied().unwrap_or(0)
    }

    /// Returns the usage that AWS would have billed since the last call of this method.
    pub fn take_usage(&self) -> Usage {
        std::mem::take(&mut self.0.borrow_mut().usage)
    }

    /// Returns `true` if a caller has died since the last call of this method.
    pub fn take_death(&self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().has_died)
    }

    /// Returns the objects under a prefix, by key.
    pub fn objects(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        let inner = self.0.borrow();
        let under = inner.objects.iter().filter(|(key, _)| key.starts_with(prefix));
        under.map(|(key, body)| (key.clone(), body.clone())).collect()
    }

    /// Returns the stream's head.
    pub fn head_of(&self, stream: &Stream) -> Option<Head> {
        self.0.borrow().heads.get(&stream.name()).cloned()
    }

    /// Copies the state.
    pub fn backup(&self) -> Backup {
        let inner = self.0.borrow();
        Backup { heads: inner.heads.clone(), ledger: inner.ledger.clone() }
    }

    /// Replaces the state by a copy. Keeps the bucket.
    pub fn restore(&self, backup: &Backup) {
        let mut inner = self.0.borrow_mut();
        inner.heads.clone_from(&backup.heads);
        inner.ledger.clone_from(&backup.ledger);
    }

    async fn perform<T>(&self, call: Call, act: impl FnOnce(&mut Inner) -> T) -> Result<T, PortError> {
        pause().await;
        let outcome = {
            let mut inner = self.0.borrow_mut();
            let number = inner.calls.entry(call).or_default();
            *number += 1;
            let number = *number;
            (inner.script)(call, number)
        };
        let done = !matches!(outcome, Outcome::Fails { is_applied: false, .. } | Outcome::Dies { is_applied: false });
        let answer = done.then(|| act(&mut self.0.borrow_mut()));
        pause().await;
        match (outcome, answer) {
            (Outcome::Succeeds, Some(answer)) => Ok(answer),
            (Outcome::Fails { error, .. }, _) => Err(error),
            (Outcome::Dies { .. } | Outcome::Succeeds, _) => {
                self.0.borrow_mut().has_died = true;
                pending().await
            }
        }
    }
}

impl State for MemoryStore {
    async fn head(&self, stream: &Stream) -> Result<Option<Head>, PortError> {
        let read = |inner: &mut Inner| {
            let head = inner.heads.get(&stream.name()).cloned();
            inner.usage.read_head(head.as_ref());
            head
        };
        self.perform(Call::Head, read).await
    }

    async fn write(
        &self,
        stream: &Stream,
        expected: Option<u64>,
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<Written, PortError> {
        let call = if items.is_empty() { Call::Write } else { Call::Commit };
        self.perform(call, |inner| inner.write(&stream.name(), expected, head, items)).await
    }

    async fn ledger(
        &self,
        stream: &Stream,
        kind: LedgerKind,
        hour: u32,
        after_seq: Option<u64>,
    ) -> Result<Vec<LedgerItem>, PortError> {
        let place = |seq| (stream.name(), kind, hour, seq);
        let read = |inner: &mut Inner| {
            let items = inner.ledger.range(place(0)..=place(u64::MAX)).map(|(_, item)| item);
            let items: Vec<LedgerItem> =
                items.filter(|item| after_seq.is_none_or(|after| item.seq > after)).cloned().collect();
            inner.usage.read_ledger(&items);
            items
        };
        self.perform(Call::Ledger, read).await
    }

    async fn visible_hours(
        &self,
        stream: &Stream,
        seq: u64,
        hours: &[LedgerHour],
    ) -> Result<Vec<LedgerHour>, PortError> {
        let look_up = |inner: &mut Inner| {
            let is_there = |hour: &&LedgerHour| inner.ledger.contains_key(&(stream.name(), hour.kind, hour.hour, seq));
            let found = hours.iter().filter(is_there).copied().collect();
            inner.usage.look_up(hours.len());
            found
        };
        self.perform(Call::VisibleHours, look_up).await
    }
}

impl Inner {
    fn write(&mut self, stream: &str, expected: Option<u64>, head: &Head, items: &[LedgerItem]) -> Written {
        self.usage.write(head, items);
        if self.heads.get(stream).map(|head| head.version) != expected {
            return Written::Refused;
        }
        self.heads.insert(stream.to_owned(), head.clone());
        for item in items {
            self.ledger.insert((stream.to_owned(), item.kind, item.hour, item.seq), item.clone());
        }
        Written::Applied
    }
}

impl Bucket for MemoryStore {
    async fn put_if_absent(&self, key: &str, body: Vec<u8>, _: &str) -> Result<Put, PortError> {
        let put = |inner: &mut Inner| {
            inner.usage.put(&body);
            match inner.objects.contains_key(key) {
                true => Put::AlreadyThere,
                false => {
                    inner.objects.insert(key.to_owned(), body);
                    Put::Created
                }
            }
        };
        self.perform(Call::Put, put).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, PortError> {
        let get = |inner: &mut Inner| {
            inner.usage.gets += 1;
            inner.objects.get(key).cloned()
        };
        self.perform(Call::Get, get).await
    }

    async fn replace(&self, key: &str, expected: &[u8], body: Vec<u8>, _: &str) -> Result<bool, PortError> {
        let replace = |inner: &mut Inner| {
            inner.usage.put(&body);
            match inner.objects.get_mut(key) {
                Some(object) if object == expected => {
                    *object = body;
                    true
                }
                _ => false,
            }
        };
        self.perform(Call::Replace, replace).await
    }
}
