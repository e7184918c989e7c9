//! Runs one tick of one stream, from its head to its report.

use std::time::Duration;

use jiff::Timestamp;

use super::intake::Intake;
use super::listing::{list_main, list_sweep};
use super::listing_run::ListingRun;
use super::pages::remember_start;
use super::retry_pending;
use super::run::{BlobFailures, Cutoff, Findings, StreamRun};
use super::span_attempt::RequestLimit;
use crate::base::env::Env;
use crate::base::error::PortError;
use crate::base::policy::VendorPolicy;
use crate::base::ports::{Bucket, Clock, Prepared, State, Tries, Vendor};
use crate::base::report::{Failure, ListedCounts, Notes, PendingReport, StreamReport};
use crate::base::stream::Stream;
use crate::base::time::{UnixSeconds, time_until};
use crate::deliver::delivery::Delivery;
use crate::plan::silence::{due_message, silent_since};
use crate::plan::vendor_time::VendorTime;
use crate::state::backfill::Backfill;
use crate::state::cache::SourceCache;
use crate::state::stream_state::StreamState;

/// The part of a tick's time that pending work may take while other work waits: a fifth.
const PENDING_TIME_DIVISOR: u32 = 5;
/// Number of requests that pending work may always make while other work waits.
const MIN_PENDING_REQUESTS: u64 = 4;
/// Number of requests of other work per request of pending work, so that pending work makes a fifth of all requests.
const PENDING_REQUEST_DIVISOR: u64 = 4;

/// Runs one tick of the stream: lists and delivers everything that is due, or one step of the `backfill`. Returns the
/// report.
pub(crate) async fn run_stream<S: State, B: Bucket, C: Clock, V: Vendor>(
    env: &Env<'_, S, B, C>,
    (vendor, policy): (&V, &VendorPolicy),
    stream: &Stream,
    cache: &SourceCache,
    backfill: Option<&Backfill>,
) -> StreamReport {
    let budget = cache.budget();
    let mut state = match StreamState::open(env, stream, policy, cache).await {
        Ok(state) => state,
        Err(error) => return StreamReport::failed(stream, &error),
    };
    if let Some(backfill) = backfill {
        state.begin_backfill(backfill);
    }
    let normalizer = env.models.normalizer(stream.log_type);
    let mut run = StreamRun {
        env,
        vendor,
        stream,
        policy,
        budget,
        progress: cache.progress_of_streams(),
        began: env.clock.now(),
        intake: Intake::new(&normalizer, Delivery::new(state, policy.dedup_horizon_seconds, budget)),
        vendor_time: VendorTime::default(),
        cutoff: env.cutoff(),
        no_window_after: env.cutoff(),
        calls_until: env.cutoff(),
        blobs: BlobFailures::default(),
        findings: Findings::default(),
    };
    let mut ended = collect(&mut run).await;
    if ended.is_ok() {
        run.intake.delivery.update.more_to_list = run.findings.has_more;
        ended = run.intake.finish().await;
    }
    run.record_progress();
    report(run, ended, cache, backfill).await
}

/// Returns the report of the tick, and keeps the stream's state in `cache` for the next tick.
async fn report<S: State, B: Bucket, C: Clock, V>(
    run: StreamRun<'_, S, B, C, V>,
    mut ended: Result<(), PortError>,
    cache: &SourceCache,
    backfill: Option<&Backfill>,
) -> StreamReport {
    let StreamRun { env, stream, policy, intake, vendor_time, findings, .. } = run;
    let (events, duplicates) = (intake.events, intake.duplicates);
    let (mut state, delivered) = intake.delivery.into_parts();
    if ended.is_ok() {
        ended = state.raise_seq_mark().await;
    }
    let mut report = StreamReport::of(stream);
    report.listed = ListedCounts {
        requests: findings.requests,
        events,
        duplicates: duplicates + delivered.duplicates,
        ..findings.listed
    };
    report.lines = delivered.lines;
    report.gaps = [findings.gaps, delivered.gaps].concat();
    report.pending = pending_report(&state, env.now());
    report.failure = match ended {
        Ok(()) => findings.failure,
        Err(error) => Some(Failure::new(&stream.name(), &error)),
    };
    report.drained = report.failure.is_none() && !findings.has_more && report.pending.is_empty();
    report.notes = Notes {
        not_offered: findings.not_offered,
        silence: silence_note(&report, &state, policy),
        silent_since: silent_since(&state.head, env.now(), env.settings.no_data_seconds),
        silence_message: due_message(&state.head, env.now(), env.settings.no_data_seconds),
        waiting: waiting_note(&report, &state, policy),
        watermark_lag_seconds: watermark_lag_seconds(&state),
        clock_skew_seconds: vendor_time.skew_seconds(),
    };
    if let Some(backfill) = backfill {
        backfill.keep(stream, &state.head, report.drained);
    }
    cache.keep(stream.name(), state.into_cache());
    report
}

