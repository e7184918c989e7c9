//! Runs `Normalizer::normalize` on any bytes. The first byte chooses the log type and the mode; the rest is the event.
#![no_main]

use std::sync::LazyLock;

use fuzz::{Json, check_line, check_unique_keys, event_values, line_context, missing_leaf};
use libfuzzer_sys::fuzz_target;
use schema::{DriftNames, LogType, Mode, Normalized, Normalizer, Rejection, RowId, schema};

/// The maximum nesting of an event: `json::MAX_DEPTH` of the crate `schema`.
const MAX_EVENT_DEPTH: usize = 128;
/// The text before each line in the buffer. The test fails if the normaliser changes it.
const PRECEDING_TEXT: &[u8] = b"before\n";
const MODES: [Mode; 2] = [Mode::Default, Mode::Strict];

static NORMALIZERS: LazyLock<Vec<(Mode, Normalizer)>> = LazyLock::new(|| {
    let of = |mode| LogType::ALL.map(|log_type| (mode, Normalizer::with_schema(schema(log_type), mode)));
    MODES.into_iter().flat_map(of).collect()
});

fn normalize(normalizer: &Normalizer, event: &[u8]) -> (Result<Normalized, Rejection>, Vec<u8>) {
    let mut out = PRECEDING_TEXT.to_vec();
    let result = normalizer.normalize_with_drift(event, &line_context(), &mut out, &mut DriftNames::default());
    let line = out.strip_prefix(PRECEDING_TEXT).expect("what stood in the buffer is untouched").to_vec();
    (result, line)
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, event)) = data.split_first() else { return };
    let (mode, normalizer) = &NORMALIZERS[usize::from(*choice) % NORMALIZERS.len()];
    let sent = Json::parse(event, MAX_EVENT_DEPTH).filter(|sent| matches!(sent, Json::Object(_)));
    let (result, line) = normalize(normalizer, event);
    match &result {
        Ok(normalized) => {
            let kept = check_line(normalizer, &line, normalized);
            check_unique_keys(&kept, &line);
            let lost = sent
                .as_ref()
                .filter(|_| *mode == Mode::Default)
                .and_then(|sent| missing_leaf(sent, &event_values(&kept)));
            assert_eq!(lost, None, "a leaf is lost: {}", String::from_utf8_lossy(&line));
        }
        Err(rejection) => {
            assert_eq!(line, b"", "a rejected event left something behind");
            assert!(rejection.row_id.hour < RowId::RESERVED_HOURS);
            assert!(*mode == Mode::Strict || sent.is_none(), "an object was rejected: {}", rejection.reason);
        }
    }
    if let Some(sent) = sent {
        let (respelled, _) = normalize(normalizer, sent.respelled().as_bytes());
        let row_id = |result: &Result<Normalized, Rejection>| result.as_ref().ok().map(|normalized| normalized.row_id);
        assert_eq!(row_id(&result), row_id(&respelled), "the row id depends on order or spelling");
    }
    assert_eq!((result, line), normalize(normalizer, event), "a second time it is another line");
});
