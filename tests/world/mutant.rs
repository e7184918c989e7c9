//! Deliberate faults of the world. Each breaks one promise of a port or one step of the protocol
//! as seen from the ports; a check that lets one pass is no check.

/// One deliberate fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// A commit is applied whatever the head's version.
    CommitUnconditional,
    /// An intent is applied whatever the head's version.
    IntendUnconditional,
    /// A commit looks at `seq` and intent only, and so overwrites a watermark that was moved meanwhile.
    CommitOverWatermark,
    /// A put replaces what is there, and says that it created it.
    PutOverwrites,
    /// The head's watermark is raised as soon as the last page of a window was listed.
    WatermarkEarly,
    /// The ledger answers from before the latest commit.
    LedgerStale,
    /// The state is lost once, and birth records, which would tell, are never kept.
    HeadLost,
    /// The watermark passes a failed span without recording it: new pending spans are left out of a written head.
    PendingNotRecorded,
    /// Pending work is dropped at its bound, which is one span and one blob.
    PendingDropped,
    /// The last commit is not verified: heads are read as if it had written nothing to the ledger.
    VerificationSkipped,
    /// A stale intent is reused: it is shown with the partition of the current hour, and its object is put at its old key.
    StaleIntentReused,
    /// A sweep is recorded by the vendor's clock, however wrong that is.
    SweptByVendorClock,
}

impl Mutant {
    /// All of them.
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

    /// Whether the exhaustive exploration catches it: its three events have one pending span at most, and no vendor
    /// clock or sweep.
    pub fn is_explored(self) -> bool {
        !matches!(self, Self::PendingDropped | Self::SweptByVendorClock)
    }

    /// Whether the seeds catch it: a commit that is seen in parts just when another tick needs all of it is too rare there.
    pub fn is_seeded(self) -> bool {
        self != Self::VerificationSkipped
    }

    /// Whether it loses or repeats events, or breaks the order of partitions, which a reader of the bucket sees. A
    /// watermark that is lowered costs a longer listing, and nothing in the bucket; a sweep that comes too late is made up
    /// for by the next one.
    pub fn shows_in_bucket(self) -> bool {
        !matches!(self, Self::CommitOverWatermark | Self::SweptByVendorClock)
    }
}
