//! Restores the heads and ledgers of streams from the bucket.
//!
//! 1. Each stream's head is written as one that is being restored. From then on no tick of it writes any state.
//! 2. The objects are read in the order of their keys, and their row ids enter the ledger. If the rebuild dies, the next
//!    one continues after the last object that is in the ledger.
//! 3. A tick that began before step 1 may still put the object of its intent, until its function's time is up. So the
//!    newest objects are read only after that time.
//! 4. The row ids of rejected inputs enter the ledger, and the head ceases to be restored.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::pin_mut;
use schema::RowId;

use super::place::{Place, RecoveryStream};
use super::rebuild_report::{RebuildOptions, StreamRebuild};
use super::restored_head::{restored_head, restored_version, resumption};
use super::restorer::{Restorer, changed_meanwhile};
use super::walk::{KeyWalk, read_ahead};
use crate::base::error::PortError;
use crate::base::head::{Head, Restoring};
use crate::base::object_list::ListObjects;
use crate::base::ports::{Bucket, Clock, State, Written};
use crate::base::stream::Stream;
use crate::base::time::{UnixSeconds, Window};
use crate::deliver::key::{self, ObjectKey};
use crate::state::birth::{BirthRecord, read_record};

/// The longest time that a tick may run, in seconds: the limit of a Lambda function.
pub const MAX_TICK_SECONDS: UnixSeconds = 900;
/// Objects of the last two days, in hours, are read after all ticks have ended. The clocks of ticks may differ by less.
const TAIL_HOURS: u32 = 48;

/// One stream of a rebuild.
struct Work<'a> {
    stream: &'a Stream,
    restorer: Option<Restorer<'a>>,
    gap: Option<Window>,
    failure: Option<PortError>,
}

impl Work<'_> {
    /// Keeps the error of the stream, which is then left alone.
    fn record(&mut self, done: Result<(), PortError>) {
        self.failure = self.failure.take().or(done.err());
    }
}

/// Restores the state of those of the streams whose state is lost, was restored from a backup, or is being restored.
/// `say` gets a sentence when the rebuild begins to wait. A failure of a stream stops only that stream.
///
/// # Errors
/// The bucket cannot be listed.
pub async fn rebuild<S: State, B: Bucket + ListObjects, C: Clock>(
    place: Place<'_, S, B, C>,
    streams: &[RecoveryStream],
    options: RebuildOptions,
    say: impl Fn(&str),
) -> Result<Vec<StreamRebuild>, PortError> {
    let tables: BTreeSet<String> = streams.iter().map(|stream| stream.stream.log_type.table()).collect();
    let mut newest_objects = BTreeMap::new();
    for table in &tables {
        find_newest(place, table, &mut newest_objects).await?;
    }
    let mut works = Vec::new();
    for stream in streams {
        let name = stream.stream.name();
        works.push(begin(place, stream, newest_objects.get(&name), options).await);
    }
    let now = place.clock.now().as_second();
    let began = works.iter().filter_map(|work| work.restorer.as_ref()?.since()).max();
    let Some(began) = began else { return Ok(works.iter().map(result).collect()) };
    let tail = u32::try_from(began / 3_600).unwrap_or(0).saturating_sub(TAIL_HOURS);
    for table in &tables {
        restore_table(place, table, &mut works, now, Part::Before(tail)).await?;
    }
    for work in &mut works {
        if let Some(restorer) = work.restorer.as_mut().filter(|_| work.failure.is_none()) {
            let flushed = restorer.flush(place).await;
            work.record(flushed);
        }
    }
    let end = began + MAX_TICK_SECONDS;
    let left = end - place.clock.now().as_second();
    if left > 0 && !options.are_ticks_stopped {
        say(&format!("waits {left} s, until no tick that began before can write an object any more"));
        place.clock.sleep(Duration::from_secs(left.unsigned_abs())).await;
    }
    for table in &tables {
        restore_table(place, table, &mut works, now, Part::From(tail)).await?;
    }
    for work in &mut works {
        let finished = finish(place, work, now).await;
        work.record(finished);
    }
    Ok(works.iter().map(result).collect())
}

fn result(work: &Work<'_>) -> StreamRebuild {
    StreamRebuild::of(work.stream, work.restorer.as_ref(), work.gap, work.failure.clone())
}

