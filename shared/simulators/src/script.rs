//! Scripted faults: one fault at one chosen request.

use std::time::Duration;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::faults::{cut, server_error};
use crate::http::{self, End, Reply, Request};
use crate::plain;

/// A fault of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The request is answered with this and has no other effect.
    Answer {
        /// The status of the answer.
        status: u16,
        /// Headers of the answer, with names in lower case.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body, which need not be text; in JSON a string or an array of bytes.
        #[serde(default, with = "plain::bytes")]
        body: Vec<u8>,
    },
    /// The request is answered with a 5xx status.
    ServerError,
    /// The request is throttled in the vendor's own form.
    Throttled {
        /// Seconds in `Retry-After`, if any.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// The connection is closed before the first byte of the answer. The request takes effect.
    Reset,
    /// The connection is closed in the middle of the answer's body. The request takes effect.
    Cut,
    /// The answer is correct but delayed.
    #[serde(rename = "delay_milliseconds")]
    Delay(#[serde(with = "plain::milliseconds")] Duration),
}

impl Fault {
    /// Returns a fault that answers with that status and body, without headers.
    pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }
}

/// A fault at one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// The operation. OpenAI has `audit_logs`; Microsoft 365 has `token`, `start`, `stop`, `subscriptions`, `content`,
    /// `notifications`, `blob` and `sensitive_types`.
    pub operation: String,
    /// Parameters that a request's query must have to count, each a decoded `name` or `name=value`. The case of names
    /// does not matter. If the list is empty, every request of the operation counts.
    #[serde(default)]
    pub having: Vec<String>,
    /// The number of the request among those that count, from 1. Counting restarts when the script changes.
    pub number: u64,
    /// The fault.
    pub fault: Fault,
}

impl Scripted {
    /// Returns a fault at the request of that number among those of an operation.
    pub fn new(operation: impl Into<String>, number: u64, fault: Fault) -> Self {
        Self { operation: operation.into(), having: Vec::new(), number, fault }
    }

    /// Restricts the counted requests to those whose query also has this parameter: a `name`, or `name=value`.
    ///
    /// The third request that continues from a cursor: `Scripted::new("audit_logs", 3, fault).having("after")`.
    #[must_use]
    pub fn having(mut self, parameter: impl Into<String>) -> Self {
        self.having.push(parameter.into());
        self
    }

    fn matches_request(&self, operation: &str, parameters: &[(String, String)]) -> bool {
        let has = |wanted: &String| {
            let (wanted_name, wanted_value) =
                wanted.split_once('=').map_or((wanted.as_str(), None), |(n, v)| (n, Some(v)));
            let is_wanted = |(name, value): &(String, String)| {
                name.eq_ignore_ascii_case(wanted_name) && wanted_value.is_none_or(|wanted| wanted == value)
            };
            parameters.iter().any(is_wanted)
        };
        self.operation == operation && self.having.iter().all(has)
    }
}

/// A script and its progress.
#[derive(Debug, Default)]
pub(crate) struct ScriptProgress {
    script: Vec<Scripted>,
    /// The number of counted requests per entry.
    counts: Vec<u64>,
}

impl ScriptProgress {
    /// Returns the faults that the script has for this request. A changed script starts again.
    pub(crate) fn faults_for(&mut self, script: &[Scripted], operation: &str, request: &Request) -> ScriptedFaults {
        if self.script != script {
            *self = Self { script: script.to_vec(), counts: vec![0; script.len()] };
        }
        let parameters = http::form(request.uri().query().unwrap_or_default().as_bytes());
        let mut faults = Vec::new();
        for (one, count) in self.script.iter().zip(&mut self.counts) {
            if one.matches_request(operation, &parameters) {
                *count += 1;
                if *count == one.number {
                    faults.push(one.fault.clone());
                }
            }
        }
        ScriptedFaults(faults)
    }
}

/// The faults that a script has for one request.
#[derive(Debug)]
pub(crate) struct ScriptedFaults(Vec<Fault>);

impl ScriptedFaults {
    /// Returns the reply of a fault that takes the place of the real answer, if there is one. `json` and `throttled`
    /// write the vendor's own forms.
    pub(crate) fn replacement(
        &self,
        dice: &mut Dice,
        json: impl Fn(StatusCode) -> Reply,
        throttled: impl Fn(Option<u32>) -> Reply,
    ) -> Option<Reply> {
        self.0.iter().find_map(|fault| match fault {
            Fault::Answer { status, headers, body } => Some(answer(*status, headers, body)),
            Fault::ServerError => Some(server_error(dice, &json)),
            Fault::Throttled { retry_after } => Some(throttled(*retry_after)),
            Fault::Reset | Fault::Cut | Fault::Delay(_) => None,
        })
    }

    /// Applies the faults that change the real answer.
    pub(crate) fn apply(&self, mut reply: Reply, dice: &mut Dice) -> Reply {
        for fault in &self.0 {
            match fault {
                Fault::Reset => reply.end = End::Reset,
                Fault::Cut => reply = cut(reply, dice),
                Fault::Delay(delay) => reply.delay = *delay,
                Fault::Answer { .. } | Fault::ServerError | Fault::Throttled { .. } => {}
            }
        }
        reply
    }
}

/// Returns the reply of a scripted answer.
fn answer(status: u16, headers: &[(String, String)], body: &[u8]) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    headers.iter().fold(Reply::new(status, "", body), |reply, (name, value)| reply.with(name.clone(), value))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn faults(script_progress: &mut ScriptProgress, script: &[Scripted], operation: &str, query: &str) -> usize {
        let request = hyper::Request::builder().uri(format!("/list?{query}")).body(Bytes::new()).unwrap();
        script_progress.faults_for(script, operation, &request).0.len()
    }

    #[test]
    fn requests_are_counted_by_operation_and_parameters() {
        let script = [
            Scripted::new("list", 2, Fault::Reset),
            Scripted::new("list", 2, Fault::Cut).having("after").having("Filter[]=a b"),
        ];
        let mut script_progress = ScriptProgress::default();
        let mut check = |operation, query, count| {
            assert_eq!(faults(&mut script_progress, &script, operation, query), count, "{query}")
        };
        check("list", "after=1&filter%5B%5D=a+b", 0);
        check("other", "after=1&filter[]=a+b", 0);
        check("list", "after=1", 1);
        check("list", "filter[]=a+b", 0);
        check("list", "filter[]=a+c&after=1", 0);
        check("list", "filter[]=a+b&after=2", 1);
        check("list", "filter[]=a+b&after=2", 0);
    }

    #[test]
    fn a_changed_script_starts_again() {
        let mut script_progress = ScriptProgress::default();
        let script = |number| [Scripted::new("list", number, Fault::Reset)];
        let seen: Vec<_> =
            [2, 2, 1, 1, 2].map(|number| faults(&mut script_progress, &script(number), "list", "")).into();
        assert_eq!(seen, [0, 1, 1, 0, 0]);
    }
}
