//! Writes behaviours as JSON and reads them from JSON. The written text has all behaviours; a text that is read changes
//! only the behaviours that it names.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::gateway::Gateway;
use crate::microsoft365::{self, BlobChoice};
use crate::openai;
use crate::outage::Outage;
use crate::script::Scripted;

impl openai::Behaviours {
    /// Returns a copy with the changes in `json`, a JSON object with the same names and values as [`Self::to_json`].
    /// Behaviours that `json` does not name stay the same.
    ///
    /// # Errors
    /// A message that names the invalid behaviour or value.
    pub fn with_json(&self, json: &str) -> Result<Self, String> {
        let behaviours: Self = with_changes(self, json)?;
        check_common(&behaviours.script, &behaviours.outages, &behaviours.gateway, &["audit_logs"])?;
        for span in &behaviours.broken_spans {
            check_span("broken_spans", span.from, span.to)?;
            check_status("broken_spans", span.status)?;
        }
        Ok(behaviours)
    }

    /// Returns all behaviours as a JSON object.
    pub fn to_json(&self) -> String {
        pretty_json(self)
    }
}

impl microsoft365::Behaviours {
    /// Returns a copy with the changes in `json`, a JSON object with the same names and values as [`Self::to_json`].
    /// Behaviours that `json` does not name stay the same.
    ///
    /// # Errors
    /// A message that names the invalid behaviour or value.
    pub fn with_json(&self, json: &str) -> Result<Self, String> {
        let behaviours: Self = with_changes(self, json)?;
        check_common(
            &behaviours.script,
            &behaviours.outages,
            &behaviours.gateway,
            &["token", "start", "stop", "subscriptions", "content", "notifications", "blob", "sensitive_types"],
        )?;
        for span in &behaviours.broken_spans {
            check_span("broken_spans", span.from, span.to)?;
            check_status("broken_spans", span.status)?;
        }
        for broken in &behaviours.broken_blobs {
            check_choice("broken_blobs", &broken.blobs)?;
            check_status("broken_blobs", broken.status)?;
        }
        for trickling in &behaviours.trickling_blobs {
            check_choice("trickling_blobs", &trickling.blobs)?;
        }
        Ok(behaviours)
    }

    /// Returns all behaviours as a JSON object.
    pub fn to_json(&self) -> String {
        pretty_json(self)
    }
}

/// Earlier names of behaviours, which are still accepted, with the present names.
const EARLIER_NAMES: [(&str, &str); 26] = [
    ("awkward", "awkward_payloads"),
    ("broken", "broken_content_type"),
    ("crowd", "crowded_events"),
    ("cursor_lost", "lost_cursors"),
    ("days_old", "days_old_records"),
    ("down", "outages"),
    ("false_more", "false_has_more"),
    ("flood", "delayed_blobs"),
    ("history", "has_history"),
    ("ipv6", "ipv6_sessions"),
    ("irregular", "irregular_records"),
    ("large", "large_records"),
    ("late", "late_blobs"),
    ("late", "late_events"),
    ("latest_seconds", "max_delay_seconds"),
    ("near_latest", "near_max_delay"),
    ("page_repeated", "repeated_pages"),
    ("quick", "quick_records"),
    ("repeated", "repeated_records"),
    ("reshaped", "reshaped_events"),
    ("shuffled", "shuffled_pages"),
    ("slow", "slow_records"),
    ("sparse", "sparse_actors"),
    ("split", "split_events"),
    ("unheard_of", "unpublished_fields_and_types"),
    ("unknown", "unpublished_records"),
];

