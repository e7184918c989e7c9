//! A stream's first tick, and the checks that tell lost or restored state from a new stream.
//!
//! The head is written first, then a record of its birth in the bucket. A record without its head therefore means that
//! the state was lost, or that the bucket's prefix belongs to another deployment. If the stream began again, it would
//! deliver everything again, so it stops.
//!
//! The record also holds a high-water mark of the head's `seq`. A head whose `seq` is below the mark was restored from
//! a backup. It lacks the later deliveries and would repeat them, so the stream stops as well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::env::Env;
use crate::base::error::PortError;
use crate::base::head::{Head, HeadTimes, LastCommit, ListingState};
use crate::base::policy::VendorPolicy;
use crate::base::ports::{Bucket, Clock, Put, State, Written};
use crate::base::stream::Stream;
use crate::base::time::UnixSeconds;

/// A process raises the high-water mark of `seq` when this many seconds have passed since it last did.
const RAISE_SEQ_MARK_AFTER_SECONDS: UnixSeconds = 3_600;
/// Maximum number of tries to write the owner into the record while other ticks change it.
const MAX_CLAIM_TRIES: u32 = 8;
/// A process raises the high-water mark of `seq` early if the head is ahead of the mark by this many commits.
const RAISE_SEQ_MARK_AFTER_COMMITS: u64 = 256;

/// The birth record, as it stands in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BirthRecord {
    pub(crate) id: String,
    pub(crate) born_at: String,
    /// The highest `seq` that the head is known to have had.
    #[serde(default)]
    pub(crate) seq: u64,
    /// The organisation or tenant whose events the stream contains; `None` until an answer has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    /// The floor of the head; `None` in a record that has no such field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<UnixSeconds>,
    /// For each listing, the point up to which it was settled when `seq` was raised: see [`settled`]. A rebuild lists
    /// the vendor again from there on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) settled: BTreeMap<String, UnixSeconds>,
}

/// Returns the point up to which each listing of the head is settled: everything before it is delivered, nothing before
/// it is pending, and every sweep has been done since. A listing that was never swept is settled up to the floor only.
fn settled(head: &Head) -> BTreeMap<String, UnixSeconds> {
    let of_listing = |listing: &ListingState| {
        let spans = listing.pending.spans.iter().map(|span| span.from);
        let blobs = listing.pending.blobs.iter().map(|blob| blob.created);
        let swept = listing.swept.values().copied().min().unwrap_or(head.floor);
        spans.chain(blobs).chain([swept]).fold(listing.watermark, UnixSeconds::min)
    };
    head.listings.iter().map(|(id, listing)| (id.clone(), of_listing(listing))).collect()
}

/// Reads the birth record of a stream, for a rebuild.
///
/// # Errors
/// Fails with [`Recovery::Person`](crate::Recovery::Person) if there is no record or it is unreadable.
pub(crate) async fn read_record<B: Bucket>(
    bucket: &B,
    prefix: &str,
    stream: &Stream,
) -> Result<BirthRecord, PortError> {
    let key = record_key(prefix, stream);
    let record = bucket.get(&key).await?;
    record.as_deref().and_then(parse).ok_or_else(|| {
        PortError::person(format!(
            "{key} in the bucket is missing or unreadable, and without it the state cannot be restored: restore a version \
             of it"
        ))
    })
}

/// Checks that no rebuild is restoring the stream's state.
///
/// # Errors
/// Fails with [`Recovery::Person`](crate::Recovery::Person) while one is, or if one ended early.
pub(crate) fn check_not_restoring(head: Head) -> Result<Head, PortError> {
    match &head.restoring {
        None => Ok(head),
        Some(restoring) => Err(PortError::person(format!(
            "the state of this stream is being restored since {}, and nothing is delivered meanwhile: wait for \
             `audit-pull rebuild`, or run it again if it ended early",
            jiff::Timestamp::from_second(restoring.since).unwrap_or_default()
        ))),
    }
}

/// The high-water mark of `seq` as this process last saw it in the birth record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SeqMark {
    /// The `seq` that the mark has.
    pub(crate) seq: u64,
    /// The time at which this process last raised the mark; `None` if it has not done so yet.
    pub(crate) raised_at: Option<UnixSeconds>,
}

