//! Exactly once into the bucket: intend, put, commit.
//!
//! 1. **intend**: the head names the key of the next object, before anything is put there.
//! 2. **put**: the object is created at that key only if absent; of all writers one wins.
//! 3. **commit**: in one transaction the object's row ids enter the ledger, `seq` rises, the intent
//!    is cleared, and what the tick has learnt (watermarks) is written.
//!
//! Every write of the head is conditional on the version that was read, so a commit can only
//! follow a ledger that was read whole. Whoever finds an object at the intent's key (a tick died,
//! or another is faster) commits *that* object's row ids and filters its own batch again. A tick
//! may therefore die between any two calls, and any number may run at once. The object is the
//! commit record; the table is an index of it.

use std::collections::HashSet;

use schema::RowId;

use crate::batch::{Batch, row_items};
use crate::changes::Changes;
use crate::error::PortError;
use crate::head::Head;
use crate::key;
use crate::known::Known;
use crate::ledger::{LedgerItem, LedgerKind};
use crate::object;
use crate::policy::Compression;
use crate::ports::{Bucket, Clock, Put, State, Written};
use crate::rejected;
use crate::report::{Gap, StreamReport};
use crate::stream::Stream;
use crate::tick::Tick;
use crate::window::UnixSeconds;

/// Rounds in which other ticks may win before this one leaves the stream to them.
const MOST_ROUNDS: u32 = 16;

/// One tick's delivery of one stream.
pub(crate) struct Delivery<'a, S, B, C> {
    tick: &'a Tick<'a, S, B, C>,
    stream: &'a Stream,
    /// Seconds the ledger remembers.
    horizon: UnixSeconds,
    /// As last read or written.
    pub(crate) head: Head,
    pub(crate) known: Known,
    pub(crate) batch: Batch,
    /// The `seq` of the head whose ledger the batch was held against.
    batch_seq: u64,
    /// The intent that an earlier tick left without its object, if any.
    inherited: Option<String>,
    pub(crate) changes: Changes,
    /// Gaps to be told once the head is written that has come past them.
    pub(crate) untold: Vec<Gap>,
    pub(crate) report: StreamReport,
}

/// What a round of delivering came to.
#[derive(PartialEq, Eq)]
enum Round {
    Committed,
    /// Another tick was faster somewhere; the head was read again.
    Overtaken,
}

impl<'a, S: State, B: Bucket, C: Clock> Delivery<'a, S, B, C> {
    pub(crate) fn new(
        tick: &'a Tick<'a, S, B, C>,
        stream: &'a Stream,
        horizon: UnixSeconds,
        head: Head,
        known: Known,
    ) -> Self {
        let batch_seq = head.seq;
        Self {
            tick,
            stream,
            horizon,
            head,
            known,
            batch: Batch::default(),
            batch_seq,
            inherited: None,
            changes: Changes::default(),
            untold: Vec::new(),
            report: StreamReport::of(stream),
        }
    }

    /// Ends what an earlier tick began: an object at the intent's key is adopted; without one the
    /// intent stays and the next object takes its key.
    pub(crate) async fn settle(&mut self) -> Result<(), PortError> {
        for _ in 0..MOST_ROUNDS {
            let Some(key) = self.head.intent.clone() else { return Ok(()) };
            let Some(object) = self.tick.bucket.get(&key).await? else {
                self.inherited = Some(key);
                return Ok(());
            };
            self.adopt(&key, &object).await?;
        }
        Err(self.contended())
    }

    /// Whether the ledger has the entry, as of the head in hand.
    pub(crate) async fn knows(&mut self, kind: LedgerKind, hour: u32, entry: u64) -> Result<bool, PortError> {
        self.known.load(self.tick.state, self.stream, (kind, hour), self.head.seq).await?;
        Ok(self.known.contains(kind, hour, entry))
    }

    /// Delivers the batch in hand and leaves an empty one.
    pub(crate) async fn deliver(&mut self) -> Result<(), PortError> {
        for _ in 0..MOST_ROUNDS {
            self.drop_what_others_delivered().await?;
            self.leave_live_intent()?;
            if self.batch.is_empty() {
                self.batch = Batch::default();
                return Ok(());
            }
            if self.round().await? == Round::Committed {
                return Ok(());
            }
        }
        Err(self.contended())
    }

