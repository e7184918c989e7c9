//! The targets, and the check if a figure meets its target.

use serde::Serialize;

/// The least speed of the normaliser over that of the obvious way.
pub(crate) const OVER_VALUE: Bound = Bound::AtLeast(1.5);
/// The share that normalising and compressing together is to have of what its two parts allow.
pub(crate) const OVER_PARTS: Bound = Bound::AtLeast(0.9);
/// The longest time to normalise all log types with the built-in data models, over that without.
pub(crate) const OVER_NO_MODEL: Bound = Bound::AtMost(1.15);
/// MiB that a process is to hold at the most, however much goes through it.
pub(crate) const PEAK_MIB: Bound = Bound::AtMost(64.0);

/// On which side of a number another has to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure that is held against a bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Target {
    pub(crate) value: f64,
    #[serde(flatten)]
    pub(crate) bound: Bound,
    pub(crate) is_met: bool,
}

impl Target {
    pub(crate) fn new(value: f64, bound: Bound) -> Self {
        let is_met = match bound {
            Bound::AtLeast(least) => value >= least,
            Bound::AtMost(most) => value <= most,
        };
        Self { value, bound, is_met }
    }

    /// The bound and whether it is met, for a column.
    pub(crate) fn told(&self) -> String {
        let (sign, number) = match self.bound {
            Bound::AtLeast(least) => ("≥", least),
            Bound::AtMost(most) => ("≤", most),
        };
        format!("{sign} {number} {}", if self.is_met { "met" } else { "MISSED" })
    }
}
