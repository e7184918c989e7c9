//! The contract of every adapter of a port, sentence by sentence of the port's documentation.
//!
//! There is one function per port: [`state`], [`state_reopened`], [`bucket`], [`bucket_reopened`], [`secrets`].
//! Each needs a store that is empty under the names used here, and leaves its data in it.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use collector::{
    Bucket, Head, HeadTimes, LastCommit, LedgerHour, LedgerItem, LedgerKind, ListingState, MAX_COMMIT_HOURS,
    NotOffered, PendingBlob, PendingSpan, PendingWork, PortError, Put, Recovery, Restoring, Schedule, Secrets,
    SilenceClaim, SilenceRecord, State, Stream, SweepProgress, Written,
};
use futures_util::future::join_all;
use schema::LogType;
use secrecy::ExposeSecret;

/// The number of writers in each race.
const RACERS: u64 = 8;
/// The number of runs of each race.
const ROUNDS: u64 = 5;
/// An hour of 2026, in hours since 1970.
const HOUR: u32 = 498_000;
/// A time far in the future of every clock of the tests.
const NEVER: i64 = 9_000_000_000;

/// Checks the whole contract of [`State`].
pub(crate) async fn state(state: &impl State) {
    head_is_absent_until_created(state).await;
    head_is_created_once(state).await;
    head_comes_back_whole(state).await;
    version_must_match(state).await;
    refused_writes_nothing(state).await;
    commit_is_one_transaction_of_100(state).await;
    items_come_in_ascending_order(state).await;
    entries_come_back_whole(state).await;
    every_page_is_read(state).await;
    expired_items_count(state).await;
    places_are_apart(state).await;
    streams_are_apart(state).await;
    label_is_no_part_of_the_name(state).await;
    hours_of_a_commit_are_visible(state).await;
    hours_of_other_commits_are_not_visible(state).await;
    every_hour_that_a_commit_writes_can_be_looked_up(state).await;
    one_creator_wins(state).await;
    one_writer_wins(state).await;
}

/// Checks that `second`, which opened the same store later, reads the data that `first` wrote.
pub(crate) async fn state_reopened(first: &impl State, second: &impl State) {
    let stream = stream("reopened");
    let items = [rows(HOUR, 0, [1, 2, 3])];
    apply(first, &stream, None, &head(1), &items).await;
    assert_eq!(second.head(&stream).await.unwrap(), Some(head(1)));
    assert_eq!(ledger(second, &stream, None).await, items);
    apply(second, &stream, Some(1), &head(2), &[]).await;
    refuse(first, &stream, Some(1), &head(3), &[]).await;
    assert_eq!(first.head(&stream).await.unwrap(), Some(head(2)));
}

/// Checks the whole contract of [`Bucket`] with keys that begin with `prefix` (which may be empty).
pub(crate) async fn bucket(bucket: &impl Bucket, prefix: &str) {
    absent_is_none(bucket, prefix).await;
    object_is_created_once_and_never_changed(bucket, prefix).await;
    bodies_come_back_whole(bucket, prefix).await;
    keys_are_apart(bucket, prefix).await;
    one_put_wins(bucket, prefix).await;
    puts_of_different_keys_all_win(bucket, prefix).await;
    replacements(bucket, prefix).await;
}

/// Checks the contract of [`Bucket::replace`].
pub(crate) async fn replacements(bucket: &impl Bucket, prefix: &str) {
    absent_object_is_not_replaced(bucket, prefix).await;
    object_is_replaced_if_its_content_is_expected(bucket, prefix).await;
    replacements_come_back_whole(bucket, prefix).await;
    one_replacement_wins(bucket, prefix).await;
    every_replacement_follows_another(bucket, prefix).await;
}

