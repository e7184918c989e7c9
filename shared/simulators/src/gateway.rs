//! A gateway in front of a vendor that answers some requests itself.

use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::http::{self, Reply};
use crate::moment::after_seconds;

/// Answers of a gateway. The client gets a page of HTML without the vendor's headers, and the vendor does not see the
/// request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// The operation whose requests are answered, with the name that a [`Scripted`](crate::Scripted) fault uses. By
    /// default every operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The share of requests that are answered, 0 to 1. By default all.
    #[serde(default = "all")]
    pub share: f64,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The body of the answer. By default a common page.
    #[serde(default = "page")]
    pub body: String,
    /// Seconds by which the gateway's clock, which sets its `Date` header, is ahead of the simulator's.
    #[serde(default)]
    pub date_offset_seconds: i64,
}

impl Gateway {
    /// Returns the answer of the first gateway that answers this request, if any does.
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

/// Returns an answer of a content delivery network in front of the vendor: a challenge, a refusal or "not found".
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
