//! A gateway, such as a proxy, that answers some requests in place of the vendor.

use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::http::{self, Reply};
use crate::moment::after_seconds;
use crate::seeded_rng::SeededRng;

/// A gateway that answers some requests in place of the vendor. The client gets a page of HTML without the vendor's
/// headers, and the vendor does not see the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// The name of the operation whose requests the gateway answers, as in
    /// [`Scripted::operation`](crate::Scripted::operation). By default it answers requests of every operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Share of requests that the gateway answers, from 0 to 1. By default it answers all of them.
    #[serde(default = "default_share")]
    pub share: f64,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The body of the answer. By default a short page of HTML.
    #[serde(default = "default_body")]
    pub body: String,
    /// Seconds by which the `Date` header of the answer is ahead of the simulator's clock.
    #[serde(default)]
    pub date_offset_seconds: i64,
}

impl Gateway {
    /// Returns the answer of the first gateway that answers this request; `None` if no gateway does.
    pub(crate) fn answer(gateways: &[Self], operation: &str, now: Timestamp, rng: &mut SeededRng) -> Option<Reply> {
        let answers = |gateway: &&Self| {
            gateway.operation.as_deref().is_none_or(|known| known == operation) && rng.chance(gateway.share)
        };
        let gateway = gateways.iter().find(answers)?;
        let status = StatusCode::from_u16(gateway.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let reply = Reply::new(status, "text/html", gateway.body.as_str());
        Some(match http::date(after_seconds(now, gateway.date_offset_seconds)) {
            Some(date) => reply.with_header("date", date),
            None => reply,
        })
    }
}

/// Returns an HTML page that a content delivery network in front of the vendor sends: a browser check (403), 400 or
/// 404.
pub(crate) fn edge_page(rng: &mut SeededRng) -> Reply {
    let (status, title) = rng.pick(&[
        (StatusCode::FORBIDDEN, "Just a moment..."),
        (StatusCode::BAD_REQUEST, "400 Bad Request"),
        (StatusCode::NOT_FOUND, "404 Not Found"),
    ]);
    let page = format!("<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>");
    Reply::new(status, "text/html; charset=UTF-8", page)
}

fn default_share() -> f64 {
    1.0
}

fn default_body() -> String {
    "<html><head><title>Gateway</title></head><body>The service did not answer.</body></html>".to_owned()
}
