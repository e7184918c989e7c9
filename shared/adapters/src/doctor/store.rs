//! The checks of the bucket, the table and the state, through the collector's ports.

use std::future::Future;

use collector::{
    BirthCheck, Bucket, Clock, Head, HeadTimes, LastCommit, LedgerKind, PortError, Put, SourceId, State, Stream,
    Written, check_birth,
};
use schema::LogType;
use serde_json::json;

use super::checkup::Checkup;
use super::code::Code;
use super::fault::Fault;
use super::findings::Findings;
use super::step::StepName;
use super::store_fault::{StoreFault, store_fault};

/// The key of the probe object, below the deployment's prefix. No birth record can have it.
const PROBE_KEY: &str = "_state/doctor/probe.json";
/// The source id of the probe row, which no source may have.
pub const PROBE_SOURCE: &str = "_audit-pull-doctor";
/// The id in the head of the probe row, by which it is told from the head of a stream.
const PROBE_HEAD_ID: &str = "audit-pull-doctor";
const JSON: &str = "application/json";

/// The stores of a deployment. A store that could not be opened is an error.
#[derive(Debug)]
pub struct Stores<'a, S, B> {
    /// The store of heads and ledgers.
    pub state: Result<&'a S, PortError>,
    /// The bucket of the objects.
    pub bucket: Result<&'a B, PortError>,
    /// The prefix of every key.
    pub prefix: &'a str,
}

/// Checks the bucket, the table, and the state of each stream. `sources` holds the findings on each source.
pub async fn check_stores<S: State, B: Bucket, C: Clock>(
    checkup: &Checkup<C>,
    stores: Stores<'_, S, B>,
    sources: &[Findings],
) {
    checkup.name_source(None);
    let bucket = match &stores.bucket {
        Ok(bucket) => checkup.step(StepName::Bucket, "", probe_bucket(checkup, *bucket, stores.prefix)).await,
        Err(error) => fail(checkup, StepName::Bucket, Fault::of(Code::BucketFailed, error)),
    };
    let state = match &stores.state {
        Ok(state) => checkup.step(StepName::Table, "", probe_table(checkup, *state)).await,
        Err(error) => fail(checkup, StepName::Table, Fault::of(Code::TableFailed, error)),
    };
    for source in sources {
        for stream in &source.streams {
            checkup.name_source(Some(stream.source.as_str()));
            let about = &stream.log_type.table();
            match (&stores.state, &stores.bucket) {
                (Ok(stored), Ok(objects)) if bucket.is_some() && state.is_some() => {
                    let work = check_state(*stored, *objects, stores.prefix, stream, source.owner.as_deref());
                    checkup.step(StepName::State, about, work).await;
                }
                _ => checkup.skip(StepName::State, about, "the bucket or the table cannot be used"),
            }
        }
    }
    checkup.name_source(None);
}

fn fail<C: Clock>(checkup: &Checkup<C>, name: StepName, fault: Fault) -> Option<()> {
    checkup.fail(name, "", fault);
    None
}

/// Puts the probe object if it is absent, replaces it and reads it back: the three calls that a tick makes. The object
/// stays, because the functions have no right to delete one.
async fn probe_bucket<B: Bucket, C: Clock>(
    checkup: &Checkup<C>,
    bucket: &B,
    prefix: &str,
) -> Result<((), String), Fault> {
    let key = format!("{prefix}{PROBE_KEY}");
    let body = |number: u64| json!({"written_by": "audit-pull", "number": number}).to_string().into_bytes();
    let (first, second) = (body(checkup.clock().random()), body(checkup.clock().random()));
    on_bucket(bucket.put_if_absent(&key, first.clone(), JSON)).await?;
    if on_bucket(bucket.put_if_absent(&key, first, JSON)).await? == Put::Created {
        let cause = format!("{key}: a second put of an object that must not exist yet succeeded");
        return Err(Fault::new(Code::BucketUnconditional, cause));
    }
    let vanished = || Fault::new(Code::BucketFailed, format!("{key}: the object that was put cannot be found"));
    let stored = on_bucket(bucket.get(&key)).await?.ok_or_else(vanished)?;
    let is_replaced = on_bucket(bucket.replace(&key, &stored, second.clone(), JSON)).await?;
    let read = on_bucket(bucket.get(&key)).await?.ok_or_else(vanished)?;
    // Another check may run at the same time; then its object is the newest one.
    if is_replaced && read == stored && read != second {
        return Err(Fault::new(
            Code::BucketFailed,
            format!("{key}: the bucket shows the old object after its replacement"),
        ));
    }
    Ok(((), String::new()))
}

