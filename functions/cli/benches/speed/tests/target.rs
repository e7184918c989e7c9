use crate::target::{MAX_PEAK_MIB, MAX_TIME_RATIO_TO_NO_MODEL, MIN_SPEED_RATIO_TO_VALUE, Target};

#[test]
fn a_value_equal_to_the_bound_meets_the_target() {
    assert!(Target::new(1.5, MIN_SPEED_RATIO_TO_VALUE).is_met && !Target::new(1.49, MIN_SPEED_RATIO_TO_VALUE).is_met);
    assert!(Target::new(64.0, MAX_PEAK_MIB).is_met && !Target::new(64.1, MAX_PEAK_MIB).is_met);
    assert!(
        Target::new(1.15, MAX_TIME_RATIO_TO_NO_MODEL).is_met && !Target::new(1.16, MAX_TIME_RATIO_TO_NO_MODEL).is_met
    );
    assert_eq!(Target::new(f64::NAN, MIN_SPEED_RATIO_TO_VALUE).to_cell(), "≥ 1.5 MISSED");
    assert_eq!(Target::new(12.0, MAX_PEAK_MIB).to_cell(), "≤ 64 met");
}
