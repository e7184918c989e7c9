//! Faults that both vendors have: server errors and faults of the connection.

use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::http::{End, Reply, header};
use crate::plain;

/// The amount of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Faults {
    /// No faults.
    #[default]
    None,
    /// The faults that any client meets in a week: server errors, throttling and broken connections.
    Some,
    /// Every fault that was ever seen of the vendor, and often.
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

/// Faults of the connection. Shares are of requests, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transport {
    /// The time by which every answer is delayed; in JSON `delay_milliseconds`.
    #[serde(rename = "delay_milliseconds", with = "plain::milliseconds")]
    pub delay: Duration,
    /// Answers with 500, 502 or 503 and a body of JSON, of HTML or without text.
    pub server_error: f64,
    /// Connections that are closed before the first byte of the answer.
    pub reset: f64,
    /// Connections that are closed in the middle of the answer's body.
    pub cut: f64,
    /// Answers that are sent in chunks instead of with a `Content-Length`.
    pub chunked: f64,
    /// Answers that are compressed, if the client accepts gzip.
    pub gzip: f64,
}

impl Transport {
    /// Returns the faults of the connection for this amount. In a storm the dice decide the shares.
    pub(crate) fn new(faults: Faults, dice: &mut Dice) -> Self {
        let calm = Self { delay: Duration::ZERO, server_error: 0.0, reset: 0.0, cut: 0.0, chunked: 0.0, gzip: 0.5 };
        match faults {
            Faults::None => calm,
            Faults::Some => Self { server_error: 0.03, reset: 0.02, cut: 0.02, ..calm },
            Faults::Storm => Self {
                server_error: dice.share(0.1),
                reset: dice.share(0.06),
                cut: dice.share(0.06),
                chunked: dice.share(1.0),
                ..calm
            },
        }
    }
}

/// Returns an answer with a 5xx status. `json` writes the vendor's own body for it.
pub(crate) fn server_error(dice: &mut Dice, json: impl Fn(StatusCode) -> Reply) -> Reply {
    const HTML: &str = "<html>\r\n<head><title>Bad gateway</title></head>\r\n<body>The upstream server did not answer.</body>\r\n</html>\r\n";
    let status =
        dice.pick(&[StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE]);
    let reply = match dice.below(3) {
        0 => json(status),
        1 => Reply::new(status, "text/html", HTML),
        _ => Reply::new(status, "", ""),
    };
    // An overloaded server may name a wait.
    if status == StatusCode::SERVICE_UNAVAILABLE && dice.chance(0.5) { reply.with("retry-after", "1") } else { reply }
}

/// Applies the faults of the connection to a reply.
pub(crate) fn on_the_wire(mut reply: Reply, request: &HeaderMap, transport: &Transport, dice: &mut Dice) -> Reply {
    if dice.chance(transport.gzip) && accepts_gzip(request) && !reply.body.is_empty() {
        reply = compressed(reply);
    }
    reply.is_chunked = dice.chance(transport.chunked);
    reply.delay = reply.delay.max(transport.delay);
    if dice.chance(transport.reset) {
        reply.end = End::Reset;
    } else if dice.chance(transport.cut) {
        reply = cut(reply, dice);
    }
    reply
}

/// Cuts a reply somewhere in its body. A reply without a body is cut before its head.
pub(crate) fn cut(mut reply: Reply, dice: &mut Dice) -> Reply {
    reply.end = if reply.body.is_empty() { End::Reset } else { End::Cut(dice.below(reply.body.len())) };
    reply
}

fn accepts_gzip(request: &HeaderMap) -> bool {
    header(request, "accept-encoding").is_some_and(|accepted| accepted.contains("gzip"))
}

fn compressed(mut reply: Reply) -> Reply {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    if let Ok(body) = encoder.write_all(&reply.body).and_then(|()| encoder.finish()) {
        reply.body = body;
        reply = reply.with("content-encoding", "gzip");
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_identify_their_value() {
        for faults in [Faults::None, Faults::Some, Faults::Storm] {
            assert_eq!(faults.to_string().parse(), Ok(faults));
        }
        assert_eq!("lots".parse::<Faults>(), Err("unknown faults \"lots\": use none, some or storm".to_owned()));
    }

    #[test]
    fn a_cut_answer_is_never_whole() {
        let mut dice = Dice::new(1, "cut", 0);
        for body in ["", "x", "some text"] {
            let reply = cut(Reply::new(StatusCode::OK, "", body), &mut dice);
            match reply.end {
                End::Reset => assert!(body.is_empty()),
                End::Cut(after) => assert!(after < body.len()),
                End::Whole => panic!("{body:?} is whole"),
            }
        }
    }
}