impl SeqMark {
    /// Returns `true` if the mark should be raised to `seq` at `now`: this process has not raised it yet, or raised it
    /// an hour ago or longer, or has made many commits since.
    pub(crate) fn is_due(self, seq: u64, now: UnixSeconds) -> bool {
        let is_old = self.raised_at.is_none_or(|at| now - at >= RAISE_SEQ_MARK_AFTER_SECONDS);
        seq > self.seq && (is_old || seq - self.seq >= RAISE_SEQ_MARK_AFTER_COMMITS)
    }
}

/// Returns the key of the stream's birth record.
pub(crate) fn record_key(prefix: &str, stream: &Stream) -> String {
    format!("{prefix}_state/{}-{}.json", stream.source, stream.log_type.table())
}

/// Reads the stream's head, or creates it if the stream is new, which means that it has no birth record.
///
/// # Errors
/// Fails with [`Recovery::Person`](crate::Recovery::Person) if the state was lost.
pub(crate) async fn read_or_create_head<S: State, B: Bucket, C: Clock>(
    env: &Env<'_, S, B, C>,
    stream: &Stream,
    policy: &VendorPolicy,
) -> Result<Head, PortError> {
    if let Some(head) = env.state.head(stream).await? {
        return check_not_restoring(head);
    }
    let key = record_key(&env.settings.prefix, stream);
    if env.bucket.get(&key).await?.is_none() {
        let head = new_head(env, stream, policy);
        if env.state.write(stream, None, &head, &[]).await? == Written::Applied {
            return Ok(head);
        }
    }
    // Another tick may have created the head after this tick looked for it. A head is always written before its record.
    env.state.head(stream).await?.ok_or_else(|| state_lost_error(&key)).and_then(check_not_restoring)
}

/// Checks the head against the birth record, and creates the record if there is none. Returns the head and the record's
/// mark.
///
/// A head below the mark is read again before it counts as restored. Another tick may have committed and raised the
/// mark after this tick read the head and before it read the record.
///
/// # Errors
/// Fails with [`Recovery::Person`](crate::Recovery::Person) if the record belongs to another head, or the head was
/// restored.
pub(crate) async fn verify_head<S: State, B: Bucket, C: Clock>(
    env: &Env<'_, S, B, C>,
    stream: &Stream,
    head: Head,
) -> Result<(Head, SeqMark), PortError> {
    let key = record_key(&env.settings.prefix, stream);
    let mut record = env.bucket.get(&key).await?;
    if record.is_none() {
        let birth = BirthRecord {
            id: head.id.clone(),
            born_at: env.clock.now().to_string(),
            seq: head.seq,
            owner: None,
            floor: Some(head.floor),
            settled: settled(&head),
        };
        if env.bucket.put_if_absent(&key, bytes(&birth)?, "application/json").await? == Put::Created {
            let mark = SeqMark { seq: head.seq, raised_at: None };
            return Ok((head, mark));
        }
        record = env.bucket.get(&key).await?;
    }
    let birth = record.as_deref().and_then(parse).filter(|birth| birth.id == head.id);
    let birth = birth.ok_or_else(|| foreign_marker_error(&key))?;
    let mark = SeqMark { seq: birth.seq, raised_at: None };
    if head.seq >= birth.seq {
        return Ok((head, mark));
    }
    let again =
        env.state.head(stream).await?.filter(|again| again.id == birth.id).ok_or_else(|| state_lost_error(&key))?;
    check_seq(&again, birth.seq)?;
    Ok((again, mark))
}

/// Checks that the head's `seq` is not below `seq`, which the stream's head has had before.
///
/// # Errors
/// Fails with [`Recovery::Person`](crate::Recovery::Person) if the head is older than that: the state was restored from
/// a backup.
pub(crate) fn check_seq(head: &Head, seq: u64) -> Result<(), PortError> {
    if head.seq < seq { Err(state_restored_error(head.seq, seq)) } else { Ok(()) }
}

