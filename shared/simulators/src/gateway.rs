//! A gateway in front of a vendor that answers some requests itself.

use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::http::{self, Reply};
use crate::moment::after_seconds;

/// Answers of a gateway: a page of HTML, which reaches the client instead of the vendor's answer and has
/// none of the vendor's headers. What was asked for is not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// The operation whose requests are answered, named as in a [`Scripted`](crate::Scripted) fault;
    /// every operation unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The share of requests that are answered, 0 to 1; all unless given.
    #[serde(default = "all")]
    pub share: f64,
    /// The HTTP status.
    pub status: u16,
    /// The page; a usual one unless given.
    #[serde(default = "page")]
    pub body: String,
    /// How far the gateway's clock, which its `Date` header tells, is ahead of the simulator's, seconds.
    #[serde(default)]
    pub date_offset_seconds: i64,
}

impl Gateway {
    /// The answer of the first gateway that answers this request, if any does.
    pub(crate) fn answer(gateways: &[Self], operation: &str, now: Timestamp, dice: &mut Dice) -> Option<Reply> {
        let answers = |gateway: &&Self| {
            gateway.operation.as_deref().is_none_or(|known| known == operation) && dice.chance(gateway.share)
        };
        let gateway = gateways.iter().find(answers)?;
        let status = StatusCode::from_u16(gateway.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let reply = Reply::new(status, "text/html", gateway.body.as_str());
        Some(match http::date(after_seconds(now, gateway.date_offset_seconds)) {
            Some(date) => reply.with("date", date),
            None => reply,
        })
    }
}

/// What a content delivery network answers in the vendor's place: a challenge, a refusal or nothing found.
pub(crate) fn edge_page(dice: &mut Dice) -> Reply {
    let (status, title) = dice.pick(&[
        (StatusCode::FORBIDDEN, "Just a moment..."),
        (StatusCode::BAD_REQUEST, "400 Bad Request"),
        (StatusCode::NOT_FOUND, "404 Not Found"),
    ]);
    let page = format!("<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>");
    Reply::new(status, "text/html; charset=UTF-8", page)
}

fn all() -> f64 {
    1.0
}

fn page() -> String {
    "<html><head><title>Gateway</title></head><body>The service did not answer.</body></html>".to_owned()
}
