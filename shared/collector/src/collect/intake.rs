//! Takes events into the current batch: normalises them, drops those that the ledger has, and delivers the batch when
//! it is full.

use schema::{LineContext, Normalizer, RowId};

use crate::base::error::PortError;
use crate::base::ledger::LedgerHour;
use crate::base::ports::{Bucket, Clock, State};
use crate::base::time::UnixSeconds;
use crate::deliver::delivery::Delivery;
use crate::deliver::rejected::RejectedInput;

/// The identity and time of an event that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TakenEvent {
    /// The row id of the event.
    pub(crate) row_id: RowId,
    /// The time of the event, if it has one.
    pub(crate) time: Option<UnixSeconds>,
}

/// The intake of a stream's events in one tick.
pub(crate) struct Intake<'a, S, B, C> {
    normalizer: &'a Normalizer,
    pub(crate) delivery: Delivery<'a, S, B, C>,
    /// Events taken, duplicates included.
    pub(crate) events: u64,
    /// Events taken that had been delivered before, or that were taken twice in this tick.
    pub(crate) duplicates: u64,
}

impl<'a, S: State, B: Bucket, C: Clock> Intake<'a, S, B, C> {
    pub(crate) fn new(normalizer: &'a Normalizer, delivery: Delivery<'a, S, B, C>) -> Self {
        Self { normalizer, delivery, events: 0, duplicates: 0 }
    }

