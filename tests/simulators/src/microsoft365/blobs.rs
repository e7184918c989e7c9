//! Records packed in blobs: made up by seed, or given.

use std::collections::HashMap;
use std::io;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::behaviours::Behaviours;
use super::content_type::ContentType;
use super::records::{Made, Recipe};
use crate::canonical::canonical;
use crate::dice::{Dice, mix};
use crate::options::{Options, after};

/// How long content is kept after it became available.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Late blobs of the past became available at most this long before the start, milliseconds.
const LATE_WITHIN: i64 = 3_600_000;
/// Given records became available this long before the start, milliseconds.
const GIVEN_WITHIN: i64 = 1_800_000;
/// A flood takes this long, milliseconds.
const FLOOD: i64 = 600_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Shares of the content types among made-up records, in percent, in the order of [`ContentType::ALL`].
const SHARES: [usize; 5] = [30, 25, 25, 15, 5];

/// A record: made when it is asked for, or given.
#[derive(Debug, Clone)]
pub(super) enum Record {
    Made(Made),
    Given(String),
}

impl Record {
    /// The record as it is sent.
    pub(super) fn raw(&self, recipe: &Recipe) -> String {
        match self {
            Self::Made(made) => recipe.record(made),
            Self::Given(raw) => raw.clone(),
        }
    }
}

/// A content item.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub(super) id: String,
    /// When it became available, as it is told.
    pub(super) created: Timestamp,
    /// When it is listed in truth.
    pub(super) listed: Timestamp,
    /// Places among the records.
    pub(super) records: Vec<usize>,
    /// Whether its records were entered into the ledger for it.
    pub(super) is_shown: bool,
}

impl Blob {
    pub(super) fn expires(&self) -> Timestamp {
        self.created.saturating_add(KEPT).unwrap_or(Timestamp::MAX)
    }
}

/// Everything there is, whether it can be seen yet or not.
#[derive(Debug)]
pub(super) struct Content {
    /// Distinct ones.
    pub(super) records: Vec<Record>,
    /// By content type, each in the order in which blobs are listed.
    pub(super) feeds: [Vec<Blob>; 5],
}

/// All content.
///
/// # Errors
/// A given line is not a record with its content type.
pub(super) fn content(options: &Options, behaviours: &Behaviours) -> io::Result<Content> {
    let mut content = match &options.records {
        Some(lines) => given(lines, options, behaviours)?,
        None => made_up(options, behaviours),
    };
    for (feed, content_type) in content.feeds.iter_mut().zip(ContentType::ALL) {
        let mut number = 0_u64;
        feed.sort_by_cached_key(|blob| {
            number += 1;
            (blob.listed, blob.created, mix(options.seed ^ number))
        });
        for (place, blob) in feed.iter_mut().enumerate() {
            let mut dice = Dice::new(options.seed, content_type.name(), place as u64);
            blob.id = id(content_type, blob.created, place, &behaviours.tenant_id, &mut dice);
        }
    }
    Ok(content)
}

/// One of the three forms that ids were seen to have.
fn id(content_type: ContentType, created: Timestamp, place: usize, tenant: &str, dice: &mut Dice) -> String {
    let name = content_type.name().replace('.', "_");
    let lower = name.to_ascii_lowercase();
    let stamp = |at: Timestamp| at.strftime("%Y%m%d%H%M%S%3f").to_string();
    let first = format!("{}{:06}", stamp(created), place % 1_000_000);
    match dice.below(3) {
        0 => format!("{first}${first}${lower}${name}$emea{:04}", dice.below(100)),
        1 => {
            let region = format!("na{:04}", dice.below(100));
            let last = stamp(after(created, dice.between(500, 90_000)));
            format!("{first}${last}{:06}${lower}${name}${region}${region}", dice.below(1_000_000))
        }
        _ => {
            let number = format!("{}{place:05}", created.as_second());
            format!("{number}${number}${}{lower}${}$04", dice.hex(32), tenant.replace('-', ""))
        }
    }
}

/// Lines `{"content_type":…,"record":{…}}`: distinct records once, each blob as many as it may have.
fn given(lines: &[String], options: &Options, behaviours: &Behaviours) -> io::Result<Content> {
    #[derive(Deserialize)]
    struct Line<'a> {
        content_type: String,
        #[serde(borrow)]
        record: &'a RawValue,
    }
    let mut records = Vec::new();
    let mut known = HashMap::new();
    let mut places: [Vec<usize>; 5] = Default::default();
    for (number, line) in lines.iter().enumerate() {
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("record {}: {what}", number + 1));
        let line: Line<'_> = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let content_type = ContentType::named(&line.content_type)
            .ok_or_else(|| wrong(format!("unknown content type {:?}", line.content_type)))?;
        let place = *known.entry(canonical(line.record.get())).or_insert_with(|| {
            records.push(Record::Given(line.record.get().to_owned()));
            records.len() - 1
        });
        places[content_type.place()].push(place);
    }
    let feeds = places.map(|places| {
        let chunks: Vec<_> = places.chunks(behaviours.records_per_blob.max(1)).collect();
        let step = GIVEN_WITHIN / (chunks.len() as i64 + 1);
        let blobs = chunks.iter().enumerate().map(|(number, records)| {
            let created = after(options.now, step * (number as i64 + 1) - GIVEN_WITHIN - 1_000);
            Blob { id: String::new(), created, listed: options.now, records: records.to_vec(), is_shown: false }
        });
        blobs.collect()
    });
    Ok(Content { records, feeds })
}

