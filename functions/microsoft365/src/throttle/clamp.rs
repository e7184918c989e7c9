//! What of a window that the API refused by its time rules can be asked for still.

use collector::{UnixSeconds, Window};

use crate::policy::KEEPS;

/// What of a refused window is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clamped {
    /// This much of it: the rest is in the vendor's future.
    Part(Window),
    /// Nothing yet: all of it is in the vendor's future.
    Nothing,
    /// It begins before this, and the vendor no longer has that. Which part of it was never listed,
    /// and so is lost, only the engine can tell.
    TooOld {
        /// The first second the vendor still has.
        kept_from: UnixSeconds,
    },
    /// All of it: the rules are kept, and the refusal has another cause.
    Whole,
}

/// Holds a window against the API's rules by the vendor's own clock.
pub(crate) fn clamp(window: Window, vendor_now: UnixSeconds) -> Clamped {
    let kept_from = vendor_now - KEEPS;
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
    fn windows() {
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