/// Checks that `second`, which opened the same store later, gets the objects that `first` put.
pub(crate) async fn bucket_reopened(first: &impl Bucket, second: &impl Bucket, prefix: &str) {
    for name in ["openai_audit/dt=2026-11-22/hour=07/reopened-000000000000.ndjson.gz", "_state/reopened.json"] {
        let key = format!("{prefix}{name}");
        assert_eq!(put(first, &key, b"first").await, Put::Created);
        assert_eq!(second.get(&key).await.unwrap().as_deref(), Some(&b"first"[..]));
        assert_eq!(put(second, &key, b"second").await, Put::AlreadyThere);
        assert_eq!(first.get(&key).await.unwrap().as_deref(), Some(&b"first"[..]));
    }
    let key = format!("{prefix}_state/reopened.json");
    assert!(replace(second, &key, b"first", b"third").await);
    assert_eq!(first.get(&key).await.unwrap().as_deref(), Some(&b"third"[..]));
    assert!(!replace(first, &key, b"first", b"fourth").await);
    assert!(replace(first, &key, b"third", b"fourth").await);
    assert_eq!(second.get(&key).await.unwrap().as_deref(), Some(&b"fourth"[..]));
}

/// Checks the whole contract of [`Secrets`]. The secret with this reference must exist and be `text`.
pub(crate) async fn secrets(secrets: &impl Secrets, reference: &str, text: &str) {
    for fresh in [false, true, false] {
        let secret = secrets.get(reference, fresh).await.unwrap();
        assert_eq!(secret.expose_secret(), text);
        assert!(!format!("{secret:?}").contains(text));
    }
    let unknown = secrets.get(&format!("{reference}-unknown"), false).await.unwrap_err();
    assert_eq!(unknown.recovery, Recovery::Person, "{unknown}");
    assert!(!unknown.message.contains(text));
}

// ---- State

async fn head_is_absent_until_created(state: &impl State) {
    let stream = stream("absent");
    assert_eq!(state.head(&stream).await.unwrap(), None);
    assert_eq!(ledger(state, &stream, None).await, []);
    refuse(state, &stream, Some(0), &head(1), &[rows(HOUR, 0, [1])]).await;
    refuse(state, &stream, Some(1), &head(2), &[]).await;
    assert_eq!(state.head(&stream).await.unwrap(), None);
    assert_eq!(ledger(state, &stream, None).await, []);
}

async fn head_is_created_once(state: &impl State) {
    let stream = stream("created");
    apply(state, &stream, None, &head(1), &[]).await;
    assert_eq!(state.head(&stream).await.unwrap(), Some(head(1)));
    refuse(state, &stream, None, &head(1), &[]).await;
    refuse(state, &stream, None, &head(2), &[]).await;
    assert_eq!(state.head(&stream).await.unwrap(), Some(head(1)));
}

async fn head_comes_back_whole(state: &impl State) {
    let stream = stream("whole");
    let listing = ListingState {
        probe_seconds: Some(3),
        watermark: -1,
        swept: BTreeMap::from([(600, 1), (u32::MAX, i64::MAX)]),
        sweep_progress: Some(SweepProgress { reach: u32::MAX, began: -3, at: -2 }),
        window_seconds: Some(1),
        not_offered: Some(NotOffered { refusals: 2, until: Some(7) }),
        refusals: u32::MAX,
        pending: PendingWork {
            spans: (0..64).map(pending_span).collect(),
            blobs: (0..500).map(pending_blob).collect(),
        },
    };
    let full = Head {
        version: 1,
        id: "0123456789abcdef".into(),
        seq: 999_999_999_999,
        restoring: Some(Restoring { since: -9, after: "é/k".into() }),
        last_commit: LastCommit { at: 7, rows: vec![0, u32::MAX], blobs: vec![1] },
        intent: Some("Ünïted/„quoted\"/\\/🦀/a-000000000000.ndjson.gz".into()),
        floor: -1,
        listings: BTreeMap::from([("own".into(), listing), (String::new(), ListingState::default())]),
        times: HeadTimes {
            written_at: 1_795_330_800,
            last_start: Some(i64::MIN),
            last_event: Some(0),
            created_at: Some(-1),
            last_delivery: Some(i64::MAX),
            silence: Some(SilenceRecord {
                since: 5,
                is_start_sent: true,
                claim: Some(SilenceClaim { id: u64::MAX, until: i64::MAX }),
            }),
        },
    };
    apply(state, &stream, None, &full, &[]).await;
    assert_eq!(state.head(&stream).await.unwrap(), Some(full));
}

