use crate::target::{OVER_NO_MODEL, OVER_VALUE, PEAK_MIB, Target};

#[test]
fn a_value_equal_to_the_bound_meets_the_target() {
    assert!(Target::new(1.5, OVER_VALUE).is_met && !Target::new(1.49, OVER_VALUE).is_met);
    assert!(Target::new(64.0, PEAK_MIB).is_met && !Target::new(64.1, PEAK_MIB).is_met);
    assert!(Target::new(1.15, OVER_NO_MODEL).is_met && !Target::new(1.16, OVER_NO_MODEL).is_met);
    assert_eq!(Target::new(f64::NAN, OVER_VALUE).to_cell(), "≥ 1.5 MISSED");
    assert_eq!(Target::new(12.0, PEAK_MIB).to_cell(), "≤ 64 met");
}
