use crate::cost::{Cheaper, Cost};

fn assert_near(left: f64, right: f64) {
    assert!((left - right).abs() < right.abs() * 1e-3, "{left} is not {right}");
}

#[test]
fn the_cost_of_a_tb_follows_from_speed_and_ratio() {
    let cost = Cost::of(100e6, 10.0);
    // By hand: 10,000 seconds with 1.7275 GB, and 100 GB for twelve months.
    assert_near(cost.compress, 0.287_9);
    assert_near(cost.year, 27.6);
    assert_near(cost.first_year(), 27.887_9);
}

#[test]
fn which_is_cheaper_depends_on_how_long_lines_are_kept() {
    let cost = |compress, year| Cost { compress, year };
    assert_eq!(cost(1.0, 9.0).cheaper_than(cost(2.0, 10.0)), Cheaper::Always);
    assert_eq!(cost(2.0, 10.0).cheaper_than(cost(1.0, 9.0)), Cheaper::Never);
    assert_eq!(cost(1.0, 5.0).cheaper_than(cost(1.0, 5.0)), Cheaper::Never);
    assert_eq!(cost(2.0, 5.0).cheaper_than(cost(1.0, 15.0)), Cheaper::FromDays(36.5));
    assert_eq!(cost(1.0, 15.0).cheaper_than(cost(2.0, 5.0)), Cheaper::UntilDays(36.5));
}
