//! Which content types are kept for the application, and since when.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::behaviours::Behaviours;
use super::content_type::ContentType;

/// Between two starts of one content type.
pub(super) const BETWEEN_STARTS: SignedDuration = SignedDuration::from_mins(15);

/// A content type that was started at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) is_on: bool,
    pub(super) first_start: Timestamp,
    pub(super) last_start: Timestamp,
    /// When it was off: from a stop to the next start, or until further notice.
    pub(super) off: Vec<(Timestamp, Option<Timestamp>)>,
}

/// What a start came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    Started,
    AlreadyOn,
    TooSoon,
}

/// Of every content type, in the order of [`ContentType::ALL`]; and when it was first tried to start it.
#[derive(Debug, Default)]
pub(super) struct Subscriptions([Option<Subscription>; 5], [Option<Timestamp>; 5]);

impl Subscriptions {
    pub(super) fn get(&self, content_type: ContentType) -> Option<&Subscription> {
        self.0[content_type.place()].as_ref()
    }

    /// The seconds until a start is taken at `now`, where starts are taken only so long after the first one.
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
        if throttled && known.last_start.duration_until(now) < BETWEEN_STARTS {
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

    /// Stops it; false when it was not on.
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

    /// The list of them, as it is told: without the first one's status, or without those that were stopped.
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
    /// Whether what became available then is kept.
    pub(super) fn keeps(&self, created: Timestamp) -> bool {
        !self.off.iter().any(|(from, until)| *from <= created && until.is_none_or(|until| created < until))
    }
}

/// One subscription as it is told.
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
    fn b39_b40_b41_on_and_off_and_on() {
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
