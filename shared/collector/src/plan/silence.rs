//! Decides if a stream is silent, and which message on its silence is due.

use crate::base::head::Head;
use crate::base::silence::{SilenceClaim, SilenceMessage, SilenceRecord};
use crate::base::time::UnixSeconds;

/// A stream is not silent in this time after its first tick, in seconds, because a vendor may take some hours to show
/// the first events of a new stream.
const NEW_STREAM_SECONDS: UnixSeconds = 86_400;
/// Duration of a claim in seconds: the longest time that Lambda lets an invocation run. A claim that is older belongs
/// to a tick that died.
const CLAIM_SECONDS: UnixSeconds = 900;

/// Returns the time since which the stream has delivered nothing; `None` if that is less than `no_data_seconds` ago, if
/// the stream is new, or if `no_data_seconds` is 0.
pub fn silent_since(head: &Head, now: UnixSeconds, no_data_seconds: UnixSeconds) -> Option<UnixSeconds> {
    let since = last_sign(head);
    let is_old = now - created_at(head) >= NEW_STREAM_SECONDS;
    (no_data_seconds > 0 && is_old && now - since >= no_data_seconds).then_some(since)
}

/// Returns the message about the stream's silence that is to be sent now; `None` if there is none, or if another tick is
/// sending it.
pub(crate) fn due_message(head: &Head, now: UnixSeconds, no_data_seconds: UnixSeconds) -> Option<SilenceMessage> {
    if no_data_seconds <= 0 {
        return None;
    }
    let Some(record) = head.times.silence else {
        return silent_since(head, now, no_data_seconds).map(|since| SilenceMessage::Began { since });
    };
    if record.claim.is_some_and(|claim| now < claim.until) {
        return None;
    }
    next_message(record, last_sign(head))
}

/// Returns the next message on a recorded silence. The end is reported only after the start was.
fn next_message(record: SilenceRecord, last_sign: UnixSeconds) -> Option<SilenceMessage> {
    let since = record.since;
    if !record.is_start_sent {
        return Some(SilenceMessage::Began { since });
    }
    (last_sign > since).then_some(SilenceMessage::Ended { since, last_delivery: last_sign })
}

/// Returns the record by which a tick claims the message. `id` identifies the claim.
pub(crate) fn claimed(message: SilenceMessage, id: u64, now: UnixSeconds) -> SilenceRecord {
    let (since, is_start_sent) = match message {
        SilenceMessage::Began { since } => (since, false),
        SilenceMessage::Ended { since, .. } => (since, true),
    };
    SilenceRecord { since, is_start_sent, claim: Some(SilenceClaim { id, until: now + CLAIM_SECONDS }) }
}

/// Returns the record after the attempt to send the message; `None` once the end of the silence was reported.
pub(crate) fn after_attempt(claimed: SilenceRecord, is_sent: bool) -> Option<SilenceRecord> {
    match (claimed.is_start_sent, is_sent) {
        (true, true) => None,
        (is_start_sent, _) => Some(SilenceRecord { is_start_sent: is_start_sent || is_sent, claim: None, ..claimed }),
    }
}

/// Returns the time of the last delivery, or that of the stream's first tick if there was none.
fn last_sign(head: &Head) -> UnixSeconds {
    head.times.last_delivery.unwrap_or_else(|| created_at(head))
}

fn created_at(head: &Head) -> UnixSeconds {
    head.times.created_at.unwrap_or(head.floor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::head::HeadTimes;
    use crate::testing::{NOW, head};

    const HOUR: UnixSeconds = 3_600;
    const DAY: UnixSeconds = 24 * HOUR;

    fn delivered(created_at: UnixSeconds, last_delivery: Option<UnixSeconds>, silence: Option<SilenceRecord>) -> Head {
        let times = HeadTimes { created_at: Some(created_at), last_delivery, silence, ..HeadTimes::default() };
        Head { times, ..head() }
    }

    #[test]
    fn ok_a_stream_is_silent_once_it_delivered_nothing_for_the_time_of_the_setting() {
        let last = NOW - DAY;
        let head = delivered(0, Some(last), None);
        assert_eq!(silent_since(&head, NOW, DAY), Some(last));
        assert_eq!(silent_since(&head, NOW - 1, DAY), None);
        assert_eq!(silent_since(&head, NOW, DAY + 1), None);
        assert_eq!((silent_since(&head, NOW, 0), due_message(&head, NOW, 0)), (None, None));
    }

    #[test]
    fn ok_a_new_stream_is_not_silent_in_its_first_day() {
        let new = delivered(NOW - DAY, None, None);
        assert_eq!(silent_since(&new, NOW - 1, HOUR), None);
        assert_eq!(silent_since(&new, NOW, HOUR), Some(NOW - DAY));
        let busy_once = delivered(NOW - DAY, Some(NOW - 2 * HOUR), None);
        assert_eq!(silent_since(&busy_once, NOW - 1, HOUR), None);
        assert_eq!(silent_since(&busy_once, NOW, HOUR), Some(NOW - 2 * HOUR));
    }

    #[test]
    fn ok_start_and_end_are_due_once_each() {
        let last = NOW - DAY;
        let began = SilenceMessage::Began { since: last };
        assert_eq!(due_message(&delivered(0, Some(last), None), NOW, DAY), Some(began));
        let record = after_attempt(claimed(began, 7, NOW), true);
        let reported = |last_delivery| delivered(0, Some(last_delivery), record);
        assert_eq!(due_message(&reported(last), NOW + 30 * DAY, DAY), None);
        let ended = SilenceMessage::Ended { since: last, last_delivery: NOW + 5 };
        assert_eq!(due_message(&reported(NOW + 5), NOW + 9, DAY), Some(ended));
        assert_eq!(after_attempt(claimed(ended, 7, NOW), true), None);
    }

    #[test]
    fn ok_a_message_that_another_tick_sends_is_not_due_before_that_ticks_claim_ends() {
        let began = SilenceMessage::Began { since: NOW - DAY };
        let head = delivered(0, Some(NOW - DAY), Some(claimed(began, 7, NOW)));
        assert_eq!(due_message(&head, NOW + CLAIM_SECONDS - 1, DAY), None);
        assert_eq!(due_message(&head, NOW + CLAIM_SECONDS, DAY), Some(began));
    }

    #[test]
    fn ok_a_message_that_could_not_be_sent_is_due_again_at_once() {
        let began = SilenceMessage::Began { since: NOW - DAY };
        let ended = SilenceMessage::Ended { since: NOW - DAY, last_delivery: NOW };
        for (message, last_delivery) in [(began, NOW - DAY), (began, NOW), (ended, NOW)] {
            let record = after_attempt(claimed(message, 7, NOW), false);
            assert_eq!(due_message(&delivered(0, Some(last_delivery), record), NOW, DAY), Some(message));
        }
    }
}
