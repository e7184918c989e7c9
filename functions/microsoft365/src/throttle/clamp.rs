//! The part of a window that the API still accepts, after it has refused the window by its time rules.

use collector::{UnixSeconds, Window};

use crate::policy::RETENTION_SECONDS;

/// The part of a refused window that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clamped {
    /// Only this part, because the rest lies in the vendor's future.
    Part(Window),
    /// No part, because all of the window lies in the vendor's future.
    Nothing,
    /// The window begins before `kept_from`, and the vendor no longer has that part. Only the collector knows which
    /// part was never listed, and so is lost.
    TooOld {
        /// The first second that the vendor still has.
        kept_from: UnixSeconds,
    },
    /// The whole window, because it keeps the time rules and the refusal has another cause.
    Whole,
}

/// Applies the API's time rules to a window, by the vendor's own clock.
pub(crate) fn clamp(window: Window, vendor_now: UnixSeconds) -> Clamped {
    let kept_from = vendor_now - RETENTION_SECONDS;
    if window.from >= vendor_now {
        return Clamped::Nothing;
    }
    if window.from < kept_from {
        return Clamped::TooOld { kept_from };
    }
    if window.to > vendor_now {
        return Clamped::Part(Window { to: vendor_now, ..window });
    }
    Clamped::Whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = 1_787_302_800;

    fn check(from: UnixSeconds, to: UnixSeconds, expected: Clamped) {
        assert_eq!(clamp(Window { from: NOW + from, to: NOW + to }, NOW), expected, "{from} {to}");
    }

    #[test]
    fn each_case_of_a_window() {
        let kept_from = NOW - 604_800;
        check(-3_600, 0, Clamped::Whole);
        check(-604_800, -604_000, Clamped::Whole);
        check(-3_600, 1, Clamped::Part(Window { from: NOW - 3_600, to: NOW }));
        check(-1, 360, Clamped::Part(Window { from: NOW - 1, to: NOW }));
        check(0, 360, Clamped::Nothing);
        check(60, 360, Clamped::Nothing);
        check(-604_801, -604_000, Clamped::TooOld { kept_from });
        check(-900_000, -890_000, Clamped::TooOld { kept_from });
    }
}
