//! Collects the audit events of one source in ticks: lists windows of vendor time, normalises the events, delivers each
//! exactly once into a bucket, and remembers its progress.
//!
//! [`run_tick`] is the entry point. A caller builds a [`Source`] (one tenant of one vendor with its streams) and an
//! [`Env`] (ports, settings, deadline), and gets one [`StreamReport`] per stream. A tick may die at any moment, and any
//! number of ticks may run at once: the conditional writes of [`State`] and [`Bucket`] decide between them.
//!
//! The crate is pure. It reads no clock, environment variable, socket or random number: all of them come in through the
//! six ports [`Clock`], [`Secrets`], [`State`], [`Bucket`], [`Vendor`] and [`Notifier`]. CI compares its dependencies
//! with a list of allowed ones.
//!
//! Modules import downwards only, which CI checks: `tick` → `collect` → `recover` → `deliver` → `state` → `plan` → `base`.
//!
//! # Example
//!
//! This function runs one tick of the audit log of one OpenAI organisation, with any implementation of the ports.
//!
//! ```
//! use std::time::Duration;
//!
//! use collector::{
//!     BadSourceId, Bucket, Clock, Env, Settings, Source, SourceCache, SourceId, State, Stream, StreamReport, Vendor,
//!     VendorPolicy, run_tick,
//! };
//! use schema::{LogType, NO_CUSTOM_MODELS};
//!
//! const POLICY: VendorPolicy = VendorPolicy {
//!     tick_seconds: 60,
//!     overlap_seconds: 600,
//!     sweeps: &[],
//!     first_window_seconds: 86_400,
//!     max_window_seconds: 30 * 86_400,
//!     retention: None,
//!     dedup_horizon_seconds: 30 * 86_400,
//!     split_after_pages: Some(10),
//!     silence: None,
//!     no_data_advice: "check that the audit log is on",
//!     start_delay: None,
//!     fetches_ahead: 0,
//! };
//!
//! async fn collect_once<S: State, B: Bucket, C: Clock, V: Vendor>(
//!     (state, bucket, clock): (&S, &B, &C),
//!     vendor: V,
//! ) -> Result<Vec<StreamReport>, BadSourceId> {
//!     let stream = Stream {
//!         source: SourceId::try_from("acme".to_owned())?,
//!         label: "Acme Ltd".to_owned(),
//!         log_type: LogType::OpenAiAudit,
//!         listings: vec!["audit_logs"],
//!     };
//!     let source = Source { vendor, streams: vec![stream], policy: POLICY };
//!     let settings = Settings::default();
//!     let deadline = clock.now() + Duration::from_secs(60);
//!     let env = Env { state, bucket, clock, settings: &settings, models: &NO_CUSTOM_MODELS, deadline };
//!     Ok(run_tick(&env, &source, &SourceCache::default()).await)
//! }
//! ```

mod base;
mod collect;
mod deliver;
mod plan;
mod recover;
mod state;
#[cfg(test)]
mod testing;
mod tick;

pub use base::drift::Drift;
pub use base::env::{COMMIT_RESERVE, Env};
pub use base::error::{PERSISTENT_AFTER, PortError, Recovery};
pub use base::head::{
    Head, HeadTimes, LastCommit, ListingState, NotOffered, Restoring, STATE_SCHEMA, SweepProgress, UnusableHead,
};
pub use base::ledger::{LedgerHour, LedgerItem, LedgerKind, MAX_COMMIT_HOURS, MAX_ROW_HOURS};
pub use base::lock::lock;
pub use base::memory::{MAX_SHARED_BYTES, MemoryBudget};
pub use base::object_list::{KeyList, ListObjects};
pub use base::pending::{PendingBlob, PendingSpan, PendingWork, Schedule};
pub use base::policy::{BatchLimits, Compression, Retention, Settings, Silence, StartDelay, Sweep, VendorPolicy};
pub use base::ports::{
    BlobRef, Body, Bucket, Clock, Fetched, Item, ListRequest, Listed, NoBody, Notifier, Page, Prepared, Put, Secrets,
    State, Tries, Vendor, Written,
};
pub use base::progress::ProgressCounts;
pub use base::report::{Failure, Gap, LineCounts, ListedCounts, Notes, PendingReport, StreamReport};
pub use base::retry::{RetryPolicy, retry};
pub use base::scratch::Scratch;
pub use base::secret::read_again;
pub use base::silence::{SilenceClaim, SilenceMessage, SilenceRecord};
pub use base::stream::{BadSourceId, ListingId, SourceId, Stream};
pub use base::time::{UnixSeconds, Window, time_until};
pub use deliver::restore::restore_rows;
pub use plan::silence::silent_since;
pub use recover::findings::{Finding, FindingKind};
pub use recover::place::{Place, RecoveryStream};
pub use recover::rebuild::{MAX_TICK_SECONDS, rebuild};
pub use recover::rebuild_report::{RebuildOptions, RebuildOutcome, StreamRebuild};
pub use recover::verify::{MAX_ROWS_IN_MEMORY, StreamCheck, VerifyReport, verify};
pub use state::backfill::{Backfill, Unfinished};
pub use state::birth::{BirthCheck, check_birth};
pub use state::cache::SourceCache;
pub use state::silence_report::report_silence;
pub use tick::{Source, run_backfill, run_tick};