/// The relation of a stream's head to its birth record, for a check that changes nothing. The error of a fault is the
/// one with which a tick stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BirthCheck {
    /// The stream has neither a head nor a record: its first tick creates both.
    New,
    /// Head and record belong together, or the record is missing and the next tick creates it.
    Continues,
    /// There is a record without its head.
    Lost(PortError),
    /// The record belongs to another head.
    Foreign(PortError),
    /// The head is older than the record, so it was restored from a backup.
    Restored(PortError),
    /// The record names another owner.
    OtherOwner(PortError),
}

/// Compares the stream's head with its birth record, and writes nothing. `prefix` is that of the deployment's keys, and
/// `owner` the organisation or tenant that the vendor names, if it does.
///
/// The head is read again before a fault counts: a tick may write head and record between the two reads.
pub async fn check_birth<S: State, B: Bucket>(
    state: &S,
    bucket: &B,
    prefix: &str,
    stream: &Stream,
    owner: Option<&str>,
) -> Result<BirthCheck, PortError> {
    let key = record_key(prefix, stream);
    let before = state.head(stream).await?;
    let Some(record) = bucket.get(&key).await? else {
        return Ok(before.map_or(BirthCheck::New, |_| BirthCheck::Continues));
    };
    let birth = parse(&record);
    let fault = |head: Option<&Head>| match (head, &birth) {
        (None, _) => Some(BirthCheck::Lost(state_lost_error(&key))),
        (Some(head), Some(birth)) if head.id == birth.id && head.seq < birth.seq => {
            Some(BirthCheck::Restored(state_restored_error(head.seq, birth.seq)))
        }
        (Some(head), Some(birth)) if head.id == birth.id => other_owner(&key, birth, owner).map(BirthCheck::OtherOwner),
        (Some(_), _) => Some(BirthCheck::Foreign(foreign_marker_error(&key))),
    };
    if fault(before.as_ref()).is_none() {
        return Ok(BirthCheck::Continues);
    }
    let again = state.head(stream).await?;
    Ok(fault(again.as_ref()).unwrap_or(BirthCheck::Continues))
}

/// Reads the mark of the birth record. Returns 0 if somebody removed the record; it is created again when the mark is
/// next raised.
///
/// # Errors
/// Fails with [`Recovery::Person`](crate::Recovery::Person) if the record belongs to another head.
pub(crate) async fn read_seq_mark<S, B: Bucket, C>(
    env: &Env<'_, S, B, C>,
    stream: &Stream,
    head: &Head,
) -> Result<u64, PortError> {
    let key = record_key(&env.settings.prefix, stream);
    let Some(record) = env.bucket.get(&key).await? else { return Ok(0) };
    let birth = parse(&record).filter(|birth| birth.id == head.id).ok_or_else(|| foreign_marker_error(&key))?;
    Ok(birth.seq)
}

/// Raises the mark in the birth record to the head's `seq`. If another tick changes the record at the same time, that
/// tick's change stays, and this call does not raise the mark.
pub(crate) async fn raise_seq_mark<S: State, B: Bucket, C: Clock>(
    env: &Env<'_, S, B, C>,
    stream: &Stream,
    head: &Head,
) -> Result<SeqMark, PortError> {
    let key = record_key(&env.settings.prefix, stream);
    let record = env.bucket.get(&key).await?;
    let Some(record) = record else {
        // Somebody removed the record, so it is created again.
        let (_, mark) = verify_head(env, stream, head.clone()).await?;
        return Ok(SeqMark { raised_at: Some(env.now()), ..mark });
    };
    let birth = parse(&record).filter(|birth| birth.id == head.id).ok_or_else(|| foreign_marker_error(&key))?;
    if birth.seq < head.seq {
        let (floor, settled) = (Some(head.floor), settled(head));
        let raised = BirthRecord { seq: head.seq, floor, settled, ..birth.clone() };
        env.bucket.replace(&key, &record, bytes(&raised)?, "application/json").await?;
    }
    Ok(SeqMark { seq: birth.seq.max(head.seq), raised_at: Some(env.now()) })
}

