//! Restores the ledger and the head of one stream, group by group.
//!
//! While a stream is being restored, its head says so, and no tick delivers. Each group of ledger items is written in one
//! transaction with that head, conditional on its version, as in a commit. So of two rebuilds of one stream only one
//! goes on, and a tick that still expects an earlier head writes nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use schema::RowId;

use super::place::Place;
use crate::base::error::PortError;
use crate::base::head::{Head, HeadTimes, LastCommit, Restoring};
use crate::base::ledger::{LedgerHour, LedgerItem, MAX_COMMIT_HOURS, MAX_ROW_HOURS};
use crate::base::policy::VendorPolicy;
use crate::base::ports::{Clock, State, Written};
use crate::base::stream::Stream;
use crate::base::time::UnixSeconds;
use crate::deliver::batch::row_items;
use crate::deliver::key::ObjectKey;
use crate::deliver::object;

const SECONDS_PER_HOUR: UnixSeconds = 3_600;
/// The number of ledger entries, of 8 bytes each, after which a group is written. A transaction holds 4 MB.
const MAX_GROUP_ENTRIES: usize = 200_000;
/// The number of rejected inputs that one commit records; a ledger item holds 400 kB.
const MAX_REJECTED_PER_COMMIT: usize = 20_000;
/// The number that a restored head is ahead of every number that is known. The record's mark of `seq` may lag behind by
/// 256 commits of each of a few processes, and a process that saw the lost head would take a lower number for a backup.
const SEQ_MARGIN: u64 = 2_000;
/// Maximum number of reads until a written group is visible as a whole.
const MAX_VISIBILITY_READS: u32 = 10;
const FIRST_VISIBILITY_WAIT: Duration = Duration::from_millis(25);

/// The restoration of one stream.
pub(crate) struct Restorer<'a> {
    stream: &'a Stream,
    policy: &'static VendorPolicy,
    pub(crate) head: Head,
    items: Vec<LedgerItem>,
    /// The key of the last object that was added.
    last_key: String,
    last_seq: Option<u64>,
    /// The rows of objects whose number another object has, too. They get commits of their own.
    rows_of_twins: Vec<RowId>,
    newest_hour: Option<u32>,
    newest_event_hour: Option<u32>,
    pub(crate) objects: u64,
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
}

impl<'a> Restorer<'a> {
    /// Continues from `head`, which is being restored.
    pub(crate) fn new(stream: &'a Stream, policy: &'static VendorPolicy, head: Head) -> Self {
        let last_key = head.restoring.as_ref().map(|restoring| restoring.after.clone()).unwrap_or_default();
        Self {
            stream,
            policy,
            head,
            items: Vec::new(),
            last_key,
            last_seq: None,
            rows_of_twins: Vec::new(),
            newest_hour: None,
            newest_event_hour: None,
            objects: 0,
            rows: 0,
            rejected: 0,
        }
    }

    /// Returns the time at which the restoration began.
    pub(crate) fn since(&self) -> Option<UnixSeconds> {
        self.head.restoring.as_ref().map(|restoring| restoring.since)
    }

    /// Returns the key of the last object whose rows are restored, or an empty text.
    pub(crate) fn after(&self) -> &str {
        &self.last_key
    }

    /// Returns `true` if the rows of an object of this partition may still be needed at `now`.
    pub(crate) fn is_within_horizon(&self, partition: u32, now: UnixSeconds) -> bool {
        self.expiry(partition) > now
    }

    fn expiry(&self, partition: u32) -> i64 {
        (i64::from(partition) + 1) * SECONDS_PER_HOUR + self.policy.dedup_horizon_seconds
    }

    /// Adds the rows of an object. Objects must be added in the order of their keys.
    pub(crate) async fn add_object<S: State, B, C: Clock>(
        &mut self,
        place: Place<'_, S, B, C>,
        key: &str,
        parts: ObjectKey<'_>,
        body: &[u8],
    ) -> Result<(), PortError> {
        let rows = object::row_ids(key, body)?;
        let events = rows.iter().map(|row| row.hour).filter(|hour| *hour >= RowId::RESERVED_HOURS);
        self.newest_event_hour = self.newest_event_hour.max(events.max());
        self.newest_hour = self.newest_hour.max(Some(parts.hour));
        self.head.seq = self.head.seq.max(parts.seq + 1);
        (self.objects, self.rows) = (self.objects + 1, self.rows + rows.len() as u64);
        if self.last_seq.replace(parts.seq) == Some(parts.seq) {
            self.rows_of_twins.extend(rows);
            key.clone_into(&mut self.last_key);
            return Ok(());
        }
        for item in row_items(rows.into_iter(), parts.seq, self.expiry(parts.hour)) {
            let entries: usize = self.items.iter().map(|item| item.entries.len()).sum();
            if self.items.len() >= MAX_COMMIT_HOURS || entries + item.entries.len() > MAX_GROUP_ENTRIES {
                // The object is not complete yet, so a rebuild that is repeated must read it again.
                self.write_group(place).await?;
            }
            self.items.push(item);
        }
        key.clone_into(&mut self.last_key);
        Ok(())
    }

