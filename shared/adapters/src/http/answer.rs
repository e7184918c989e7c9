//! One answer: its status, its headers, and its body in pieces.

use std::time::Duration;

use collector::{Body, PortError};
use jiff::Timestamp;
use reqwest::header::HeaderMap;

use super::cause::cause;
use super::headers;

/// One answer, of any status. Its body is read as it comes, decompressed where it was gzip.
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

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header's text, by a name of any case; `None` when it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The wait the other side asks for, at most a day.
    pub fn retry_after(&self) -> Option<Duration> {
        headers::retry_after(self.headers())
    }

    /// The other side's clock (`Date`).
    pub fn date(&self) -> Option<Timestamp> {
        headers::date(self.headers())
    }

    /// Host and path of the request: what a message may say of it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The whole body. More than `most` bytes are an error for the next tick: asking again now
    /// would bring them again.
    pub async fn bytes(self, most: usize) -> Result<Vec<u8>, PortError> {
        let place = self.place.clone();
        let body = self.bytes_within(most).await?;
        body.ok_or_else(|| PortError::next_tick(format!("{place}: the answer is longer than {most} bytes")))
    }

    /// The whole body; `None` when it is more than `most` bytes.
    pub async fn bytes_within(mut self, most: usize) -> Result<Option<Vec<u8>>, PortError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > most {
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
    /// The next bytes; a body cut short or standing still is an error worth another try.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        let place = &self.place;
        match tokio::time::timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk.map(Vec::from)),
            Ok(Err(error)) => {
                self.is_corrupt |= is_decoders(&error);
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

/// Returns `true` if the decoder refused the bytes. What goes wrong on the way is the connection's own error, and no I/O
/// error by itself.
fn is_decoders(error: &reqwest::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}
