use schema::LogType;

use crate::corpus::{Corpus, Event};
use crate::speeds::{Speeds, over_no_model};

fn speeds(seconds: [f64; 6]) -> Speeds {
    let event = || Event { log_type: LogType::Dlp, raw: "x".repeat(1_000_000) };
    Speeds::new(&Corpus { name: "c", events: vec![event(), event()] }, 3_000_000, seconds)
}

#[test]
fn all_speeds_refer_to_raw_events() {
    let speeds = speeds([0.01, 0.008, 0.05, 0.04, 0.02, 0.001]);
    let per_second = speeds.all().map(|speed| speed.input_mb_per_second.round());
    assert_eq!(per_second, [200.0, 250.0, 40.0, 50.0, 100.0, 2_000.0]);
    assert_eq!(speeds.value.events_per_second, 100.0);
    assert_eq!((speeds.bytes_per_event, speeds.lines_over_input), (1e6, 1.5));
}

#[test]
fn the_ratios_follow_from_the_times() {
    let speeds = speeds([0.01, 0.008, 0.05, 0.04, 0.02, 0.001]);
    assert_eq!((speeds.over_value.value, speeds.over_value.is_met), (2.0, true));
    // By hand: N = 200 and C = 50 give 200·50/250 = 40, and the measured speed of both together is 40.
    assert!((speeds.over_parts.value - 1.0).abs() < 1e-9);
    assert!((speeds.over_no_model - 1.25).abs() < 1e-9);
    let others = self::speeds([0.01, 0.009, 0.06, 0.04, 0.014, 0.001]);
    assert!(!others.over_parts.is_met);
}

#[test]
fn the_cost_of_data_models_is_computed_over_all_corpora() {
    let of = |normalise, without| speeds([normalise, without, 0.05, 0.04, 0.02, 0.001]);
    let total = over_no_model(&[of(0.01, 0.008), of(0.02, 0.02)]);
    assert!((total.value - 30.0 / 28.0).abs() < 1e-9 && total.is_met);
    assert!(!over_no_model(&[of(0.01, 0.008)]).is_met);
}
