//! What goes wrong on purpose: a fault at one request.

use std::time::Duration;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::faults::{cut, server_error};
use crate::http::{self, End, Reply, Request};
use crate::plain;

/// One thing that goes wrong, for a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// This is answered, and nothing done.
    Answer {
        /// The status.
        status: u16,
        /// Headers, names in lower case.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body, which need not be text; in JSON a string, or an array of bytes.
        #[serde(default, with = "plain::bytes")]
        body: Vec<u8>,
    },
    /// A 5xx of any kind.
    ServerError,
    /// The vendor's own way to say "too many requests".
    Throttled {
        /// `Retry-After`, seconds.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// Closed before a byte of the answer; what was asked is done.
    Reset,
    /// Closed in the middle of the answer's body; what was asked is done.
    Cut,
    /// The right answer, held back.
    #[serde(rename = "delay_milliseconds")]
    Delay(#[serde(with = "plain::milliseconds")] Duration),
}

impl Fault {
    /// An answer with that status and body, and no header of its own.
    pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }
}

/// A fault at one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// Which operation: OpenAI has `audit_logs`; Microsoft 365 has `token`, `start`, `stop`,
    /// `subscriptions`, `content`, `notifications`, `blob` and `sensitive_types`.
    pub operation: String,
    /// What the query of a request must have to be counted, each a parameter's `name` or
    /// `name=value`, decoded; the case of names is of no account. Nothing: every request of the operation.
    #[serde(default)]
    pub having: Vec<String>,
    /// Which of those requests, the first being 1, counted since the script was given or last changed.
    pub number: u64,
    /// What goes wrong.
    pub fault: Fault,
}

impl Scripted {
    /// A fault at the request of that number among those of an operation.
    pub fn new(operation: impl Into<String>, number: u64, fault: Fault) -> Self {
        Self { operation: operation.into(), having: Vec::new(), number, fault }
    }

    /// The same, counting only requests whose query has this too: a parameter's `name`, or `name=value`.
    ///
    /// The third request that goes on from a cursor: `Scripted::new("audit_logs", 3, fault).having("after")`.
    #[must_use]
    pub fn having(mut self, parameter: impl Into<String>) -> Self {
        self.having.push(parameter.into());
        self
    }

    fn concerns(&self, operation: &str, parameters: &[(String, String)]) -> bool {
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

/// A script and how far it has got.
#[derive(Debug, Default)]
pub(crate) struct Play {
    script: Vec<Scripted>,
    /// Requests so far that each entry concerns.
    counts: Vec<u64>,
}

impl Play {
    /// What the script has for this request; a script other than the one before begins anew.
    pub(crate) fn cues(&mut self, script: &[Scripted], operation: &str, request: &Request) -> Cues {
        if self.script != script {
            *self = Self { script: script.to_vec(), counts: vec![0; script.len()] };
        }
        let parameters = http::form(request.uri().query().unwrap_or_default().as_bytes());
        let mut faults = Vec::new();
        for (one, count) in self.script.iter().zip(&mut self.counts) {
            if one.concerns(operation, &parameters) {
                *count += 1;
                if *count == one.number {
                    faults.push(one.fault.clone());
                }
            }
        }
        Cues(faults)
    }
}

/// What is scripted for one request.
#[derive(Debug)]
pub(crate) struct Cues(Vec<Fault>);

impl Cues {
    /// What is answered before the question is looked at; the vendor's own words are given.
    pub(crate) fn instead(
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

    /// What becomes of the right answer.
    pub(crate) fn on_top(&self, mut reply: Reply, dice: &mut Dice) -> Reply {
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

/// A scripted answer as it stands.
fn answer(status: u16, headers: &[(String, String)], body: &[u8]) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    headers.iter().fold(Reply::new(status, "", body), |reply, (name, value)| reply.with(name.clone(), value))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn faults(play: &mut Play, script: &[Scripted], operation: &str, query: &str) -> usize {
        let request = hyper::Request::builder().uri(format!("/list?{query}")).body(Bytes::new()).unwrap();
        play.cues(script, operation, &request).0.len()
    }

    #[test]
    fn requests_are_counted_by_operation_and_by_what_they_have() {
        let script = [
            Scripted::new("list", 2, Fault::Reset),
            Scripted::new("list", 2, Fault::Cut).having("after").having("Filter[]=a b"),
        ];
        let mut play = Play::default();
        let mut check =
            |operation, query, count| assert_eq!(faults(&mut play, &script, operation, query), count, "{query}");
        check("list", "after=1&filter%5B%5D=a+b", 0);
        check("other", "after=1&filter[]=a+b", 0);
        check("list", "after=1", 1);
        check("list", "filter[]=a+b", 0);
        check("list", "filter[]=a+c&after=1", 0);
        check("list", "filter[]=a+b&after=2", 1);
        check("list", "filter[]=a+b&after=2", 0);
    }

    #[test]
    fn a_script_that_is_changed_begins_anew() {
        let mut play = Play::default();
        let script = |number| [Scripted::new("list", number, Fault::Reset)];
        let seen: Vec<_> = [2, 2, 1, 1, 2].map(|number| faults(&mut play, &script(number), "list", "")).into();
        assert_eq!(seen, [0, 1, 1, 0, 0]);
    }
}