/// Does all the work between opening the state and the last write.
async fn collect<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
) -> Result<(), PortError> {
    run.intake.delivery.settle().await?;
    let Some(now) = prepare(run).await? else { return Ok(()) };
    retry_pending::give_up_expired_spans(run, now);
    let has_due = retry_pending::is_due(run);
    let mut listings: Vec<ListingRun> = Vec::new();
    for id in &run.stream.listings {
        listings.extend(ListingRun::plan(run, id, now));
    }
    let reserve = if has_due { pending_share(run) } else { Duration::ZERO };
    // A listing of which the last tick could list nothing may hang, so it comes last.
    listings.sort_by_key(|listing| listing.probe_seconds.is_some());
    list_all(run, &mut listings, reserve).await?;
    retry_all(run, &mut listings).await?;
    // If pending work did not use all of its time, listing continues.
    list_all(run, &mut listings, Duration::ZERO).await?;
    run.findings.has_more |= listings.iter().any(ListingRun::has_more);
    Ok(())
}

/// Lists all main spans and then the sweeps, so that no sweep delays a main span. The tick's time without the `reserve`
/// for pending work is shared equally by the listings whose main spans are not done.
async fn list_all<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listings: &mut [ListingRun],
    reserve: Duration,
) -> Result<(), PortError> {
    let end = run.env.cutoff().saturating_sub(reserve).unwrap_or(run.cutoff);
    if run.policy.fetches_ahead > 0 {
        // A window of blobs may be interrupted here, because blobs that were consumed stay consumed.
        run.cutoff = end;
    }
    run.calls_until = end;
    let mut waiting = u32::try_from(listings.len()).unwrap_or(u32::MAX);
    for listing in &mut *listings {
        let now = run.env.clock.now();
        run.no_window_after = now.saturating_add(time_until(now, end) / waiting.max(1)).unwrap_or(end);
        list_main(listing, run).await?;
        waiting -= 1;
    }
    run.no_window_after = end;
    for listing in listings {
        list_sweep(listing, run).await?;
    }
    (run.cutoff, run.calls_until) = (run.env.cutoff(), run.env.cutoff());
    Ok(())
}

/// Returns the part of a tick's time that pending work may take while other work waits: a fifth.
fn pending_share<S, B, C: Clock, V>(run: &StreamRun<'_, S, B, C, V>) -> Duration {
    run.tick_time() / PENDING_TIME_DIVISOR
}

/// Tries pending work, in all the time that is left or, while other work waits, in its share of the tick. The listings
/// with pending work get equal parts of that time. Time that one listing does not use goes to those after it.
async fn retry_all<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
    listings: &mut [ListingRun],
) -> Result<(), PortError> {
    let mut limit = RequestLimit(u64::MAX);
    if listings.iter().any(ListingRun::has_more) {
        let made = run.findings.requests;
        limit = RequestLimit(made + (made / PENDING_REQUEST_DIVISOR).max(MIN_PENDING_REQUESTS));
        let until = run.env.clock.now().saturating_add(pending_share(run));
        run.cutoff = until.unwrap_or(run.cutoff).min(run.env.cutoff());
    }
    let end = run.cutoff;
    let mut waiting = listings.iter().filter(|listing| retry_pending::has_work(run, listing)).count();
    for listing in listings {
        if !retry_pending::has_work(run, listing) {
            continue;
        }
        let (now, divisor) = (run.env.clock.now(), waiting.max(1));
        let share = time_until(now, end) / u32::try_from(divisor).unwrap_or(u32::MAX);
        run.cutoff = now.saturating_add(share).unwrap_or(end).min(end);
        let made = run.findings.requests;
        let share = RequestLimit(made + limit.0.saturating_sub(made) / divisor as u64);
        retry_pending::retry(run, listing, share).await?;
        waiting = waiting.saturating_sub(1);
    }
    run.cutoff = run.env.cutoff();
    Ok(())
}

