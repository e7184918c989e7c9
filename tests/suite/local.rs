//! The local adapters: the conformance suite, and tests that kill processes.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use adapters::local::{LocalBucket, LocalSecrets, LocalState, SecretSource};
use collector::{Bucket, Head, LedgerItem, LedgerKind, Put, State, Stream, Written};
use schema::LogType;

use crate::conformance;

#[tokio::test]
async fn state_conforms() {
    let lake = tempfile::tempdir().unwrap();
    conformance::state(&LocalState::open(lake.path()).unwrap()).await;
    let first = LocalState::open(lake.path()).unwrap();
    conformance::state_reopened(&first, &LocalState::open(lake.path()).unwrap()).await;
}

#[tokio::test]
async fn bucket_conforms() {
    for prefix in ["", "team/", "a b/é/"] {
        let lake = tempfile::tempdir().unwrap();
        let first = LocalBucket::open(lake.path(), prefix).unwrap();
        conformance::bucket(&first, prefix).await;
        conformance::bucket_reopened(&first, &LocalBucket::open(lake.path(), prefix).unwrap(), prefix).await;
    }
}

#[tokio::test]
async fn secrets_conform() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret.json");
    std::fs::write(&file, "sk-admin-canary\n").unwrap();
    let secrets = LocalSecrets::new([
        ("file".to_owned(), SecretSource::File(file)),
        ("text".to_owned(), SecretSource::Text("sk-admin-canary".to_owned().into())),
    ]);
    for reference in ["file", "text"] {
        conformance::secrets(&secrets, reference, "sk-admin-canary").await;
    }
    assert!(!format!("{secrets:?}").contains("canary"));
}

/// Kills processes that write as fast as they can at random moments, many times. After each
/// kill the head and its ledger agree, and every object is whole.
#[tokio::test]
async fn killed_at_any_moment() {
    let lake = tempfile::tempdir().unwrap();
    for kill in 0..12 {
        let mut workers: Vec<Child> = (0..3).map(|_| spawn("local::worker", lake.path())).collect();
        for worker in &mut workers {
            // A worker prints one line per step; each worker is killed at another step.
            let steps = BufReader::new(worker.stdout.take().unwrap()).lines();
            let _ = steps.map_while(Result::ok).filter(|line| line.contains("step")).nth(kill * 2);
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
        check_lake(lake.path()).await;
    }
    let state = LocalState::open(lake.path()).unwrap();
    assert!(state.head(&stream()).await.unwrap().unwrap().seq > 12, "the workers made too few steps");
    let bucket = LocalBucket::open(lake.path(), "").unwrap();
    assert!(count(&bucket).await > 12, "the workers made too few replacements");
}

/// Several handles write concurrently, as processes do: every write counts once, every
/// object has one creator, and every replacement replaces another one.
#[test]
fn many_handles_at_once() {
    const THREADS: u64 = 6;
    const EACH: u64 = 12;
    let lake = tempfile::tempdir().unwrap();
    let (created, raised) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let successful_writes = block_on(count_up(lake.path(), EACH));
                created.fetch_add(successful_writes.created, Ordering::Relaxed);
                raised.fetch_add(successful_writes.raised, Ordering::Relaxed);
            });
        }
    });
    let bucket = LocalBucket::open(lake.path(), "").unwrap();
    assert_eq!(block_on(count(&bucket)), raised.into_inner());
    block_on(check_lake(lake.path()));
    let head = block_on(LocalState::open(lake.path()).unwrap().head(&stream())).unwrap().unwrap();
    assert_eq!((head.seq, created.into_inner()), (THREADS * EACH, THREADS * EACH));
}

