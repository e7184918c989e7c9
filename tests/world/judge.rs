//! What must hold after every write, and when all is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use collector::{Head, LedgerItem, LedgerKind, UnixSeconds};

use super::scene::{Entry, SceneStream};
use super::simulation::Simulation;
use super::store::{Object, seq_of_key};

/// Judges an object that is about to be created: never at a key in use, never a line that is in
/// the bucket already.
///
/// # Errors
/// Says which promise is broken.
pub fn put(world: &Simulation, key: &str, object: &Object) -> Result<(), String> {
    if let Some(there) = world.store.objects.get(key)
        && there.body != object.body
    {
        return Err(format!("the object {key} was changed after its creation"));
    }
    let Some(stream) = stream_of_key(world, key) else { return Ok(()) };
    let mut seen: BTreeSet<&str> = world.store.delivered(&world.scene.settings.prefix, &stream.stream);
    match object.lines.iter().find(|line| !seen.insert(&line.identity)) {
        Some(twice) => Err(format!("{} is delivered twice, the second time in {key}", twice.identity)),
        None => Ok(()),
    }
}

/// Judges an object that is about to be replaced: only a deployment's own records ever are.
///
/// # Errors
/// Says which promise is broken.
pub fn replace(world: &Simulation, key: &str) -> Result<(), String> {
    let name = key.strip_prefix(&world.scene.settings.prefix);
    match name.is_some_and(|name| name.starts_with("_state/")) {
        true => Ok(()),
        false => Err(format!("the object {key} was replaced, and only records under _state/ may be")),
    }
}

fn stream_of_key<'a>(world: &'a Simulation, key: &str) -> Option<&'a SceneStream> {
    seq_of_key(key)?;
    let rest = key.strip_prefix(&world.scene.settings.prefix)?;
    world.scene.streams.iter().find(|stream| rest.starts_with(&format!("{}/", stream.stream.log_type.table())))
}

/// Judges a write of the head that is about to be applied.
///
/// # Errors
/// Says which promise is broken.
pub fn write(
    world: &Simulation,
    began: UnixSeconds,
    (stream, expected): (&str, Option<u64>),
    head: &Head,
    items: &[LedgerItem],
) -> Result<(), String> {
    let Some(of) = world.scene.stream(stream) else { return Err(format!("there is no stream {stream}")) };
    let current = world.store.heads.get(stream).map(|row| &row.head);
    if head.version <= expected.unwrap_or(0) && expected.is_some() {
        return Err(format!("{stream}: version {} follows {expected:?}", head.version));
    }
    let Some(current) = current else { return Ok(()) };
    if head.id != current.id || head.floor != current.floor {
        return Err(format!("{stream}: the head's id or floor was changed"));
    }
    commit(world, of, current, head, items)?;
    current.listings.keys().try_for_each(|listing| watermark(world, began, of, listing, current, head))
}

/// `seq` rises by one, and only with the object of its intent and that object's rows.
fn commit(
    world: &Simulation,
    of: &SceneStream,
    current: &Head,
    head: &Head,
    items: &[LedgerItem],
) -> Result<(), String> {
    let name = of.stream.name();
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
    let object = current.intent.as_ref().and_then(|key| world.store.objects.get(key));
    let lines: BTreeSet<_> = object.map(rows_of).unwrap_or_default();
    if !lines.is_subset(&rows) {
        return Err(format!("{name}: seq {} is committed without all rows of its object", current.seq));
    }
    let rejects = of.events.iter().filter(|event| event.identity.is_none()).count();
    if rows.difference(&lines).any(|(hour, _)| *hour != 0) || rows.difference(&lines).count() > rejects {
        return Err(format!("{name}: seq {} is committed with rows that are not in its object", current.seq));
    }
    Ok(())
}

fn rows_of(object: &Arc<Object>) -> BTreeSet<(u32, u64)> {
    object.lines.iter().map(|line| (line.row_id.hour, line.row_id.ledger_entry())).collect()
}

