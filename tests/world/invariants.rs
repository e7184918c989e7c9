//! The invariants that must hold after every write, after every tick and at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use collector::{Head, LedgerItem, LedgerKind, StreamReport, UnixSeconds, Window};

use schema::RowId;

use super::call::TickId;
use super::object::{Object, partition, parts_of_key, seq_of_key};
use super::permanent_faults::BrokenBlob;
use super::scenario::{Content, Entry, Scenario, ScenarioStream};
use super::store::Store;

/// The maximum difference between a worker's clock and the world's, in seconds.
pub const MAX_CLOCK_SKEW_SECONDS: i64 = 60;
/// The collector may give up a blob that has been missing or unreadable for this long, in seconds.
const GIVE_UP_AFTER_SECONDS: i64 = 86_400;
/// The collector may give up a blob this long before the vendor drops it, in seconds.
const GIVE_UP_BEFORE_SECONDS: i64 = 900;
/// The message of injected faults that need a person. The collector caused any other failure that needs a person.
pub const PERSON_FAULT: &str = "not allowed";

/// The parts of the world that a check reads.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The vendor's data.
    pub scenario: &'a Scenario,
    /// State and bucket.
    pub store: &'a Store,
    /// The world's clock.
    pub now: UnixSeconds,
}

/// An entry that a listing showed and that a watermark or a sweep has passed since: the index of the stream, the
/// listing, and the index of the entry.
type PassedEntry = (usize, &'static str, usize);

/// Checks the invariants of the protocol and keeps the first violation.
///
/// Every entry that a listing showed before its watermark must be delivered, pending, or reported as a gap. The checker
/// remembers the undelivered entries that watermarks and sweeps have passed, and checks all of them at every write of a
/// head and after every tick.
#[derive(Debug, Clone)]
pub struct InvariantChecker {
    /// `true` if heads and ledgers are checked too; otherwise only the bucket is.
    pub checks_state: bool,
    /// The maximum difference between the clocks of concurrent ticks, in seconds: the later tick may use the intent of
    /// the earlier one, and so its partition.
    pub clock_skew: i64,
    /// The first violation.
    pub violation: Option<String>,
    /// Entries that were passed and are not delivered.
    passed_entries: BTreeSet<PassedEntry>,
    /// Entries that were passed and are neither delivered nor pending: the tick with the given number must report a
    /// gap.
    unreported_entries: BTreeMap<PassedEntry, u64>,
    /// Entries that were reported as a gap, or given up by a tick that died before its report.
    given_up_entries: BTreeSet<PassedEntry>,
    /// The reported gaps, each with the name of its stream.
    gaps: Vec<(String, Window)>,
    /// Streams whose state was restored from an earlier copy.
    restored_streams: BTreeSet<String>,
    /// The tick that last raised a watermark, by stream and listing; ticks with number 0 are left out.
    raised_by: BTreeMap<(usize, &'static str), u64>,
}

impl Default for InvariantChecker {
    fn default() -> Self {
        Self {
            checks_state: true,
            clock_skew: 2 * MAX_CLOCK_SKEW_SECONDS,
            violation: None,
            passed_entries: BTreeSet::new(),
            unreported_entries: BTreeMap::new(),
            given_up_entries: BTreeSet::new(),
            gaps: Vec::new(),
            restored_streams: BTreeSet::new(),
            raised_by: BTreeMap::new(),
        }
    }
}

impl InvariantChecker {
    /// Records the result of a check. Only the first violation is kept.
    pub fn record(&mut self, broken: Result<(), String>) {
        if let (None, Err(broken)) = (&self.violation, broken) {
            self.violation = Some(broken);
        }
    }

    /// Records that the stream's state was restored from an earlier copy, so that its ticks must fail from now on.
    pub fn record_restoration(&mut self, stream: String) {
        self.restored_streams.insert(stream);
    }

    /// Returns `true` if the stream's state was restored.
    pub fn is_restored(&self, stream: &str) -> bool {
        self.restored_streams.contains(stream)
    }

    /// Checks an object before it is created: its key is new, none of its lines is in the bucket,
    /// and its partition is not older than the hour in which the tick began.
    pub fn check_object_put(&mut self, facts: Facts<'_>, tick: TickId, key: &str, object: &Object) {
        let checked = check_put(facts, key, object).and_then(|()| self.check_put_of_running_stream(facts, key));
        self.record(checked.and_then(|()| check_partition(tick.began - self.clock_skew, key, object)));
    }

    fn check_put_of_running_stream(&self, facts: Facts<'_>, key: &str) -> Result<(), String> {
        match stream_of_key(facts.scenario, key).map(|stream| stream.stream.name()) {
            Some(name) if self.is_restored(&name) => Err(format!("{key} was put though the state was restored")),
            _ => Ok(()),
        }
    }

    /// Checks an object before it is replaced: only records under `_state/` may be replaced.
    pub fn check_replacement(&mut self, facts: Facts<'_>, key: &str) {
        let name = key.strip_prefix(&facts.scenario.settings.prefix);
        self.record(match name.is_some_and(|name| name.starts_with("_state/")) {
            true => Ok(()),
            false => Err(format!("the object {key} was replaced, and only records under _state/ may be")),
        });
    }

    /// Checks a write of the head before it is applied.
    pub fn check_head_write(
        &mut self,
        facts: Facts<'_>,
        tick: TickId,
        (stream, expected): (&str, Option<u64>),
        head: &Head,
        items: &[LedgerItem],
    ) {
        if !self.checks_state {
            return;
        }
        let checked = self.check_write(facts, tick, (stream, expected), head, items);
        self.record(checked);
    }

    fn check_write(
        &mut self,
        facts: Facts<'_>,
        tick: TickId,
        (name, expected): (&str, Option<u64>),
        head: &Head,
        items: &[LedgerItem],
    ) -> Result<(), String> {
        let Some(at) = facts.scenario.streams.iter().position(|stream| stream.stream.name() == name) else {
            return Err(format!("there is no stream {name}"));
        };
        let scenario_stream = &facts.scenario.streams[at];
        if self.is_restored(name) {
            return Err(format!("{name}: the head was written though the state was restored"));
        }
        if head.version <= expected.unwrap_or(0) && expected.is_some() {
            return Err(format!("{name}: version {} follows {expected:?}", head.version));
        }
        let Some(current) = facts.store.heads.get(name).map(|row| &row.head) else { return Ok(()) };
        if head.id != current.id || head.floor != current.floor {
            return Err(format!("{name}: the head's id or floor was changed"));
        }
        check_commit(facts, scenario_stream, current, head, items)?;
        for listing in &scenario_stream.stream.listings {
            check_watermark(scenario_stream, listing, current, head)?;
            check_sweeps(facts, tick, scenario_stream, listing, current, head)?;
            let has_raised_before = tick.number > 0 && self.raised_by.get(&(at, *listing)) == Some(&tick.number);
            self.passed_entries.extend(newly_passed(
                facts,
                tick,
                (at, scenario_stream),
                listing,
                (current, head, has_raised_before),
            ));
            if tick.number > 0 && watermark_of(head, listing) > watermark_of(current, listing) {
                self.raised_by.insert((at, listing), tick.number);
            }
        }
        self.check_passed(facts, at, head, tick.number)
    }

    /// Checks all passed entries of a stream: each must be delivered, pending in `head`, or about to be reported as a
    /// gap by the tick with this number.
    fn check_passed(&mut self, facts: Facts<'_>, at: usize, head: &Head, tick: u64) -> Result<(), String> {
        if !self.passed_entries.iter().any(|(stream, ..)| *stream == at) {
            return Ok(());
        }
        let scenario_stream = &facts.scenario.streams[at];
        let delivered = facts.store.delivered(&facts.scenario.settings.prefix, &scenario_stream.stream);
        self.passed_entries.retain(|(stream, _, entry)| {
            *stream != at || !is_delivered(scenario_stream, &scenario_stream.entries[*entry], &delivered)
        });
        let lost: Vec<PassedEntry> = self
            .passed_entries
            .iter()
            .filter(|passed| passed.0 == at && !self.unreported_entries.contains_key(*passed))
            .filter(|(_, listing, entry)| !is_pending(head, listing, &scenario_stream.entries[*entry]))
            .copied()
            .collect();
        for passed in lost {
            let (_, listing, entry) = passed;
            // The gap may be in an earlier report, from a time when a pending span covered the entry.
            if self.has_gap(&scenario_stream.stream.name(), &scenario_stream.entries[entry]) {
                self.give_up(passed);
                continue;
            }
            if !may_be_given_up(facts, &scenario_stream.entries[entry]) {
                let what = describe(scenario_stream, &scenario_stream.entries[entry]);
                return Err(format!(
                    "{}: the watermark or a sweep of {listing} passed {what}, which is neither delivered nor pending",
                    scenario_stream.stream.name()
                ));
            }
            self.unreported_entries.insert(passed, tick);
        }
        Ok(())
    }

    /// Checks a tick that has ended: it must have reported every entry that it gave up, and a failure may need a person
    /// only if an injected fault does.
    pub fn check_ended_tick(&mut self, facts: Facts<'_>, tick: TickId, reports: &[StreamReport]) {
        for (scenario_stream, report) in facts.scenario.streams.iter().zip(reports) {
            let gap = |gap: &collector::Gap| (scenario_stream.stream.name(), Window { from: gap.from, to: gap.to });
            self.gaps.extend(report.gaps.iter().map(gap));
        }
        if !self.checks_state {
            return;
        }
        let checked = self.check_ended(facts, tick, reports);
        self.record(checked);
    }

    fn check_ended(&mut self, facts: Facts<'_>, tick: TickId, reports: &[StreamReport]) -> Result<(), String> {
        for (at, (scenario_stream, report)) in facts.scenario.streams.iter().zip(reports).enumerate() {
            let name = scenario_stream.stream.name();
            let failure_for_person = report.failure.as_ref().filter(|failure| failure.needs_person);
            if let Some(failure) = failure_for_person.filter(|failure| !failure.message.contains(PERSON_FAULT))
                && !self.is_restored(&name)
            {
                return Err(format!("{name}: a tick asks for a person without need: {}", failure.message));
            }
            let due: Vec<PassedEntry> = self.due_reports(at, tick.number).collect();
            for passed in due {
                let entry = &scenario_stream.entries[passed.2];
                if !self.has_gap(&name, entry) {
                    let what = describe(scenario_stream, entry);
                    return Err(format!("{name}: {what} was given up, and the tick's report has no gap there"));
                }
                self.give_up(passed);
            }
            if let Some(row) = facts.store.heads.get(&name).filter(|_| !self.is_restored(&name)) {
                self.check_passed(facts, at, &row.head, tick.number)?;
            }
        }
        Ok(())
    }

    /// Records that a tick died before its report. The entries that it gave up need not be reported any more, because
    /// only a tick that ends guarantees a report of each gap.
    pub fn record_death(&mut self, tick: TickId) {
        let of_tick: Vec<PassedEntry> = self
            .unreported_entries
            .iter()
            .filter(|(_, number)| **number == tick.number)
            .map(|(passed, _)| *passed)
            .collect();
        of_tick.into_iter().for_each(|passed| self.give_up(passed));
    }

    fn due_reports(&self, at: usize, tick: u64) -> impl Iterator<Item = PassedEntry> {
        let due = move |((stream, ..), number): &(&PassedEntry, &u64)| *stream == at && **number == tick;
        self.unreported_entries.iter().filter(due).map(|(passed, _)| *passed)
    }

    fn give_up(&mut self, passed: PassedEntry) {
        self.unreported_entries.remove(&passed);
        self.passed_entries.remove(&passed);
        self.given_up_entries.insert(passed);
    }

    fn has_gap(&self, stream: &str, entry: &Entry) -> bool {
        self.gaps.iter().any(|(gap_stream, gap)| gap_stream == stream && (gap.from..gap.to).contains(&entry.at))
    }

    /// Returns `true` if events of the entry may be missing from the bucket.
    fn is_excused(&self, at: usize, scenario_stream: &ScenarioStream, entry: usize) -> bool {
        let given_up = self.given_up_entries.iter().any(|(stream, _, given_up)| (*stream, *given_up) == (at, entry));
        given_up || self.has_gap(&scenario_stream.stream.name(), &scenario_stream.entries[entry])
    }

    /// Checks a world in which all is visible, the faults have ended and a single worker has nothing left to do.
    ///
    /// # Errors
    /// Names the violated invariant.
    pub fn check_settled(&self, facts: Facts<'_>) -> Result<(), String> {
        self.violation.clone().map_or(Ok(()), Err)?;
        for (at, stream) in facts.scenario.streams.iter().enumerate() {
            let name = stream.stream.name();
            if self.is_restored(&name) {
                count_lines(facts, stream)?;
                continue;
            }
            let Some(row) = facts.store.heads.get(&name) else { return Err(format!("{name}: no head")) };
            self.check_each_event_once(facts, (at, stream), &row.head)?;
            if self.checks_state {
                check_ledger_matches_bucket(facts, stream, &row.head)?;
            }
        }
        Ok(())
    }

    fn check_each_event_once(
        &self,
        facts: Facts<'_>,
        (at, scenario_stream): (usize, &ScenarioStream),
        head: &Head,
    ) -> Result<(), String> {
        let (name, prefix) = (scenario_stream.stream.name(), &facts.scenario.settings.prefix);
        let mut lines = count_lines(facts, scenario_stream)?;
        // For each event that could be listed: `true` if it may be missing.
        let mut due: BTreeMap<usize, bool> = BTreeMap::new();
        for (number, entry) in scenario_stream.entries.iter().enumerate().filter(|(_, entry)| entry.at >= head.floor) {
            let is_excused = self.is_excused(at, scenario_stream, number);
            for event in entry.content.events() {
                *due.entry(event).or_insert(true) &= is_excused;
            }
        }
        for (event, is_excused) in &due {
            let Some(identity) = scenario_stream.events[*event].identity.as_deref() else { continue };
            match lines.remove(identity) {
                Some(1) => {}
                Some(many) => return Err(format!("{name}: {identity} was delivered {many} times")),
                None if *is_excused => {}
                None => return Err(format!("{name}: {identity} was lost")),
            }
        }
        if let Some((identity, _)) = lines.first_key_value() {
            return Err(format!("{name}: {identity} was delivered and never shown"));
        }
        let rejects = || due.iter().filter(|(event, _)| scenario_stream.events[**event].identity.is_none());
        let (all, required) = (rejects().count(), rejects().filter(|(_, is_excused)| !**is_excused).count());
        let (events, others): (Vec<&str>, Vec<&str>) = facts
            .store
            .rejected(prefix, &scenario_stream.stream)
            .partition(|raw| scenario_stream.events.iter().any(|event| event.texts.iter().any(|text| text == raw)));
        if !(required..=all).contains(&events.len()) {
            return Err(format!("{name}: {} rejected inputs are kept, {all} were shown", events.len()));
        }
        check_blob_beginnings(scenario_stream, &others).map_err(|why| format!("{name}: {why}"))
    }
}

/// Checks the kept inputs that are no events: each must be the beginning of a different blob, because the collector
/// keeps the beginning of a blob that it gives up as unreadable.
fn check_blob_beginnings(scenario_stream: &ScenarioStream, kept: &[&str]) -> Result<(), String> {
    let blobs = || scenario_stream.entries.iter().filter_map(|entry| scenario_stream.blob(entry.content.blob_id()?));
    if let Some(other) = kept.iter().find(|raw| !blobs().any(|blob| blob.starts_with(raw.as_bytes()))) {
        return Err(format!("a rejected input is kept that was never shown: {other}"));
    }
    match kept.len() > blobs().count() {
        true => Err(format!("the beginnings of {} blobs are kept, {} were shown", kept.len(), blobs().count())),
        false => Ok(()),
    }
}

fn check_put(facts: Facts<'_>, key: &str, object: &Object) -> Result<(), String> {
    if let Some(there) = facts.store.objects.get(key)
        && there.body != object.body
    {
        return Err(format!("the object {key} was changed after its creation"));
    }
    let Some(stream) = stream_of_key(facts.scenario, key) else { return Ok(()) };
    let mut seen: BTreeSet<&str> = facts.store.delivered(&facts.scenario.settings.prefix, &stream.stream);
    match object.lines.iter().find(|line| !seen.insert(&line.identity)) {
        Some(twice) => Err(format!("{} is delivered twice, the second time in {key}", twice.identity)),
        None => Ok(()),
    }
}

/// Checks that partitions only grow forward, so that a consumer who has read an hour to its end misses nothing. `began`
/// is the earliest moment at which the tick may have begun.
fn check_partition(began: UnixSeconds, key: &str, object: &Object) -> Result<(), String> {
    let Some((_, at, _)) = parts_of_key(key).filter(|_| !object.lines.is_empty()) else { return Ok(()) };
    let oldest = partition(began);
    match at < oldest.as_str() {
        true => Err(format!("{key} was put by a tick that began in {oldest}")),
        false => Ok(()),
    }
}

fn stream_of_key<'a>(scenario: &'a Scenario, key: &str) -> Option<&'a ScenarioStream> {
    seq_of_key(key)?;
    let rest = key.strip_prefix(&scenario.settings.prefix)?;
    scenario.streams.iter().find(|stream| rest.starts_with(&format!("{}/", stream.stream.log_type.table())))
}

