//! The subscriptions of the application, and the times at which they were enabled and disabled.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::behaviours::Behaviours;
use super::content_type::ContentType;

/// If [`Behaviours::start_throttled`] is set, a subscription can be started only this long after its previous start.
pub(super) const START_INTERVAL: SignedDuration = SignedDuration::from_mins(15);

/// The subscription to a content type. It was started at least once and may be stopped again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) is_on: bool,
    pub(super) first_start: Timestamp,
    pub(super) last_start: Timestamp,
    /// The periods in which the subscription was disabled, from a stop to the next start. The end is `None` while it is
    /// disabled.
    pub(super) disabled_periods: Vec<(Timestamp, Option<Timestamp>)>,
}

/// The result of a request to start a subscription.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StartResult {
    Started,
    AlreadyOn,
    TooSoon,
}

/// The subscriptions to all content types.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    /// The subscriptions in the order of [`ContentType::ALL`]; `None` for those that were never started.
    subscriptions: [Option<Subscription>; 5],
    /// The time of the first attempt to start each subscription, in the same order.
    first_attempts: [Option<Timestamp>; 5],
}

impl Subscriptions {
    pub(super) fn get(&self, content_type: ContentType) -> Option<&Subscription> {
        self.subscriptions[content_type.index()].as_ref()
    }

    /// Returns the seconds that the client must still wait until it may start the subscription; `None` if it may do so
    /// now. The wait ends `seconds` after the first attempt; the first call stores the time of that
    /// attempt.
    pub(super) fn remaining_wait_seconds(
        &mut self,
        content_type: ContentType,
        now: Timestamp,
        seconds: i64,
    ) -> Option<i64> {
        let first_attempt = *self.first_attempts[content_type.index()].get_or_insert(now);
        Some(seconds - now.duration_since(first_attempt).as_secs()).filter(|seconds_left| *seconds_left > 0)
    }

    pub(super) fn start(&mut self, content_type: ContentType, now: Timestamp, is_throttled: bool) -> StartResult {
        let Some(known) = &mut self.subscriptions[content_type.index()] else {
            self.subscriptions[content_type.index()] =
                Some(Subscription { is_on: true, first_start: now, last_start: now, disabled_periods: Vec::new() });
            return StartResult::Started;
        };
        if is_throttled && known.last_start.duration_until(now) < START_INTERVAL {
            return StartResult::TooSoon;
        }
        known.last_start = now;
        if known.is_on {
            return StartResult::AlreadyOn;
        }
        known.is_on = true;
        if let Some((_, until)) = known.disabled_periods.last_mut() {
            *until = Some(now);
        }
        StartResult::Started
    }

    /// Stops a subscription. Returns `false` if it was not enabled.
    pub(super) fn stop(&mut self, content_type: ContentType, now: Timestamp) -> bool {
        match &mut self.subscriptions[content_type.index()] {
            Some(known) if known.is_on => {
                known.is_on = false;
                known.disabled_periods.push((now, None));
                true
            }
            _ => false,
        }
    }

    /// Returns the list of subscriptions as the API sends it. If the behaviours say so, it lacks the status of its
    /// first entry, or the stopped subscriptions.
    pub(super) fn list(&self, behaviours: &Behaviours) -> Value {
        let known =
            ContentType::ALL.into_iter().filter_map(|content_type| Some((content_type, self.get(content_type)?)));
        let known = known.filter(|(_, known)| known.is_on || !behaviours.stopped_is_gone);
        known
            .enumerate()
            .map(|(number, (content_type, known))| {
                let mut entry = entry(content_type, known.is_on);
                if let Some(entry) = entry.as_object_mut().filter(|_| behaviours.status_missing && number == 0) {
                    entry.remove("status");
                }
                entry
            })
            .collect()
    }
}

impl Subscription {
    /// Returns `true` if the subscription was enabled at `created`. Content that becomes available while it is disabled
    /// is never listed.
    pub(super) fn was_enabled_at(&self, created: Timestamp) -> bool {
        !self.disabled_periods.iter().any(|(from, until)| *from <= created && until.is_none_or(|until| created < until))
    }
}

/// Returns a subscription as the API shows it in a list and after a start.
pub(super) fn entry(content_type: ContentType, is_on: bool) -> Value {
    json!({"contentType": content_type.name(), "status": if is_on { "enabled" } else { "disabled" }, "webhook": null})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn b39_b40_b41_a_subscription_is_started_stopped_and_started_again() {
        let mut subscriptions = Subscriptions::default();
        let dlp = ContentType::Dlp;
        assert!(!subscriptions.stop(dlp, at(0)));
        assert_eq!(subscriptions.start(dlp, at(0), true), StartResult::Started);
        assert_eq!(subscriptions.start(dlp, at(1), true), StartResult::TooSoon);
        assert_eq!(subscriptions.start(dlp, at(1), false), StartResult::AlreadyOn);
        assert!(subscriptions.stop(dlp, at(20)));
        assert_eq!(subscriptions.list(&Behaviours::default())[0]["status"], "disabled");
        assert_eq!(subscriptions.list(&Behaviours { stopped_is_gone: true, ..Behaviours::default() }), json!([]));
        assert!(!subscriptions.get(dlp).unwrap().was_enabled_at(at(25)));
        assert_eq!(subscriptions.start(dlp, at(30), true), StartResult::Started);
        let kept = [10, 20, 29, 30].map(|minute| subscriptions.get(dlp).unwrap().was_enabled_at(at(minute)));
        assert_eq!(kept, [true, false, false, true]);
        let status_missing = Behaviours { status_missing: true, ..Behaviours::default() };
        assert_eq!(subscriptions.list(&status_missing), json!([{"contentType": "DLP.All", "webhook": null}]));
        assert_eq!(subscriptions.get(ContentType::Entra), None);
    }
}
