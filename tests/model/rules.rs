//! The rules that can be switched off.

/// A rule of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A bucket is sealed before the next one is opened.
    Seal,
    /// An unknown append is read, not taken for failed.
    UnknownIsNoFailure,
    /// An unknown append is read, not taken for done.
    UnknownIsNoSuccess,
    /// The cursor passes a row when its entity row is written.
    CursorBehindTheWrite,
    /// Only what lies below the durable cursor is truncated.
    TruncateBelowTheCursor,
    /// Truncation keeps the seal.
    SealStays,
    /// Activation sees the log's tail beside the entity rows.
    ActivationSeesTail,
    /// The cursor is carried over a seal.
    CursorIsCarried,
    /// An id that stands is not appended again.
    Deduplication,
    /// An acknowledgement waits for its row.
    OutputGate,
    /// An append is refused when the cursor would go back.
    CursorNeverGoesBack,
    /// A claim sets the cursor in a fresh bucket only.
    ClaimLeavesTheCursor,
    /// A batch stands when its rows carry my fence.
    RowsCarryTheFence,
    /// No two claims write the same fence, those of one owner included.
    EveryClaimHasItsOwnFence,
}

impl Rule {
    /// All of them.
    pub(crate) const ALL: [Self; 14] = [
        Self::Seal,
        Self::UnknownIsNoFailure,
        Self::UnknownIsNoSuccess,
        Self::CursorBehindTheWrite,
        Self::TruncateBelowTheCursor,
        Self::SealStays,
        Self::ActivationSeesTail,
        Self::CursorIsCarried,
        Self::Deduplication,
        Self::OutputGate,
        Self::CursorNeverGoesBack,
        Self::ClaimLeavesTheCursor,
        Self::RowsCarryTheFence,
        Self::EveryClaimHasItsOwnFence,
    ];
}