    /// Writes what was learnt and not yet written, where it is worth a write.
    pub(crate) async fn write_changes(&mut self) -> Result<(), PortError> {
        for _ in 0..MOST_ROUNDS {
            if !self.changes.worth_a_write(&self.head, self.now()) {
                return Ok(());
            }
            let mut next = self.next_head();
            self.changes.apply(&mut next);
            if self.write(next, &[]).await? == Round::Committed {
                self.changes_are_written();
                return Ok(());
            }
        }
        Err(self.contended())
    }

    async fn round(&mut self) -> Result<Round, PortError> {
        // Without lines there is nothing to put, unless an inherited intent must first be used up.
        if self.batch.line_count() == 0 && self.head.intent.is_none() {
            self.put_rejected().await?;
            return self.commit(None).await;
        }
        let Some(key) = self.intend().await? else { return Ok(Round::Overtaken) };
        self.put_rejected().await?;
        let compression = Compression::of_key(&key);
        let body = compression
            .compress(&self.batch.lines)
            .map_err(|why| PortError::next_tick(format!("compressing {key} failed: {why}")))?;
        let size = body.len();
        match self.tick.bucket.put_if_absent(&key, body, compression.content_type()).await? {
            Put::Created => self.commit(Some(size)).await,
            Put::AlreadyThere => {
                let object = self.tick.bucket.get(&key).await?.ok_or_else(|| vanished(&key))?;
                self.adopt(&key, &object).await?;
                Ok(Round::Overtaken)
            }
        }
    }

    /// Without lines, an intent that was set while this tick runs is left to the tick that set it:
    /// to use it up with an empty object would only send that tick round again, and so for ever.
    fn leave_live_intent(&mut self) -> Result<(), PortError> {
        if self.batch.line_count() > 0 || self.head.intent.is_none() || self.head.intent == self.inherited {
            return Ok(());
        }
        if !self.batch.rejected.is_empty() {
            return Err(self.contended());
        }
        // Consumed blobs are remembered only to save fetching them again.
        self.batch = Batch::default();
        Ok(())
    }

    /// The key of the next object, in force: the one already intended, or ours. `None` when overtaken.
    async fn intend(&mut self) -> Result<Option<String>, PortError> {
        if let Some(key) = &self.head.intent {
            return Ok(Some(key.clone()));
        }
        let settings = self.tick.settings;
        let now = self.tick.clock.now();
        let key = key::object(&settings.prefix, self.stream, self.head.seq, now, settings.compression);
        let next = Head { intent: Some(key.clone()), ..self.next_head() };
        Ok((self.write(next, &[]).await? == Round::Committed).then_some(key))
    }

    /// Commits the batch in hand, whose object (of `size` bytes) is in the bucket.
    async fn commit(&mut self, size: Option<usize>) -> Result<Round, PortError> {
        let items = self.batch.ledger_items(self.head.seq, self.expiry());
        let mut next = self.after_object();
        next.last_event = next.last_event.max(self.batch.newest_event());
        self.changes.apply(&mut next);
        let round = self.write(next, &items).await?;
        if round == Round::Committed {
            self.report.delivered += self.batch.line_count() as u64;
            self.report.drift.merge(&self.batch.drift());
            self.report.shared_ids += self.batch.shared_ids();
            self.report.rejected += self.batch.rejected.len() as u64;
            self.report.objects += u64::from(size.is_some());
            self.report.bytes += size.unwrap_or(0) as u64;
            self.batch = Batch::default();
            self.changes_are_written();
        }
        Ok(round)
    }

    fn changes_are_written(&mut self) {
        self.changes = Changes::default();
        self.report.gaps.append(&mut self.untold);
    }

