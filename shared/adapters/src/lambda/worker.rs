//! Decides what a worker does with the messages of an invocation.
//!
//! A message is *done* when its source had its tick, whatever the tick's outcome: the log, the metrics and their alarms
//! tell of a failure, and the message of the next period is the retry. Only a message that no worker can serve stays in
//! the queue and ends in the dead-letter queue, as do the messages of a process that died.

use std::collections::{BTreeMap, BTreeSet};

use collector::{PortError, StreamReport};
use jiff::Timestamp;

use super::claims::is_same_secret;
use super::environment::Environment;
use super::source_message::{Record, SourceMessage};
use super::sources::{Opened, not_opened};
use crate::aws::secret_name;

/// A process keeps at most this many sources between its invocations, and closes the least recently served ones.
const MAX_WARM_SOURCES: usize = 1_000;

/// The messages of an invocation, by what is done with them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Assignment {
    /// The ARNs of the sources to serve, each once.
    pub(super) arns: Vec<String>,
    /// A report for each message whose source is not served.
    pub(super) reports: Vec<StreamReport>,
    /// The ids of the messages that no worker can serve.
    pub(super) failed: Vec<String>,
}

impl Assignment {
    /// Assigns the messages. `function_arn` is the ARN of the worker, which names its region and account.
    ///
    /// A message whose time is over is dropped, because a newer one of the same source is in the queue. A message that
    /// names a secret outside of the function's settings is refused.
    pub(super) fn of(records: &[Record], environment: &Environment, function_arn: &str, now: Timestamp) -> Self {
        let mut assignment = Self::default();
        let (mut due, mut expired) = (BTreeSet::new(), BTreeMap::new());
        for record in records {
            match readable(record, environment, function_arn) {
                Ok(message) if message.has_expired(now) => {
                    expired.insert(message.secret_arn, now.as_second() - message.expires_at);
                }
                Ok(message) => {
                    due.insert(message.secret_arn);
                }
                Err(error) => assignment.refuse(record, &error),
            }
        }
        expired.retain(|arn, _| !due.contains(arn));
        assignment.reports.extend(expired.iter().map(|(arn, seconds)| not_opened(arn, &expired_error(*seconds))));
        assignment.arns = due.into_iter().collect();
        assignment
    }

    fn refuse(&mut self, record: &Record, error: &PortError) {
        self.reports.push(not_opened(&format!("message {}", record.message_id), error));
        self.failed.push(record.message_id.clone());
    }
}

/// Returns the message of a record, if it can be read and names one of the function's secrets.
fn readable(record: &Record, environment: &Environment, function_arn: &str) -> Result<SourceMessage, PortError> {
    let message: SourceMessage = serde_json::from_str(&record.body).map_err(|_| {
        PortError::person(
            "its body is not {\"secret_arn\":…,\"expires_at\":…}, so it did not come from this deployment's planner; \
             find out who else sends to the queue",
        )
    })?;
    if is_configured(&message.secret_arn, environment, function_arn) {
        return Ok(message);
    }
    Err(PortError::person(
        "it names a secret that is neither in the function's list of ARNs nor below its prefix, so nothing was read; find \
         out who else sends to the queue",
    ))
}

/// Returns `true` if the settings name this secret: by its ARN, or by its prefix in the function's own account and region.
fn is_configured(arn: &str, environment: &Environment, function_arn: &str) -> bool {
    let is_of_prefix =
        |prefix: &String| is_own_secret(arn, function_arn) && secret_name(arn).starts_with(prefix.as_str());
    environment.secret_arns.iter().any(|named| is_same_secret(named, arn))
        || environment.secret_prefix.as_ref().is_some_and(is_of_prefix)
}

/// Returns `true` for the ARN of a secret in the partition, region and account of the function.
fn is_own_secret(arn: &str, function_arn: &str) -> bool {
    let parts = |arn: &'_ str| -> Vec<String> { arn.splitn(7, ':').map(str::to_owned).collect() };
    match (&parts(arn)[..], &parts(function_arn)[..]) {
        ([_, partition, service, region, account, kind, _], [_, own_partition, _, own_region, own_account, ..]) => {
            let is_secret = service == "secretsmanager" && kind == "secret";
            is_secret && (partition, region, account) == (own_partition, own_region, own_account)
        }
        _ => false,
    }
}

fn expired_error(seconds: i64) -> PortError {
    PortError::next_tick(format!(
        "got no worker in its period, which ended {seconds} s before its message was received; the next message follows. \
         If that goes on, raise FanOutConcurrency"
    ))
}