/// A reader sees nothing or the whole object while it is being written.
#[test]
fn object_is_whole_or_not_there() {
    let lake = tempfile::tempdir().unwrap();
    let body = vec![7; 48 << 20];
    let open = || LocalBucket::open(lake.path(), "").unwrap();
    std::thread::scope(|scope| {
        let put = scope.spawn(|| block_on(open().put_if_absent("a/b", body.clone(), "x/y")));
        let bucket = open();
        let seen = block_on(async {
            loop {
                if let Some(seen) = bucket.get("a/b").await.unwrap() {
                    break seen;
                }
            }
        });
        assert!(seen == body, "{} of {} bytes were seen", seen.len(), body.len());
        assert_eq!(put.join().unwrap(), Ok(Put::Created));
    });
}

/// A reader sees the object before or after a replacement, never a part of one.
#[test]
fn replaced_object_is_whole() {
    let lake = tempfile::tempdir().unwrap();
    let bodies = [vec![1; 3 << 20], vec![2; 4 << 20]];
    let open = || LocalBucket::open(lake.path(), "").unwrap();
    block_on(open().put_if_absent(RECORD, bodies[0].clone(), "x/y")).unwrap();
    std::thread::scope(|scope| {
        let replacing = scope.spawn(|| {
            for round in 0..20 {
                let (old, new) = (&bodies[round % 2], bodies[(round + 1) % 2].clone());
                assert_eq!(block_on(open().replace(RECORD, old, new, "x/y")), Ok(true));
            }
        });
        let bucket = open();
        while !replacing.is_finished() {
            let seen = block_on(bucket.get(RECORD)).unwrap().unwrap();
            assert!(bodies.contains(&seen), "{} bytes were seen", seen.len());
        }
    });
}