    /// Commits the object found at the intent's key in the name of whoever put it, watermarks unchanged.
    async fn adopt(&mut self, key: &str, object: &[u8]) -> Result<(), PortError> {
        let rows = object::row_ids(key, object)?;
        let adopted = rows.len() as u64;
        let items = row_items(rows.into_iter(), self.head.seq, self.expiry());
        if self.write(self.after_object(), &items).await? == Round::Committed {
            self.report.adopted += adopted;
        }
        Ok(())
    }

    /// Writes the head in the place of the one in hand, which it then is; refused, it is read again.
    async fn write(&mut self, next: Head, items: &[LedgerItem]) -> Result<Round, PortError> {
        let seq = self.head.seq;
        match self.tick.state.write(self.stream, Some(self.head.version), &next, items).await? {
            Written::Applied => {
                if next.seq > seq {
                    self.known.committed(seq, items);
                }
                self.head = next;
                Ok(Round::Committed)
            }
            Written::Refused => {
                self.read_head_again().await?;
                Ok(Round::Overtaken)
            }
        }
    }

    async fn read_head_again(&mut self) -> Result<(), PortError> {
        let head = self.tick.state.head(self.stream).await?;
        self.head = head.filter(|head| head.id == self.head.id).ok_or_else(|| {
            PortError::person(
                "the stream's head was removed or replaced while it was being collected; \
                 run `audit-pull rebuild` if the table was restored or recreated",
            )
        })?;
        Ok(())
    }

    /// Holds the batch against the ledger again if commits have passed since it was gathered.
    async fn drop_what_others_delivered(&mut self) -> Result<(), PortError> {
        if self.batch_seq == self.head.seq {
            return Ok(());
        }
        let mut delivered: HashSet<RowId> = HashSet::new();
        for hour in self.batch.hours() {
            self.known.load(self.tick.state, self.stream, (LedgerKind::Rows, hour), self.head.seq).await?;
            let known = |row: &RowId| self.known.contains(LedgerKind::Rows, hour, row.ledger_entry());
            delivered.extend(self.batch.row_ids().filter(|row| row.hour == hour && known(row)));
        }
        self.report.duplicates += self.batch.drop_known(|row| delivered.contains(row)) as u64;
        self.batch_seq = self.head.seq;
        Ok(())
    }

    async fn put_rejected(&mut self) -> Result<(), PortError> {
        for input in &self.batch.rejected {
            let key = key::rejected(&self.tick.settings.prefix, self.stream, input.rejection.row_id);
            let body = rejected::record(self.stream, input, self.tick.clock.now());
            self.tick.bucket.put_if_absent(&key, body, "application/json").await?;
        }
        Ok(())
    }

    /// Whether the row is in the batch in hand or in the ledger.
    pub(crate) async fn has(&mut self, row_id: &RowId) -> Result<bool, PortError> {
        self.begin_batch();
        if self.batch.contains(row_id) {
            return Ok(true);
        }
        self.knows(LedgerKind::Rows, row_id.hour, row_id.ledger_entry()).await
    }

    /// Remembers a blob all of whose events are in the batch in hand or in the ledger.
    pub(crate) fn keep_blob(&mut self, hour: u32, entry: u64) {
        self.begin_batch();
        self.batch.keep_blob(hour, entry);
    }

    /// What enters an empty batch is held against the ledger of the head in hand.
    fn begin_batch(&mut self) {
        if self.batch.is_empty() {
            self.batch_seq = self.head.seq;
        }
    }

    fn now(&self) -> UnixSeconds {
        self.tick.clock.now().as_second()
    }

    fn expiry(&self) -> i64 {
        self.now() + self.horizon
    }

    fn next_head(&self) -> Head {
        Head { version: self.head.version + 1, written_at: self.now(), ..self.head.clone() }
    }

    fn after_object(&self) -> Head {
        Head { seq: self.head.seq + 1, intent: None, ..self.next_head() }
    }

    fn contended(&self) -> PortError {
        PortError::next_tick(format!("other ticks were faster {MOST_ROUNDS} times over; left to them"))
    }
}

fn vanished(key: &str) -> PortError {
    PortError::next_tick(format!(
        "{key} was there when it was to be created and is gone now; the next tick looks again. \
         If something deletes objects from the bucket, give it a day's delay"
    ))
}
