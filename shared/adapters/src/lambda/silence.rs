//! Sends the messages on the start and the end of a stream's silence.

use collector::{
    Clock, Notifier, SilenceMessage, State, Stream, StreamReport, UnixSeconds, VendorPolicy, report_silence,
};
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::sources::Opened;

/// At most this many messages are sent per tick; the other ones follow in the next ticks.
const MAX_MESSAGES: usize = 20;
/// At most this many messages are sent at the same time.
const MAX_CONCURRENT_MESSAGES: usize = 4;

/// A stream with a message that is due.
struct Due<'a> {
    stream: &'a Stream,
    policy: &'a VendorPolicy,
    report: &'a StreamReport,
}

/// Sends the messages that are due by the reports of a tick. A message that could not be sent is an error in the log,
/// and the next tick tries again.
pub(super) async fn send_messages<S: State, C: Clock, N: Notifier, V>(
    ports: (&S, &C, &N),
    deployment: &str,
    no_data_seconds: UnixSeconds,
    sources: &[Opened<V>],
    reports: &[StreamReport],
) {
    let sending: Vec<_> = due(sources, reports)
        .into_iter()
        .take(MAX_MESSAGES)
        .map(|due| send_message(ports, deployment, no_data_seconds, due))
        .collect();
    stream::iter(sending).buffer_unordered(MAX_CONCURRENT_MESSAGES).collect::<()>().await;
}

/// Sends the message on one stream.
async fn send_message<S: State, C: Clock, N: Notifier>(
    ports: (&S, &C, &N),
    deployment: &str,
    no_data_seconds: UnixSeconds,
    due: Due<'_>,
) {
    let (source, stream) = (due.report.source.as_str(), due.report.stream.as_str());
    let text_of = |message| text(deployment, &due, no_data_seconds, message);
    match report_silence(ports, due.stream, no_data_seconds, text_of).await {
        Ok(Some(SilenceMessage::Began { .. })) => tracing::warn!(source, stream, "reported the start of a silence"),
        Ok(Some(SilenceMessage::Ended { .. })) => tracing::info!(source, stream, "reported the end of a silence"),
        Ok(None) => {}
        Err(error) => {
            let failure = format!("{source}/{stream}: the message on its silence: {error}; the next tick tries again");
            tracing::error!(source, stream, failure, "message not sent");
        }
    }
}

fn due<'a, V>(sources: &'a [Opened<V>], reports: &'a [StreamReport]) -> Vec<Due<'a>> {
    let of_report = |report: &'a StreamReport| {
        report.notes.silence_message?;
        let source = sources.iter().find(|opened| opened.id() == report.source)?;
        let stream = source.source.streams.iter().find(|stream| stream.log_type.table() == report.stream)?;
        Some(Due { stream, policy: &source.source.policy, report })
    };
    reports.iter().filter_map(of_report).collect()
}

/// Returns subject and text of the message.
fn text(deployment: &str, due: &Due<'_>, no_data_seconds: UnixSeconds, message: SilenceMessage) -> (String, String) {
    let (source, stream) = (due.report.source.as_str(), due.report.stream.as_str());
    match message {
        SilenceMessage::Began { since } => {
            let failed =
                due.report.failure.as_ref().map(|failure| format!("Its last tick failed: {}.\n", failure.message));
            let text = format!(
                "Stream {stream} of source {source} ({deployment}) has delivered nothing since {}, which is longer than \
                 {} hours.\n{}To do: {}.\nAnother message follows when data is back. NoDataHours sets the number of hours.",
                time(since),
                no_data_seconds / 3_600,
                failed.unwrap_or_default(),
                due.policy.no_data_advice,
            );
            (format!("Silent: {source}/{stream}"), text)
        }
        SilenceMessage::Ended { since, last_delivery } => {
            let text = format!(
                "Stream {stream} of source {source} ({deployment}) delivers again: data is back. Its last delivery was at \
                 {}; before that it had delivered nothing since {}.",
                time(last_delivery),
                time(since),
            );
            (format!("Data is back: {source}/{stream}"), text)
        }
    }
}

fn time(second: UnixSeconds) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use collector::{Failure, PortError};
    use schema::LogType;

    use super::*;

    #[test]
    fn a_message_names_source_stream_times_and_advice() {
        let stream = Stream {
            source: "acme".to_owned().try_into().unwrap(),
            label: String::new(),
            log_type: LogType::OpenAiAudit,
            listings: vec!["all"],
        };
        let policy = VendorPolicy {
            tick_seconds: 60,
            overlap_seconds: 0,
            sweeps: &[],
            first_window_seconds: 60,
            max_window_seconds: 60,
            retention: None,
            dedup_horizon_seconds: 60,
            split_after_pages: None,
            silence: None,
            no_data_advice: "check that logging is on",
            start_delay: None,
            fetches_ahead: 0,
        };
        let failure = Some(Failure::new("acme/openai_audit", &PortError::next_tick("slow")));
        let report = StreamReport { failure, ..StreamReport::of(&stream) };
        let due = Due { stream: &stream, policy: &policy, report: &report };
        let (subject, body) = text("stack s, openai", &due, 90_000, SilenceMessage::Began { since: 0 });
        assert_eq!(subject, "Silent: acme/openai_audit");
        for part in [
            "openai_audit of source acme (stack s, openai)",
            "1970-01-01T00:00:00Z",
            "25 hours",
            "logging is on",
            "slow",
        ] {
            assert!(body.contains(part), "{body}");
        }
        let ended = SilenceMessage::Ended { since: 0, last_delivery: 60 };
        let (subject, body) = text("stack s, openai", &due, 90_000, ended);
        assert_eq!(subject, "Data is back: acme/openai_audit");
        assert!(body.contains("data is back") && body.contains("00:01:00Z") && body.contains("00:00:00Z"), "{body}");
    }
}
