//! Deliberate faults of the world. Each breaks one guarantee of a port or one step of the protocol
//! as the ports see it; the checks must detect every one.

/// One deliberate fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// The store applies a commit whatever the head's version is.
    CommitUnconditional,
    /// The store applies an intent whatever the head's version is.
    IntendUnconditional,
    /// The store compares only `seq` and the intent, so a commit overwrites a watermark that another tick has raised.
    CommitOverWatermark,
    /// A put replaces an existing object and reports that it created it.
    PutOverwrites,
    /// The head's watermark rises as soon as the last page of a window was listed.
    WatermarkEarly,
    /// Reads of the ledger omit the latest commit.
    LedgerStale,
    /// The state is lost once, and birth records, which would reveal the loss, are never stored.
    HeadLost,
    /// The watermark passes a failed span that is not recorded: a written head omits new pending spans.
    PendingNotRecorded,
    /// A written head keeps only one pending span and one pending blob.
    PendingDropped,
    /// The last commit is not verified: a head that is read says that its last commit wrote nothing to the ledger.
    VerificationSkipped,
    /// A stale intent is reused: a head that is read shows it in the partition of the current hour, and its object is
    /// put at the old key.
    StaleIntentReused,
    /// A sweep is recorded by the vendor's clock, even if that clock is wrong.
    SweptByVendorClock,
}

impl Mutant {
    /// All mutants.
    pub const ALL: [Self; 12] = [
        Self::CommitUnconditional,
        Self::IntendUnconditional,
        Self::CommitOverWatermark,
        Self::PutOverwrites,
        Self::WatermarkEarly,
        Self::LedgerStale,
        Self::HeadLost,
        Self::PendingNotRecorded,
        Self::PendingDropped,
        Self::VerificationSkipped,
        Self::StaleIntentReused,
        Self::SweptByVendorClock,
    ];

    /// Returns `true` if the exhaustive exploration must catch the mutant. Its cases have three events, at most one
    /// pending span, no wrong vendor clock and no sweep; and a span is lost only after more failures than that
    /// exploration allows.
    pub fn is_caught_by_exploration(self) -> bool {
        !matches!(self, Self::PendingNotRecorded | Self::PendingDropped | Self::SweptByVendorClock)
    }

    /// Returns `true` if the random runs must catch the mutant. They do not catch mutants for which a tick must
    /// need all of a commit that is only partly visible, because that is too rare there.
    pub fn is_caught_by_seeds(self) -> bool {
        self != Self::VerificationSkipped
    }

    /// Returns `true` if a reader of the bucket sees the mutant's effect: lost or repeated events, or partitions out of
    /// order. A lowered watermark only makes listings longer, and a sweep that is recorded too late is made up for by
    /// the next one.
    pub fn is_visible_in_bucket(self) -> bool {
        !matches!(self, Self::CommitOverWatermark | Self::SweptByVendorClock)
    }
}
