//! The local adapters: the conformance suite, and what only they can be put through.
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

/// Processes that write as fast as they can are killed at any moment, many times over. Whatever
/// they got to, the head and its ledger agree, and every object is whole.
#[tokio::test]
async fn killed_at_any_moment() {
    let lake = tempfile::tempdir().unwrap();
    for kill in 0..12 {
        let mut workers: Vec<Child> = (0..3).map(|_| spawn_worker(lake.path())).collect();
        for worker in &mut workers {
            // A worker says a word a step: kill each at another one.
            let steps = BufReader::new(worker.stdout.take().unwrap()).lines();
            let _ = steps.map_while(Result::ok).filter(|line| line.contains("step")).nth(kill * 2);
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
        check_lake(lake.path()).await;
    }
    let state = LocalState::open(lake.path()).unwrap();
    assert!(state.head(&stream()).await.unwrap().unwrap().seq > 12, "the workers hardly worked");
}

/// Handles of their own, as other processes have, all at once: every write counts once, and
/// every object has one creator.
#[test]
fn many_handles_at_once() {
    const THREADS: u64 = 6;
    const EACH: u64 = 12;
    let lake = tempfile::tempdir().unwrap();
    let created = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let won = block_on(count_up(lake.path(), EACH));
                created.fetch_add(won, Ordering::Relaxed);
            });
        }
    });
    block_on(check_lake(lake.path()));
    let head = block_on(LocalState::open(lake.path()).unwrap().head(&stream())).unwrap().unwrap();
    assert_eq!((head.seq, created.into_inner()), (THREADS * EACH, THREADS * EACH));
}

/// Whoever looks while an object is being written sees nothing, or all of it.
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

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// Brings about that many writes; the answer is how many objects were this handle's.
async fn count_up(lake: &Path, writes: u64) -> u64 {
    let state = LocalState::open(lake).unwrap();
    let bucket = LocalBucket::open(lake, "").unwrap();
    let (mut applied, mut created) = (0, 0);
    while applied < writes {
        let (put, written) = step(&state, &bucket).await;
        created += u64::from(put == Put::Created);
        applied += u64::from(written == Written::Applied);
    }
    created
}

const LAKE_VARIABLE: &str = "AUDIT_PULL_TEST_LAKE";

/// Not a test of its own: the process that [`killed_at_any_moment`] kills.
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
    }
}

/// One object and its commit, as a tick would do them.
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

fn spawn_worker(lake: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "local::worker", "--nocapture", "--test-threads=1"])
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
    // The one after may be there, put by a worker that died before its commit.
    let beyond = bucket.get(&key(head.seq)).await.unwrap();
    assert!(beyond.is_none_or(|object| object == body(head.seq)));
    assert_eq!(bucket.get(&key(head.seq + 1)).await.unwrap(), None);
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
        last_start: None,
        missing: BTreeMap::new(),
        last_event: None,
        written_at: 0,
    }
}

fn key(seq: u64) -> String {
    format!("openai_audit/dt=2026-11-22/hour=07/killed-{seq:012}.ndjson.gz")
}

fn body(seq: u64) -> Vec<u8> {
    format!("{seq};").repeat(20_000).into_bytes()
}
