use schema::LogType;

use crate::batches::{Outcome, Part, choice, figures, together};
use crate::compressors::ALL;
use crate::cost::Cheaper;

fn part(log_type: LogType, seconds: f64, bytes: f64) -> Part {
    Part { log_type, seconds, bytes }
}

#[test]
fn shares_weigh_time_and_size() {
    let parts = [part(LogType::Dlp, 1e-8, 0.1), part(LogType::General, 3e-8, 0.3)];
    let outcome = together(&parts, |part| if part.log_type == LogType::Dlp { 0.75 } else { 0.25 });
    // By hand: 1.5e-8 seconds and 0.15 bytes of output per byte of lines.
    assert!((outcome.line_mb_per_second - 66.67).abs() < 0.01 && (outcome.ratio - 6.667).abs() < 0.001);
}

#[test]
fn the_cheapest_is_named() {
    let outcome = |place: usize| Outcome { line_mb_per_second: 100.0, ratio: if place == 7 { 10.0 } else { 8.0 } };
    let all = figures(&(0..ALL.len()).map(|place| (outcome(place), outcome(0))).collect::<Vec<_>>());
    assert_eq!(all[7].cheaper, Cheaper::Always);
    let choice = choice(&all).unwrap();
    assert!(choice.contains("Cheapest gzip: gzip: libdeflate 6, 19.8 % less"), "{choice}");
}