/// Returns the sources that the process keeps: `served` last, and at most [`MAX_WARM_SOURCES`] of the most recently
/// served ones.
pub(super) fn keep_warm<V>(mut others: Vec<Opened<V>>, served: Vec<Opened<V>>) -> Vec<Opened<V>> {
    others.extend(served);
    let surplus = others.len().saturating_sub(MAX_WARM_SOURCES);
    others.drain(..surplus);
    others
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:stack-openai";
    const NAMED: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:named-AbCdEf";
    const LISTED: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:audit-pull/a-AbCdEf";

    fn environment() -> Environment {
        let variables: BTreeMap<String, String> = [
            ("OPENAI_SECRET_ARNS", NAMED),
            ("OPENAI_SECRET_PREFIX", "audit-pull/"),
            ("STATE_TABLE", "state"),
            ("BUCKET", "lake"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        Environment::parse("OPENAI", &[], &variables).unwrap()
    }

    fn record(id: usize, body: &str) -> Record {
        Record { message_id: id.to_string(), body: body.to_owned() }
    }

    fn body(arn: &str, expires_at: i64) -> String {
        SourceMessage { secret_arn: arn.to_owned(), expires_at }.to_body().unwrap()
    }

    fn assign(bodies: &[String]) -> Assignment {
        let records: Vec<_> = bodies.iter().enumerate().map(|(id, body)| record(id, body)).collect();
        Assignment::of(&records, &environment(), FUNCTION, Timestamp::from_second(100).unwrap())
    }

    fn failures(assignment: &Assignment) -> Vec<(&str, bool)> {
        let failures = assignment.reports.iter().filter_map(|report| report.failure.as_ref());
        failures.map(|failure| (failure.message.as_str(), failure.needs_person)).collect()
    }

    #[test]
    fn each_source_of_a_readable_message_is_served_once() {
        let assignment = assign(&[body(NAMED, 101), body(LISTED, 160), body(NAMED, 160)]);
        let expected = Assignment { arns: vec![LISTED.to_owned(), NAMED.to_owned()], ..Assignment::default() };
        assert_eq!(assignment, expected);
    }

    #[test]
    fn a_message_that_names_another_secret_is_refused() {
        for foreign in [
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf",
            "arn:aws:secretsmanager:eu-west-1:999999999999:secret:audit-pull/a-AbCdEf",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:audit-pull/a-AbCdEf",
            "arn:aws-cn:secretsmanager:eu-west-1:123456789012:secret:audit-pull/a-AbCdEf",
            "arn:aws:ssm:eu-west-1:123456789012:secret:audit-pull/a-AbCdEf",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:Audit-pull/a-AbCdEf",
            "audit-pull/a",
            "",
        ] {
            let assignment = assign(&[body(foreign, 160), body(LISTED, 160)]);
            assert_eq!(
                (&assignment.arns[..], &assignment.failed[..]),
                (&[LISTED.to_owned()][..], &["0".to_owned()][..])
            );
            let [(message, true)] = failures(&assignment)[..] else { panic!("{assignment:?}") };
            assert!(message.starts_with("message 0: it names a secret that is neither"), "{message}");
        }
    }

    #[test]
    fn an_unreadable_message_is_refused_alone_and_never_repeated() {
        let with_more = body(LISTED, 160).replace('}', ",\"x\":1}");
        for unreadable in ["", "canary", "{}", r#"{"secret_arn":1,"expires_at":160}"#, &with_more] {
            let assignment = assign(&[body(NAMED, 160), unreadable.to_owned()]);
            assert_eq!(
                (&assignment.arns[..], &assignment.failed[..]),
                (&[NAMED.to_owned()][..], &["1".to_owned()][..])
            );
            let [(message, true)] = failures(&assignment)[..] else { panic!("{assignment:?}") };
            assert!(message.contains("its body is not") && !message.contains("canary"), "{message}");
        }
    }

    #[test]
    fn an_expired_message_is_dropped_with_a_report_unless_a_newer_one_is_there() {
        let assignment = assign(&[body(NAMED, 100), body(LISTED, 40), body(LISTED, 160)]);
        assert_eq!((&assignment.arns[..], assignment.failed.len()), (&[LISTED.to_owned()][..], 0));
        let [(message, false)] = failures(&assignment)[..] else { panic!("{assignment:?}") };
        assert!(message.starts_with("named-AbCdEf: got no worker in its period"), "{message}");
    }
}