fn made_up(options: &Options, behaviours: &Behaviours) -> Content {
    let mut records = Vec::with_capacity(options.events);
    let feeds = counts(options.events)
        .map(|(content_type, count)| feed(content_type, count, options, behaviours, &mut records));
    let mut content = Content { records, feeds };
    repeat(&mut content, options, behaviours);
    content
}

/// How many records each content type gets: one each as far as they go, then by shares.
fn counts(events: usize) -> [(ContentType, usize); 5] {
    let left = events.saturating_sub(SHARES.len());
    let mut rest = left - SHARES.iter().map(|share| left * share / 100).sum::<usize>();
    ContentType::ALL.map(|content_type| {
        let place = content_type.place();
        (content_type, usize::from(place < events) + left * SHARES[place] / 100 + std::mem::take(&mut rest))
    })
}

/// A content type, as likely as its share.
pub(super) fn by_share(dice: &mut Dice) -> ContentType {
    let mut left = dice.below(SHARES.iter().sum());
    for (content_type, share) in ContentType::ALL.into_iter().zip(SHARES) {
        if left < share {
            return content_type;
        }
        left -= share;
    }
    ContentType::Entra
}

fn feed(
    content_type: ContentType,
    count: usize,
    options: &Options,
    behaviours: &Behaviours,
    records: &mut Vec<Record>,
) -> Vec<Blob> {
    let mut blobs: Vec<Blob> = Vec::new();
    let mut left = count;
    while left > 0 {
        let mut dice = Dice::new(options.seed, content_type.log_type(), blobs.len() as u64);
        let size = (1 + dice.below(behaviours.records_per_blob.max(1))).min(left);
        // The second one is late in any case, so that there always is one.
        let is_late = dice.chance(behaviours.late) || blobs.len() == 1;
        let previous = blobs.last().map(|blob| blob.created).filter(|_| !is_late && dice.chance(0.2));
        let created = previous.unwrap_or_else(|| created(is_late, options, behaviours, &mut dice));
        let places = (0..size).map(|number| {
            let made = made(content_type, left - number, created, behaviours, &mut dice);
            records.push(Record::Made(made));
            records.len() - 1
        });
        let records = places.collect();
        let listed = listed(created, is_late, options, behaviours, &mut dice);
        blobs.push(Blob { id: String::new(), created, listed, records, is_shown: false });
        left -= size;
    }
    blobs
}

fn created(is_late: bool, options: &Options, behaviours: &Behaviours, dice: &mut Dice) -> Timestamp {
    if is_late && options.ahead_seconds == 0 {
        return after(options.now, -dice.between(1_000, LATE_WITHIN));
    }
    let span = options.now.as_millisecond() - options.first().as_millisecond();
    let last = span + options.ahead_seconds.max(0) * 1_000 - 1_000;
    if dice.chance(behaviours.flood) {
        // What was held up by an outage comes within minutes of its end, which is the same for all.
        let end = Dice::new(options.seed, "flood", 0).between(0, last);
        return after(options.first(), (end + dice.between(0, FLOOD)).min(last));
    }
    after(options.first(), dice.between(0, last))
}

/// What became available before the start is listed at the start, or a moment after if it is late;
/// later content when it becomes available, or minutes to hours after.
fn listed(created: Timestamp, is_late: bool, options: &Options, behaviours: &Behaviours, dice: &mut Dice) -> Timestamp {
    let longest = behaviours.latest_seconds.max(1) * 1_000;
    match (is_late, created < options.now) {
        (false, true) => options.now,
        (false, false) => created,
        // Later than any collector looks back is no lateness but a loss.
        (true, true) if created < after(options.now, -LATE_WITHIN) => options.now,
        (true, true) => after(options.now, dice.between(1_000, 3_000)),
        (true, false) if dice.chance(0.9) => after(created, dice.between(1_000, longest / 20 + 1_000).min(longest)),
        (true, false) => after(created, dice.between(1_000, longest)),
    }
}

/// A record that happened an hour or so before its blob, or days.
pub(super) fn made(
    content_type: ContentType,
    number: usize,
    created: Timestamp,
    behaviours: &Behaviours,
    dice: &mut Dice,
) -> Made {
    let before = match dice.chance(behaviours.days_old) {
        true => dice.between(DAY, 6 * DAY),
        // In steps, so that seconds are shared.
        false => dice.between(10, 90) * 60_000,
    };
    let happened = after(created, -before).as_second();
    let named_as = if number > 1 && dice.chance(behaviours.same_id) { number - 1 } else { number };
    Made { content_type, number, named_as, happened }
}