/// A watermark only rises, and only past what is delivered: everything that was visible when the
/// tick began and lay before the new watermark, from the old one less the overlap. Where a backlog is
/// listed in many windows the overlap comes after them.
fn watermark(
    world: &Simulation,
    began: UnixSeconds,
    of: &SceneStream,
    listing: &str,
    current: &Head,
    head: &Head,
) -> Result<(), String> {
    let name = of.stream.name();
    let old = current.listings.get(listing).map_or(0, |state| state.watermark);
    let new = head.listings.get(listing).map_or(0, |state| state.watermark);
    if new < old {
        return Err(format!("{name}: the watermark of {listing} was lowered from {old} to {new}"));
    }
    if new == old {
        return Ok(());
    }
    let (behind, overlap) = (world.clock.max(began) - old, i64::from(world.scene.policy.overlap));
    let cut = current.listings.get(listing).and_then(|state| state.window_seconds);
    let is_backlog = behind > overlap && cut.is_some_and(|cut| cut < behind) && !world.scene.policy.sweeps.is_empty();
    let from = if is_backlog { old } else { old - overlap }.max(head.floor);
    let delivered = world.store.delivered(&world.scene.settings.prefix, &of.stream);
    let passed = |entry: &&Entry| {
        entry.visible_at <= began && (from..new).contains(&entry.at) && entry.listings.contains(&listing)
    };
    for entry in of.entries.iter().filter(passed) {
        for event in entry.content.events() {
            if let Some(identity) = &of.events[event].identity
                && !delivered.contains(identity.as_str())
            {
                return Err(format!("{name}: the watermark of {listing} passed {identity}, which is not delivered"));
            }
        }
    }
    Ok(())
}

/// Judges a world in which everything was visible and a lone worker has nothing left to do.
///
/// # Errors
/// Says which promise is broken.
pub fn settled(world: &Simulation) -> Result<(), String> {
    world.violation.clone().map_or(Ok(()), Err)?;
    world.scene.streams.iter().try_for_each(|stream| {
        let name = stream.stream.name();
        let Some(row) = world.store.heads.get(&name) else { return Err(format!("{name}: no head")) };
        each_event_once(world, stream, &row.head)?;
        if world.judges_state { ledger_is_bucket(world, stream, &row.head) } else { Ok(()) }
    })
}

fn each_event_once(world: &Simulation, of: &SceneStream, head: &Head) -> Result<(), String> {
    let (name, prefix) = (of.stream.name(), &world.scene.settings.prefix);
    let mut lines: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rows = BTreeSet::new();
    for line in world.store.objects_of(prefix, &of.stream).flat_map(|(_, object)| &object.lines) {
        *lines.entry(&line.identity).or_default() += 1;
        if !rows.insert(line.row_id) {
            return Err(format!("{name}: the row {} is there twice", line.row_id));
        }
    }
    let due: BTreeSet<usize> =
        of.entries.iter().filter(|entry| entry.at >= head.floor).flat_map(|entry| entry.content.events()).collect();
    for identity in due.iter().filter_map(|event| of.events[*event].identity.as_deref()) {
        match lines.remove(identity) {
            Some(1) => {}
            Some(many) => return Err(format!("{name}: {identity} was delivered {many} times")),
            None => return Err(format!("{name}: {identity} was lost")),
        }
    }
    if let Some((identity, _)) = lines.first_key_value() {
        return Err(format!("{name}: {identity} was delivered and never shown"));
    }
    let rejects = due.iter().filter(|event| of.events[**event].identity.is_none()).count();
    match world.store.rejected(prefix, &of.stream) {
        kept if kept == rejects => Ok(()),
        kept => Err(format!("{name}: {kept} rejected inputs are kept, {rejects} were shown")),
    }
}

fn ledger_is_bucket(world: &Simulation, of: &SceneStream, head: &Head) -> Result<(), String> {
    let (name, prefix) = (of.stream.name(), &world.scene.settings.prefix);
    let mut rows = world.store.ledger_rows(&name);
    let mut seqs = BTreeSet::new();
    for (key, object) in world.store.objects_of(prefix, &of.stream) {
        let seq = seq_of_key(key).ok_or_else(|| format!("{name}: the key {key} has no seq"))?;
        if !seqs.insert(seq) || seq >= head.seq {
            return Err(format!("{name}: the object {key} is not the one of its seq; the head is at {}", head.seq));
        }
        if let Some(row) = rows_of(object).iter().find(|row| !rows.remove(*row)) {
            return Err(format!("{name}: the row {row:?} of {key} is not in the ledger"));
        }
    }
    match rows.into_iter().find(|(hour, _)| *hour != 0) {
        Some(row) => Err(format!("{name}: the ledger has {row:?}, the bucket has not")),
        None => Ok(()),
    }
}