/// Prepares the vendor. Returns the time at which the newest window ends, which is the vendor's time, or our time if
/// the vendor's is unknown. Returns `None` if nothing can be listed in this tick.
async fn prepare<S: State, B: Bucket, C: Clock, V: Vendor>(
    run: &mut StreamRun<'_, S, B, C, V>,
) -> Result<Option<UnixSeconds>, PortError> {
    let prepared = run.vendor.prepare(run.stream, run.intake.delivery.state.head.times.last_start);
    match run.call(Tries::Patient, "preparing the stream", prepared).await {
        Ok(Ok(Prepared::Ready { vendor_now, started })) => {
            let ours = run.env.now();
            if started {
                remember_start(run, ours).await?;
            }
            Ok(Some(run.vendor_time.record_answer(vendor_now, ours)))
        }
        // The stream is neither drained nor failed: its work is left for the next tick.
        Ok(Ok(Prepared::NotYet)) | Err(Cutoff) => {
            run.findings.has_more = true;
            Ok(None)
        }
        Ok(Err(error)) => {
            match run.stream.listings.first() {
                Some(first) => run.record_listing_failure(first, &error),
                None => run.record_failure(&error),
            }
            Ok(None)
        }
    }
}

/// Returns the report of the pending work in the head.
fn pending_report<S, B, C>(state: &StreamState<'_, S, B, C>, now: UnixSeconds) -> PendingReport {
    let listings = || state.stream.listings.iter().filter_map(|id| state.head.listings.get(*id));
    let oldest = listings().filter_map(|listing| listing.pending.oldest()).min_by_key(|(first, _)| *first);
    PendingReport {
        pending_spans: listings().map(|listing| listing.pending.spans.len() as u64).sum(),
        pending_blobs: listings().map(|listing| listing.pending.blobs.len() as u64).sum(),
        pending_age_seconds: oldest.map(|(first, _)| (now - first).max(0)),
        pending_reason: oldest.map(|(_, reason)| reason.to_owned()),
    }
}

/// Returns the seconds since the oldest watermark of all listings that are not suspended; `None` if there is none.
fn watermark_lag_seconds<S, B, C: Clock>(state: &StreamState<'_, S, B, C>) -> Option<i64> {
    let now = state.env.now();
    let listings = state.stream.listings.iter().filter_map(|id| state.head.listings.get(*id));
    let offered = listings.filter(|listing| !listing.is_suspended(now));
    offered.map(|listing| (now - listing.watermark).max(0)).max()
}

/// Returns a note with the reason and the start time if the recording of the stream was started recently and no event
/// was seen yet.
fn waiting_note<S, B, C: Clock>(
    report: &StreamReport,
    state: &StreamState<'_, S, B, C>,
    policy: &VendorPolicy,
) -> Option<String> {
    let (delay, started) = (policy.start_delay?, state.head.times.last_start?);
    let never = report.listed.events == 0 && state.head.times.last_event.is_none();
    let is_waiting = never && report.failure.is_none() && state.env.now() - started < delay.max_seconds;
    let since = Timestamp::from_second(started).ok().filter(|_| is_waiting)?;
    Some(format!(
        "{}: waits for its first content since {since}, and nothing is wrong: {}",
        state.stream.name(),
        delay.cause
    ))
}

/// Returns advice if the stream is drained, never had an event, and has been listed for the time that the policy names.
fn silence_note<S, B, C: Clock>(
    report: &StreamReport,
    state: &StreamState<'_, S, B, C>,
    policy: &VendorPolicy,
) -> Option<String> {
    let silence = policy.silence?;
    let listed = state.env.now() - state.head.floor;
    let never = report.listed.events == 0 && state.head.times.last_event.is_none();
    let is_silent = report.drained && never && listed >= silence.after_seconds;
    let days = listed / 86_400;
    is_silent.then(|| format!("{}: no event at all in {days} days; {}", state.stream.name(), silence.advice))
}

#[cfg(test)]
mod tests;
