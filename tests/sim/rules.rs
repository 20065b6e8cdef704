//! The rules that can be switched off, to see that the simulator notices. None of them is a switch in the product: each is a wrapper around what passes between the
//! machines and the simulated store.

/// A rule of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A bucket is sealed before the next one is opened.
    Seal,
    /// No answer leaves before the rows it was decided on are durable.
    OutputGate,
    /// A duplicate's answer waits for its row.
    GateOfDuplicates,
    /// A read does not show rows that are not durable.
    GateOfReads,
    /// A snapshot holds durable rows only.
    GateOfSnapshots,
    /// An id is appended once.
    Deduplication,
    /// Ids that left memory are looked up in the index.
    Index,
    /// A second copy of an id waits for the look-up of the first.
    OneLookUpPerId,
    /// An append of unknown outcome has not failed.
    UnknownIsNoFailure,
    /// An append of unknown outcome has not succeeded.
    UnknownIsNoSuccess,
    /// A batch stands when its rows carry my fence, not when there are rows.
    RowsCarryTheFence,
    /// The cursor passes a row when its entity row is written.
    CursorBehindTheWrite,
    /// The cursor is carried over a seal into a fresh bucket.
    CursorIsCarried,
    /// An append is refused when the cursor would go back.
    CursorNeverGoesBack,
    /// A claim sets the cursor in a fresh bucket only.
    ClaimLeavesTheCursor,
    /// Only what lies below the stored cursor is truncated.
    TruncateBelowTheCursor,
    /// Truncation keeps the seal.
    SealStays,
    /// Plain writes are synced before they are answered.
    WritesAreSynced,
    /// Who has not heard of its fence for a while reads it before it answers.
    SureOfTheFence,
    /// Whoever has claimed reads the fence behind the tail before it answers.
    FenceBehindTheTail,
    /// Activation sees rows that are durable but not yet entity rows.
    ActivationSeesTail,
    /// Activation sees rows that are queued or in flight.
    ActivationSeesWaitingRows,
}

impl Rule {
    /// All of them.
    pub(crate) const ALL: [Self; 22] = [
        Self::Seal,
        Self::OutputGate,
        Self::GateOfDuplicates,
        Self::GateOfReads,
        Self::GateOfSnapshots,
        Self::Deduplication,
        Self::Index,
        Self::OneLookUpPerId,
        Self::UnknownIsNoFailure,
        Self::UnknownIsNoSuccess,
        Self::RowsCarryTheFence,
        Self::CursorBehindTheWrite,
        Self::CursorIsCarried,
        Self::CursorNeverGoesBack,
        Self::ClaimLeavesTheCursor,
        Self::TruncateBelowTheCursor,
        Self::SealStays,
        Self::WritesAreSynced,
        Self::SureOfTheFence,
        Self::FenceBehindTheTail,
        Self::ActivationSeesTail,
        Self::ActivationSeesWaitingRows,
    ];
}
