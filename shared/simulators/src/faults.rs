//! Faults that both vendors have: server errors, and faults of the connection.

use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::http::{End, Reply, header};
use crate::json_form;
use crate::seeded_rng::SeededRng;

/// A preset of behaviours: the amount of faults that a new simulator has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Faults {
    /// No faults.
    #[default]
    None,
    /// The faults that any client sees within a week: server errors, throttling and broken connections.
    Some,
    /// Most faults that the vendor was ever seen to have, each at a random rate that the seed decides.
    Storm,
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "some" => Ok(Self::Some),
            "storm" => Ok(Self::Storm),
            other => Err(format!("unknown faults {other:?}: use none, some or storm")),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Some => "some",
            Self::Storm => "storm",
        })
    }
}

/// Faults of the connection. Each share is the part of all requests that has the fault, from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transport {
    /// The delay of every answer. In JSON, the field is `delay_milliseconds`.
    #[serde(rename = "delay_milliseconds", with = "json_form::milliseconds")]
    pub delay: Duration,
    /// Share of requests that are answered with 500, 502 or 503, and with a body of JSON, HTML or nothing.
    pub server_error: f64,
    /// Share of connections that are closed before the first byte of the answer.
    pub reset: f64,
    /// Share of connections that are closed in the middle of the answer's body.
    pub cut: f64,
    /// Share of answers whose body is sent in chunks instead of with a `Content-Length`.
    pub chunked: f64,
    /// Share of answers that are compressed with gzip. Only answers to clients that accept gzip count.
    pub gzip: f64,
}

impl Transport {
    /// Returns the connection faults of this preset. In a storm, `rng` decides the shares.
    pub(crate) fn new(faults: Faults, rng: &mut SeededRng) -> Self {
        let healthy = Self { delay: Duration::ZERO, server_error: 0.0, reset: 0.0, cut: 0.0, chunked: 0.0, gzip: 0.5 };
        match faults {
            Faults::None => healthy,
            Faults::Some => Self { server_error: 0.03, reset: 0.02, cut: 0.02, ..healthy },
            Faults::Storm => Self {
                server_error: rng.share(0.1),
                reset: rng.share(0.06),
                cut: rng.share(0.06),
                chunked: rng.share(1.0),
                ..healthy
            },
        }
    }
}

/// Returns a random 5xx answer, with a body of JSON, HTML or nothing. `json` returns the vendor's JSON error for a
/// status.
pub(crate) fn server_error(rng: &mut SeededRng, json: impl Fn(StatusCode) -> Reply) -> Reply {
    const HTML: &str = "<html>\r\n<head><title>Bad gateway</title></head>\r\n<body>The upstream server did not answer.</body>\r\n</html>\r\n";
    let status =
        rng.pick(&[StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE]);
    let reply = match rng.below(3) {
        0 => json(status),
        1 => Reply::new(status, "text/html", HTML),
        _ => Reply::new(status, "", ""),
    };
    // A 503 may ask the client to wait.
    if status == StatusCode::SERVICE_UNAVAILABLE && rng.chance(0.5) {
        reply.with_header("retry-after", "1")
    } else {
        reply
    }
}

/// Applies the faults of `transport` to a reply, each with the probability of its share.
pub(crate) fn apply_transport_faults(
    mut reply: Reply,
    request: &HeaderMap,
    transport: &Transport,
    rng: &mut SeededRng,
) -> Reply {
    if rng.chance(transport.gzip) && accepts_gzip(request) && !reply.body.is_empty() {
        reply = with_gzip_body(reply);
    }
    reply.is_chunked = rng.chance(transport.chunked);
    reply.delay = reply.delay.max(transport.delay);
    if rng.chance(transport.reset) {
        reply.end = End::Reset;
    } else if rng.chance(transport.cut) {
        reply = with_cut_body(reply, rng);
    }
    reply
}

/// Returns the reply with a connection that closes at a random place in the body, or before the status line if the body
/// is empty.
pub(crate) fn with_cut_body(mut reply: Reply, rng: &mut SeededRng) -> Reply {
    reply.end = if reply.body.is_empty() { End::Reset } else { End::Cut(rng.below(reply.body.len())) };
    reply
}

fn accepts_gzip(request: &HeaderMap) -> bool {
    header(request, "accept-encoding").is_some_and(|accepted| accepted.contains("gzip"))
}

fn with_gzip_body(mut reply: Reply) -> Reply {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    if let Ok(body) = encoder.write_all(&reply.body).and_then(|()| encoder.finish()) {
        reply.body = body;
        reply = reply.with_header("content-encoding", "gzip");
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_value() {
        for faults in [Faults::None, Faults::Some, Faults::Storm] {
            assert_eq!(faults.to_string().parse(), Ok(faults));
        }
        assert_eq!("lots".parse::<Faults>(), Err("unknown faults \"lots\": use none, some or storm".to_owned()));
    }

    #[test]
    fn a_cut_answer_is_never_complete() {
        let mut rng = SeededRng::new(1, "cut", 0);
        for body in ["", "x", "some text"] {
            let reply = with_cut_body(Reply::new(StatusCode::OK, "", body), &mut rng);
            match reply.end {
                End::Reset => assert!(body.is_empty()),
                End::Cut(after) => assert!(after < body.len()),
                End::Whole => panic!("{body:?} is whole"),
            }
        }
    }
}