/// Checks that `seq` rises by one, and only with the object of its intent and that object's rows.
fn check_commit(
    facts: Facts<'_>,
    scenario_stream: &ScenarioStream,
    current: &Head,
    head: &Head,
    items: &[LedgerItem],
) -> Result<(), String> {
    let name = scenario_stream.stream.name();
    if head.seq == current.seq {
        return if items.is_empty() { Ok(()) } else { Err(format!("{name}: the ledger gains without a new seq")) };
    }
    if head.seq != current.seq + 1 || head.intent.is_some() {
        return Err(format!("{name}: seq {} follows {} with intent {:?}", head.seq, current.seq, head.intent));
    }
    if items.iter().any(|item| item.seq != current.seq) {
        return Err(format!("{name}: an item of the ledger is not of seq {}", current.seq));
    }
    let rows = items.iter().filter(|item| item.kind == LedgerKind::Rows);
    let rows: BTreeSet<_> = rows.flat_map(|item| item.entries.iter().map(|entry| (item.hour, *entry))).collect();
    let object = current.intent.as_ref().and_then(|key| facts.store.objects.get(key));
    let lines: BTreeSet<_> = object.map(rows_of).unwrap_or_default();
    if !lines.is_subset(&rows) {
        return Err(format!("{name}: seq {} is committed without all rows of its object", current.seq));
    }
    let rejects = scenario_stream.events.iter().filter(|event| event.identity.is_none()).count()
        + facts.scenario.permanent_faults.blobs.len();
    if rows.difference(&lines).any(|(hour, _)| *hour >= RowId::RESERVED_HOURS)
        || rows.difference(&lines).count() > rejects
    {
        return Err(format!("{name}: seq {} is committed with rows that are not in its object", current.seq));
    }
    Ok(())
}

