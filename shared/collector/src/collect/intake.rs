//! From an event's bytes to the batch in hand: normalise, compare with the ledger, deliver when full.

use schema::{LineContext, Normalizer, RowId};

use crate::base::error::PortError;
use crate::base::ledger::LedgerHour;
use crate::base::ports::{Bucket, Clock, State};
use crate::deliver::delivery::Delivery;
use crate::deliver::rejected::Rejected;

/// Where events go.
pub(crate) struct Intake<'a, S, B, C> {
    normalizer: &'a Normalizer,
    pub(crate) delivery: Delivery<'a, S, B, C>,
    /// Events taken, duplicates included.
    pub(crate) events: u64,
    /// Events taken that had been delivered before, or twice in this tick.
    pub(crate) duplicates: u64,
}

impl<'a, S: State, B: Bucket, C: Clock> Intake<'a, S, B, C> {
    pub(crate) fn new(normalizer: &'a Normalizer, delivery: Delivery<'a, S, B, C>) -> Self {
        Self { normalizer, delivery, events: 0, duplicates: 0 }
    }

    /// What every line of the stream has, now.
    fn context(&self) -> LineContext<'a> {
        let (env, stream) = (self.delivery.state.env, self.delivery.state.stream);
        LineContext { source_id: stream.source.as_str(), source_label: &stream.label, parse_time: env.clock.now() }
    }

    /// Takes one event: a new one enters the batch in hand. Returns which event it is.
    ///
    /// # Errors
    /// When state or bucket fail.
    pub(crate) async fn take(&mut self, raw: &[u8]) -> Result<RowId, PortError> {
        self.events += 1;
        let context = self.context();
        let batch = &mut self.delivery.batch;
        let outcome = self.normalizer.normalize_noting(raw, &context, &mut batch.lines, &mut batch.names);
        let row_id = outcome.as_ref().map_or_else(|rejection| rejection.row_id, |line| line.row_id);
        if self.delivery.has(&row_id).await? {
            self.delivery.batch.drop_unfinished_line();
            self.duplicates += 1;
            return Ok(row_id);
        }
        match outcome {
            Ok(line) => self.delivery.batch.keep_line(line),
            Err(rejection) => self.delivery.batch.keep_rejected(Rejected { rejection, raw: raw.to_vec() }),
        }
        self.flush_if_full().await?;
        Ok(row_id)
    }

    /// Rejects input, be it JSON or not: it is kept once, with the reason.
    ///
    /// # Errors
    /// When state or bucket fail.
    pub(crate) async fn reject(&mut self, raw: Vec<u8>, reason: &str) -> Result<(), PortError> {
        let rejection = self.normalizer.reject(&raw, &self.context(), reason);
        if self.delivery.has(&rejection.row_id).await? {
            return Ok(());
        }
        self.delivery.batch.keep_rejected(Rejected { rejection, raw });
        self.flush_if_full().await
    }

    /// Whether a blob was consumed before.
    ///
    /// # Errors
    /// When the state fails.
    pub(crate) async fn is_consumed(&mut self, place: LedgerHour, entry: u64) -> Result<bool, PortError> {
        self.delivery.state.knows(place, entry).await
    }

    /// Remembers a blob all of whose events were taken.
    ///
    /// # Errors
    /// When state or bucket fail.
    pub(crate) async fn keep_blob(&mut self, place: LedgerHour, entry: u64) -> Result<(), PortError> {
        self.delivery.keep_blob(place.hour, entry);
        self.flush_if_full().await
    }

    async fn flush_if_full(&mut self) -> Result<(), PortError> {
        let limits = &self.delivery.state.env.settings.batch;
        if self.delivery.batch.is_full(limits) { self.delivery.flush().await } else { Ok(()) }
    }

    /// Delivers what is in hand and writes what was learned.
    ///
    /// # Errors
    /// When state or bucket fail.
    pub(crate) async fn finish(&mut self) -> Result<(), PortError> {
        self.delivery.flush().await?;
        self.delivery.write_update().await
    }
}