fn pending_span(number: i64) -> PendingSpan {
    let schedule =
        Schedule { first_failure: -1, last_attempt: 0, attempts: u32::MAX, next_attempt: i64::MAX, refusals: 3 };
    let (from, cursor) = (number * 10, Some(format!("cursor \"{number}\" é")));
    PendingSpan {
        from,
        to: from + 1,
        schedule,
        list_again: cursor.is_some(),
        is_second_pass: number % 2 == 1,
        cursor,
        reason: "HTTP 500 \u{1f980}".into(),
    }
}

fn pending_blob(number: i64) -> PendingBlob {
    let schedule = pending_span(number).schedule;
    let (id, uri) = (format!("blob-{number}$é"), format!("https://127.0.0.1/blob/{number}"));
    PendingBlob { id, uri, created: number, expires: -1, schedule, missing_since: Some(3), reason: String::new() }
}

async fn version_must_match(state: &impl State) {
    let stream = stream("version");
    apply(state, &stream, None, &head(1), &[]).await;
    for version in 1..12 {
        apply(state, &stream, Some(version), &head(version + 1), &[]).await;
        for wrong in [0, version, version + 2, 1_000] {
            refuse(state, &stream, Some(wrong), &head(77), &[]).await;
        }
        assert_eq!(state.head(&stream).await.unwrap(), Some(head(version + 1)));
    }
}

async fn refused_writes_nothing(state: &impl State) {
    let stream = stream("nothing");
    let [kept, lost] = [[rows(HOUR, 0, [1])], [rows(HOUR, 1, [2])]];
    apply(state, &stream, None, &head(1), &kept).await;
    refuse(state, &stream, None, &head(2), &lost).await;
    refuse(state, &stream, Some(9), &head(2), &lost).await;
    assert_eq!(state.head(&stream).await.unwrap(), Some(head(1)));
    assert_eq!(ledger(state, &stream, None).await, kept);
}

/// Every store must accept at least 100 items in one transaction: the head and 99 ledger items. DynamoDB accepts no
/// more.
async fn commit_is_one_transaction_of_100(state: &impl State) {
    let stream = stream("hundred");
    let items: Vec<_> = (0..99).map(|hour| rows(HOUR + hour, 0, [u64::from(hour)])).collect();
    apply(state, &stream, None, &head(1), &items).await;
    for item in &items {
        let read = state.ledger(&stream, LedgerKind::Rows, item.hour, None).await.unwrap();
        assert_eq!(read, std::slice::from_ref(item));
    }
}

async fn items_come_in_ascending_order(state: &impl State) {
    let stream = stream("order");
    // As texts, these numbers have a different order.
    let seqs = [0, 1, 2, 9, 10, 11, 99, 100, 999_999_999_999];
    apply(state, &stream, None, &head(1), &[]).await;
    for (version, seq) in (1..).zip(seqs) {
        apply(state, &stream, Some(version), &head(version + 1), &[rows(HOUR, seq, [seq])]).await;
    }
    let after = async |after_seq| ledger(state, &stream, after_seq).await.iter().map(|item| item.seq).collect();
    let check = |read: Vec<u64>, expected: &[u64]| assert_eq!(read, expected);
    check(after(None).await, &seqs);
    check(after(Some(0)).await, &seqs[1..]);
    check(after(Some(8)).await, &seqs[3..]);
    check(after(Some(9)).await, &seqs[4..]);
    check(after(Some(100)).await, &seqs[8..]);
    check(after(Some(999_999_999_999)).await, &[]);
}

