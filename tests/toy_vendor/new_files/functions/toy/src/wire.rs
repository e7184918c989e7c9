//! The form of a page. Only the envelope is parsed; events keep their bytes.

use collector::{Item, Page};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The answer is not a page.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not a page of events (line {line}, column {column})")]
pub(crate) struct BadPage {
    line: usize,
    column: usize,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    next: Option<u64>,
}

/// Reads the page in `body`.
pub(crate) fn page(body: &[u8]) -> Result<Page, BadPage> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(body).map_err(|error| BadPage { line: error.line(), column: error.column() })?;
    let items = envelope.events.into_iter().map(|event| Item::Event(event.get().as_bytes().to_vec())).collect();
    Ok(Page { items, next: envelope.next.map(|next| next.to_string()), vendor_now: None, owner: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_the_bytes_of_its_events() {
        let page = page(br#"{"events":[{"id":  "a"}],"next":1}"#).unwrap();
        assert_eq!(page.items, [Item::Event(br#"{"id":  "a"}"#.to_vec())]);
        assert_eq!(page.next.as_deref(), Some("1"));
    }

    #[test]
    fn err_an_answer_that_is_no_page() {
        assert_eq!(page(b"<html>"), Err(BadPage { line: 1, column: 1 }));
    }
}
