//! Delivers each line exactly once into the bucket, in three steps: intend, put, commit.
//!
//! 1. **intend**: the head names the key of the next object, before anything is put there.
//! 2. **put**: the object is created at that key only if absent; of all writers one wins.
//! 3. **commit**: in one transaction the object's row ids enter the ledger, `seq` rises, the intent
//!    is cleared, and what the tick has learned (watermarks, pending work) is written.
//!
//! Every write of the head is conditional on the version that was read, so a commit can only
//! follow a ledger that was read whole; and before it sets an intent or commits, a tick has seen all of the last commit
//! ([`StreamState::verify_last_commit`]). Whoever finds an object at the intent's key (a tick died,
//! or another is faster) commits *that* object's row ids and filters its own batch again. A tick
//! may therefore die between any two calls, and any number may run at once. The object is the
//! commit record; the table is an index of it.

use std::collections::HashSet;

use schema::RowId;

use super::batch::{Batch, row_items};
use super::intents::Intents;
use super::rejected;
use super::{key, object};
use crate::base::env::Env;
use crate::base::error::PortError;
use crate::base::head::Head;
use crate::base::ledger::{LedgerHour, LedgerKind};
use crate::base::memory::MemoryBudget;
use crate::base::policy::Compression;
use crate::base::ports::{Bucket, Clock, Put, State};
use crate::base::report::{Gap, LineCounts};
use crate::base::stream::Stream;
use crate::base::time::UnixSeconds;
use crate::state::head_update::HeadUpdate;
use crate::state::stream_state::{StreamState, Swap};

/// A tick leaves the stream to other ticks after this many write conflicts with them.
const MAX_WRITE_CONFLICTS: u32 = 16;

/// One tick's delivery of one stream.
pub(crate) struct Delivery<'a, S, B, C> {
    pub(crate) state: StreamState<'a, S, B, C>,
    /// The time for which the ledger remembers a row id, in seconds.
    dedup_horizon_seconds: UnixSeconds,
    pub(crate) batch: Batch,
    /// The `seq` of the head whose ledger the batch was compared with.
    batch_seq: u64,
    intents: Intents,
    pub(crate) update: HeadUpdate,
    outcome: Delivered,
}

/// The outcome of a delivery so far.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// The counts of lines and objects.
    pub(crate) lines: LineCounts,
    /// Lines of the batch that other ticks delivered first.
    pub(crate) duplicates: u64,
    /// The gaps that the watermark of the written head has passed.
    pub(crate) gaps: Vec<Gap>,
}

impl<S, B, C> Delivery<'_, S, B, C> {
    /// Returns the number of lines that this tick has put into the bucket so far.
    pub(crate) fn delivered_lines(&self) -> u64 {
        self.outcome.lines.delivered
    }
}

impl<'a, S: State, B: Bucket, C: Clock> Delivery<'a, S, B, C> {
    pub(crate) fn new(
        state: StreamState<'a, S, B, C>,
        dedup_horizon_seconds: UnixSeconds,
        budget: &MemoryBudget,
    ) -> Self {
        Self {
            batch_seq: state.head.seq,
            state,
            dedup_horizon_seconds,
            batch: Batch::new(budget),
            intents: Intents::default(),
            update: HeadUpdate::default(),
            outcome: Delivered::default(),
        }
    }

    fn env(&self) -> &'a Env<'a, S, B, C> {
        self.state.env
    }