async fn entries_come_back_whole(state: &impl State) {
    let stream = stream("entries");
    let edges = vec![0, 1, u64::MAX, 1 << 63, (1 << 63) - 1, 0x0102_0304_0506_0708, 1, 0];
    let many = (0..20_000_u64).map(|count| count.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let items = [
        LedgerItem { kind: LedgerKind::Rows, hour: 0, seq: 3, entries: edges, expires_at: NEVER },
        LedgerItem { kind: LedgerKind::Rows, hour: u32::MAX, seq: 3, entries: many, expires_at: NEVER + 1 },
    ];
    apply(state, &stream, None, &head(1), &items).await;
    for item in items {
        assert_eq!(state.ledger(&stream, item.kind, item.hour, None).await.unwrap(), [item]);
    }
}

/// The ledger hour has 2.4 MB: more than one answer of any store.
async fn every_page_is_read(state: &impl State) {
    let stream = stream("pages");
    apply(state, &stream, None, &head(1), &[]).await;
    for seq in 0..8 {
        let item = LedgerItem { entries: (0..37_500).collect(), ..rows(HOUR, seq, []) };
        apply(state, &stream, Some(seq + 1), &head(seq + 2), &[item]).await;
    }
    let read = ledger(state, &stream, None).await;
    assert_eq!(read.iter().map(|item| (item.seq, item.entries.len())).collect::<Vec<_>>(), {
        (0..8).map(|seq| (seq, 37_500)).collect::<Vec<_>>()
    });
    assert_eq!(ledger(state, &stream, Some(5)).await.len(), 2);
}

async fn expired_items_count(state: &impl State) {
    let stream = stream("expired");
    let items = [LedgerItem { expires_at: 1, ..rows(HOUR, 0, [5]) }];
    apply(state, &stream, None, &head(1), &items).await;
    assert_eq!(ledger(state, &stream, None).await, items);
}

/// An item's place is its kind, hour and `seq`.
async fn places_are_apart(state: &impl State) {
    let stream = stream("places");
    let kinds = [LedgerKind::Rows, LedgerKind::Blobs];
    let hours = [0, 1, 11, HOUR, HOUR + 1, HOUR * 10];
    apply(state, &stream, None, &head(1), &[]).await;
    let mut entry = 0;
    let mut written = Vec::new();
    for seq in 0..3 {
        let places = kinds.into_iter().flat_map(|kind| hours.map(|hour| (kind, hour)));
        let items: Vec<_> = places
            .map(|(kind, hour)| {
                entry += 1;
                LedgerItem { kind, ..rows(hour, seq, [entry]) }
            })
            .collect();
        apply(state, &stream, Some(seq + 1), &head(seq + 2), &items).await;
        written.extend(items);
    }
    for kind in kinds {
        for hour in hours {
            let expected: Vec<_> =
                written.iter().filter(|item| item.kind == kind && item.hour == hour).cloned().collect();
            assert_eq!(state.ledger(&stream, kind, hour, None).await.unwrap(), expected);
            assert_eq!(expected.len(), 3);
        }
    }
}

async fn streams_are_apart(state: &impl State) {
    let longest = "x".repeat(64);
    // A careless separator, prefix scan or case fold would mix up these names.
    let sources = ["apart", "apart.a", "apart-a", "apart_a", "APART", "aparta", "rows", longest.as_str()];
    let streams: Vec<_> =
        sources.iter().flat_map(|source| LogType::ALL.map(|log_type| Stream { log_type, ..stream(source) })).collect();
    for (entry, stream) in (1..).zip(&streams) {
        let mine = Head { id: stream.name(), ..head(1) };
        apply(state, stream, None, &mine, &[rows(HOUR, 0, [entry])]).await;
    }
    for (entry, stream) in (1..).zip(&streams) {
        assert_eq!(state.head(stream).await.unwrap().unwrap().id, stream.name());
        assert_eq!(ledger(state, stream, None).await, [rows(HOUR, 0, [entry])]);
    }
}

async fn label_is_no_part_of_the_name(state: &impl State) {
    let named = |label: &str| Stream { label: label.to_owned(), ..stream("label") };
    apply(state, &named("Ünïcode 会社 🦀 \"'#"), None, &head(1), &[rows(HOUR, 0, [1])]).await;
    for label in ["", "another"] {
        assert_eq!(state.head(&named(label)).await.unwrap(), Some(head(1)));
        assert_eq!(ledger(state, &named(label), None).await, [rows(HOUR, 0, [1])]);
    }
}

async fn hours_of_a_commit_are_visible(state: &impl State) {
    let stream = stream("visible");
    assert_eq!(visible(state, &stream, 0, &[hour(HOUR)]).await, []);
    let items = [rows(0, 7, [1]), rows(HOUR, 7, []), rows(u32::MAX, 7, [2, 3])];
    apply(state, &stream, None, &head(1), &items).await;
    let written = [hour(0), hour(HOUR), hour(u32::MAX)];
    assert_eq!(visible(state, &stream, 7, &written).await, written);
    assert_eq!(visible(state, &stream, 7, &[hour(HOUR)]).await, [hour(HOUR)]);
    assert_eq!(visible(state, &stream, 7, &[]).await, []);
    let absent = [hour(1), hour(HOUR - 1), hour(HOUR), hour(HOUR + 1)];
    assert_eq!(visible(state, &stream, 7, &absent).await, [hour(HOUR)]);
}

/// An item counts only for its own stream, kind, hour and `seq`, whatever other items exist.
async fn hours_of_other_commits_are_not_visible(state: &impl State) {
    let (mine, other) = (stream("visible-mine"), stream("visible-other"));
    apply(state, &mine, None, &head(1), &[rows(HOUR, 10, [1])]).await;
    apply(state, &mine, Some(1), &head(2), &[rows(HOUR + 1, 11, [2])]).await;
    apply(state, &other, None, &head(1), &[rows(HOUR, 12, [3])]).await;
    for (seq, expected) in [(10, vec![hour(HOUR)]), (11, vec![hour(HOUR + 1)]), (12, vec![]), (0, vec![]), (1, vec![])]
    {
        assert_eq!(visible(state, &mine, seq, &[hour(HOUR), hour(HOUR + 1)]).await, expected, "{seq}");
    }
    let blobs = LedgerHour { kind: LedgerKind::Blobs, hour: HOUR };
    assert_eq!(visible(state, &mine, 10, &[blobs]).await, []);
    assert_eq!(visible(state, &mine, 10, &[blobs, hour(HOUR)]).await, [hour(HOUR)]);
    let of_blobs = LedgerItem { kind: LedgerKind::Blobs, ..rows(HOUR, 12, [4]) };
    apply(state, &mine, Some(2), &head(3), &[of_blobs]).await;
    assert_eq!(visible(state, &mine, 12, &[hour(HOUR), blobs]).await, [blobs]);
}

async fn every_hour_that_a_commit_writes_can_be_looked_up(state: &impl State) {
    let stream = stream("visible-many");
    let max_hours = u32::try_from(MAX_COMMIT_HOURS).unwrap();
    let items: Vec<_> = (0..max_hours).map(|count| rows(HOUR + count, 5, [u64::from(count)])).collect();
    apply(state, &stream, None, &head(1), &items).await;
    let written: Vec<_> = items.iter().map(|item| hour(item.hour)).collect();
    assert_eq!(visible(state, &stream, 5, &written).await, written);
    assert_eq!(visible(state, &stream, 6, &written).await, []);
    // Half of these hours were never written.
    let shifted: Vec<_> = (0..max_hours).map(|count| hour(HOUR + max_hours / 2 + count)).collect();
    assert_eq!(visible(state, &stream, 5, &shifted).await, written[MAX_COMMIT_HOURS / 2..]);
}

async fn one_creator_wins(state: &impl State) {
    for round in 0..ROUNDS {
        race(state, &stream(&format!("creator-{round}")), None).await;
    }
}

async fn one_writer_wins(state: &impl State) {
    let stream = stream("writer");
    apply(state, &stream, None, &head(1), &[]).await;
    for version in 1..=ROUNDS {
        race(state, &stream, Some(version)).await;
    }
}

/// Checks that of concurrent writes with the same expected version exactly one is applied, with its ledger item.
async fn race(state: &impl State, stream: &Stream, expected: Option<u64>) {
    let version = expected.unwrap_or(0) + 1;
    let hour = HOUR + u32::try_from(version).unwrap();
    let attempts = (0..RACERS).map(async |racer| {
        let head = Head { id: format!("racer-{racer}"), ..head(version) };
        let written = state.write(stream, expected, &head, &[rows(hour, version, [racer])]).await.unwrap();
        (written == Written::Applied).then_some(racer)
    });
    let winners: Vec<u64> = join_all(attempts).await.into_iter().flatten().collect();
    let [winner] = winners[..] else { panic!("{winners:?} all won the write of version {version}") };
    let head = state.head(stream).await.unwrap().unwrap();
    assert_eq!((head.version, head.id), (version, format!("racer-{winner}")));
    let items = state.ledger(stream, LedgerKind::Rows, hour, None).await.unwrap();
    assert_eq!(items, [rows(hour, version, [winner])]);
}

fn stream(source: &str) -> Stream {
    Stream {
        source: source.to_owned().try_into().unwrap(),
        label: String::new(),
        log_type: LogType::OpenAiAudit,
        listings: vec!["default"],
    }
}

fn head(version: u64) -> Head {
    Head {
        version,
        id: "conformance".into(),
        seq: version * 3,
        intent: None,
        floor: 1_795_000_000,
        listings: BTreeMap::new(),
        restoring: None,
        last_commit: LastCommit::default(),
        times: HeadTimes { written_at: 1_795_330_800, ..HeadTimes::default() },
    }
}

fn rows<const N: usize>(hour: u32, seq: u64, entries: [u64; N]) -> LedgerItem {
    LedgerItem { kind: LedgerKind::Rows, hour, seq, entries: entries.to_vec(), expires_at: NEVER }
}

async fn ledger(state: &impl State, stream: &Stream, after_seq: Option<u64>) -> Vec<LedgerItem> {
    state.ledger(stream, LedgerKind::Rows, HOUR, after_seq).await.unwrap()
}

fn hour(hour: u32) -> LedgerHour {
    LedgerHour { kind: LedgerKind::Rows, hour }
}

/// Returns the visible hours of `hours`, sorted.
async fn visible(state: &impl State, stream: &Stream, seq: u64, hours: &[LedgerHour]) -> Vec<LedgerHour> {
    let mut visible = state.visible_hours(stream, seq, hours).await.unwrap();
    visible.sort_unstable();
    visible
}

async fn apply(state: &impl State, stream: &Stream, expected: Option<u64>, head: &Head, items: &[LedgerItem]) {
    assert_eq!(state.write(stream, expected, head, items).await, Ok::<_, PortError>(Written::Applied));
}

async fn refuse(state: &impl State, stream: &Stream, expected: Option<u64>, head: &Head, items: &[LedgerItem]) {
    assert_eq!(state.write(stream, expected, head, items).await, Ok::<_, PortError>(Written::Refused));
}

// ---- Bucket

async fn absent_is_none(bucket: &impl Bucket, prefix: &str) {
    for name in ["absent", "absent/dt=2026-11-22/hour=07/a-000000000000.ndjson.gz", "_state/absent.json"] {
        assert_eq!(bucket.get(&format!("{prefix}{name}")).await, Ok(None), "{name}");
    }
}

async fn object_is_created_once_and_never_changed(bucket: &impl Bucket, prefix: &str) {
    for name in [
        "openai_audit/dt=2026-11-22/hour=07/acme-000000000000.ndjson.gz",
        "rejected/openai_audit/00000000.json",
        "_state/acme-openai_audit.json",
    ] {
        let key = format!("{prefix}{name}");
        assert_eq!(put(bucket, &key, b"first").await, Put::Created);
        for body in [&b"first"[..], b"second", b""] {
            assert_eq!(put(bucket, &key, body).await, Put::AlreadyThere);
            assert_eq!(bucket.get(&key).await.unwrap().as_deref(), Some(&b"first"[..]));
        }
    }
}

async fn bodies_come_back_whole(bucket: &impl Bucket, prefix: &str) {
    let large: Vec<u8> = (0..(24_u32 << 20)).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (name, body) in [("empty", vec![]), ("zero", vec![0]), ("bytes", (0..=255).collect()), ("large", large)] {
        let key = format!("{prefix}bodies/{name}");
        assert_eq!(bucket.put_if_absent(&key, body.clone(), "application/gzip").await, Ok(Put::Created), "{name}");
        let read = bucket.get(&key).await.unwrap().unwrap();
        assert!(read == body, "{name}: {} bytes came back of {}", read.len(), body.len());
    }
}

async fn keys_are_apart(bucket: &impl Bucket, prefix: &str) {
    let names = ["keys/a-1", "keys/a-10", "keys/A-1", "keys/deep/er/a-1", "keys/dt=1/a b", "keys/é会🦀+%20&?"];
    for name in names {
        assert_eq!(put(bucket, &format!("{prefix}{name}"), name.as_bytes()).await, Put::Created, "{name}");
    }
    for name in names {
        let body = bucket.get(&format!("{prefix}{name}")).await.unwrap();
        assert_eq!(body.as_deref(), Some(name.as_bytes()), "{name}");
    }
    // Neither a prefix of a key nor a key below it is an object.
    for name in ["keys", "keys/deep/er", "keys/a-1/below", "keys/a"] {
        assert_eq!(bucket.get(&format!("{prefix}{name}")).await, Ok(None), "{name}");
    }
}

async fn one_put_wins(bucket: &impl Bucket, prefix: &str) {
    for round in 0..ROUNDS {
        let key = format!("{prefix}race/{round}");
        let attempts = (0..RACERS).map(async |racer| {
            let body = format!("racer-{racer}").repeat(10_000);
            (put(bucket, &key, body.as_bytes()).await == Put::Created).then_some(body)
        });
        let winners: Vec<String> = join_all(attempts).await.into_iter().flatten().collect();
        let [winner] = &winners[..] else { panic!("{} puts of {key} reported success", winners.len()) };
        assert!(bucket.get(&key).await.unwrap().unwrap() == winner.as_bytes());
    }
}

async fn puts_of_different_keys_all_win(bucket: &impl Bucket, prefix: &str) {
    let keys: BTreeSet<_> = (0..RACERS * 2).map(|count| format!("{prefix}all/{count}")).collect();
    let puts = join_all(keys.iter().map(|key| put(bucket, key, key.as_bytes()))).await;
    assert!(puts.iter().all(|put| *put == Put::Created), "{puts:?}");
    for key in keys {
        assert_eq!(bucket.get(&key).await.unwrap().as_deref(), Some(key.as_bytes()));
    }
}

async fn absent_object_is_not_replaced(bucket: &impl Bucket, prefix: &str) {
    let key = format!("{prefix}_state/never-created.json");
    for expected in [&b""[..], b"expected"] {
        assert!(!replace(bucket, &key, expected, b"new").await);
        assert_eq!(bucket.get(&key).await, Ok(None));
    }
}

async fn object_is_replaced_if_its_content_is_expected(bucket: &impl Bucket, prefix: &str) {
    let (key, other) = (format!("{prefix}_state/replaced.json"), format!("{prefix}_state/replaced.json2"));
    for key in [&key, &other] {
        assert_eq!(put(bucket, key, b"first").await, Put::Created);
    }
    for wrong in [&b""[..], b"firs", b"first ", b"First", b"second"] {
        assert!(!replace(bucket, &key, wrong, b"second").await);
        assert_eq!(bucket.get(&key).await.unwrap().as_deref(), Some(&b"first"[..]));
    }
    for (old, new) in [(&b"first"[..], &b"second, which is longer"[..]), (b"second, which is longer", b""), (b"", b"x")]
    {
        assert!(replace(bucket, &key, old, new).await);
        assert_eq!(bucket.get(&key).await.unwrap().as_deref(), Some(new));
        assert!(!replace(bucket, &key, old, b"third").await);
        assert_eq!(put(bucket, &key, b"fourth").await, Put::AlreadyThere);
    }
    assert_eq!(bucket.get(&key).await.unwrap().as_deref(), Some(&b"x"[..]));
    assert_eq!(bucket.get(&other).await.unwrap().as_deref(), Some(&b"first"[..]));
}

async fn replacements_come_back_whole(bucket: &impl Bucket, prefix: &str) {
    let key = format!("{prefix}_state/bytes.json");
    let bytes = |count: u32| -> Vec<u8> { (0..count).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect() };
    let mut current = vec![0];
    assert_eq!(put(bucket, &key, &current).await, Put::Created);
    for next in [(0..=255).collect(), bytes(1 << 20), vec![], bytes(70_001)] {
        assert!(replace(bucket, &key, &current, &next).await);
        let read = bucket.get(&key).await.unwrap().unwrap();
        assert!(read == next, "{} bytes came back of {}", read.len(), next.len());
        current = next;
    }
}

async fn one_replacement_wins(bucket: &impl Bucket, prefix: &str) {
    for round in 0..ROUNDS {
        let key = format!("{prefix}_state/race-{round}.json");
        assert_eq!(put(bucket, &key, b"before").await, Put::Created);
        let attempts = (0..RACERS).map(async |racer| {
            let body = format!("racer-{racer}").repeat(10_000);
            replace(bucket, &key, b"before", body.as_bytes()).await.then_some(body)
        });
        let winners: Vec<String> = join_all(attempts).await.into_iter().flatten().collect();
        let [winner] = &winners[..] else { panic!("{} replacements of {key} reported success", winners.len()) };
        assert!(bucket.get(&key).await.unwrap().unwrap() == winner.as_bytes());
    }
}

/// Concurrent writers read a number, add one and replace it. The sum would reveal a lost replacement.
async fn every_replacement_follows_another(bucket: &impl Bucket, prefix: &str) {
    const EACH: u64 = 3;
    let key = format!("{prefix}_state/sum.json");
    assert_eq!(put(bucket, &key, b"0").await, Put::Created);
    let attempts = (0..RACERS).map(async |_| {
        let mut replaced = 0;
        while replaced < EACH {
            let current = bucket.get(&key).await.unwrap().unwrap();
            let number: u64 = std::str::from_utf8(&current).unwrap().parse().unwrap();
            replaced += u64::from(replace(bucket, &key, &current, (number + 1).to_string().as_bytes()).await);
        }
    });
    join_all(attempts).await;
    let sum = (RACERS * EACH).to_string();
    assert_eq!(bucket.get(&key).await.unwrap().as_deref(), Some(sum.as_bytes()));
}

async fn replace(bucket: &impl Bucket, key: &str, expected: &[u8], body: &[u8]) -> bool {
    bucket.replace(key, expected, body.to_vec(), "application/json").await.unwrap()
}

async fn put(bucket: &impl Bucket, key: &str, body: &[u8]) -> Put {
    bucket.put_if_absent(key, body.to_vec(), "application/gzip").await.unwrap()
}