/// Puts some records in a second blob: of their feed, or of the general one.
fn repeat(content: &mut Content, options: &Options, behaviours: &Behaviours) {
    for feed in 0..content.feeds.len() {
        let mut dice = Dice::new(options.seed, "repeat", feed as u64);
        let records: Vec<_> = content.feeds[feed].iter().flat_map(|blob| blob.records.iter().copied()).collect();
        for record in records {
            if dice.chance(behaviours.repeated) {
                put(&mut content.feeds[feed], record, &mut dice);
            }
            if dice.chance(behaviours.repeated_elsewhere) {
                put(&mut content.feeds[ContentType::General.place()], record, &mut dice);
            }
        }
    }
}

fn put(feed: &mut [Blob], record: usize, dice: &mut Dice) {
    let place = dice.below(feed.len());
    if let Some(blob) = feed.get_mut(place) {
        let at = dice.below(blob.records.len() + 1);
        blob.records.insert(at, record);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn options(events: usize) -> Options {
        Options { events, ..Options::new("2026-11-22T09:00:00Z".parse().unwrap()) }
    }

    #[test]
    fn every_content_type_gets_some() {
        for events in [0, 1, 4, 5, 7, 100, 1_001] {
            let counts = counts(events).map(|(_, count)| count);
            assert_eq!(counts.iter().sum::<usize>(), events, "{counts:?}");
            assert!(events < 5 || counts.iter().all(|count| *count > 0), "{counts:?}");
        }
    }

    #[test]
    fn as_many_distinct_records_as_asked_for_and_some_of_them_twice() {
        let behaviours = Behaviours::default();
        let options = options(1_000);
        let content = content(&options, &behaviours).unwrap();
        let recipe = Recipe::new(&options, &behaviours);
        let distinct: HashSet<_> = content.records.iter().map(|record| canonical(&record.raw(&recipe))).collect();
        assert_eq!(distinct.len(), 1_000);
        let blobs: Vec<_> = content.feeds.iter().flatten().collect();
        assert!(blobs.iter().map(|blob| blob.records.len()).sum::<usize>() > 1_020);
        let ids: HashSet<_> = blobs.iter().map(|blob| &blob.id).collect();
        assert_eq!(ids.len(), blobs.len());
        let instants: HashSet<_> = blobs.iter().map(|blob| blob.created).collect();
        assert!(instants.len() < blobs.len(), "no two blobs share an instant");
        let late = blobs.iter().filter(|blob| blob.listed > options.now).count();
        assert!((1..=30).contains(&late), "{late}");
        assert!(blobs.iter().all(|blob| blob.created < options.now && blob.expires() > options.now));
    }

    #[test]
    fn after_an_outage_blobs_come_together() {
        let behaviours = Behaviours { flood: 1.0, late: 0.0, ..Behaviours::default() };
        let content = content(&options(1_000), &behaviours).unwrap();
        let mut created: Vec<_> = content.feeds.iter().flatten().map(|blob| blob.created).collect();
        created.sort_unstable();
        let together = |from: &Timestamp| {
            let end = after(*from, FLOOD);
            created.iter().filter(|at| from <= *at && **at <= end).count()
        };
        // The rest are late ones, of which there always are some.
        let flood = created.iter().map(together).max().unwrap();
        assert!(flood * 10 > created.len() * 8, "{flood} of {}", created.len());
    }

    #[test]
    fn given_records_are_kept_as_they_are_and_lie_just_before_the_start() {
        let line =
            |content_type: &str, record: &str| format!(r#"{{"content_type":"{content_type}","record":{record}}}"#);
        let lines = [
            line("DLP.All", r#"{"Id":"a","n":1.0}"#),
            line("dlp.all", r#"{"n":1.0,"Id":"a"}"#),
            line("Audit.General", r#"{"Id":"b"}"#),
        ];
        let options = Options { records: Some(lines.into()), ..options(0) };
        let content = content(&options, &Behaviours::default()).unwrap();
        assert_eq!(content.records.len(), 2);
        let dlp = &content.feeds[ContentType::Dlp.place()];
        assert_eq!(dlp.iter().map(|blob| blob.records.as_slice()).collect::<Vec<_>>(), [[0, 0]]);
        let age = dlp[0].created.duration_until(options.now);
        assert!(age > SignedDuration::ZERO && age <= SignedDuration::from_mins(31), "{age}");
        let recipe = Recipe::new(&options, &Behaviours::default());
        assert_eq!(content.records[0].raw(&recipe), r#"{"Id":"a","n":1.0}"#);
    }

    #[test]
    fn err_a_line_says_its_number() {
        let check = |line: &str, part: &str| {
            let records = vec![r#"{"content_type":"DLP.All","record":{}}"#.to_owned(), line.to_owned()];
            let error = content(&Options { records: Some(records), ..options(0) }, &Behaviours::default()).unwrap_err();
            assert!(error.to_string().starts_with("record 2: ") && error.to_string().contains(part), "{error}");
        };
        check("{}", "content_type");
        check("nonsense", "expected");
        check(r#"{"content_type":"Audit.Nothing","record":{}}"#, "Audit.Nothing");
    }
}
