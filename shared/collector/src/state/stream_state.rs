//! A stream's head and ledger during a tick.

use std::time::Duration;

use super::backfill::{Backfill, OwnProgress};
use super::birth::{self, SeqMark};
use super::cache::{SourceCache, StreamCache};
use super::ledger_cache::{LedgerCache, may_be_torn};
use crate::base::env::Env;
use crate::base::error::PortError;
use crate::base::head::{Head, HeadTimes, LastCommit};
use crate::base::ledger::{LedgerHour, LedgerItem};
use crate::base::policy::VendorPolicy;
use crate::base::ports::{Bucket, Clock, State, Written};
use crate::base::stream::Stream;
use crate::base::time::UnixSeconds;

/// Maximum number of times that a tick reads a commit until it is visible as a whole, the first read included.
const MAX_VISIBILITY_READS: u32 = 8;
/// The wait after the first read in which the commit is not visible as a whole. It doubles after each further read; all
/// waits together take about three seconds.
const FIRST_VISIBILITY_WAIT: Duration = Duration::from_millis(25);

/// The outcome of a compare-and-swap of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swap {
    /// The new head was written and is now the current one.
    Applied,
    /// Another tick wrote first. Its head was read and is now the current one.
    Lost,
}

/// A stream's head, and the part of its ledger that was read.
pub(crate) struct StreamState<'a, S, B, C> {
    pub(crate) env: &'a Env<'a, S, B, C>,
    pub(crate) stream: &'a Stream,
    /// The current head, as it was last read or written.
    pub(crate) head: Head,
    ledger: LedgerCache,
    /// The `seq` of the head whose last commit was seen completely; `None` if no commit was checked.
    verified_seq: Option<u64>,
    /// The head's `seq` after the last commit of this process. The cached ledger contains that commit, even if the
    /// store does not show it yet.
    own_seq: Option<u64>,
    mark: SeqMark,
    /// `true` once the head was compared with the birth record in this tick.
    is_seq_mark_checked: bool,
    /// The owner that the birth record names, once this process has checked it.
    owner: Option<String>,
    /// The part of the head that a backfill hides; `None` in a tick of the schedule.
    own_progress: Option<OwnProgress>,
}

impl<S, B, C> StreamState<'_, S, B, C> {
    /// Returns the time at which the last window must end, in a backfill; `None` in a tick of the schedule.
    pub(crate) fn backfill_end(&self) -> Option<UnixSeconds> {
        self.own_progress.as_ref().map(|own| own.until)
    }
}

impl<'a, S: State, B: Bucket, C: Clock> StreamState<'a, S, B, C> {
    /// Reads the head, creates it for a new stream, and checks that the state was neither lost nor restored. `cache`
    /// keeps data between the ticks of one process.
    pub(crate) async fn open(
        env: &'a Env<'a, S, B, C>,
        stream: &'a Stream,
        policy: &VendorPolicy,
        cache: &SourceCache,
    ) -> Result<Self, PortError> {
        let head = birth::read_or_create_head(env, stream, policy).await?;
        let known = cache.take(&stream.name()).filter(|warm| warm.head_id == head.id);
        let (head, known, is_seq_mark_checked) = match known {
            Some(warm) => {
                if let Err(restored) = birth::check_seq(&head, warm.seq) {
                    // The cache is kept, because the next tick must detect the restored state too, and the birth record
                    // alone may not reveal it.
                    cache.keep(stream.name(), warm);
                    return Err(restored);
                }
                (head, warm, false)
            }
            None => {
                let (head, mark) = birth::verify_head(env, stream, head).await?;
                let ledger = LedgerCache::new(cache.budget());
                let (head_id, seq) = (head.id.clone(), head.seq);
                let cold = StreamCache { head_id, seq, ledger, verified_seq: None, own_seq: None, mark, owner: None };
                (head, cold, true)
            }
        };
        let StreamCache { ledger, verified_seq, own_seq, mark, owner, .. } = known;
        Ok(Self {
            env,
            stream,
            head,
            ledger,
            verified_seq,
            own_seq,
            mark,
            is_seq_mark_checked,
            owner,
            own_progress: None,
        })
    }

