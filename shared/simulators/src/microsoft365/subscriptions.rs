//! The subscriptions of the application, and the times in which they were enabled.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::behaviours::Behaviours;
use super::content_type::ContentType;

/// The shortest time between two starts of one content type.
pub(super) const START_INTERVAL: SignedDuration = SignedDuration::from_mins(15);

/// The subscription of a content type that was started at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) is_on: bool,
    pub(super) first_start: Timestamp,
    pub(super) last_start: Timestamp,
    /// The times in which it was off, from a stop to the next start. The last one may have no end yet.
    pub(super) off: Vec<(Timestamp, Option<Timestamp>)>,
}

/// The result of a start.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    Started,
    AlreadyOn,
    TooSoon,
}

/// The subscriptions in the order of [`ContentType::ALL`], and the times of their first starts.
#[derive(Debug, Default)]
pub(super) struct Subscriptions([Option<Subscription>; 5], [Option<Timestamp>; 5]);

impl Subscriptions {
    pub(super) fn get(&self, content_type: ContentType) -> Option<&Subscription> {
        self.0[content_type.place()].as_ref()
    }

    /// Returns the seconds until a start is accepted at `now`, if starts are accepted only this long after the first
    /// one.
    pub(super) fn wait(&mut self, content_type: ContentType, now: Timestamp, seconds: i64) -> Option<i64> {
        let first = *self.1[content_type.place()].get_or_insert(now);
        Some(seconds - now.duration_since(first).as_secs()).filter(|left| *left > 0)
    }

    pub(super) fn start(&mut self, content_type: ContentType, now: Timestamp, throttled: bool) -> Start {
        let Some(known) = &mut self.0[content_type.place()] else {
            self.0[content_type.place()] =
                Some(Subscription { is_on: true, first_start: now, last_start: now, off: Vec::new() });
            return Start::Started;
        };
        if throttled && known.last_start.duration_until(now) < START_INTERVAL {
            return Start::TooSoon;
        }
        known.last_start = now;
        if known.is_on {
            return Start::AlreadyOn;
        }
        known.is_on = true;
        if let Some((_, until)) = known.off.last_mut() {
            *until = Some(now);
        }
        Start::Started
    }

    /// Stops a subscription. Returns `false` if it was not enabled.
    pub(super) fn stop(&mut self, content_type: ContentType, now: Timestamp) -> bool {
        match &mut self.0[content_type.place()] {
            Some(known) if known.is_on => {
                known.is_on = false;
                known.off.push((now, None));
                true
            }
            _ => false,
        }
    }

    /// Returns the list of subscriptions, as the behaviours show it: without the first one's status, or without stopped
    /// ones.
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
    /// Returns `true` if content that became available at `created` is kept.
    pub(super) fn keeps(&self, created: Timestamp) -> bool {
        !self.off.iter().any(|(from, until)| *from <= created && until.is_none_or(|until| created < until))
    }
}

/// Returns the entry of a subscription.
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
        let mut all = Subscriptions::default();
        let dlp = ContentType::Dlp;
        assert!(!all.stop(dlp, at(0)));
        assert_eq!(all.start(dlp, at(0), true), Start::Started);
        assert_eq!(all.start(dlp, at(1), true), Start::TooSoon);
        assert_eq!(all.start(dlp, at(1), false), Start::AlreadyOn);
        assert!(all.stop(dlp, at(20)));
        assert_eq!(all.list(&Behaviours::default())[0]["status"], "disabled");
        assert_eq!(all.list(&Behaviours { stopped_is_gone: true, ..Behaviours::default() }), json!([]));
        assert!(!all.get(dlp).unwrap().keeps(at(25)));
        assert_eq!(all.start(dlp, at(30), true), Start::Started);
        let kept = [10, 20, 29, 30].map(|minute| all.get(dlp).unwrap().keeps(at(minute)));
        assert_eq!(kept, [true, false, false, true]);
        let status_missing = Behaviours { status_missing: true, ..Behaviours::default() };
        assert_eq!(all.list(&status_missing), json!([{"contentType": "DLP.All", "webhook": null}]));
        assert_eq!(all.get(ContentType::Entra), None);
    }
}
