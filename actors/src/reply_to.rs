//! Where an answer goes.

use tokio::sync::oneshot;

use rialto_protocol::Refusal;

use crate::entity::Answer;
use crate::gateway::SessionId;

/// Where an answer goes: opaque to machines, which only hand it back. Dropping one unanswered is a defect; HTTP callers then see `unavailable`, sessions nothing.
#[derive(Debug)]
pub enum ReplyTo {
    /// A command of a session.
    Session {
        /// Its gateway thread.
        thread: u16,
        /// Its slot there.
        session: SessionId,
        /// The id of the command.
        command: u32,
    },
    /// A waiting task.
    Task(oneshot::Sender<Result<Answer, Refusal>>),
    /// Tests: a number.
    Test(u64),
}