/// Returns a copy of `base` with the changes in `json`, a JSON object. A field that is an object itself is changed
/// field by field; any other field is replaced.
///
/// # Errors
/// The text is not a JSON object, or it has an unknown field, a value of the wrong type, or a share outside of 0 to 1.
/// The message names the field.
fn with_changes<T: Serialize + DeserializeOwned>(base: &T, json: &str) -> Result<T, String> {
    let changes: Value = serde_json::from_str(json).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(changes) = changes else {
        return Err("not a JSON object of behaviours, such as {\"short_pages\":1.0}".to_owned());
    };
    let mut all = serde_json::to_value(base).map_err(|error| error.to_string())?;
    let known_names = all.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let known_names = known_names.collect::<Vec<_>>().join(", ");
    // Deserialising after each change shows which field is invalid.
    for (name, change) in changes {
        let name = present_name(&all, name);
        let Some(current) = all.get_mut(&name) else {
            return Err(format!("unknown behaviour `{name}`: use {known_names}"));
        };
        apply_change(current, change, &name)?;
        T::deserialize(&all).map_err(|error| format!("`{name}`: {error}"))?;
    }
    T::deserialize(all).map_err(|error| error.to_string())
}

/// Returns the present name of the behaviour, if `all` has it by that name.
fn present_name(all: &Value, name: String) -> String {
    let is_present = |&&(earlier, present): &&(&str, &str)| earlier == name && all.get(present).is_some();
    EARLIER_NAMES.iter().find(is_present).map_or(name.clone(), |(_, present)| (*present).to_owned())
}

fn apply_change(current: &mut Value, change: Value, name: &str) -> Result<(), String> {
    match (current, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (inner, change) in changes {
                apply_change(fields.entry(inner.clone()).or_insert(Value::Null), change, &format!("{name}.{inner}"))?;
            }
        }
        // Every behaviour that is a floating-point number is a share.
        (current, change) if current.is_f64() => match change.as_f64() {
            Some(share) if (0.0..=1.0).contains(&share) => *current = share.into(),
            _ => return Err(format!("`{name}` is a share: use a number from 0 to 1, not {change}")),
        },
        (current, change) => *current = change,
    }
    Ok(())
}

/// Returns all behaviours as indented JSON.
fn pretty_json(behaviours: &impl Serialize) -> String {
    // Writing to memory cannot fail, and every key is a string.
    serde_json::to_string_pretty(behaviours).unwrap_or_default()
}

/// Checks the behaviours that both vendors have in common. `operations` are the names of the vendor's operations.
///
/// # Errors
/// A message that names the invalid behaviour and says what is wrong with it.
fn check_common(
    script: &[Scripted],
    outages: &[Outage],
    gateway: &[Gateway],
    operations: &[&str],
) -> Result<(), String> {
    for scripted in script {
        check_operation("script", &scripted.operation, operations)?;
    }
    for outage in outages {
        check_span("outages", outage.from, outage.to)?;
        check_status("outages", outage.status)?;
    }
    for gateway in gateway {
        if let Some(operation) = &gateway.operation {
            check_operation("gateway", operation, operations)?;
        }
        check_share("gateway", gateway.share)?;
        check_status("gateway", gateway.status)?;
    }
    Ok(())
}

fn check_operation(behaviour: &str, operation: &str, operations: &[&str]) -> Result<(), String> {
    if operations.contains(&operation) {
        return Ok(());
    }
    Err(format!("unknown operation {operation:?} in `{behaviour}`: use {}", operations.join(", ")))
}

fn check_span(behaviour: &str, from: Timestamp, to: Timestamp) -> Result<(), String> {
    if from < to { Ok(()) } else { Err(format!("a span of `{behaviour}` is empty: {to} is not after {from}")) }
}

fn check_status(behaviour: &str, status: u16) -> Result<(), String> {
    if (200..=599).contains(&status) {
        return Ok(());
    }
    Err(format!("a status of `{behaviour}` is no final HTTP status: use a number from 200 to 599, not {status}"))
}

fn check_share(behaviour: &str, share: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(format!("a share of `{behaviour}` is no share: use a number from 0 to 1, not {share}"))
}

