//! The messages of a function on a silent stream.

use std::time::Duration;

use adapters::clock::SystemClock;
use collector::{Clock, HeadTimes, State, Stream, UnixSeconds, Written};
use schema::LogType;
use serde_json::json;

use super::deployed::{EVENTS, SCHEDULED_EVENT, World, metrics, stream_lines, world};
use super::sns_server::TOPIC_ARN;

const TIME: Duration = Duration::from_secs(60);
const HOUR: UnixSeconds = 3_600;

/// Sets the time of the stream's last delivery to this number of hours ago, in a stream that is a month old.
async fn set_last_delivery(world: &World, hours_ago: UnixSeconds) {
    let stream = Stream {
        source: "acme".to_owned().try_into().unwrap(),
        label: String::new(),
        log_type: LogType::OpenAiAudit,
        listings: vec![],
    };
    let (state, now) = (world.state().await, SystemClock.now().as_second());
    let mut head = state.head(&stream).await.unwrap().unwrap();
    let (created_at, last_delivery) = (Some(now - 720 * HOUR), Some(now - hours_ago * HOUR));
    head.times = HeadTimes { created_at, last_delivery, ..head.times };
    let expected = head.version;
    head.version += 1;
    assert_eq!(state.write(&stream, Some(expected), &head, &[]).await, Ok(Written::Applied));
}

#[tokio::test(flavor = "multi_thread")]
async fn start_and_end_of_a_silence_are_published_once_each() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let process = world.start(&["acme-AbCdEf"], &[("ALARM_TOPIC_ARN", TOPIC_ARN), ("STACK_NAME", "audit")]);
    let summary = world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    assert_eq!((&summary["delivered"], world.topic.messages().len()), (&json!(EVENTS), 0));

    // A message that cannot be sent does not fail the tick, and the next tick sends it.
    set_last_delivery(&world, 25).await;
    world.topic.deny(true);
    world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    assert_eq!(world.topic.messages(), []);
    world.topic.deny(false);
    for _ in 0..2 {
        world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    }
    let [began] = &world.topic.messages()[..] else { panic!("{:?}", world.topic.messages()) };
    assert_eq!(began.subject, "Silent: acme/openai_audit");
    let parts = ["Stream openai_audit of source acme (stack audit, openai)", "24 hours", "audit logging is still on"];
    assert!(parts.iter().all(|part| began.text.contains(part)), "{began:?}");

    set_last_delivery(&world, 0).await;
    for _ in 0..2 {
        world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    }
    let [_, ended] = &world.topic.messages()[..] else { panic!("{:?}", world.topic.messages()) };
    assert!(ended.subject == "Data is back: acme/openai_audit" && ended.text.contains("data is back"), "{ended:?}");

    let log = process.kill_and_read_log();
    let silent: Vec<_> = stream_lines(&log).iter().map(|line| line.get("silent_since").is_some()).collect();
    assert_eq!(silent, [false, true, true, true, false, false]);
    let counts: Vec<_> = metrics(&log).iter().map(|record| record["SilentStreams"].as_u64().unwrap()).collect();
    assert_eq!(counts, [0, 1, 1, 1, 0, 0]);
    let failed: Vec<_> = log.iter().filter(|line| line["message"] == "message not sent").collect();
    let [failed] = &failed[..] else { panic!("{failed:?}") };
    assert!(
        failed["level"] == "ERROR" && failed["failure"].as_str().unwrap().contains("grant sns:Publish"),
        "{failed}"
    );
    let tick = log.iter().find(|line| line["message"] == "tick").unwrap();
    assert!(tick["vendor_requests"].as_u64().unwrap() > 0 && tick["state_calls"].as_u64().unwrap() > 2, "{tick}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stream_is_silent_and_no_message_is_sent_if_the_setting_is_zero() {
    let mut world = world().await;
    world.secret("acme-AbCdEf", "acme");
    let process = world.start(&["acme-AbCdEf"], &[("ALARM_TOPIC_ARN", TOPIC_ARN), ("NO_DATA_HOURS", "0")]);
    world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    set_last_delivery(&world, 600).await;
    world.function.invoke(SCHEDULED_EVENT, TIME).await.unwrap();
    assert_eq!(world.topic.messages(), []);
    let log = process.kill_and_read_log();
    assert!(stream_lines(&log).iter().all(|line| line.get("silent_since").is_none()));
}
