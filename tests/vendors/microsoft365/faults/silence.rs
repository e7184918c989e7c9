//! A stream that falls silent while the other streams of its tenant are busy.

use std::cell::RefCell;
use std::time::Duration;

use collector::{Clock, Notifier, PortError, SilenceMessage, Stream, report_silence};
use futures_util::future::join;

use super::*;

const CONTENT_TYPES: [&str; 5] =
    ["Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General", "DLP.All"];
const SILENT_TYPE: &str = "Audit.SharePoint";
/// The hours after the start in which the silent content type has no content.
const SILENT_HOURS: std::ops::Range<i64> = 30..55;
const SIMULATED_HOURS: i64 = 80;
const TICKS_PER_HOUR: u64 = 3;

/// Creates a tenant in which every content type has one record per hour, except the silent one in its hours.
fn busy_tenant() -> World {
    let mut records = Vec::new();
    for hour in 0..SIMULATED_HOURS {
        for (number, content_type) in CONTENT_TYPES.iter().enumerate() {
            if *content_type == SILENT_TYPE && SILENT_HOURS.contains(&hour) {
                continue;
            }
            let created = (start_time() + Duration::from_secs(hour.unsigned_abs() * 3_600)).to_string();
            let record = record(usize::try_from(hour).unwrap() * CONTENT_TYPES.len() + number);
            let line = json!({"content_type": content_type, "record": record, "created": created});
            records.push(line.to_string());
        }
    }
    let mut world = world_with(&Options { records: Some(records), ..Options::new(start_time()) }, |_| {});
    world.settings.no_data_seconds = DAY;
    world
}

/// The messages that were sent, each with its stream.
#[derive(Default)]
struct Messages(RefCell<Vec<String>>);

impl Notifier for Messages {
    async fn notify(&self, subject: &str, _: &str) -> Result<(), PortError> {
        self.0.borrow_mut().push(subject.to_owned());
        Ok(())
    }
}

/// Reports a stream's silence as the function does.
async fn report(world: &World, messages: &Messages, stream: &Stream) {
    let name = stream.name();
    let text_of = |message| match message {
        SilenceMessage::Began { .. } => (format!("silent: {name}"), String::new()),
        SilenceMessage::Ended { .. } => (format!("back: {name}"), String::new()),
    };
    let ports = (&world.store, world.clock(), messages);
    report_silence(ports, stream, world.settings.no_data_seconds, text_of).await.unwrap();
}

#[tokio::test]
async fn one_of_five_streams_that_is_silent_for_25_hours_is_named_once_and_once_when_it_is_back() {
    let (world, messages) = (busy_tenant(), Messages::default());
    let worker = world.worker();
    let mut silent = Vec::new();
    for tick in 0..SIMULATED_HOURS.unsigned_abs() * TICKS_PER_HOUR {
        let reports = worker.tick(TICK_SECONDS, None).await.unwrap();
        for report_of_stream in &reports {
            let notes = &report_of_stream.notes;
            silent.extend(notes.silent_since.map(|since| (report_of_stream.stream.clone(), since)));
            if notes.silence_message.is_some() {
                let stream = worker.source.streams.iter().find(|it| it.log_type.table() == report_of_stream.stream);
                // Two ticks at the same time report the same silence.
                join(report(&world, &messages, stream.unwrap()), report(&world, &messages, stream.unwrap())).await;
            }
        }
        assert!(reports.iter().all(|report| report.failure.is_none()), "tick {tick}: {reports:?}");
        world.minutes(60 / TICKS_PER_HOUR);
    }
    let name = world.stream(LogType::SharePoint).name();
    assert_eq!(*messages.0.borrow(), [format!("silent: {name}"), format!("back: {name}")]);
    // The silence of a day and an hour is seen for an hour, and only in its stream.
    let (table, since) = &silent[0];
    assert!(silent.iter().all(|seen| (&seen.0, &seen.1) == (table, since)), "{silent:?}");
    assert_eq!(*table, world.stream(LogType::SharePoint).log_type.table());
    let hours = (since - start_time().as_second()) as f64 / 3_600.0;
    assert!((29.0..30.0).contains(&hours), "silent since hour {hours}");
    assert_eq!(world.head(LogType::SharePoint).times.silence, None);
    assert!(world.clock().now() > start_time());
}