async fn on_bucket<T>(call: impl Future<Output = Result<T, PortError>>) -> Result<T, Fault> {
    call.await.map_err(|error| {
        let code = match store_fault(&error.message) {
            StoreFault::Missing => Code::BucketMissing,
            StoreFault::Denied => Code::BucketDenied,
            StoreFault::KmsDenied => Code::KmsDenied,
            StoreFault::Other => Code::BucketFailed,
        };
        Fault::of(code, &error)
    })
}

/// Writes the head of the probe row with a condition on its version, reads it back, and reads its ledger.
async fn probe_table<S: State, C: Clock>(checkup: &Checkup<C>, state: &S) -> Result<((), String), Fault> {
    let source = SourceId::try_from(PROBE_SOURCE.to_owned());
    let source = source.map_err(|error| Fault::new(Code::TableFailed, error.to_string()))?;
    let stream = Stream { source, label: String::new(), log_type: LogType::OpenAiAudit, listings: Vec::new() };
    let known = or_table_fault(state.head(&stream)).await?;
    if known.as_ref().is_some_and(|head| head.id != PROBE_HEAD_ID) {
        return Err(Fault::new(Code::ProbeRowTaken, format!("the row {} belongs to a stream", stream.name())));
    }
    let expected = known.map(|head| head.version);
    let head = probe_head(expected.unwrap_or(0) + 1, checkup.clock().now().as_second());
    let written = or_table_fault(state.write(&stream, expected, &head, &[])).await?;
    let read = or_table_fault(state.head(&stream)).await?;
    // If the write was refused, another check runs at the same time and has written the row.
    if written == Written::Applied && read.as_ref().is_none_or(|read| read.version < head.version) {
        return Err(Fault::new(Code::TableFailed, format!("the row {} that was put cannot be read", stream.name())));
    }
    or_table_fault(state.ledger(&stream, LedgerKind::Rows, 0, None)).await?;
    Ok(((), String::new()))
}

fn probe_head(version: u64, now: i64) -> Head {
    Head {
        version,
        id: PROBE_HEAD_ID.to_owned(),
        seq: 0,
        intent: None,
        restoring: None,
        last_commit: LastCommit::default(),
        floor: now,
        listings: std::collections::BTreeMap::new(),
        times: HeadTimes { written_at: now, ..HeadTimes::default() },
    }
}

async fn or_table_fault<T>(call: impl Future<Output = Result<T, PortError>>) -> Result<T, Fault> {
    call.await.map_err(|error| {
        let code = match store_fault(&error.message) {
            StoreFault::Missing => Code::TableMissing,
            StoreFault::Denied => Code::TableDenied,
            StoreFault::KmsDenied => Code::KmsDenied,
            StoreFault::Other => Code::TableFailed,
        };
        Fault::of(code, &error)
    })
}

/// Compares the head of a stream, and the owner that the vendor names, with its birth record.
async fn check_state<S: State, B: Bucket>(
    state: &S,
    bucket: &B,
    prefix: &str,
    stream: &Stream,
    owner: Option<&str>,
) -> Result<((), String), Fault> {
    let (code, error) = match check_birth(state, bucket, prefix, stream, owner).await {
        Ok(BirthCheck::New) => return Ok(((), "new: the first tick creates the stream's state".to_owned())),
        Ok(BirthCheck::Continues) => return Ok(((), String::new())),
        Ok(BirthCheck::Lost(error)) => (Code::StateLost, error),
        Ok(BirthCheck::Foreign(error)) => (Code::ForeignDeployment, error),
        Ok(BirthCheck::Restored(error)) => (Code::StateRestored, error),
        Ok(BirthCheck::OtherOwner(error)) => (Code::OtherOwner, error),
        Err(error) => (Code::TableFailed, error),
    };
    Err(Fault::new(code, error.message))
}
