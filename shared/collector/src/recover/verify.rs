//! Checks a lake against itself and against its state.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use futures_util::pin_mut;
use serde::Serialize;

use super::findings::{Finding, FindingKind, Findings};
use super::ledger_check::{Expected, LedgerCheck};
use super::line_check::{SoundLine, check_line};
use super::place::{Place, RecoveryStream};
use super::row_spill::{REJECTED_SEQ, Row, RowSpill};
use super::walk::{KeyWalk, read_ahead};
use crate::base::error::{PortError, Recovery};
use crate::base::head::Head;
use crate::base::object_list::ListObjects;
use crate::base::ports::{Bucket, Clock, State};
use crate::base::scratch::Scratch;
use crate::base::stream::Stream;
use crate::base::time::UnixSeconds;
use crate::deliver::key::{self, ObjectKey};
use crate::deliver::object::for_each_line;
use crate::state::birth::{BirthCheck, check_birth};

/// The number of row ids, of 32 bytes each, that a check keeps in memory; more are written to scratch storage.
pub const MAX_ROWS_IN_MEMORY: usize = 4_000_000;
/// A line may be parsed this long before its partition's hour or after it, in seconds: a batch may be filled for a whole
/// tick before its key is set, and the clocks of two ticks may differ.
const PARTITION_TOLERANCE_SECONDS: UnixSeconds = 3_600;
/// The number of newest objects per stream that are compared with the head.
const MAX_NEWEST: usize = 64;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The streams in the order in which they were passed.
    pub streams: Vec<StreamCheck>,
    /// The faults by kind; empty if there are none.
    pub findings: Vec<Finding>,
}

/// The counts of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamCheck {
    /// The source's id.
    pub source: String,
    /// The log type's name.
    pub log_type: String,
    /// The number of objects.
    pub objects: u64,
    /// The number of sound lines.
    pub lines: u64,
    /// The number of rejected inputs.
    pub rejected: u64,
    /// The number of row ids in the ledger.
    pub ledger_rows: u64,
    /// The numbers between the first and the last object without an object of their own. They are normal: a commit that
    /// only records consumed blobs or rejected inputs has a number and no object.
    pub numbers_without_object: u64,
    /// The key of the object that the next tick will put or adopt, if an intent is open. That is normal, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_intent: Option<String>,
}

/// Checks the objects, rejected inputs, heads and ledgers of the streams. Ticks may run at the same time: whatever they
/// deliver during the check is not compared with the ledger. With `has_all_streams`, keys that belong to no stream are
/// reported. At most `max_rows` row ids are in memory.
///
/// # Errors
/// The bucket, the state or the scratch storage failed.
pub async fn verify<S: State, B: Bucket + ListObjects, C: Clock, X: Scratch>(
    place: Place<'_, S, B, C>,
    streams: &[RecoveryStream],
    has_all_streams: bool,
    scratch: &X,
    max_rows: usize,
) -> Result<VerifyReport, PortError> {
    let mut findings = Findings::default();
    let heads = heads(place, streams, &mut findings).await?;
    let mut lake = LakeCheck {
        place,
        streams,
        has_all_streams,
        rows: RowSpill::new(scratch, max_rows),
        tracks: vec![Track::default(); streams.len()],
        findings,
    };
    let tables: BTreeSet<String> = streams.iter().map(|stream| stream.stream.log_type.table()).collect();
    for table in &tables {
        lake.check_table(table).await?;
    }
    lake.add_rejected().await?;
    let LakeCheck { rows, tracks, mut findings, .. } = lake;
    let open_intents = compare_with_heads(place, streams, &tracks, &mut findings).await?;
    let expected: Vec<_> = heads.iter().zip(&tracks).map(|(head, track)| expected(head.as_ref(), track)).collect();
    let mut ledger = LedgerCheck::new(place.state, streams, &expected, place.clock.now().as_second());
    let mut runs = rows.into_runs().await?;
    while let Some(run) = runs.next().await? {
        ledger.check(&run, &mut findings).await?;
    }
    ledger.check_other_hours(&mut findings).await?;
    let counts = tracks.into_iter().zip(ledger.ledger_entries).zip(open_intents);
    let counts = streams.iter().zip(counts).map(|(stream, ((track, ledger_rows), open_intent))| StreamCheck {
        source: stream.stream.source.to_string(),
        log_type: stream.stream.log_type.name().to_owned(),
        numbers_without_object: track.numbers_without_object(),
        objects: track.objects,
        lines: track.lines,
        rejected: track.rejected,
        ledger_rows,
        open_intent,
    });
    Ok(VerifyReport { streams: counts.collect(), findings: findings.into_list() })
}

