//! Checks row ids against those that another implementation of the rule computed. They must never change.

use jiff::Timestamp;
use schema::{LineContext, LogType, Normalizer};

#[test]
fn the_row_ids_of_another_implementation_are_the_same() {
    let vectors = include_str!("data/row_ids.tsv").lines().skip(1);
    assert_eq!(vectors.clone().count(), 9);
    for vector in vectors {
        let [log_type, source_id, input, expected] = vector.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four columns: {vector}");
        };
        let context = LineContext { source_id, source_label: "", parse_time: Timestamp::UNIX_EPOCH };
        let normalizer = Normalizer::new(LogType::from_name(log_type).unwrap());
        let row_id = match normalizer.normalize(input.as_bytes(), &context, &mut Vec::new()) {
            Ok(normalized) => normalized.row_id,
            Err(rejection) => rejection.row_id,
        };
        assert_eq!(row_id.to_string(), expected, "{vector}");
    }
}