    /// Makes this tick a step of a backfill: from now on the head has the backfill's own floor and listings, which are
    /// never stored.
    pub(crate) fn begin_backfill(&mut self, backfill: &Backfill) {
        self.own_progress = backfill.begin(self.stream, &mut self.head);
    }

    /// Returns the stream's data that the process keeps for its next tick.
    pub(crate) fn into_cache(mut self) -> StreamCache {
        self.ledger.evict(None);
        StreamCache {
            seq: self.head.seq,
            head_id: self.head.id,
            ledger: self.ledger,
            verified_seq: self.verified_seq,
            own_seq: self.own_seq,
            mark: self.mark,
            owner: self.owner,
        }
    }

    /// Checks that the stream belongs to the `owner` (organisation or tenant) that an answer names. The first owner is
    /// recorded in the bucket before any of its events are delivered.
    pub(crate) async fn check_owner(&mut self, owner: Option<String>) -> Result<(), PortError> {
        if let Some(owner) = owner.filter(|owner| self.owner.as_ref() != Some(owner)) {
            birth::claim_owner(self.env, self.stream, &self.head, &owner).await?;
            self.owner = Some(owner);
        }
        Ok(())
    }

    /// Returns `true` if the ledger has the entry. The hour is read first if any commit before the current head is
    /// missing from the cache.
    pub(crate) async fn ledger_contains(&mut self, ledger_hour: LedgerHour, entry: u64) -> Result<bool, PortError> {
        self.load(ledger_hour).await?;
        Ok(self.loaded_ledger_contains(ledger_hour, entry))
    }

    /// Returns `true` if the hour is loaded and has the entry.
    pub(crate) fn loaded_ledger_contains(&self, ledger_hour: LedgerHour, entry: u64) -> bool {
        let is_restored = |own: &OwnProgress| own.is_restored(ledger_hour, entry);
        self.ledger.contains(ledger_hour, entry) || self.own_progress.as_ref().is_some_and(is_restored)
    }

    /// Loads the ledger hour with all commits before the current head, and waits until the store shows the last commit
    /// in that hour.
    pub(crate) async fn load(&mut self, ledger_hour: LedgerHour) -> Result<(), PortError> {
        for read in 1..=MAX_VISIBILITY_READS {
            let now = self.env.now();
            if self.ledger.load(self.env.state, self.stream, ledger_hour, &self.head, now).await? {
                return Ok(());
            }
            self.wait_for_visibility(read).await;
        }
        Err(self.invisible_commit_error().await)
    }

    /// Compares the head's `seq` with the mark in the birth record, once per tick and before anything is delivered. The
    /// mark reveals a restored state, which lacks commits that other processes have made. If the mark is higher than
    /// the head's `seq`, the head is read again first, because another tick may have raised both.
    pub(crate) async fn check_seq_mark(&mut self) -> Result<(), PortError> {
        if self.is_seq_mark_checked {
            return Ok(());
        }
        let mark = birth::read_seq_mark(self.env, self.stream, &self.head).await?;
        if self.head.seq < mark {
            self.read_head_again().await?;
            birth::check_seq(&self.head, mark)?;
        }
        self.is_seq_mark_checked = true;
        Ok(())
    }

    /// Waits until the whole last commit is visible, which is required before an intent is set or a commit is made.
    /// Every earlier commit is then visible as well, because the tick that made a commit had seen the commit before it.
    /// A commit of this process is also checked: a store may confirm a commit before it shows all of it to every
    /// reader.
    pub(crate) async fn verify_last_commit(&mut self) -> Result<(), PortError> {
        if self.verified_seq == Some(self.head.seq) {
            return Ok(());
        }
        if may_be_torn(&self.head, self.env.now()) {
            self.wait_for_last_commit().await?;
        }
        self.verified_seq = Some(self.head.seq);
        Ok(())
    }

