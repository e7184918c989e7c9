//! One answer: its status, its headers, and its body in chunks.

use std::time::Duration;

use collector::{Body, PortError};
use jiff::Timestamp;
use reqwest::header::HeaderMap;

use super::cause::cause;
use super::headers;

/// An answer of any status. Its body is received while it is read, and a gzip body is decompressed.
#[derive(Debug)]
pub struct Answer {
    place: String,
    response: reqwest::Response,
    idle: Duration,
    is_corrupt: bool,
}

impl Answer {
    pub(super) fn new(place: String, response: reqwest::Response, idle: Duration) -> Self {
        Self { place, response, idle, is_corrupt: false }
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Returns a header's value; `None` if the header is missing or is not text. The case of `name` does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// Returns the wait that the answer asks for, at most a day; `None` if it asks for none.
    pub fn retry_after(&self) -> Option<Duration> {
        headers::retry_after(self.headers())
    }

    /// Returns the `Date` of the answer, which shows the sender's clock; `None` if it is missing or unreadable.
    pub fn date(&self) -> Option<Timestamp> {
        headers::date(self.headers())
    }

    /// Returns host, port and path of the request, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Reads the whole body. A body of more than `max_bytes` is an error for the next tick, because a retry would get
    /// it again.
    pub async fn bytes(self, max_bytes: usize) -> Result<Vec<u8>, PortError> {
        let place = self.place.clone();
        let body = self.bytes_within(max_bytes).await?;
        body.ok_or_else(|| PortError::next_tick(format!("{place}: the answer is longer than {max_bytes} bytes")))
    }

    /// Reads the whole body; `None` if it is longer than `max_bytes`.
    pub async fn bytes_within(mut self, max_bytes: usize) -> Result<Option<Vec<u8>>, PortError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > max_bytes {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }
}

impl Body for Answer {
    /// Returns the next bytes; `None` at the end. A body that breaks off or stalls is an error that a retry may cure.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        let place = &self.place;
        match tokio::time::timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk.map(Vec::from)),
            Ok(Err(error)) => {
                self.is_corrupt |= is_decompression_error(&error);
                Err(PortError::again(format!("{place}: the answer broke off: {}", cause(&error))))
            }
            Err(_) => {
                let seconds = self.idle.as_secs_f64();
                Err(PortError::again(format!("{place}: the answer stood still for {seconds} s")))
            }
        }
    }

    fn is_corrupt(&self) -> bool {
        self.is_corrupt
    }
}

/// Returns `true` if the decompression failed. Its errors are I/O errors; those of the connection have another type.
fn is_decompression_error(error: &reqwest::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}
