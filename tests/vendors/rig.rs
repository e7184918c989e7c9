//! What the rig itself promises.

use collector::{Clock, PortError, State};
use futures_util::FutureExt;
use jiff::Timestamp;
use std::time::Duration;
use tests::rig::mortal::{Died, mortal};
use tests::rig::shelf::{Call, Fate, Shelf};
use tests::rig::time::{Time, VirtualClock};

use crate::openai::world::stream;

#[tokio::test]
async fn a_client_that_waits_moves_time_and_the_engine_waits_for_it() {
    let time = Time::at(Timestamp::UNIX_EPOCH);
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
async fn a_tick_dies_where_it_is_told_to() {
    let shelf = Shelf::default();
    let lived = mortal(shelf.head(&stream()), None, &shelf).await;
    assert_eq!(lived, Ok(Ok(None)));
    assert_eq!(mortal(shelf.head(&stream()), Some(1), &shelf).await, Err(Died));
    shelf.script(|call, number| match (call, number) {
        (Call::Head, 2) => Fate::Dies { done: true },
        (Call::Head, 3) => Fate::Fails { done: false, error: PortError::next_tick("no") },
        _ => Fate::Well,
    });
    assert_eq!(mortal(shelf.head(&stream()), None, &shelf).await, Ok(Ok(None)));
    assert_eq!(mortal(shelf.head(&stream()), None, &shelf).await, Err(Died));
    assert_eq!(mortal(shelf.head(&stream()), None, &shelf).await, Ok(Err(PortError::next_tick("no"))));
    assert_eq!(shelf.calls(Call::Head), 3);
}