fn rows_of(object: &Arc<Object>) -> BTreeSet<(u32, u64)> {
    object.lines.iter().map(|line| (line.row_id.hour, line.row_id.ledger_entry())).collect()
}

fn watermark_of(head: &Head, listing: &str) -> UnixSeconds {
    head.listings.get(listing).map_or(head.floor, |state| state.watermark)
}

/// Checks that a watermark only rises.
fn check_watermark(scenario_stream: &ScenarioStream, listing: &str, current: &Head, head: &Head) -> Result<(), String> {
    let (old, new) = (watermark_of(current, listing), watermark_of(head, listing));
    match new < old {
        true => {
            let name = scenario_stream.stream.name();
            Err(format!("{name}: the watermark of {listing} was lowered from {old} to {new}"))
        }
        false => Ok(()),
    }
}

/// Returns the sweeps that the write records, each with its reach, its previous time and its new time.
fn new_sweeps<'a>(
    listing: &str,
    current: &'a Head,
    head: &'a Head,
) -> impl Iterator<Item = (u32, Option<UnixSeconds>, UnixSeconds)> + 'a {
    let old = current.listings.get(listing).map(|state| &state.swept);
    let new = head.listings.get(listing).map(|state| &state.swept);
    let before = move |reach: u32| old.and_then(|swept| swept.get(&reach)).copied();
    new.into_iter()
        .flatten()
        .map(move |(reach, at)| (*reach, before(*reach), *at))
        .filter(|(_, old, new)| *old != Some(*new))
}

