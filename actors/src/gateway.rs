//! The gateway side of one thread: who is connected, who listens to what, and what waits for each socket.

/// A connection's slot on its gateway thread; the generation tells a reused slot from the one meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// The slot.
    pub index: u32,
    /// Counts the slot's uses.
    pub generation: u32,
}