    fn stream(&self) -> &'a Stream {
        self.state.stream
    }

    /// Returns the state for the next tick, and the outcome of the delivery.
    pub(crate) fn into_parts(self) -> (StreamState<'a, S, B, C>, Delivered) {
        let Delivered { lines, duplicates, mut gaps } = self.outcome;
        // A write that failed may have been applied after all. Its gaps are reported now, because reporting them twice
        // is better than never.
        gaps.extend(self.update.unreported_gaps);
        (self.state, Delivered { lines, duplicates, gaps })
    }

    /// Completes the delivery that an earlier tick began. If there is an object at the intent's key, the object's row
    /// ids are committed. Otherwise the intent stays until there is something to deliver.
    pub(crate) async fn settle(&mut self) -> Result<(), PortError> {
        for _ in 0..MAX_WRITE_CONFLICTS {
            let Some(key) = self.state.head.intent.clone() else { return Ok(()) };
            let Some(object) = self.env().bucket.get(&key).await? else {
                self.intents.inherited = Some(key);
                return Ok(());
            };
            self.adopt(&key, &object).await?;
        }
        Err(conflicts_error())
    }

    /// Delivers the current batch and leaves an empty one.
    pub(crate) async fn flush(&mut self) -> Result<(), PortError> {
        if !self.batch.is_empty() {
            self.state.check_seq_mark().await?;
        }
        for _ in 0..MAX_WRITE_CONFLICTS {
            self.drop_lines_of_others().await?;
            self.leave_live_intent()?;
            if self.batch.is_empty() {
                self.batch.clear();
                return Ok(());
            }
            if self.try_to_deliver().await? == Swap::Applied && self.batch.is_empty() {
                return Ok(());
            }
        }
        Err(conflicts_error())
    }

    /// Writes the update to the head, if it is worth a write of its own.
    pub(crate) async fn write_update(&mut self) -> Result<(), PortError> {
        for _ in 0..MAX_WRITE_CONFLICTS {
            if !self.update.is_worth_a_write(&self.state.head, self.env().now()) {
                return Ok(());
            }
            let mut next = self.state.next_head();
            self.update.apply(&mut next);
            if self.state.swap(next, &[]).await? == Swap::Applied {
                self.update_is_written();
                return Ok(());
            }
        }
        Err(conflicts_error())
    }

    /// Makes one attempt to deliver the batch. [`Swap::Applied`] with lines left in the batch means that only a stale
    /// intent was sealed, and the caller must try again.
    async fn try_to_deliver(&mut self) -> Result<Swap, PortError> {
        self.state.verify_last_commit().await?;
        // A batch without lines needs no object. But if the head has an intent, that intent must be used first.
        if self.batch.line_count() == 0 && self.state.head.intent.is_none() {
            self.put_rejected().await?;
            return self.commit(None).await;
        }
        if let Some(key) = self.stale_intent() {
            return self.seal(&key).await;
        }
        let Some(key) = self.intend().await? else { return Ok(Swap::Lost) };
        self.put_rejected().await?;
        let compression = Compression::of_key(&key);
        let body = compressed(compression, &key, &self.batch.lines)?;
        let size = body.len();
        match self.env().bucket.put_if_absent(&key, body, compression.content_type()).await? {
            Put::Created => self.commit(Some(size)).await,
            Put::AlreadyThere => self.adopt_object_at(&key).await,
        }
    }

    /// Returns the head's intent if this tick is to seal it.
    fn stale_intent(&self) -> Option<String> {
        let now = self.env().clock.now();
        self.state.head.intent.clone().filter(|intent| self.intents.is_to_be_sealed(intent, now))
    }

    /// Seals a stale intent: puts an empty object at its key and commits that object. New lines then get a key in the
    /// current partition.
    async fn seal(&mut self, key: &str) -> Result<Swap, PortError> {
        self.intents.sealed += 1;
        let compression = Compression::of_key(key);
        let body = compressed(compression, key, b"")?;
        let size = body.len();
        match self.env().bucket.put_if_absent(key, body, compression.content_type()).await? {
            Put::Created => {
                let swapped = self.state.swap(self.state.head_after(&[]), &[]).await?;
                if swapped == Swap::Applied {
                    self.outcome.lines.objects += 1;
                    self.outcome.lines.bytes += size as u64;
                }
                Ok(swapped)
            }
            Put::AlreadyThere => self.adopt_object_at(key).await,
        }
    }

    async fn adopt_object_at(&mut self, key: &str) -> Result<Swap, PortError> {
        let object = self.env().bucket.get(key).await?.ok_or_else(|| vanished_object_error(key))?;
        self.adopt(key, &object).await?;
        Ok(Swap::Lost)
    }

    /// Handles a batch without lines if another tick has set an intent during this tick. Putting an empty object at
    /// that intent's key would force the other tick to set a new intent, and this could repeat without end. The batch
    /// is therefore dropped; if it has rejected inputs, this fails and the inputs wait for the next tick.
    fn leave_live_intent(&mut self) -> Result<(), PortError> {
        let intent = &self.state.head.intent;
        if self.batch.line_count() > 0 || intent.is_none() || *intent == self.intents.inherited {
            return Ok(());
        }
        if !self.batch.rejected().is_empty() {
            return Err(conflicts_error());
        }
        // The batch has only consumed blobs. They may be dropped, because recording them only saves another fetch.
        self.batch.clear();
        Ok(())
    }

    /// Returns the key of the next object: the head's intent, or a new one that this tick sets. Returns `None` if
    /// another tick wrote the head first.
    async fn intend(&mut self) -> Result<Option<String>, PortError> {
        if let Some(key) = &self.state.head.intent {
            return Ok(Some(key.clone()));
        }
        let (settings, now) = (self.env().settings, self.env().clock.now());
        let key = key::object_key(&settings.prefix, self.stream(), self.state.head.seq, now, settings.compression);
        let next = Head { intent: Some(key.clone()), ..self.state.next_head() };
        // The write may succeed although its answer is lost, so an intent with this key counts as set by this tick.
        self.intents.own = Some(key.clone());
        Ok((self.state.swap(next, &[]).await? == Swap::Applied).then_some(key))
    }

    /// Commits the current batch. `size` is the length of its object in the bucket, in bytes; `None` if the batch has
    /// no object.
    async fn commit(&mut self, size: Option<usize>) -> Result<Swap, PortError> {
        let items = self.batch.ledger_items(self.state.head.seq, self.ledger_expiry());
        let mut next = self.state.head_after(&items);
        next.times.last_event = next.times.last_event.max(self.batch.newest_event());
        self.note_delivery(&mut next, self.batch.line_count());
        self.update.apply(&mut next);
        let swapped = self.state.swap(next, &items).await?;
        if swapped == Swap::Applied {
            let lines = LineCounts {
                delivered: self.batch.line_count() as u64,
                rejected: self.batch.rejected().len() as u64,
                shared_ids: self.batch.shared_ids(),
                drift: self.batch.drift(),
                objects: u64::from(size.is_some()),
                bytes: size.unwrap_or(0) as u64,
                adopted: 0,
            };
            self.outcome.lines = std::mem::take(&mut self.outcome.lines).plus(lines);
            self.batch.clear();
            self.update_is_written();
        }
        Ok(swapped)
    }

    fn update_is_written(&mut self) {
        let update = std::mem::take(&mut self.update);
        self.outcome.gaps.extend(update.unreported_gaps);
    }

    /// Commits the row ids of the object at the intent's key, which another tick put there. Watermarks stay as they
    /// are.
    async fn adopt(&mut self, key: &str, object: &[u8]) -> Result<(), PortError> {
        self.state.verify_last_commit().await?;
        let rows = object::row_ids(key, object)?;
        let items = row_items(rows.iter().copied(), self.state.head.seq, self.ledger_expiry());
        let mut next = self.state.head_after(&items);
        self.note_delivery(&mut next, rows.len());
        if self.state.swap(next, &items).await? == Swap::Applied {
            self.outcome.lines.adopted += rows.len() as u64;
        }
        Ok(())
    }

    /// Sets the time of the last delivery in the head if the commit has lines.
    fn note_delivery(&self, next: &mut Head, lines: usize) {
        if lines > 0 {
            next.times.last_delivery = next.times.last_delivery.max(Some(self.env().now()));
        }
    }

    /// Compares the batch with the ledger again if other ticks have committed since the batch was begun, and drops the
    /// lines that they delivered.
    async fn drop_lines_of_others(&mut self) -> Result<(), PortError> {
        if self.batch_seq == self.state.head.seq {
            return Ok(());
        }
        let mut delivered: HashSet<RowId> = HashSet::new();
        for hour in self.batch.hours() {
            let ledger_hour = LedgerHour { kind: LedgerKind::Rows, hour };
            self.state.load(ledger_hour).await?;
            let known = |row: &RowId| self.state.loaded_ledger_contains(ledger_hour, row.ledger_entry());
            delivered.extend(self.batch.row_ids().filter(|row| row.hour == hour && known(row)));
        }
        self.outcome.duplicates += self.batch.drop_known(|row| delivered.contains(row)) as u64;
        self.batch_seq = self.state.head.seq;
        Ok(())
    }

    async fn put_rejected(&mut self) -> Result<(), PortError> {
        let env = self.env();
        for input in self.batch.rejected() {
            let key = key::rejected_key(&env.settings.prefix, self.stream(), input.rejection.row_id);
            let body = rejected::record(self.stream(), input, env.clock.now());
            env.bucket.put_if_absent(&key, body, "application/json").await?;
        }
        Ok(())
    }

    /// Returns `true` if the row is in the current batch or in the ledger.
    pub(crate) async fn contains_row(&mut self, row_id: &RowId) -> Result<bool, PortError> {
        self.begin_batch();
        if self.batch.contains(row_id) {
            return Ok(true);
        }
        let ledger_hour = LedgerHour { kind: LedgerKind::Rows, hour: row_id.hour };
        self.state.ledger_contains(ledger_hour, row_id.ledger_entry()).await
    }

    /// Adds a blob whose events are all in the current batch or in the ledger.
    pub(crate) fn keep_blob(&mut self, hour: u32, entry: u64) {
        self.begin_batch();
        self.batch.keep_blob(hour, entry);
    }

    /// Sets `batch_seq` to the head's `seq` while the batch is empty, because the rows of the new batch are compared
    /// with the ledger of that head.
    fn begin_batch(&mut self) {
        if self.batch.is_empty() {
            self.batch_seq = self.state.head.seq;
        }
    }

    fn ledger_expiry(&self) -> i64 {
        self.env().now() + self.dedup_horizon_seconds
    }
}

fn compressed(compression: Compression, key: &str, lines: &[u8]) -> Result<Vec<u8>, PortError> {
    let body = compression.compress(lines);
    body.map_err(|why: std::io::Error| PortError::next_tick(format!("compressing {key} failed: {why}")))
}

fn conflicts_error() -> PortError {
    PortError::next_tick(format!(
        "gave up after {MAX_WRITE_CONFLICTS} write conflicts with other ticks of the same stream; those carry on, and so \
         does the next tick"
    ))
}

fn vanished_object_error(key: &str) -> PortError {
    PortError::next_tick(format!(
        "{key} was there when it was to be created and is gone now; the next tick looks again. \
         If something deletes objects from the bucket, give it a day's delay"
    ))
}

#[cfg(test)]
mod tests;