/// Checks that the stream belongs to `owner`. If the birth record has no owner yet, writes `owner` into it.
///
/// # Errors
/// Fails with [`Recovery::Person`](crate::Recovery::Person) if the record has another owner.
pub(crate) async fn claim_owner<S: State, B: Bucket, C: Clock>(
    env: &Env<'_, S, B, C>,
    stream: &Stream,
    head: &Head,
    owner: &str,
) -> Result<(), PortError> {
    let key = record_key(&env.settings.prefix, stream);
    for _ in 0..MAX_CLAIM_TRIES {
        let Some(record) = env.bucket.get(&key).await? else {
            // Somebody removed the record, so it is created again.
            verify_head(env, stream, head.clone()).await?;
            continue;
        };
        let birth = parse(&record).filter(|birth| birth.id == head.id).ok_or_else(|| foreign_marker_error(&key))?;
        match &birth.owner {
            Some(_) => return other_owner(&key, &birth, Some(owner)).map_or(Ok(()), Err),
            None => {
                let claimed = BirthRecord { owner: Some(owner.to_owned()), ..birth };
                if env.bucket.replace(&key, &record, bytes(&claimed)?, "application/json").await? {
                    return Ok(());
                }
            }
        }
    }
    Err(PortError::next_tick(format!(
        "{key} in the bucket changed {MAX_CLAIM_TRIES} times while it was read; it is tried again"
    )))
}

fn parse(record: &[u8]) -> Option<BirthRecord> {
    serde_json::from_slice(record).ok()
}

fn bytes(birth: &BirthRecord) -> Result<Vec<u8>, PortError> {
    serde_json::to_vec(birth).map_err(|why| PortError::next_tick(format!("the birth record cannot be written: {why}")))
}

fn new_head<S, B, C: Clock>(env: &Env<'_, S, B, C>, stream: &Stream, policy: &VendorPolicy) -> Head {
    let now = env.now();
    let floor = now - lookback(env.settings.lookback_seconds, policy);
    let listing = ListingState { watermark: floor, ..ListingState::default() };
    Head {
        version: 1,
        id: format!("{:016x}{:016x}", env.clock.random(), env.clock.random()),
        seq: 0,
        intent: None,
        restoring: None,
        last_commit: LastCommit::default(),
        floor,
        listings: stream.listings.iter().map(|id| ((*id).to_owned(), listing.clone())).collect(),
        times: HeadTimes { written_at: now, created_at: Some(now), ..HeadTimes::default() },
    }
}

/// Returns the look-back of a new stream, in seconds. It is shorter than the vendor's retention by at least twice the
/// margin, so that the stream does not begin with a gap if the first tick is slow or a clock is a little wrong.
pub(crate) fn lookback(wanted: UnixSeconds, policy: &VendorPolicy) -> UnixSeconds {
    policy.retention.map_or(wanted, |retention| wanted.min(retention.keep_seconds - 2 * retention.margin_seconds))
}

fn state_lost_error(key: &str) -> PortError {
    PortError::person(format!(
        "the state of this stream is gone, but {key} in the bucket shows that it was delivered before, and to begin \
         anew would deliver it twice: restore the state with `audit-pull rebuild`, or use another prefix"
    ))
}

fn state_restored_error(seq: u64, mark: u64) -> PortError {
    PortError::person(format!(
        "the state of this stream is older than what was delivered (next object {seq}, but {mark} objects were \
         committed): it was restored from a backup, and to go on would deliver lines twice. Restore the newest state \
         with `audit-pull rebuild`"
    ))
}

/// Returns the error of a birth record that names another owner than the vendor; `None` if one of them names none.
fn other_owner(key: &str, birth: &BirthRecord, owner: Option<&str>) -> Option<PortError> {
    let (recorded, owner) = (birth.owner.as_deref()?, owner?);
    (recorded != owner).then(|| other_owner_error(key, recorded, owner))
}

fn other_owner_error(key: &str, recorded: &str, owner: &str) -> PortError {
    PortError::person(format!(
        "the vendor answers for {owner:?}, but the events of this source are those of {recorded:?}, so nothing was \
         delivered: put a credential of {recorded:?} into the secret, or give the one of {owner:?} a source_id of its own. \
         If only the name has changed, remove the field \"owner\" from {key} in the bucket"
    ))
}

