//! All that can happen to a session.

use std::sync::Arc;

use rialto_protocol::command::{Command, InvalidCommand};
use rialto_protocol::reply::SubscribeResult;
use rialto_protocol::{CloseCode, Refusal};
use smallvec::SmallVec;

use crate::accounts::Verified;

/// All that can happen to a session.
#[derive(Debug)]
pub enum SessionInput {
    /// The socket is open. First of all.
    Opened,
    /// A text frame, parsed. Most carry one command.
    Commands(SmallVec<[Result<Command, InvalidCommand>; 1]>),
    /// A binary frame: wrong for JSON clients.
    Binary,
    /// The verdict on a token.
    Verified {
        /// The command that brought it.
        command: u32,
        /// Whether it came with `refresh`.
        refresh: bool,
        /// The verdict.
        verdict: Result<Box<Verified>, Refusal>,
    },
    /// A subscription that this session asked for began, or was refused. The client has its reply, if it asked.
    Subscribed {
        /// The channel.
        channel: Arc<str>,
        /// For server-side subscriptions the result goes into the connect reply.
        result: Result<Box<SubscribeResult>, Refusal>,
    },
    /// A shard ended a subscription; the client has been told.
    Unsubscribed {
        /// The channel.
        channel: Arc<str>,
    },
    /// A time asked for has come.
    Woken,
    /// Close it: drain, revocation, operator, overflow.
    End(CloseCode),
    /// The socket is gone. Last of all.
    Closed,
}