    async fn wait_for_last_commit(&mut self) -> Result<(), PortError> {
        let seq = self.head.seq;
        let is_own = self.own_seq == Some(seq);
        let unseen = |ledger_hour: &LedgerHour| is_own || !self.ledger.is_complete(*ledger_hour, seq);
        let mut hours: Vec<LedgerHour> = self.head.last_commit.hours().filter(unseen).collect();
        for read in 1..=MAX_VISIBILITY_READS {
            if hours.is_empty() {
                return Ok(());
            }
            let visible = self.env.state.visible_hours(self.stream, seq - 1, &hours).await?;
            hours.retain(|hour| !visible.contains(hour));
            if !hours.is_empty() {
                self.wait_for_visibility(read).await;
            }
        }
        Err(self.invisible_commit_error().await)
    }

    async fn wait_for_visibility(&self, read: u32) {
        if read < MAX_VISIBILITY_READS {
            self.env.clock.sleep(FIRST_VISIBILITY_WAIT * (1 << (read - 1))).await;
        }
    }

    /// Returns the error for a last commit that did not become visible in time. If the state was restored meanwhile,
    /// the commit will never become visible, and the error says that the state was restored.
    async fn invisible_commit_error(&mut self) -> PortError {
        let commit = self.head.seq.saturating_sub(1);
        match self.read_head_again().await {
            Err(restored) => restored,
            Ok(()) => PortError::next_tick(format!(
                "the state's store does not show all of commit {commit} yet, and nothing may be committed before it \
                 does; the next tick carries on"
            )),
        }
    }

    /// Replaces the current head by `next` and writes `items`, in one transaction. If another tick wrote first, its
    /// head is read.
    pub(crate) async fn swap(&mut self, next: Head, items: &[LedgerItem]) -> Result<Swap, PortError> {
        let seq = self.head.seq;
        let written = match &self.own_progress {
            None => self.env.state.write(self.stream, Some(self.head.version), &next, items).await?,
            Some(_) if OwnProgress::is_only_own(&self.head, &next, items) => {
                self.head.listings = next.listings;
                return Ok(Swap::Applied);
            }
            Some(own) => {
                let stored = own.stored(&next);
                self.env.state.write(self.stream, Some(self.head.version), &stored, items).await?
            }
        };
        match written {
            Written::Applied => {
                if next.seq > seq {
                    self.ledger.record_commit(seq, items);
                    self.own_seq = Some(next.seq);
                }
                self.head = next;
                Ok(Swap::Applied)
            }
            Written::Refused => {
                self.read_head_again().await?;
                Ok(Swap::Lost)
            }
        }
    }

    async fn read_head_again(&mut self) -> Result<(), PortError> {
        let head = self.env.state.head(self.stream).await?;
        let head = head.filter(|head| head.id == self.head.id).ok_or_else(|| {
            PortError::person(
                "the stream's head was removed or replaced while the stream was being collected; run \
                 `audit-pull rebuild` if the table was restored or recreated",
            )
        })?;
        let mut head = birth::check_not_restoring(head)?;
        birth::check_seq(&head, self.head.seq)?;
        if let Some(own) = &mut self.own_progress {
            own.hide_schedule(&mut head, &self.head);
        }
        self.head = head;
        Ok(())
    }

    /// Returns the current head with the next version.
    pub(crate) fn next_head(&self) -> Head {
        let times = HeadTimes { written_at: self.env.now(), ..self.head.times };
        Head { version: self.head.version + 1, times, ..self.head.clone() }
    }

    /// Returns the head after a commit of `items`.
    pub(crate) fn head_after(&self, items: &[LedgerItem]) -> Head {
        let last_commit = LastCommit::of(items, self.env.now());
        Head { seq: self.head.seq + 1, intent: None, last_commit, ..self.next_head() }
    }

    /// Raises the birth record's mark if that is due.
    pub(crate) async fn raise_seq_mark(&mut self) -> Result<(), PortError> {
        if self.mark.is_due(self.head.seq, self.env.now()) {
            self.mark = birth::raise_seq_mark(self.env, self.stream, &self.head).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