    /// Writes the items that were added and are not written yet.
    pub(crate) async fn flush<S: State, B, C: Clock>(&mut self, place: Place<'_, S, B, C>) -> Result<(), PortError> {
        if self.items.is_empty() { Ok(()) } else { self.write_group(place).await }
    }

    async fn write_group<S: State, B, C: Clock>(&mut self, place: Place<'_, S, B, C>) -> Result<(), PortError> {
        let restoring = self.since().map(|since| Restoring { since, after: self.last_key.clone() });
        let next = Head { version: self.head.version + 1, restoring, ..self.head.clone() };
        self.write(place, next).await?;
        let items = std::mem::take(&mut self.items);
        self.wait_until_visible(place, &items).await
    }

    /// Replaces the head by `next` and writes the items.
    async fn write<S: State, B, C>(&mut self, place: Place<'_, S, B, C>, next: Head) -> Result<(), PortError> {
        match place.state.write(self.stream, Some(self.head.version), &next, &self.items).await? {
            Written::Applied => {
                self.head = next;
                Ok(())
            }
            Written::Refused => Err(changed_meanwhile(self.stream)),
        }
    }

    /// Waits until every item of the group is visible: a tick relies on that for all commits before the last one.
    async fn wait_until_visible<S: State, B, C: Clock>(
        &self,
        place: Place<'_, S, B, C>,
        items: &[LedgerItem],
    ) -> Result<(), PortError> {
        let seqs: BTreeSet<u64> = items.iter().map(|item| item.seq).collect();
        for seq in seqs {
            let of_seq = items.iter().filter(|item| item.seq == seq).map(LedgerItem::ledger_hour);
            let mut hours: Vec<LedgerHour> = of_seq.collect();
            for read in 0..MAX_VISIBILITY_READS {
                let visible = place.state.visible_hours(self.stream, seq, &hours).await?;
                hours.retain(|hour| !visible.contains(hour));
                if hours.is_empty() {
                    break;
                }
                place.clock.sleep(FIRST_VISIBILITY_WAIT * (1 << read)).await;
            }
            if !hours.is_empty() {
                return Err(PortError::next_tick(format!(
                    "{}: the state's store does not show what was written; run `audit-pull rebuild` again",
                    self.stream.name()
                )));
            }
        }
        Ok(())
    }

    /// Records rejected inputs, as commits without objects.
    pub(crate) async fn add_rejected<S: State, B, C: Clock>(
        &mut self,
        place: Place<'_, S, B, C>,
        rows: &[RowId],
        now: UnixSeconds,
    ) -> Result<(), PortError> {
        self.rejected += rows.len() as u64;
        self.commit_without_object(place, rows, now).await
    }

    /// Adds the rows to the ledger in commits that have no object.
    async fn commit_without_object<S: State, B, C: Clock>(
        &mut self,
        place: Place<'_, S, B, C>,
        rows: &[RowId],
        now: UnixSeconds,
    ) -> Result<(), PortError> {
        self.flush(place).await?;
        for rows in rows.chunks(MAX_REJECTED_PER_COMMIT) {
            let items = row_items(rows.iter().copied(), 0, now + self.policy.dedup_horizon_seconds);
            for items in items.chunks(MAX_ROW_HOURS) {
                let seq = self.head.seq;
                self.items = items.iter().map(|item| LedgerItem { seq, ..item.clone() }).collect();
                self.head.seq += 1;
                self.write_group(place).await?;
            }
        }
        Ok(())
    }

    /// Ends the restoration: ticks deliver again from now on.
    pub(crate) async fn finish<S: State, B, C: Clock>(&mut self, place: Place<'_, S, B, C>) -> Result<(), PortError> {
        let now = place.clock.now().as_second();
        let rows_of_twins = std::mem::take(&mut self.rows_of_twins);
        self.commit_without_object(place, &rows_of_twins, now).await?;
        let seconds = |hour: Option<u32>| hour.map(|hour| (i64::from(hour) * SECONDS_PER_HOUR).min(now));
        let times = HeadTimes {
            written_at: now,
            last_event: self.head.times.last_event.max(seconds(self.newest_event_hour)),
            last_delivery: self.head.times.last_delivery.max(seconds(self.newest_hour)),
            ..self.head.times
        };
        let next = Head {
            version: self.head.version + 1,
            seq: self.head.seq + SEQ_MARGIN,
            restoring: None,
            last_commit: LastCommit { at: now, ..LastCommit::default() },
            times,
            ..self.head.clone()
        };
        self.write(place, next).await
    }
}

pub(crate) fn changed_meanwhile(stream: &Stream) -> PortError {
    PortError::next_tick(format!(
        "{}: another process changed the state at the same time; see that no other rebuild runs, and run \
         `audit-pull rebuild` again",
        stream.name()
    ))
}
