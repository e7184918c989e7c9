//! Compares our clock with the vendor's.

use collector::Clock;
use jiff::SignedDuration;

use super::checkup::Checkup;
use super::code::Code;
use super::fault::Fault;
use super::step::StepName;

/// A larger difference is a failure. AWS and Microsoft refuse signatures whose time differs by five to ten minutes.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Records if our clock agrees with the vendor's. `vendor_ahead` is the vendor's clock less ours.
pub fn check_clock<C: Clock>(checkup: &Checkup<C>, vendor_ahead: Option<SignedDuration>) {
    let Some(ahead) = vendor_ahead else {
        return checkup.skip(StepName::Clock, "", "no answer of the vendor shows its time");
    };
    if ahead.abs() <= MAX_SKEW {
        return checkup.pass(StepName::Clock, "", "");
    }
    let (seconds, side) = (ahead.abs().as_secs(), if ahead.is_negative() { "ahead of" } else { "behind" });
    let cause = format!("our clock is {seconds} s {side} that of the vendor");
    checkup.fail(StepName::Clock, "", Fault::new(Code::ClockOff, cause));
}