    /// Returns the values that are the same in every line: the source's id and label, and the current time.
    fn context(&self) -> LineContext<'a> {
        let (env, stream) = (self.delivery.state.env, self.delivery.state.stream);
        LineContext { source_id: stream.source.as_str(), source_label: &stream.label, parse_time: env.clock.now() }
    }

    /// Takes one event. It enters the current batch unless the batch or the ledger already has it.
    ///
    /// # Errors
    /// Fails if the state or the bucket fails.
    pub(crate) async fn take(&mut self, raw: &[u8]) -> Result<TakenEvent, PortError> {
        self.events += 1;
        let context = self.context();
        let batch = &mut self.delivery.batch;
        let outcome = self.normalizer.normalize_with_drift(raw, &context, &mut batch.lines, &mut batch.names);
        let row_id = outcome.as_ref().map_or_else(|rejection| rejection.row_id, |line| line.row_id);
        let time = outcome.as_ref().ok().and_then(|line| line.event_time).map(|time| time.as_second());
        let taken = TakenEvent { row_id, time };
        if self.delivery.contains_row(&row_id).await? {
            self.delivery.batch.drop_unfinished_line();
            self.duplicates += 1;
            return Ok(taken);
        }
        match outcome {
            Ok(line) => self.delivery.batch.keep_line(line),
            Err(rejection) => self.delivery.batch.keep_rejected(RejectedInput { rejection, raw: raw.to_vec() }),
        }
        self.flush_if_full().await?;
        Ok(taken)
    }

    /// Keeps input that cannot become a line, with the reason. The same input is kept only once.
    ///
    /// # Errors
    /// Fails if the state or the bucket fails.
    pub(crate) async fn reject(&mut self, raw: Vec<u8>, reason: &str) -> Result<(), PortError> {
        let rejection = self.normalizer.reject(&raw, &self.context(), reason);
        if self.delivery.contains_row(&rejection.row_id).await? {
            return Ok(());
        }
        self.delivery.batch.keep_rejected(RejectedInput { rejection, raw });
        self.flush_if_full().await
    }

    /// Returns `true` if the ledger has the blob: it was consumed before.
    ///
    /// # Errors
    /// Fails if the state fails.
    pub(crate) async fn is_consumed(&mut self, ledger_hour: LedgerHour, entry: u64) -> Result<bool, PortError> {
        self.delivery.state.ledger_contains(ledger_hour, entry).await
    }

    /// Records that all events of a blob were taken.
    ///
    /// # Errors
    /// Fails if the state or the bucket fails.
    pub(crate) async fn keep_blob(&mut self, ledger_hour: LedgerHour, entry: u64) -> Result<(), PortError> {
        self.delivery.keep_blob(ledger_hour.hour, entry);
        self.flush_if_full().await
    }

    async fn flush_if_full(&mut self) -> Result<(), PortError> {
        let limits = &self.delivery.state.env.settings.batch;
        if self.delivery.batch.is_full(limits) { self.delivery.flush().await } else { Ok(()) }
    }

    /// Delivers the current batch and writes the update of the head.
    ///
    /// # Errors
    /// Fails if the state or the bucket fails.
    pub(crate) async fn finish(&mut self) -> Result<(), PortError> {
        self.delivery.flush().await?;
        self.delivery.write_update().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ledger::LedgerKind;
    use crate::testing::{NOW, TestRun, World, event, event_of, lines};

    const BLOBS: LedgerHour = LedgerHour { kind: LedgerKind::Blobs, hour: 1_000 };

    /// Does `work` with the intake of a tick, and ends the tick. Returns the number of events, of duplicates, and of
    /// lines delivered.
    fn with_intake(world: &World, work: impl AsyncFnOnce(&mut TestRun<'_>)) -> (u64, u64, u64) {
        let env = world.env();
        let mut run = world.begin(&env);
        world.clock.run(async {
            work(&mut run).await;
            run.intake.finish().await.unwrap();
        });
        let (events, duplicates) = (run.intake.events, run.intake.duplicates);
        let (state, delivered) = run.intake.delivery.into_parts();
        world.cache.keep(world.stream.name(), state.into_cache());
        (events, duplicates, delivered.lines.delivered)
    }

    /// Takes the events in one tick. Returns the number of events, of duplicates, and of lines delivered.
    fn take(world: &World, events: &[String]) -> (u64, u64, u64) {
        with_intake(world, async |run| {
            for event in events {
                run.intake.take(event.as_bytes()).await.unwrap();
            }
        })
    }

    #[test]
    fn ok_an_event_becomes_a_line_once() {
        let world = World::listed_to(NOW);
        assert_eq!(take(&world, &[event(NOW), event(NOW - 1), event(NOW)]), (3, 1, 2));
        assert_eq!(take(&world, &[event(NOW - 1), event(NOW - 2)]), (2, 1, 1));
        assert_eq!(world.delivered().len(), 3);
    }

    #[test]
    fn ok_a_line_has_its_source_and_the_time_it_was_taken() {
        let world = World::listed_to(NOW);
        take(&world, &[event(NOW)]);
        let keys = world.bucket.keys();
        let object = world.bucket.object(keys.iter().find(|key| key.contains("/dt=")).unwrap()).unwrap();
        let line: serde_json::Value = serde_json::from_str(&lines(&object)[0]).unwrap();
        assert_eq!((&line["p_source_id"], &line["p_source_label"]), (&"acme".into(), &"Acme".into()));
        assert_eq!(line["p_parse_time"], "1970-02-11 16:00:00.000000000");
    }

    #[test]
    fn ok_input_that_cannot_become_a_line_is_kept_once_and_stops_nothing() {
        let world = World::listed_to(NOW);
        for events in [[event(NOW), "{\"id\":".to_owned()], ["{\"id\":".to_owned(), event(NOW - 1)]] {
            take(&world, &events);
        }
        assert_eq!(world.delivered().len(), 2);
        assert_eq!(world.bucket.keys().iter().filter(|key| key.starts_with("rejected/")).count(), 1);
    }

    #[test]
    fn ok_input_is_rejected_with_the_reason_given() {
        let world = World::listed_to(NOW);
        let reject = async |run: &mut TestRun<'_>| run.intake.reject(b"[1".to_vec(), "not an array").await.unwrap();
        with_intake(&world, reject);
        let seq = world.head().seq;
        with_intake(&world, reject);
        assert_eq!(world.head().seq, seq, "rejected twice");
        let key = world.bucket.keys().into_iter().find(|key| key.starts_with("rejected/")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&world.bucket.object(&key).unwrap()).unwrap();
        assert_eq!((&record["reason"], &record["raw"]), (&"not an array".into(), &"[1".into()));
    }

    #[test]
    fn ok_a_full_batch_is_delivered_at_once() {
        let mut world = World::listed_to(NOW);
        world.settings.batch.lines = 2;
        let events: Vec<String> = (0..5).map(|number| event_of(&number.to_string(), NOW)).collect();
        assert_eq!(take(&world, &events), (5, 0, 5));
        assert_eq!((world.head().seq, world.delivered().len()), (3, 5));
    }

    #[test]
    fn ok_a_blob_is_consumed_once_it_is_committed() {
        let world = World::listed_to(NOW);
        with_intake(&world, async |run| {
            assert!(!run.intake.is_consumed(BLOBS, 7).await.unwrap());
            run.intake.keep_blob(BLOBS, 7).await.unwrap();
        });
        with_intake(&world, async |run| {
            assert!(run.intake.is_consumed(BLOBS, 7).await.unwrap());
            assert!(!run.intake.is_consumed(BLOBS, 8).await.unwrap());
        });
    }
}