/// Checks that no sweep is recorded as done in the future.
fn check_sweeps(
    facts: Facts<'_>,
    tick: TickId,
    scenario_stream: &ScenarioStream,
    listing: &str,
    current: &Head,
    head: &Head,
) -> Result<(), String> {
    let now = facts.now.max(tick.began) + MAX_CLOCK_SKEW_SECONDS;
    match new_sweeps(listing, current, head).find(|(.., at)| *at > now) {
        Some((reach, _, at)) => {
            let name = scenario_stream.stream.name();
            Err(format!("{name}: the sweep of {reach} s of {listing} is recorded at {at}, and it is {now} at most"))
        }
        None => Ok(()),
    }
}

/// Returns the entries that the write passes: the listing showed them when the tick began, and they lie in one of these
/// spans:
/// - From the old watermark less the overlap to the new watermark. The overlap is left out for a backlog of many windows,
///   where it is listed after them, and with `has_raised_before`: the tick has raised the watermark before, and listed
///   the overlap then.
/// - In the time that a recorded sweep listed, which ends its reach before the moment at which it is recorded.
fn newly_passed<'a>(
    facts: Facts<'a>,
    tick: TickId,
    (at, scenario_stream): (usize, &'a ScenarioStream),
    listing: &'static str,
    (current, head, has_raised_before): (&Head, &Head, bool),
) -> Vec<PassedEntry> {
    let (old, new) = (watermark_of(current, listing), watermark_of(head, listing));
    let policy = &facts.scenario.policy;
    let (behind, overlap) = (facts.now.max(tick.began) - old, i64::from(policy.overlap_seconds));
    let window_seconds = current.listings.get(listing).and_then(|state| state.window_seconds);
    let is_backlog =
        behind > overlap && window_seconds.is_some_and(|window| window < behind) && !policy.sweeps.is_empty();
    let from = if is_backlog || has_raised_before { old } else { old - overlap };
    let mut claims: Vec<(Window, UnixSeconds)> = Vec::new();
    if new > old {
        claims.push((Window { from, to: new }, tick.began));
    }
    for (reach, before, at) in new_sweeps(listing, current, head) {
        let reach = i64::from(reach);
        let from = before.map_or(UnixSeconds::MIN, |before| before - reach);
        claims.push((Window { from, to: at - reach }, tick.began.min(at)));
    }
    let oldest = policy
        .retention
        .map_or(UnixSeconds::MIN, |retention| facts.now - retention.keep_seconds + retention.margin_seconds);
    let is_passed = |entry: &Entry| {
        let shown_by = |(window, shown): &(Window, UnixSeconds)| {
            (window.from..window.to).contains(&entry.at) && entry.visible_at <= *shown
        };
        entry.at >= head.floor.max(oldest) && claims.iter().any(shown_by)
    };
    let shown = scenario_stream
        .entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.listings.contains(&listing) && is_passed(entry));
    shown.map(|(entry, _)| (at, listing, entry)).collect()
}