/// A killed process that held the lock blocks no other process.
#[tokio::test]
async fn lock_of_a_dead_process_is_free() {
    let lake = tempfile::tempdir().unwrap();
    let bucket = LocalBucket::open(lake.path(), "").unwrap();
    bucket.put_if_absent(RECORD, body(0), "x/y").await.unwrap();
    assert_eq!(bucket.replace(RECORD, &body(0), body(1), "x/y").await, Ok(true));
    let mut holder = spawn("local::lock_holder", lake.path());
    let steps = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(steps.map_while(Result::ok).any(|line| line.contains("locked")));
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(bucket.replace(RECORD, &body(1), body(2), "x/y").await, Ok(true));
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// The successful writes of a handle, as the store reported them.
#[derive(Default)]
struct SuccessfulWrites {
    created: u64,
    raised: u64,
}

/// Runs steps until this many writes of the state are applied.
async fn count_up(lake: &Path, writes: u64) -> SuccessfulWrites {
    let state = LocalState::open(lake).unwrap();
    let bucket = LocalBucket::open(lake, "").unwrap();
    let (mut applied, mut successful_writes) = (0, SuccessfulWrites::default());
    while applied < writes {
        let (put, written) = step(&state, &bucket).await;
        successful_writes.created += u64::from(put == Put::Created);
        applied += u64::from(written == Written::Applied);
        successful_writes.raised += u64::from(raise(&bucket).await);
    }
    successful_writes
}

const RECORD: &str = "_state/killed-openai_audit.json";
const LAKE_VARIABLE: &str = "AUDIT_PULL_TEST_LAKE";

/// Runs as the process that [`killed_at_any_moment`] kills. It tests nothing itself.
#[tokio::test]
#[ignore = "started by killed_at_any_moment"]
#[expect(clippy::disallowed_methods, reason = "the way a test process gets its argument")]
async fn worker() {
    let Some(lake) = std::env::var_os(LAKE_VARIABLE) else { return };
    let state = LocalState::open(lake.as_ref()).unwrap();
    let bucket = LocalBucket::open(lake.as_ref(), "").unwrap();
    for number in 0..100_000_u64 {
        println!("step {number}");
        step(&state, &bucket).await;
        raise(&bucket).await;
    }
}

/// Runs as the process that [`lock_of_a_dead_process_is_free`] kills. It tests nothing itself.
#[test]
#[ignore = "started by lock_of_a_dead_process_is_free"]
#[expect(clippy::disallowed_methods, reason = "the way a test process gets its argument")]
fn lock_holder() {
    let Some(lake) = std::env::var_os(LAKE_VARIABLE) else { return };
    let lock = std::fs::File::open(Path::new(&lake).join(".audit-pull/replace.lock")).unwrap();
    lock.lock().unwrap();
    println!("locked");
    loop {
        std::thread::park();
    }
}

/// Puts one object and commits it, as a tick does.
async fn step(state: &LocalState, bucket: &LocalBucket) -> (Put, Written) {
    let head = state.head(&stream()).await.unwrap();
    let seq = head.as_ref().map_or(0, |head| head.seq);
    let put = bucket.put_if_absent(&key(seq), body(seq), "text/plain").await.unwrap();
    let next = Head { version: seq + 1, seq: seq + 1, ..new_head() };
    let entries = vec![seq, seq ^ u64::MAX];
    let item = LedgerItem { kind: LedgerKind::Rows, hour: 1, seq, entries, expires_at: 9_000_000_000 };
    let written = state.write(&stream(), head.map(|head| head.version), &next, &[item]).await.unwrap();
    (put, written)
}

/// Raises the count in the record by one, as a tick raises the mark in a birth record. Returns `true` if it did.
async fn raise(bucket: &LocalBucket) -> bool {
    bucket.put_if_absent(RECORD, body(0), "text/plain").await.unwrap();
    let count = count(bucket).await;
    bucket.replace(RECORD, &body(count), body(count + 1), "text/plain").await.unwrap()
}

/// Returns the count in the record, and asserts that the record is whole.
async fn count(bucket: &LocalBucket) -> u64 {
    let record = bucket.get(RECORD).await.unwrap().unwrap();
    let text = std::str::from_utf8(&record).unwrap();
    let count = text.split(';').next().unwrap().parse().unwrap();
    assert!(record == body(count), "the record is not whole");
    count
}

/// Starts the test with this name as a separate process.
fn spawn(test: &str, lake: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", test, "--nocapture", "--test-threads=1"])
        .env(LAKE_VARIABLE, lake)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

async fn check_lake(lake: &Path) {
    let state = LocalState::open(lake).unwrap();
    let bucket = LocalBucket::open(lake, "").unwrap();
    let head = state.head(&stream()).await.unwrap().unwrap_or_else(new_head);
    assert_eq!(head.version, head.seq);
    let items = state.ledger(&stream(), LedgerKind::Rows, 1, None).await.unwrap();
    let seqs: Vec<u64> = items.iter().map(|item| item.seq).collect();
    assert_eq!(seqs, (0..head.seq).collect::<Vec<_>>());
    for seq in 0..head.seq {
        assert!(bucket.get(&key(seq)).await.unwrap() == Some(body(seq)), "object {seq} is not whole");
    }
    // The object of the next commit may exist, because a worker died after its put and before its commit.
    let beyond = bucket.get(&key(head.seq)).await.unwrap();
    assert!(beyond.is_none_or(|object| object == body(head.seq)));
    assert_eq!(bucket.get(&key(head.seq + 1)).await.unwrap(), None);
    if bucket.get(RECORD).await.unwrap().is_some() {
        // A process that died with the lock held must not block the next one.
        let before = count(&bucket).await;
        assert!(raise(&bucket).await);
        assert_eq!(count(&bucket).await, before + 1);
    }
}

fn stream() -> Stream {
    Stream {
        source: "killed".to_owned().try_into().unwrap(),
        label: String::new(),
        log_type: LogType::OpenAiAudit,
        listings: vec!["default"],
    }
}

fn new_head() -> Head {
    Head {
        version: 0,
        id: "killed".into(),
        seq: 0,
        intent: None,
        floor: 0,
        listings: BTreeMap::new(),
        restoring: None,
        last_commit: collector::LastCommit::default(),
        times: collector::HeadTimes::default(),
    }
}

fn key(seq: u64) -> String {
    format!("openai_audit/dt=2026-11-22/hour=07/killed-{seq:012}.ndjson.gz")
}

fn body(seq: u64) -> Vec<u8> {
    format!("{seq};").repeat(20_000).into_bytes()
}
