//! A blob under way: handed out once its first byte says that it is an array, or when in the end nothing else comes.

use adapters::http::Answer;
use collector::{Body, PortError};

use crate::api::beginning;
use crate::refusal::Refusal;
use crate::retry_policy::for_next_tick;
use crate::wire::BYTE_ORDER_MARK;

/// More space than this before a body is no body.
const LONGEST_SPACE: usize = 64 << 10;

/// A blob that is being received.
#[derive(Debug)]
pub struct Blob {
    subject: String,
    ahead: Option<Vec<u8>>,
    answer: Answer,
}

/// What an answer turned out to be.
#[derive(Debug)]
pub(crate) enum Opened {
    /// The blob.
    Array(Blob),
    /// Something else, the refusal that it reads as, and its bytes all the same.
    Other(Refusal, Blob),
}

impl Blob {
    /// Begins to receive it. The vendor sends errors with status 200, too: an object instead of an array.
    pub(crate) async fn open(mut answer: Answer, subject: String) -> Result<Opened, PortError> {
        let mut ahead = Vec::new();
        while start(&ahead).is_none() && ahead.len() < LONGEST_SPACE {
            match answer.chunk().await {
                Ok(Some(bytes)) => ahead.extend_from_slice(&bytes),
                Ok(None) => break,
                Err(_) if answer.is_corrupt() => break,
                Err(error) => return Err(error),
            }
        }
        if let Some(at) = start(&ahead).filter(|at| ahead[*at] == b'[') {
            ahead.drain(..at);
            return Ok(Opened::Array(Self { subject, ahead: Some(ahead), answer }));
        }
        let body = beginning(&mut answer, ahead).await;
        let refusal = Refusal::read(answer.status(), &body, answer.retry_after());
        Ok(Opened::Other(refusal, Self { subject, ahead: Some(body), answer }))
    }
}

impl Body for Blob {
    /// The next bytes. A blob that breaks off is left to the next tick: the lines before the break
    /// may be on their way already.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        self.answer.chunk().await.map_err(|error| {
            let message = format!("{}: {}", self.subject, error.message);
            for_next_tick(PortError { message, ..error })
        })
    }

    fn is_corrupt(&self) -> bool {
        self.answer.is_corrupt()
    }
}

/// Where the first byte of JSON is, once it is there.
fn start(body: &[u8]) -> Option<usize> {
    if body.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(body) {
        return None;
    }
    let mark = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let space = body[mark..].iter().position(|byte| !byte.is_ascii_whitespace())?;
    Some(mark + space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts() {
        let check = |body: &[u8], expected| assert_eq!(start(body), expected, "{body:?}");
        check(b"", None);
        check(b"[", Some(0));
        check(b" \r\n[", Some(3));
        check(b" \r\n", None);
        check(b"\xEF\xBB", None);
        check(b"\xEF\xBB\xBF", None);
        check(b"\xEF\xBB\xBF {", Some(4));
        check(b"\xEFx", Some(0));
    }
}