/// Returns `true` if every event of the entry is in the bucket. Ignores input that cannot become a line.
fn is_delivered(scenario_stream: &ScenarioStream, entry: &Entry, delivered: &BTreeSet<&str>) -> bool {
    let events = entry.content.events();
    let mut identities = events.iter().filter_map(|event| scenario_stream.events[*event].identity.as_deref());
    identities.all(|identity| delivered.contains(identity))
}

/// Returns `true` if the entry is pending: a pending span covers its time, or it is a pending blob.
fn is_pending(head: &Head, listing: &str, entry: &Entry) -> bool {
    let Some(pending) = head.listings.get(listing).map(|state| &state.pending) else { return false };
    let is_covered = pending.spans.iter().any(|span| (span.from..span.to).contains(&entry.at));
    let is_blob = matches!(&entry.content, Content::Blob { id, .. } if pending.blobs.iter().any(|blob| blob.id == *id));
    is_covered || is_blob
}

/// Returns `true` if the collector may have given the entry up: the vendor drops it, or it is a blob that was missing
/// or unreadable for a day.
fn may_be_given_up(facts: Facts<'_>, entry: &Entry) -> bool {
    let now = facts.now + MAX_CLOCK_SKEW_SECONDS;
    let expires =
        facts.scenario.policy.retention.map(|retention| entry.at + retention.keep_seconds - retention.margin_seconds);
    let is_blob = matches!(entry.content, Content::Blob { .. });
    let last = expires.map(|expires| expires - if is_blob { GIVE_UP_BEFORE_SECONDS } else { 0 });
    let is_unusable = matches!(facts.scenario.broken_blob(entry), Some(BrokenBlob::Missing | BrokenBlob::Unreadable));
    last.is_some_and(|last| now >= last) || (is_unusable && now - entry.visible_at >= GIVE_UP_AFTER_SECONDS)
}