fn check_choice(behaviour: &str, choice: &BlobChoice) -> Result<(), String> {
    match choice {
        BlobChoice::Share(share) => check_share(behaviour, *share),
        BlobChoice::Ordinals(ordinals) if ordinals.contains(&0) => {
            Err(format!("there is no blob number 0 in `{behaviour}`: the first blob is 1"))
        }
        BlobChoice::First(_) | BlobChoice::Ordinals(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;

    use crate::microsoft365::{self, BlobChoice, BrokenBlobs, Cloud, ContentType, TricklingBlobs};
    use crate::openai::{ADMIN_KEY, AuditLogging, Behaviours, BrokenSpan, Key};
    use crate::{Fault, Faults, Gateway, Outage, Scripted};

    #[test]
    fn unnamed_behaviours_stay_unchanged() {
        let storm = Behaviours::new(Faults::Storm, 7);
        let changed =
            storm.with_json(r#"{"short_pages":1,"transport":{"cut":0.5},"audit_logging":"off_empty"}"#).unwrap();
        let mut expected = storm.clone();
        (expected.short_pages, expected.transport.cut, expected.audit_logging) = (1.0, 0.5, AuditLogging::OffEmpty);
        assert_eq!(changed, expected);
        assert_eq!(storm.with_json("{}"), Ok(storm));
    }

    #[test]
    fn behaviours_survive_a_round_trip_through_json() {
        let mut behaviours = Behaviours::new(Faults::Storm, 3);
        behaviours.kept_since = Timestamp::from_second(1_795_338_000).unwrap();
        (behaviours.kept_seconds, behaviours.tenant_only_refused) = (Some(60), Some(403));
        behaviours.keys.push(Key { until: Timestamp::UNIX_EPOCH, ..Key::new("sk-admin-old") });
        let answer = |body: &[u8]| Fault::Answer {
            status: 503,
            headers: vec![("retry-after".into(), "7".into())],
            body: body.into(),
        };
        let faults = [
            answer(b"text"),
            answer(b"\xFF\x00"),
            Fault::ServerError,
            Fault::Throttled { retry_after: Some(3) },
            Fault::Reset,
            Fault::Cut,
            Fault::Delay(Duration::from_millis(20)),
        ];
        let scripted = faults.map(|fault| Scripted::new("audit_logs", 2, fault).having("after"));
        behaviours.script = scripted.into();
        let [from, to] = ["2026-11-20T00:00:00Z", "2026-11-20T06:00:00.25Z"].map(|text| text.parse().unwrap());
        behaviours.broken_spans =
            vec![BrokenSpan { from, to, status: 500, tenant_only: Some(false), retry_after_seconds: None }];
        behaviours.outages = vec![Outage { from: Timestamp::MIN, to: Timestamp::MAX, status: 503 }];
        behaviours.gateway = vec![gateway()];
        assert_eq!(Behaviours::default().with_json(&behaviours.to_json()), Ok(behaviours));
    }

    fn gateway() -> Gateway {
        let operation = Some("audit_logs".to_owned());
        Gateway { operation, share: 0.5, status: 200, body: "<html>".to_owned(), date_offset_seconds: -7 }
    }

    #[test]
    fn behaviours_of_microsoft365_survive_a_round_trip_through_json() {
        let mut storm = microsoft365::Behaviours::new(Faults::Storm, 7);
        let [from, to] = ["2026-11-20T00:00:00Z", "2026-11-20T06:00:00Z"].map(|text| text.parse().unwrap());
        let (content_type, code) = (Some(ContentType::Dlp), Some("AF50005".to_owned()));
        storm.broken_spans = vec![microsoft365::BrokenSpan { from, to, status: 500, code: code.clone(), content_type }];
        let broken = |blobs| BrokenBlobs { blobs, content_type, status: 404, code: code.clone(), until: to };
        storm.broken_blobs =
            [BlobChoice::Share(0.25), BlobChoice::First(520), BlobChoice::Ordinals(vec![1, 9])].map(broken).into();
        let pause = Duration::from_millis(100);
        storm.trickling_blobs = vec![TricklingBlobs { blobs: BlobChoice::First(1), content_type: None, pause }];
        storm.outages = vec![Outage { from, to, status: 503 }];
        storm.gateway = vec![Gateway { operation: None, ..gateway() }];
        assert_eq!(microsoft365::Behaviours::default().with_json(&storm.to_json()), Ok(storm.clone()));
        let changed =
            storm.with_json(r#"{"cloud":"gcc-high","broken_content_type":"Audit.General","page_size":2}"#).unwrap();
        let expected = (Cloud::GccHigh, Some(ContentType::General), 2);
        assert_eq!((changed.cloud, changed.broken_content_type, changed.page_size), expected);
        let script = json!({"script": [{"operation": "content", "number": 3, "having": ["nextPage"], "fault": "cut"}]});
        assert_eq!(
            storm.with_json(&script.to_string()).unwrap().script,
            [Scripted::new("content", 3, Fault::Cut).having("nextPage")]
        );
        let error = storm.with_json(r#"{"cloud":"moon"}"#).unwrap_err();
        assert!(error.contains("`cloud`: unknown variant `moon`, expected one of `commercial`"), "{error}");
    }

    #[test]
    fn hand_written_json_is_accepted() {
        let behaviours = Behaviours::default().with_json(&json!({
            "keys": [{"key": "sk-admin-a", "until": "2026-11-22T09:00:00Z"}],
            "script": [
                {"operation": "audit_logs", "number": 3, "having": ["after"], "fault": {"throttled": {"retry_after": 7}}},
                {"operation": "audit_logs", "number": 5, "fault": {"answer": {"status": 502}}},
                {"operation": "audit_logs", "number": 6, "fault": "reset"},
            ],
            "transport": {"delay_milliseconds": 40},
        }).to_string()).unwrap();
        let until = "2026-11-22T09:00:00Z".parse().unwrap();
        assert_eq!(behaviours.keys, [Key { until, ..Key::new("sk-admin-a") }]);
        assert_eq!(behaviours.script[0].fault, Fault::Throttled { retry_after: Some(7) });
        assert_eq!(behaviours.script[1].fault, Fault::answer(502, ""));
        assert_eq!(behaviours.transport.delay, Duration::from_millis(40));
    }

    #[test]
    fn hand_written_json_of_permanent_faults_is_accepted() {
        let behaviours = Behaviours::default()
            .with_json(
                &json!({
                    "broken_spans": [{"from": "2026-11-20T00:00:00Z", "status": 500}],
                    "outages": [{"status": 503}],
                    "gateway": [{"status": 502, "date_offset_seconds": 864000}],
                })
                .to_string(),
            )
            .unwrap();
        let [from, start, end] = ["2026-11-20T00:00:00Z".parse().unwrap(), Timestamp::MIN, Timestamp::MAX];
        assert_eq!(
            behaviours.broken_spans,
            [BrokenSpan { from, to: end, status: 500, tenant_only: None, retry_after_seconds: None }]
        );
        assert_eq!(behaviours.outages, [Outage { from: start, to: end, status: 503 }]);
        assert_eq!((behaviours.gateway[0].share, behaviours.gateway[0].date_offset_seconds), (1.0, 864_000));
        assert!(behaviours.gateway[0].body.starts_with("<html>"));
        let behaviours = microsoft365::Behaviours::default()
            .with_json(
                &json!({
                    "broken_blobs": [
                        {"blobs": {"first": 520}, "status": 404, "until": "2026-11-20T00:00:00Z"},
                        {"blobs": {"share": 0.25}, "content_type": "Audit.Exchange", "status": 500},
                    ],
                    "trickling_blobs": [{"blobs": {"ordinals": [3]}, "trickle_milliseconds": 100}],
                })
                .to_string(),
            )
            .unwrap();
        let (blobs, content_type) = (BlobChoice::First(520), None);
        assert_eq!(
            behaviours.broken_blobs[0],
            BrokenBlobs { blobs, content_type, status: 404, code: None, until: from }
        );
        let (blobs, content_type) = (BlobChoice::Share(0.25), Some(ContentType::Exchange));
        assert_eq!(
            behaviours.broken_blobs[1],
            BrokenBlobs { blobs, content_type, status: 500, code: None, until: end }
        );
        let (blobs, pause) = (BlobChoice::Ordinals(vec![3]), Duration::from_millis(100));
        assert_eq!(behaviours.trickling_blobs, [TricklingBlobs { blobs, content_type: None, pause }]);
    }

    #[test]
    fn err_names_the_value_that_is_not_valid() {
        let check = |json: &str, part: &str| {
            let error = Behaviours::default().with_json(json).unwrap_err();
            assert!(error.contains(part) && !error.contains(ADMIN_KEY), "{json}: {error}");
        };
        check("[]", "not a JSON object");
        check("{", "not JSON: ");
        check(r#"{"short_page":1}"#, "unknown behaviour `short_page`: use ascending, audit_logging, ");
        check(r#"{"transport":{"cuts":1}}"#, "`transport`: unknown field `cuts`, expected one of `delay_milliseconds`");
        check(r#"{"short_pages":1.5}"#, "`short_pages` is a share: use a number from 0 to 1, not 1.5");
        check(r#"{"transport":{"cut":"often"}}"#, "`transport.cut` is a share");
        check(r#"{"ascending":"yes"}"#, "`ascending`: invalid type: string");
        check(r#"{"edge_ids":"gone"}"#, "`edge_ids`: unknown variant `gone`, expected one of `there`");
        check(
            r#"{"script":[{"operation":"audit_logs","number":1,"fault":"fire"}]}"#,
            "`script`: unknown variant `fire`",
        );
        check(
            r#"{"script":[{"operation":"blob","number":1,"fault":"cut"}]}"#,
            "unknown operation \"blob\" in `script`: use audit_logs",
        );
        check(r#"{"broken_spans":[{"status":99}]}"#, "`broken_spans` is no final HTTP status: use a number from 200");
        check(r#"{"broken_spans":[{"state":500}]}"#, "`broken_spans`: unknown field `state`, expected one of `from`");
        check(
            r#"{"outages":[{"from":"2026-11-20T00:00:00Z","to":"2026-11-20T00:00:00Z","status":503}]}"#,
            "a span of `outages` is empty: 2026-11-20T00:00:00Z is not after 2026-11-20T00:00:00Z",
        );
        check(
            r#"{"gateway":[{"status":502,"share":2}]}"#,
            "a share of `gateway` is no share: use a number from 0 to 1",
        );
        check(r#"{"gateway":[{"status":502,"operation":"blob"}]}"#, "unknown operation \"blob\" in `gateway`");
    }

    #[test]
    fn err_names_the_invalid_value_of_blob_faults() {
        let check = |json: &str, part: &str| {
            let error = microsoft365::Behaviours::default().with_json(json).unwrap_err();
            assert!(error.contains(part), "{json}: {error}");
        };
        check(r#"{"broken_blobs":[{"blobs":{"last":3},"status":500}]}"#, "`broken_blobs`: unknown variant `last`");
        check(r#"{"broken_blobs":[{"blobs":{"share":1.5},"status":500}]}"#, "a share of `broken_blobs` is no share");
        check(r#"{"broken_blobs":[{"blobs":{"first":3},"status":600}]}"#, "a status of `broken_blobs` is no final");
        check(r#"{"trickling_blobs":[{"blobs":{"ordinals":[0]},"trickle_milliseconds":1}]}"#, "the first blob is 1");
    }
}
