//! Rejected input, which cannot become a line, and the object that keeps it.

use jiff::Timestamp;
use schema::Rejection;
use serde::Serialize;

use crate::base::stream::Stream;

/// Input that cannot become a line.
#[derive(Debug, Clone)]
pub(crate) struct RejectedInput {
    /// The reason, and the row id under which the input is kept.
    pub(crate) rejection: Rejection,
    /// The input as it was received.
    pub(crate) raw: Vec<u8>,
}

/// The rejected inputs of a batch.
#[derive(Debug, Default)]
pub(crate) struct RejectedInputs {
    inputs: Vec<RejectedInput>,
    bytes: usize,
}

impl RejectedInputs {
    /// Adds an input.
    pub(crate) fn push(&mut self, rejected: RejectedInput) {
        self.bytes += rejected.raw.len();
        self.inputs.push(rejected);
    }

    /// Returns the number of inputs.
    pub(crate) fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Returns the total length of the inputs in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns all inputs.
    pub(crate) fn inputs(&self) -> &[RejectedInput] {
        &self.inputs
    }

    /// Takes all inputs out.
    pub(crate) fn into_inputs(self) -> impl Iterator<Item = RejectedInput> {
        self.inputs.into_iter()
    }
}

#[derive(Serialize)]
struct Record<'a> {
    source: &'a str,
    log_type: &'static str,
    reason: &'a str,
    time: String,
    /// The input. Bytes that are not UTF-8 are replaced by U+FFFD.
    raw: std::borrow::Cow<'a, str>,
}

/// Returns the object that keeps a rejected input, as one line of JSON.
pub(crate) fn record(stream: &Stream, rejected: &RejectedInput, now: Timestamp) -> Vec<u8> {
    let record = Record {
        source: stream.source.as_str(),
        log_type: stream.log_type.name(),
        reason: &rejected.rejection.reason,
        time: now.to_string(),
        raw: String::from_utf8_lossy(&rejected.raw),
    };
    // The record has only strings and no maps, so it cannot fail to serialise.
    serde_json::to_vec(&record).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use schema::RowId;

    use super::*;
    use crate::base::stream::SourceId;

    fn rejected(raw: &[u8]) -> RejectedInput {
        let rejection = Rejection { reason: "not JSON".into(), row_id: RowId { hour: 0, hash: [1; 12] } };
        RejectedInput { rejection, raw: raw.to_vec() }
    }

    #[test]
    fn ok_the_record_says_what_was_rejected_and_why() {
        let stream = Stream {
            source: SourceId::try_from("acme".to_owned()).unwrap(),
            label: String::new(),
            log_type: schema::LogType::Dlp,
            listings: vec!["content"],
        };
        let record = record(&stream, &rejected(b"\xffno"), Timestamp::UNIX_EPOCH);
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        assert_eq!((&record["source"], &record["reason"]), (&"acme".into(), &"not JSON".into()));
        assert_eq!((&record["raw"], &record["time"]), (&"\u{fffd}no".into(), &"1970-01-01T00:00:00Z".into()));
    }

    #[test]
    fn ok_the_bytes_of_the_inputs_are_counted() {
        let mut rejects = RejectedInputs::default();
        rejects.push(rejected(b"ab"));
        rejects.push(rejected(b"c"));
        assert_eq!((rejects.len(), rejects.bytes(), rejects.inputs().len()), (2, 3, 2));
        assert_eq!(rejects.into_inputs().count(), 2);
    }
}
