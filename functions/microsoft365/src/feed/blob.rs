//! A blob that is being received. It is handed out once its first byte shows a JSON array.

use adapters::http::Answer;
use collector::{Body, PortError};

use crate::byte_order_mark::BYTE_ORDER_MARK;
use crate::errors::refusal::Refusal;
use crate::feed::api::read_refusal_body;

/// The longest white space before the first byte of JSON.
const MAX_LEADING_SPACE_BYTES: usize = 64 << 10;

/// A blob that is being received.
#[derive(Debug)]
pub struct Blob {
    subject: String,
    first_bytes: Option<Vec<u8>>,
    answer: Answer,
}

/// The two forms of an answer with a successful status.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A blob: the body begins like an array.
    Array(Blob),
    /// Any other body, in two forms: as a refusal, and as a blob with these bytes. The caller uses one of them.
    Other(Refusal, Blob),
}

impl Blob {
    /// Receives the beginning of the body. The vendor also sends errors with status 200, as an object instead of an array.
    pub(crate) async fn open(mut answer: Answer, subject: String) -> Result<Opened, PortError> {
        let mut first_bytes = Vec::new();
        while json_start(&first_bytes).is_none() && first_bytes.len() < MAX_LEADING_SPACE_BYTES {
            match answer.chunk().await {
                Ok(Some(bytes)) => first_bytes.extend_from_slice(&bytes),
                Ok(None) => break,
                Err(_) if answer.is_corrupt() => break,
                Err(error) => return Err(error),
            }
        }
        if let Some(at) = json_start(&first_bytes).filter(|at| first_bytes[*at] == b'[') {
            first_bytes.drain(..at);
            return Ok(Opened::Array(Self { subject, first_bytes: Some(first_bytes), answer }));
        }
        let body = read_refusal_body(&mut answer, first_bytes).await;
        let refusal = Refusal::read(answer.status(), &body, answer.retry_after());
        Ok(Opened::Other(refusal, Self { subject, first_bytes: Some(body), answer }))
    }
}

impl Body for Blob {
    /// Returns the next bytes. The error of a blob that breaks off is for the next tick, because the collector may
    /// already have delivered lines from before the break.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        if let Some(bytes) = self.first_bytes.take() {
            return Ok(Some(bytes));
        }
        self.answer.chunk().await.map_err(|error| {
            let message = format!("{}: {}", self.subject, error.message);
            PortError { message, ..error }.for_next_tick()
        })
    }

    fn is_corrupt(&self) -> bool {
        self.answer.is_corrupt()
    }
}

/// Returns the position of the first byte of JSON; `None` while there is none.
fn json_start(body: &[u8]) -> Option<usize> {
    if body.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(body) {
        return None;
    }
    let mark_bytes = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let space_bytes = body[mark_bytes..].iter().position(|byte| !byte.is_ascii_whitespace())?;
    Some(mark_bytes + space_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_of_json_follows_mark_and_space() {
        let check = |body: &[u8], expected| assert_eq!(json_start(body), expected, "{body:?}");
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
