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
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CommitUnconditional,
        Self::IntendUnconditional,
        Self::CommitOverWatermark,
        Self::PutOverwrites,
        Self::WatermarkEarly,
        Self::LedgerStale,
        Self::HeadLost,
    ];
}