/// The part of a table's objects that is restored.
#[derive(Clone, Copy)]
enum Part {
    /// The objects in partitions before this hour.
    Before(u32),
    /// The objects in this and later partitions.
    From(u32),
}

/// The newest object of a stream: its number, key and partition.
struct NewestObject {
    seq: u64,
    key: String,
    hour: u32,
}

/// Finds the object with the highest number of each stream of a table.
async fn find_newest<S, B: ListObjects, C>(
    place: Place<'_, S, B, C>,
    table: &str,
    newest_objects: &mut BTreeMap<String, NewestObject>,
) -> Result<(), PortError> {
    let mut walk = KeyWalk::new(place.bucket, key::table_folder(place.prefix, table), String::new());
    while let Some(keys) = walk.next_page().await? {
        for key in keys {
            let Some(ObjectKey { hour, source, seq }) = key::parse(place.prefix, table, &key) else { continue };
            let name = format!("{source}/{table}");
            if newest_objects.get(&name).is_none_or(|newest| newest.seq <= seq) {
                newest_objects.insert(name, NewestObject { seq, key, hour });
            }
        }
    }
    Ok(())
}

/// Begins the restoration of a stream if its state does not fit the bucket.
async fn begin<'a, S: State, B: Bucket, C: Clock>(
    place: Place<'_, S, B, C>,
    stream: &'a RecoveryStream,
    newest: Option<&NewestObject>,
    options: RebuildOptions,
) -> Work<'a> {
    let mut work = Work { stream: &stream.stream, restorer: None, gap: None, failure: None };
    match try_begin(place, stream, newest, options).await {
        Ok(Some((head, gap))) => {
            work.restorer = Some(Restorer::new(&stream.stream, stream.policy, head));
            work.gap = gap;
        }
        Ok(None) => {}
        Err(error) => work.failure = Some(error),
    }
    work
}

/// Writes the head of a stream that is to be restored, and returns it with the span that may be lost. `None` if the
/// state fits the bucket.
async fn try_begin<S: State, B: Bucket, C: Clock>(
    place: Place<'_, S, B, C>,
    RecoveryStream { stream, policy }: &RecoveryStream,
    newest: Option<&NewestObject>,
    options: RebuildOptions,
) -> Result<Option<(Head, Option<Window>)>, PortError> {
    let now = place.clock.now().as_second();
    let birth = read_record(place.bucket, place.prefix, stream).await?;
    // The head is read after the objects were listed, so it is not older than them.
    let Some(before) = place.state.head(stream).await? else {
        let newest_at = newest.map(|newest| i64::from(newest.hour) * 3_600);
        let resumption = resumption(&birth, policy, options.lookback_seconds, newest_at, now);
        let head = restored_head(&birth, &resumption, now);
        return match place.state.write(stream, None, &head, &[]).await? {
            Written::Applied => Ok(Some((head, resumption.gap))),
            Written::Refused => Err(changed_meanwhile(stream)),
        };
    };
    if before.id != birth.id {
        return Err(foreign_head(stream));
    }
    if before.restoring.is_some() {
        return Ok(Some((before, None)));
    }
    if !options.is_forced && fits(&before, &birth, newest) {
        return Ok(None);
    }
    // The watermarks of an older head are kept: everything before them was delivered or is pending in that head.
    let restoring = Some(Restoring { since: now, after: String::new() });
    let seq = before.seq.max(birth.seq);
    let version = restored_version(now, before.version);
    let head = Head { version, seq, intent: None, restoring, ..before.clone() };
    match place.state.write(stream, Some(before.version), &head, &[]).await? {
        Written::Applied => Ok(Some((head, None))),
        Written::Refused => Err(changed_meanwhile(stream)),
    }
}

/// Returns `true` if the head is as new as the bucket: it is not below the record's mark, and every object is below its
/// number or is that of its intent.
fn fits(head: &Head, birth: &BirthRecord, newest: Option<&NewestObject>) -> bool {
    let is_known = |newest: &NewestObject| {
        newest.seq < head.seq || (newest.seq == head.seq && head.intent.as_ref() == Some(&newest.key))
    };
    head.seq >= birth.seq && newest.is_none_or(is_known)
}