/// Reads the head of each stream and compares it with the birth record. A head that cannot be read is a finding.
async fn heads<S: State, B: Bucket, C>(
    place: Place<'_, S, B, C>,
    streams: &[RecoveryStream],
    findings: &mut Findings,
) -> Result<Vec<Option<Head>>, PortError> {
    let mut heads = Vec::new();
    for RecoveryStream { stream, .. } in streams {
        let fault = match check_birth(place.state, place.bucket, place.prefix, stream, None).await {
            Ok(BirthCheck::New | BirthCheck::Continues) => None,
            Ok(
                BirthCheck::Lost(fault)
                | BirthCheck::Foreign(fault)
                | BirthCheck::Restored(fault)
                | BirthCheck::OtherOwner(fault),
            ) => Some(fault),
            Err(fault) if fault.recovery == Recovery::Person => Some(fault),
            Err(error) => return Err(error),
        };
        if let Some(fault) = &fault {
            findings.add(FindingKind::State, || format!("{}: {fault}", stream.name()));
        }
        heads.push(if fault.is_some() { None } else { place.state.head(stream).await? });
    }
    Ok(heads)
}

fn expected(head: Option<&Head>, track: &Track) -> Option<Expected> {
    let head = head?;
    Some(Expected { committed_seq: head.seq, first_seq: track.first_seq.unwrap_or(head.seq), floor: head.floor })
}

/// Compares the newest objects of each stream with its head, as it is after the lake was read. Returns the open intents.
async fn compare_with_heads<S: State, B, C>(
    place: Place<'_, S, B, C>,
    streams: &[RecoveryStream],
    tracks: &[Track],
    findings: &mut Findings,
) -> Result<Vec<Option<String>>, PortError> {
    let mut open_intents = Vec::new();
    for (RecoveryStream { stream, .. }, track) in streams.iter().zip(tracks) {
        let head = match place.state.head(stream).await {
            Ok(head) => head,
            Err(fault) if fault.recovery == Recovery::Person => None,
            Err(error) => return Err(error),
        };
        let Some(head) = head else {
            open_intents.push(None);
            continue;
        };
        for (seq, key) in track.newest.iter().filter(|(seq, _)| **seq >= head.seq) {
            if head.intent.as_ref() != Some(key) {
                findings.add(FindingKind::NumberBeyondState, || {
                    format!("{key}: the next number of the state is {}, not more than {seq}", head.seq)
                });
            }
        }
        open_intents.push(head.intent);
    }
    Ok(open_intents)
}

/// The objects of one stream that were seen so far.
#[derive(Debug, Clone, Default)]
struct Track {
    objects: u64,
    lines: u64,
    rejected: u64,
    first_seq: Option<u64>,
    last_seq: Option<u64>,
    /// The objects with the highest numbers, at most [`MAX_NEWEST`].
    newest: BTreeMap<u64, String>,
}

impl Track {
    fn numbers_without_object(&self) -> u64 {
        let numbers = self.first_seq.zip(self.last_seq).map_or(0, |(first, last)| last - first + 1);
        numbers.saturating_sub(self.objects)
    }

    /// Adds the next object in the order of keys.
    fn add(&mut self, key: &str, parts: ObjectKey<'_>, findings: &mut Findings) {
        self.objects += 1;
        if self.newest.contains_key(&parts.seq) || self.last_seq == Some(parts.seq) {
            findings.add(FindingKind::NumberTwice, || key.to_owned());
        } else if self.last_seq.is_some_and(|last| parts.seq < last) {
            findings.add(FindingKind::WrongPartition, || format!("{key}: an object before it has a higher number"));
        }
        self.first_seq = Some(self.first_seq.map_or(parts.seq, |first| first.min(parts.seq)));
        self.last_seq = Some(self.last_seq.map_or(parts.seq, |last| last.max(parts.seq)));
        self.newest.insert(parts.seq, key.to_owned());
        if self.newest.len() > MAX_NEWEST {
            self.newest.pop_first();
        }
    }
}

/// The check of all objects.
struct LakeCheck<'a, S, B, C, X> {
    place: Place<'a, S, B, C>,
    streams: &'a [RecoveryStream],
    has_all_streams: bool,
    rows: RowSpill<'a, X>,
    tracks: Vec<Track>,
    findings: Findings,
}

