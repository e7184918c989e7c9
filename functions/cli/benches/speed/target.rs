//! The targets of the benchmark.

use serde::Serialize;

/// The normaliser must be at least this many times as fast as the baseline with `serde_json::Value`.
pub(crate) const MIN_SPEED_RATIO_TO_VALUE: Bound = Bound::AtLeast(1.5);
/// The measured speed of normalising and compressing together must reach this share of the speed that is computed from
/// the two separate speeds.
pub(crate) const MIN_SPEED_RATIO_TO_PARTS: Bound = Bound::AtLeast(0.9);
/// Normalising with data models may take at most this many times as long as without them.
pub(crate) const MAX_TIME_RATIO_TO_NO_MODEL: Bound = Bound::AtMost(1.15);
/// The maximum peak memory of a process in MiB, for any size of input.
pub(crate) const MAX_PEAK_MIB: Bound = Bound::AtMost(64.0);

/// The bound that a result must respect.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A result and the bound it must respect.
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
            Bound::AtLeast(min) => value >= min,
            Bound::AtMost(max) => value <= max,
        };
        Self { value, bound, is_met }
    }

    /// Returns the text of a table cell: the bound, and "met" or "MISSED".
    pub(crate) fn to_cell(self) -> String {
        let (sign, number) = match self.bound {
            Bound::AtLeast(min) => ("≥", min),
            Bound::AtMost(max) => ("≤", max),
        };
        format!("{sign} {number} {}", if self.is_met { "met" } else { "MISSED" })
    }
}