fn foreign_marker_error(key: &str) -> PortError {
    PortError::person(format!(
        "{key} in the bucket belongs to another deployment, or to a state that was lost since, and two would \
         deliver everything twice: use another prefix, or restore that state"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Recovery;
    use crate::base::policy::Retention;
    use crate::testing::{self, Fault, FaultyCall, NOW, World, policy};

    const KEY: &str = "_state/acme-openai_audit.json";

    /// Reads or creates the head, checks it against its birth record, and returns the record's mark.
    fn open(world: &World) -> Result<SeqMark, PortError> {
        let env = world.env();
        world.clock.run(async {
            let head = read_or_create_head(&env, &world.stream, &world.policy).await?;
            verify_head(&env, &world.stream, head).await.map(|(_, mark)| mark)
        })
    }

    fn raise(world: &World) -> Result<SeqMark, PortError> {
        let env = world.env();
        world.clock.run(raise_seq_mark(&env, &world.stream, &world.head()))
    }

    /// The birth record in the bucket.
    fn record(world: &World) -> BirthRecord {
        parse(&world.bucket.object(KEY).unwrap()).unwrap()
    }

    fn set_record(world: &World, id: &str, seq: u64) {
        world.bucket.insert(
            KEY,
            &bytes(&parse(format!(r#"{{"id":"{id}","born_at":"","seq":{seq}}}"#).as_bytes()).unwrap()).unwrap(),
        );
    }

    fn set_seq(world: &World, seq: u64) {
        world.set_head(Head { seq, ..testing::head() });
    }

    #[track_caller]
    fn assert_needs_person(outcome: Result<SeqMark, PortError>, message: &str) {
        let error = outcome.unwrap_err();
        assert!(error.recovery == Recovery::Person && error.message.contains(message), "{error}");
    }

    #[test]
    fn ok_a_new_stream_has_a_head_before_its_record() {
        let mut world = World::new();
        world.settings.lookback_seconds = 500;
        assert_eq!(open(&world).unwrap(), SeqMark { seq: 0, raised_at: None });
        assert_eq!(world.calls.take(), ["head", "get", "write", "get", "put"]);
        let head = world.head();
        assert_eq!((head.floor, head.listings[testing::LISTING].watermark), (NOW - 500, NOW - 500));
        assert_eq!(record(&world).id, head.id);
        // The next process finds the head and its record, and writes nothing.
        open(&world).unwrap();
        assert_eq!(world.calls.take(), ["head", "get"]);
    }

    #[test]
    fn ok_a_first_tick_may_die_at_any_call() {
        for number in 0..5 {
            for fault in [Fault::Before, Fault::After] {
                let world = World::new();
                world.calls.fault(FaultyCall::Number(number), fault);
                assert!(open(&world).is_err() && !world.calls.has_faults());
                let seq = open(&world).unwrap().seq;
                assert_eq!((seq, record(&world).id), (0, world.head().id), "died at call {number}");
            }
        }
    }

    #[test]
    fn ok_one_of_two_first_ticks_creates_the_head() {
        let world = World::new();
        let (state, stream) = (world.state.clone(), world.stream.clone());
        let other = move || state.restore(&stream, Some(testing::head()), &[]);
        world.calls.fault(FaultyCall::Next("write"), Fault::Meanwhile(Box::new(other)));
        open(&world).unwrap();
        assert_eq!((world.head().id.as_str(), record(&world).id.as_str()), ("i", "i"));
    }

    #[test]
    fn err_a_record_without_its_head_shows_that_the_state_was_lost() {
        let world = World::new();
        set_record(&world, "i", 0);
        assert_needs_person(open(&world), "the state of this stream is gone");
        assert!(world.state.head_of(&world.stream).is_none());
    }

    #[test]
    fn err_a_record_of_another_deployment_stops_the_stream() {
        let world = World::new();
        set_seq(&world, 3);
        for record in [&br#"{"id":"another","born_at":""}"#[..], b"not ours"] {
            world.bucket.insert(KEY, record);
            assert_needs_person(open(&world), "belongs to another deployment");
            assert_needs_person(raise(&world), "belongs to another deployment");
        }
    }

    #[test]
    fn a_check_names_every_fault_of_head_and_record_and_writes_nothing() {
        let check = |world: &World| {
            let checking = check_birth(&world.state, &world.bucket, "", &world.stream, Some("org-a"));
            let checked = world.clock.run(checking).unwrap();
            assert!(world.calls.take().iter().all(|call| *call == "head" || *call == "get"));
            checked
        };
        let world = World::new();
        assert_eq!(check(&world), BirthCheck::New);
        set_record(&world, "i", 2);
        assert!(matches!(check(&world), BirthCheck::Lost(_)));
        set_seq(&world, 1);
        assert!(matches!(check(&world), BirthCheck::Restored(_)));
        set_seq(&world, 2);
        assert_eq!(check(&world), BirthCheck::Continues);
        set_record(&world, "another", 0);
        assert!(matches!(check(&world), BirthCheck::Foreign(_)));
        for (recorded, is_other) in [("org-a", false), ("org-b", true)] {
            world.bucket.insert(KEY, format!(r#"{{"id":"i","born_at":"","owner":"{recorded}"}}"#).as_bytes());
            assert_eq!(matches!(check(&world), BirthCheck::OtherOwner(_)), is_other, "{recorded}");
        }
    }

    #[test]
    fn err_a_head_below_the_mark_was_restored() {
        let world = World::new();
        set_seq(&world, 9);
        set_record(&world, "i", 10);
        assert_needs_person(open(&world), "restored from a backup");
        set_seq(&world, 10);
        assert_eq!(open(&world).unwrap(), SeqMark { seq: 10, raised_at: None });
    }

    #[test]
    fn ok_the_mark_rises_to_the_head_and_never_falls() {
        let world = World::new();
        set_seq(&world, 7);
        set_record(&world, "i", 3);
        let raised = SeqMark { seq: 7, raised_at: Some(NOW) };
        assert_eq!((raise(&world).unwrap(), record(&world).seq), (raised, 7));
        set_record(&world, "i", 12);
        assert_eq!((raise(&world).unwrap().seq, record(&world).seq), (12, 12));
    }

    #[test]
    fn ok_a_removed_record_is_created_again() {
        let world = World::new();
        set_seq(&world, 7);
        assert_eq!(raise(&world).unwrap(), SeqMark { seq: 7, raised_at: Some(NOW) });
        assert_eq!(record(&world).seq, 7);
    }

    #[test]
    fn ok_a_mark_raised_by_another_tick_is_left_as_it_is() {
        let world = World::new();
        set_seq(&world, 7);
        set_record(&world, "i", 3);
        let bucket = world.bucket.clone();
        let other = move || bucket.insert(KEY, br#"{"id":"i","born_at":"","seq":8}"#);
        world.calls.fault(FaultyCall::Next("replace"), Fault::Meanwhile(Box::new(other)));
        raise(&world).unwrap();
        assert_eq!(record(&world).seq, 8);
    }

    #[test]
    fn ok_the_mark_is_raised_by_a_cold_process_hourly_and_after_many_commits() {
        let mark = |raised_at| SeqMark { seq: 10, raised_at };
        assert!(mark(None).is_due(11, 0) && !mark(None).is_due(10, 0));
        let warm = mark(Some(1_000));
        assert!(
            !warm.is_due(11, 1_000 + RAISE_SEQ_MARK_AFTER_SECONDS - 1)
                && warm.is_due(11, 1_000 + RAISE_SEQ_MARK_AFTER_SECONDS)
        );
        assert!(
            !warm.is_due(10 + RAISE_SEQ_MARK_AFTER_COMMITS - 1, 1_000)
                && warm.is_due(10 + RAISE_SEQ_MARK_AFTER_COMMITS, 1_000)
        );
    }

    #[test]
    fn b4_the_record_keeps_the_owner_and_another_one_needs_a_person() {
        let world = World::new();
        open(&world).unwrap();
        let claim = |owner: &str| {
            let env = world.env();
            world.clock.run(claim_owner(&env, &world.stream, &world.head(), owner))
        };
        assert_eq!((claim("org-a"), claim("org-a")), (Ok(()), Ok(())));
        let error = claim("org-b").unwrap_err();
        assert!(error.recovery == Recovery::Person && error.message.contains("for \"org-b\", but"), "{error}");
        // Raising the mark keeps the owner. A record without an owner gets the owner that claims it next.
        set_seq(&world, 7);
        assert!(raise(&world).is_err() && record(&world).owner.as_deref() == Some("org-a"));
        world.bucket.insert(KEY, br#"{"id":"i","born_at":"","seq":1}"#);
        assert_eq!(claim("org-b"), Ok(()));
        raise(&world).unwrap();
        assert_eq!((record(&world).owner.as_deref(), record(&world).seq), (Some("org-b"), 7));
    }

    #[test]
    fn b4_only_one_of_two_concurrent_owners_is_kept() {
        let world = World::new();
        open(&world).unwrap();
        let (bucket, id) = (world.bucket.clone(), world.head().id);
        let other = move || bucket.insert(KEY, format!(r#"{{"id":"{id}","born_at":"","owner":"org-a"}}"#).as_bytes());
        world.calls.fault(FaultyCall::Next("replace"), Fault::Meanwhile(Box::new(other)));
        let env = world.env();
        let claimed = world.clock.run(claim_owner(&env, &world.stream, &world.head(), "org-b"));
        assert!(claimed.unwrap_err().message.contains("those of \"org-a\""));
    }

    #[test]
    fn ok_a_record_without_a_mark_reads_as_zero() {
        let birth = parse(br#"{"id":"i","born_at":"2026-11-22T06:00:00Z"}"#).unwrap();
        assert_eq!((birth.id.as_str(), birth.seq), ("i", 0));
        assert_eq!(parse(&bytes(&birth).unwrap()), Some(birth));
        assert_eq!(parse(b"something else"), None);
    }

    #[test]
    fn ok_the_look_back_stays_inside_the_retention() {
        let policy = |retention| VendorPolicy { retention, ..policy() };
        assert_eq!(lookback(900, &policy(None)), 900);
        assert_eq!(lookback(900, &policy(Some(Retention { keep_seconds: 800, margin_seconds: 50 }))), 700);
    }

    #[test]
    fn ok_the_record_says_from_where_a_rebuild_must_list_again() {
        let world = World::new();
        open(&world).unwrap();
        let floor = world.head().floor;
        assert_eq!((record(&world).floor, record(&world).settled[testing::LISTING]), (Some(floor), floor));
        let check = |listing: ListingState, expected: UnixSeconds| {
            let listings = BTreeMap::from([("a".to_owned(), listing)]);
            assert_eq!(settled(&Head { listings, ..testing::head() })["a"], expected);
        };
        let swept = BTreeMap::from([(600, NOW - 10), (86_400, NOW - 3_000)]);
        let listing = ListingState { watermark: NOW - 5, swept, ..ListingState::default() };
        check(listing.clone(), NOW - 3_000);
        check(ListingState { watermark: NOW - 4_000, ..listing.clone() }, NOW - 4_000);
        check(ListingState { swept: BTreeMap::new(), ..listing.clone() }, testing::head().floor);
        let mut pending = listing.clone();
        pending.pending.spans.push(testing::pending_span(NOW - 7_000, NOW - 6_000));
        check(pending.clone(), NOW - 7_000);
        pending.pending.blobs.push(testing::pending_blob("b", NOW - 9_000));
        check(pending, NOW - 9_000);
    }

    #[test]
    fn ok_the_mark_and_the_settled_point_are_raised_together() {
        let world = World::new();
        open(&world).unwrap();
        let mut head = Head { seq: 7, ..world.head() };
        let listing = head.listings.get_mut(testing::LISTING).unwrap();
        (listing.watermark, listing.swept) = (NOW, BTreeMap::from([(60, NOW - 1)]));
        world.set_head(head);
        raise(&world).unwrap();
        assert_eq!((record(&world).seq, record(&world).settled[testing::LISTING]), (7, NOW - 1));
    }

    #[test]
    fn err_no_tick_works_on_a_state_that_is_being_restored() {
        let world = World::new();
        let restoring = Some(crate::base::head::Restoring { since: NOW, after: String::new() });
        world.set_head(Head { restoring, ..testing::head() });
        let error = open(&world).unwrap_err();
        assert!(error.recovery == Recovery::Person && error.message.contains("`audit-pull rebuild`"), "{error}");
    }
}
