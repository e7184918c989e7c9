//! Behaviours as JSON: written whole, read as what differs from others.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::script::Scripted;
use crate::{microsoft365, openai};

impl openai::Behaviours {
    /// The same with what the JSON object `json` has: names and values as [`Self::to_json`] writes them.
    ///
    /// # Errors
    /// A message that says what is not understood.
    pub fn with_json(&self, json: &str) -> Result<Self, String> {
        let behaviours: Self = over(self, json)?;
        checked(&behaviours.script, &["audit_logs"])?;
        Ok(behaviours)
    }

    /// All of it as a JSON object.
    pub fn to_json(&self) -> String {
        shown(self)
    }
}

impl microsoft365::Behaviours {
    /// The same with what the JSON object `json` has: names and values as [`Self::to_json`] writes them.
    ///
    /// # Errors
    /// A message that says what is not understood.
    pub fn with_json(&self, json: &str) -> Result<Self, String> {
        let behaviours: Self = over(self, json)?;
        checked(
            &behaviours.script,
            &["token", "start", "stop", "subscriptions", "content", "notifications", "blob", "sensitive_types"],
        )?;
        Ok(behaviours)
    }

    /// All of it as a JSON object.
    pub fn to_json(&self) -> String {
        shown(self)
    }
}

/// `base` with the fields that the JSON object `json` has. A field that is an object itself is changed
/// field by field, everything else is replaced.
///
/// # Errors
/// It is not a JSON object, has a field that is not there, a value that does not fit, or a share that is
/// not one; the message says which.
fn over<T: Serialize + DeserializeOwned>(base: &T, json: &str) -> Result<T, String> {
    let changes: Value = serde_json::from_str(json).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(changes) = changes else {
        return Err("not a JSON object of behaviours, such as {\"short_pages\":1.0}".to_owned());
    };
    let mut all = serde_json::to_value(base).map_err(|error| error.to_string())?;
    let known = all.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let known = known.collect::<Vec<_>>().join(", ");
    // One at a time, so that an error can be told with its name.
    for (name, change) in changes {
        let Some(place) = all.get_mut(&name) else {
            return Err(format!("unknown behaviour `{name}`: use {known}"));
        };
        replace(place, change, &name)?;
        T::deserialize(&all).map_err(|error| format!("`{name}`: {error}"))?;
    }
    T::deserialize(all).map_err(|error| error.to_string())
}

fn replace(place: &mut Value, change: Value, name: &str) -> Result<(), String> {
    match (place, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (inner, change) in changes {
                replace(fields.entry(inner.clone()).or_insert(Value::Null), change, &format!("{name}.{inner}"))?;
            }
        }
        // What is a fraction here is a share.
        (place, change) if place.is_f64() => match change.as_f64() {
            Some(share) if (0.0..=1.0).contains(&share) => *place = share.into(),
            _ => return Err(format!("`{name}` is a share: use a number from 0 to 1, not {change}")),
        },
        (place, change) => *place = change,
    }
    Ok(())
}

/// All of it, readable.
fn shown(behaviours: &impl Serialize) -> String {
    // Writing to memory does not fail, and every key is a string.
    serde_json::to_string_pretty(behaviours).unwrap_or_default()
}

/// Whether a script speaks of operations that there are.
///
/// # Errors
/// It does not; the message says which there are.
fn checked(script: &[Scripted], operations: &[&str]) -> Result<(), String> {
    match script.iter().find(|one| !operations.contains(&one.operation.as_str())) {
        None => Ok(()),
        Some(one) => Err(format!("unknown operation {:?} in `script`: use {}", one.operation, operations.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;

    use crate::microsoft365::{self, Cloud, ContentType};
    use crate::openai::{ADMIN_KEY, AuditLogging, Behaviours, Key};
    use crate::{Fault, Faults, Scripted};

    #[test]
    fn what_is_not_named_stays() {
        let storm = Behaviours::new(Faults::Storm, 7);
        let changed =
            storm.with_json(r#"{"short_pages":1,"transport":{"cut":0.5},"audit_logging":"off_empty"}"#).unwrap();
        let mut expected = storm.clone();
        (expected.short_pages, expected.transport.cut, expected.audit_logging) = (1.0, 0.5, AuditLogging::OffEmpty);
        assert_eq!(changed, expected);
        assert_eq!(storm.with_json("{}"), Ok(storm));
    }

    #[test]
    fn all_of_it_and_back() {
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
        assert_eq!(Behaviours::default().with_json(&behaviours.to_json()), Ok(behaviours));
    }

    #[test]
    fn microsofts_too() {
        let storm = microsoft365::Behaviours::new(Faults::Storm, 7);
        assert_eq!(microsoft365::Behaviours::default().with_json(&storm.to_json()), Ok(storm.clone()));
        let changed = storm.with_json(r#"{"cloud":"gcc-high","broken":"Audit.General","page_size":2}"#).unwrap();
        let expected = (Cloud::GccHigh, Some(ContentType::General), 2);
        assert_eq!((changed.cloud, changed.broken, changed.page_size), expected);
        let script = json!({"script": [{"operation": "content", "number": 3, "having": ["nextPage"], "fault": "cut"}]});
        assert_eq!(
            storm.with_json(&script.to_string()).unwrap().script,
            [Scripted::new("content", 3, Fault::Cut).having("nextPage")]
        );
        let error = storm.with_json(r#"{"cloud":"moon"}"#).unwrap_err();
        assert!(error.contains("`cloud`: unknown variant `moon`, expected one of `commercial`"), "{error}");
    }

    #[test]
    fn as_somebody_would_write_it() {
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
    fn err_says_what_is_not_understood() {
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
    }
}
