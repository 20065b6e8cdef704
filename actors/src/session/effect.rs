//! All that a session can want.

use std::sync::Arc;

use rialto_protocol::{CloseCode, EntityKey};

use crate::entity::{Ask, Caller, EntityName};

/// How a positive answer is written for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// As the answer of an rpc.
    Rpc,
    /// `publish: {}`.
    Publish,
    /// A history result.
    History,
    /// A presence result.
    Presence,
    /// A presence_stats result.
    PresenceStats,
    /// A subscribe result; the session listens from then on.
    Subscribe {
        /// Wants join and leave pushes.
        join_leave: bool,
        /// Seconds until the subscription token ends; 0 = never.
        ttl: u32,
    },
    /// A server-side subscription: no reply of its own, the session learns the result.
    ServerSubscribe,
}

/// All that a session can want.
#[derive(Debug)]
pub enum SessionEffect {
    /// Send this text.
    Send(String),
    /// Send the connect reply; what channels have published since their subscription began follows it.
    Connected {
        /// The reply.
        reply: String,
    },
    /// Check a connection token.
    Verify {
        /// The command that brought it.
        command: u32,
        /// Whether it came with `refresh`.
        refresh: bool,
        /// The token.
        token: String,
    },
    /// Ask an entity.
    Ask {
        /// The client's id of the command.
        command: u32,
        /// How the answer is written.
        kind: ReplyKind,
        /// Whom.
        entity: EntityName,
        /// On whose behalf.
        caller: Caller,
        /// What.
        ask: Ask,
        /// What the listener entry carries beside the caller, for subscriptions.
        chan_info: Option<rialto_protocol::reply::RawJson>,
    },
    /// Answer a request that is not an entity's: about users, or about the commands of bots.
    Accounts {
        /// The client's id of the command.
        command: u32,
        /// On whose behalf.
        caller: Caller,
        /// What.
        request: Box<rialto_protocol::rpc::Request>,
    },
    /// The client says what it is.
    Named(String),
    /// Listen no more.
    Leave {
        /// To which entity.
        entity: EntityKey,
        /// Its channel.
        channel: Arc<str>,
    },
    /// Wake me at this monotonic time; replaces an earlier wish.
    WakeAt {
        /// Monotonic milliseconds.
        mono_ms: u64,
    },
    /// Close the socket behind what is queued.
    Close(CloseCode),
    /// The session is over: forget it.
    Gone,
}