fn describe(scenario_stream: &ScenarioStream, entry: &Entry) -> String {
    match &entry.content {
        Content::Event(event, _) => {
            scenario_stream.events[*event].identity.clone().unwrap_or_else(|| "a rejected input".to_owned())
        }
        Content::Blob { id, .. } => id.clone(),
    }
}

/// Counts the stream's lines by identity.
///
/// # Errors
/// Two lines have the same row id.
fn count_lines<'a>(facts: Facts<'a>, scenario_stream: &'a ScenarioStream) -> Result<BTreeMap<&'a str, u32>, String> {
    let mut lines: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rows = BTreeSet::new();
    for line in facts
        .store
        .objects_of(&facts.scenario.settings.prefix, &scenario_stream.stream)
        .flat_map(|(_, object)| &object.lines)
    {
        *lines.entry(&line.identity).or_default() += 1;
        if !rows.insert(line.row_id) {
            return Err(format!("{}: the row {} is there twice", scenario_stream.stream.name(), line.row_id));
        }
    }
    Ok(lines)
}

fn check_ledger_matches_bucket(facts: Facts<'_>, scenario_stream: &ScenarioStream, head: &Head) -> Result<(), String> {
    let (name, prefix) = (scenario_stream.stream.name(), &facts.scenario.settings.prefix);
    let mut rows = facts.store.ledger_rows(&name);
    let mut seqs = BTreeSet::new();
    for (key, object) in facts.store.objects_of(prefix, &scenario_stream.stream) {
        let seq = seq_of_key(key).ok_or_else(|| format!("{name}: the key {key} has no seq"))?;
        if !seqs.insert(seq) || seq >= head.seq {
            return Err(format!("{name}: the object {key} is not the one of its seq; the head is at {}", head.seq));
        }
        if let Some(row) = rows_of(object).iter().find(|row| !rows.remove(*row)) {
            return Err(format!("{name}: the row {row:?} of {key} is not in the ledger"));
        }
    }
    match rows.into_iter().find(|(hour, _)| *hour >= RowId::RESERVED_HOURS) {
        Some(row) => Err(format!("{name}: the ledger has {row:?}, the bucket has not")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::random_scenario;
    use crate::world::rng::SeededRng;

    /// The number of seeds among which a scenario with blobs is searched.
    const SCENARIOS: u64 = 20;

    #[test]
    fn rejected_inputs_may_hold_beginnings_of_unreadable_blobs_and_nothing_else() {
        let scenarios = (0..SCENARIOS).map(|seed| random_scenario::scenario(&mut SeededRng::new(seed)));
        let scenario = scenarios.into_iter().find(Scenario::has_blobs).unwrap();
        let scenario_stream = &scenario.streams[0];
        let blobs = scenario_stream.entries.iter().filter_map(|entry| scenario_stream.blob(entry.content.blob_id()?));
        let mut texts: Vec<String> = blobs.map(|blob| String::from_utf8(blob).unwrap()).collect();
        texts.iter_mut().for_each(|text| text.truncate(text.len() - 2));
        let mut kept: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(check_blob_beginnings(scenario_stream, &kept), Ok(()));
        kept.push(kept[0]);
        assert!(check_blob_beginnings(scenario_stream, &kept).is_err());
        assert!(check_blob_beginnings(scenario_stream, &["[something else"]).is_err());
    }
}
