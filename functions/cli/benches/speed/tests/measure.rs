use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::measure::{Contestant, fastest};

#[test]
fn the_fastest_round_counts_for_each_chunk() {
    let clock = Cell::new(0);
    let slow = RefCell::new([7, 3, 5, 9, 8, 4].into_iter().cycle());
    let contestants = || -> [Contestant<'_>; 2] {
        [
            Box::new(|_| clock.set(clock.get() + slow.borrow_mut().next().unwrap())),
            Box::new(|chunk| clock.set(clock.get() + 1 + chunk as u64)),
        ]
    };
    let shortest = fastest(9, 2, contestants, |_| (), || Duration::from_secs(clock.get()));
    assert_eq!(shortest.map(|times| times.iter().map(Duration::as_secs).collect::<Vec<_>>()), [[3, 4], [1, 2]]);
}

#[test]
fn contestants_take_turns_and_are_created_again() {
    let order = RefCell::new(String::new());
    let contestants = || -> [Contestant<'_>; 2] {
        order.borrow_mut().push('|');
        let note = |name, chunk| order.borrow_mut().push_str(&format!("{name}{chunk} "));
        [Box::new(move |chunk| note('a', chunk)), Box::new(move |chunk| note('b', chunk))]
    };
    fastest(6, 2, contestants, |_| order.borrow_mut().push('-'), || Duration::ZERO);
    assert_eq!(order.into_inner(), "|-a0 -b0 -a0 -b0 -a1 -b1 -a1 -b1 ".repeat(3));
}

#[test]
fn one_round_is_one_round() {
    let runs = Cell::new(0);
    let contestants = || -> [Contestant<'_>; 1] { [Box::new(|_| runs.set(runs.get() + 1))] };
    fastest(1, 4, contestants, |_| (), || Duration::ZERO);
    assert_eq!(runs.get(), 4);
}
