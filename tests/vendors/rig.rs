//! Tests of the rig itself.

use collector::{Clock, PortError, State};
use futures_util::FutureExt;
use jiff::Timestamp;
use std::time::Duration;
use tests::rig::killable::{Died, run_killable};
use tests::rig::memory_store::{Call, MemoryStore, Outcome};
use tests::rig::time::{VirtualClock, VirtualTime};

use crate::openai::world::stream;

#[tokio::test]
async fn a_sleep_of_a_client_advances_the_time_and_one_of_the_engine_waits() {
    let time = VirtualTime::at(Timestamp::UNIX_EPOCH);
    let (engine, client) = (VirtualClock::of_engine(&time, 0, 1), VirtualClock::of_client(&time, 90, 1));
    let mut deadline = Box::pin(engine.sleep(Duration::from_secs(30)));
    assert!((&mut deadline).now_or_never().is_none());
    client.sleep(Duration::from_secs(29)).await;
    assert!((&mut deadline).now_or_never().is_none());
    client.sleep(Duration::from_secs(1)).await;
    assert!((&mut deadline).now_or_never().is_some());
    assert_eq!((engine.now().as_second(), client.now().as_second()), (30, 120));
}

#[tokio::test]
async fn a_tick_dies_at_the_scripted_call() {
    let store = MemoryStore::default();
    let lived = run_killable(store.head(&stream()), None, &store).await;
    assert_eq!(lived, Ok(Ok(None)));
    assert_eq!(run_killable(store.head(&stream()), Some(1), &store).await, Err(Died));
    store.script(|call, number| match (call, number) {
        (Call::Head, 2) => Outcome::Dies { is_applied: true },
        (Call::Head, 3) => Outcome::Fails { is_applied: false, error: PortError::next_tick("no") },
        _ => Outcome::Succeeds,
    });
    assert_eq!(run_killable(store.head(&stream()), None, &store).await, Ok(Ok(None)));
    assert_eq!(run_killable(store.head(&stream()), None, &store).await, Err(Died));
    assert_eq!(run_killable(store.head(&stream()), None, &store).await, Ok(Err(PortError::next_tick("no"))));
    assert_eq!(store.calls(Call::Head), 3);
}