impl<S, B: Bucket + ListObjects, C, X: Scratch> LakeCheck<'_, S, B, C, X> {
    /// Checks all objects of a table.
    async fn check_table(&mut self, table: &str) -> Result<(), PortError> {
        let (bucket, prefix) = (self.place.bucket, self.place.prefix);
        let mut walk = KeyWalk::new(bucket, key::table_folder(prefix, table), String::new());
        while let Some(keys) = walk.next_page().await? {
            let keys: Vec<String> = keys.into_iter().filter(|key| self.is_wanted(table, key)).collect();
            let objects = read_ahead(bucket, &keys);
            pin_mut!(objects);
            while let Some((key, body)) = objects.next().await {
                self.check_object(table, key, body?).await?;
            }
        }
        Ok(())
    }

    /// Returns `true` if the key is that of an object of one of the streams.
    fn is_wanted(&mut self, table: &str, key: &str) -> bool {
        let is_wanted = self.find(table, key).is_some();
        if !is_wanted && self.has_all_streams {
            self.findings.add(FindingKind::StrayKey, || key.to_owned());
        }
        is_wanted
    }

    /// Returns the index of the object's stream and the parts of its key.
    fn find<'k>(&self, table: &str, key: &'k str) -> Option<(usize, ObjectKey<'k>)> {
        let parts = key::parse(self.place.prefix, table, key)?;
        let is_its = |stream: &Stream| stream.source.as_str() == parts.source && stream.log_type.table() == table;
        let index = self.streams.iter().position(|stream| is_its(&stream.stream))?;
        Some((index, parts))
    }

    async fn check_object(&mut self, table: &str, key: &str, body: Option<Vec<u8>>) -> Result<(), PortError> {
        let Some((index, parts)) = self.find(table, key) else { return Ok(()) };
        self.tracks[index].add(key, parts, &mut self.findings);
        let Some(body) = body else {
            self.findings.add(FindingKind::BrokenObject, || format!("{key}: it was listed and is gone now"));
            return Ok(());
        };
        let (mut lines, mut number): (Vec<SoundLine>, u64) = (Vec::new(), 0);
        let (stream, findings) = (&self.streams[index].stream, &mut self.findings);
        let read = for_each_line(key, &body, |line| {
            number += 1;
            match check_line(line, stream) {
                Ok(line) => lines.push(line),
                Err(fault) => {
                    findings.add(FindingKind::BrokenLine, || format!("{key}, line {number}: {fault}"));
                }
            }
            Ok::<(), std::convert::Infallible>(())
        });
        if let Err(why) = read {
            self.findings.add(FindingKind::BrokenObject, || format!("{key}: it cannot be decompressed: {why}"));
        }
        self.check_partition(key, parts, &lines);
        self.tracks[index].lines += lines.len() as u64;
        let stream = u32::try_from(index).unwrap_or(u32::MAX);
        for line in lines {
            self.rows.add(Row { stream, row_id: line.row_id, partition: parts.hour, seq: parts.seq }).await?;
        }
        Ok(())
    }

    /// Compares the object's partition with the times at which its lines were parsed.
    fn check_partition(&mut self, key: &str, parts: ObjectKey<'_>, lines: &[SoundLine]) {
        let begin = i64::from(parts.hour) * 3_600;
        let times = begin - PARTITION_TOLERANCE_SECONDS..begin + 3_600 + PARTITION_TOLERANCE_SECONDS;
        if let Some(line) = lines.iter().find(|line| !times.contains(&line.parse_time)) {
            let at = jiff::Timestamp::from_second(line.parse_time).unwrap_or_default();
            self.findings.add(FindingKind::WrongPartition, || format!("{key}: a line was parsed at {at}"));
        }
    }

    /// Adds the row ids of rejected inputs, which explain rows of the ledger.
    async fn add_rejected(&mut self) -> Result<(), PortError> {
        for (index, RecoveryStream { stream, .. }) in self.streams.iter().enumerate() {
            let start = key::rejected_start(self.place.prefix, stream);
            let mut walk = KeyWalk::new(self.place.bucket, start, String::new());
            while let Some(keys) = walk.next_page().await? {
                for row_id in keys.iter().filter_map(|key| key::parse_rejected(self.place.prefix, stream, key)) {
                    self.tracks[index].rejected += 1;
                    let stream = u32::try_from(index).unwrap_or(u32::MAX);
                    self.rows.add(Row { stream, row_id, partition: 0, seq: REJECTED_SEQ }).await?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
