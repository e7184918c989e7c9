//! The results of a vendor's checks.

use collector::Stream;
use jiff::SignedDuration;

/// The results of a vendor's checks that the later checks need.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// The source's streams; empty if the secret could not be read.
    pub streams: Vec<Stream>,
    /// The organisation or tenant that the vendor's answers name; `None` if no answer did.
    pub owner: Option<String>,
    /// The vendor's clock less ours; `None` if no answer showed it.
    pub vendor_ahead: Option<SignedDuration>,
}