/// Restores the rows of the objects of one table, those of all streams in one walk.
async fn restore_table<S: State, B: Bucket + ListObjects, C: Clock>(
    place: Place<'_, S, B, C>,
    table: &str,
    works: &mut [Work<'_>],
    now: UnixSeconds,
    part: Part,
) -> Result<(), PortError> {
    let active = works.iter().filter(|work| work.failure.is_none() && work.stream.log_type.table() == table);
    let Some(after) = active.filter_map(|work| Some(work.restorer.as_ref()?.after().to_owned())).min() else {
        return Ok(());
    };
    let tail = |hour| key::partition_start(place.prefix, table, hour);
    let (after, end) = match part {
        Part::Before(hour) => (after, Some(tail(hour))),
        Part::From(hour) => (tail(hour), None),
    };
    let mut walk = KeyWalk::new(place.bucket, key::table_folder(place.prefix, table), after);
    while let Some(mut keys) = walk.next_page().await? {
        let before = keys.len();
        keys.retain(|key| end.as_ref().is_none_or(|end| key < end));
        let is_last = keys.len() < before;
        let is_tail = end.is_none();
        keys.retain(|key| find(place.prefix, table, key, works, now, is_tail).is_some());
        let objects = read_ahead(place.bucket, &keys);
        pin_mut!(objects);
        while let Some((key, body)) = objects.next().await {
            let Some((index, parts)) = find(place.prefix, table, key, works, now, is_tail) else { continue };
            let added = add(place, &mut works[index], key, parts, body).await;
            works[index].record(added);
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

/// Returns the index of the stream that needs the rows of the object at `key`, and the parts of the key; `None` if no
/// stream needs them. A stream needs the objects within its horizon that come after the last restored key. In the tail
/// (the partitions from [`TAIL_HOURS`] before the rebuild began) it needs all of them, because a running tick may have
/// put an object whose key comes before that one.
fn find<'k>(
    prefix: &str,
    table: &str,
    key: &'k str,
    works: &[Work<'_>],
    now: UnixSeconds,
    is_tail: bool,
) -> Option<(usize, ObjectKey<'k>)> {
    let parts = key::parse(prefix, table, key)?;
    let is_its = |stream: &Stream| stream.source.as_str() == parts.source && stream.log_type.table() == table;
    let index = works.iter().position(|work| work.failure.is_none() && is_its(work.stream))?;
    let restorer = works[index].restorer.as_ref()?;
    let is_wanted = restorer.is_within_horizon(parts.hour, now) && (is_tail || key > restorer.after());
    is_wanted.then_some((index, parts))
}

async fn add<S: State, B, C: Clock>(
    place: Place<'_, S, B, C>,
    work: &mut Work<'_>,
    key: &str,
    parts: ObjectKey<'_>,
    body: Result<Option<Vec<u8>>, PortError>,
) -> Result<(), PortError> {
    let Some(restorer) = &mut work.restorer else { return Ok(()) };
    match body? {
        Some(body) => restorer.add_object(place, key, parts, &body).await,
        None => Err(PortError::next_tick(format!("{key} was listed and is gone now; run `audit-pull rebuild` again"))),
    }
}

/// Restores the rejected inputs of a stream and ends its restoration.
async fn finish<S: State, B: ListObjects, C: Clock>(
    place: Place<'_, S, B, C>,
    work: &mut Work<'_>,
    now: UnixSeconds,
) -> Result<(), PortError> {
    let Some(restorer) = work.restorer.as_mut().filter(|_| work.failure.is_none()) else { return Ok(()) };
    let mut walk = KeyWalk::new(place.bucket, key::rejected_start(place.prefix, work.stream), String::new());
    while let Some(keys) = walk.next_page().await? {
        let rows = keys.iter().filter_map(|key| key::parse_rejected(place.prefix, work.stream, key));
        restorer.add_rejected(place, &rows.collect::<Vec<RowId>>(), now).await?;
    }
    restorer.finish(place).await
}

fn foreign_head(stream: &Stream) -> PortError {
    PortError::person(format!(
        "{}: the state and the birth record in the bucket have different ids: they belong to two deployments, so nothing \
         was changed. Name the table and the bucket of one deployment",
        stream.name()
    ))
}

#[cfg(test)]
mod tests;
