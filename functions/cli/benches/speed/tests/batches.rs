use schema::LogType;

use crate::batches::{CompressionResult, Outcome, combine, cost_sentences, figures};
use crate::compressors::ALL;
use crate::cost::Cheaper;

fn part(log_type: LogType, seconds: f64, bytes: f64) -> CompressionResult {
    CompressionResult { log_type, seconds, bytes }
}

#[test]
fn outcomes_are_weighted_by_the_shares() {
    let parts = [part(LogType::Dlp, 1e-8, 0.1), part(LogType::General, 3e-8, 0.3)];
    let outcome = combine(&parts, |part| if part.log_type == LogType::Dlp { 0.75 } else { 0.25 });
    // By hand: 1.5e-8 seconds and 0.15 bytes of output per byte of lines.
    assert!((outcome.line_mb_per_second - 66.67).abs() < 0.01 && (outcome.ratio - 6.667).abs() < 0.001);
}

#[test]
fn the_cheapest_compressor_is_named() {
    let outcome = |place: usize| Outcome { line_mb_per_second: 100.0, ratio: if place == 7 { 10.0 } else { 8.0 } };
    let all = figures(&(0..ALL.len()).map(|place| (outcome(place), outcome(0))).collect::<Vec<_>>());
    assert_eq!(all[7].cheaper, Cheaper::Always);
    let cost_sentences = cost_sentences(&all).unwrap();
    assert!(cost_sentences.contains("Cheapest gzip: gzip: libdeflate 6, 19.8 % less"), "{cost_sentences}");
}
