//! Scripted faults: a test chooses a single request and the fault that it gets.

use std::time::Duration;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use crate::faults::{server_error, with_cut_body};
use crate::http::{self, End, Reply, Request};
use crate::json_form;
use crate::seeded_rng::SeededRng;

/// The fault that a scripted request gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The request is answered with this reply, and the vendor does not handle it.
    Answer {
        /// The status of the answer.
        status: u16,
        /// Headers of the answer, with names in lower case.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body, which need not be text. In JSON it is a string or an array of bytes.
        #[serde(default, with = "json_form::bytes")]
        body: Vec<u8>,
    },
    /// The request is answered with a 5xx status, and the vendor does not handle it.
    ServerError,
    /// The request is answered as the vendor answers throttled requests, and is not handled.
    Throttled {
        /// The seconds of the `Retry-After` header; `None` for no such header.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// The vendor handles the request, but the connection is closed before the first byte of the answer.
    Reset,
    /// The vendor handles the request, but the connection is closed in the middle of the answer's body.
    Cut,
    /// The vendor handles the request and answers it correctly, after this delay.
    #[serde(rename = "delay_milliseconds")]
    Delay(#[serde(with = "json_form::milliseconds")] Duration),
}

impl Fault {
    /// Returns a [`Fault::Answer`] with this status and body, without headers.
    pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }
}

/// A fault at one request: at the n-th request of an operation, or at the n-th request that has certain query
/// parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// The operation of the request. OpenAI has `audit_logs`; Microsoft 365 has `token`, `start`, `stop`,
    /// `subscriptions`, `content`, `notifications`, `blob` and `sensitive_types`.
    pub operation: String,
    /// Only requests whose query has all of these parameters are counted. Each is a decoded `name` or `name=value`; the
    /// case of names does not matter. If the list is empty, every request of the operation is counted.
    #[serde(default)]
    pub having: Vec<String>,
    /// The number of the faulty request among the counted ones, from 1. Counting starts again when the script changes.
    pub number: u64,
    /// The fault that this request gets.
    pub fault: Fault,
}

impl Scripted {
    /// Returns a scripted fault at the request with this number, among all requests of the operation.
    pub fn new(operation: impl Into<String>, number: u64, fault: Fault) -> Self {
        Self { operation: operation.into(), having: Vec::new(), number, fault }
    }

    /// Returns the fault with one more condition: it counts only requests whose query has this parameter, which is a
    /// `name` or a `name=value`.
    ///
    /// For example, `Scripted::new("audit_logs", 3, fault).having("after")` is a fault at the third request that has a
    /// cursor.
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

/// A script with the number of requests that each of its entries has counted.
#[derive(Debug, Default)]
pub(crate) struct ScriptProgress {
    script: Vec<Scripted>,
    /// The number of requests that each entry of `script` has counted, in the order of the entries.
    counts: Vec<u64>,
}

impl ScriptProgress {
    /// Counts this request and returns the faults that the script has for it. If `script` differs from the previous
    /// call, all counts start again from 0.
    pub(crate) fn faults_for(&mut self, script: &[Scripted], operation: &str, request: &Request) -> ScriptedFaults {
        if self.script != script {
            *self = Self { script: script.to_vec(), counts: vec![0; script.len()] };
        }
        let parameters = http::decode_parameters(request.uri().query().unwrap_or_default().as_bytes());
        let mut faults = Vec::new();
        for (scripted, count) in self.script.iter().zip(&mut self.counts) {
            if scripted.matches_request(operation, &parameters) {
                *count += 1;
                if *count == scripted.number {
                    faults.push(scripted.fault.clone());
                }
            }
        }
        ScriptedFaults(faults)
    }
}

/// The faults that a script has for one request. The list is empty for most requests.
#[derive(Debug)]
pub(crate) struct ScriptedFaults(Vec<Fault>);

impl ScriptedFaults {
    /// Returns the reply of the first fault that replaces the real answer; `None` if the request is to be handled.
    /// `json` returns the vendor's JSON error for a status, and `throttled` the vendor's answer to a throttled request.
    pub(crate) fn replacement(
        &self,
        rng: &mut SeededRng,
        json: impl Fn(StatusCode) -> Reply,
        throttled: impl Fn(Option<u32>) -> Reply,
    ) -> Option<Reply> {
        self.0.iter().find_map(|fault| match fault {
            Fault::Answer { status, headers, body } => Some(answer(*status, headers, body)),
            Fault::ServerError => Some(server_error(rng, &json)),
            Fault::Throttled { retry_after } => Some(throttled(*retry_after)),
            Fault::Reset | Fault::Cut | Fault::Delay(_) => None,
        })
    }

    /// Applies to the real answer the faults that do not replace it: a reset, a cut or a delay.
    pub(crate) fn apply(&self, mut reply: Reply, rng: &mut SeededRng) -> Reply {
        for fault in &self.0 {
            match fault {
                Fault::Reset => reply.end = End::Reset,
                Fault::Cut => reply = with_cut_body(reply, rng),
                Fault::Delay(delay) => reply.delay = *delay,
                Fault::Answer { .. } | Fault::ServerError | Fault::Throttled { .. } => {}
            }
        }
        reply
    }
}

/// Returns the reply of a [`Fault::Answer`].
fn answer(status: u16, headers: &[(String, String)], body: &[u8]) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    headers.iter().fold(Reply::new(status, "", body), |reply, (name, value)| reply.with_header(name.clone(), value))
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
