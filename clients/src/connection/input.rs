//! All that can happen to a connection, and all that it can want.

use rialto_protocol::command::CommandKind;

use crate::clock::ServerClock;
use crate::connection::request::Retry;
use crate::connection::subscription::Wish;
use crate::error::Error;
use crate::event::Event;
use crate::limits;
use crate::state::ConnectionState;
use crate::token::{TokenError, TokenKind};

/// What the driver tells the machine.
#[derive(Debug)]
pub(crate) enum Input<'a> {
    /// Begin.
    Start,
    /// The socket that was asked for is open.
    Opened,
    /// It could not be opened.
    OpenFailed(String),
    /// The socket closed; the close code, or 0 when it broke.
    Lost { code: u32, reason: &'a str },
    /// A text message came.
    Frame(&'a str),
    /// The connection token that was asked for.
    Token(Result<String, TokenError>),
    /// The subscription token that was asked for.
    SubscriptionToken { channel: &'a str, result: Result<String, TokenError> },
    /// The owner wants something; `key` counts up and names it in the answer.
    Request { key: u64, kind: CommandKind, retry: Retry },
    /// The owner wants to listen.
    Subscribe { key: u64, channel: String, wish: Wish },
    /// The owner wants to listen no more.
    Unsubscribe { channel: String },
    /// The owner is done.
    Close,
    /// The time of [`super::state::Connection::deadline_ms`] has come.
    Tick,
}

/// What the machine wants from the driver.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    /// Open a socket to the address of this index.
    Open { address: usize },
    /// Send a text message.
    Write(String),
    /// Drop the socket, with a close frame if it can be sent at once.
    Drop { reason: &'static str },
    /// Bring a connection token.
    FetchToken,
    /// Bring a subscription token.
    FetchSubscriptionToken { channel: String },
    /// Answer a request: the reply's body as JSON.
    Answer { key: u64, result: Result<String, Error> },
    /// Tell the listeners.
    Emit(Event),
    /// Tell the owner, and the listeners.
    State(ConnectionState),
    /// What the server's clock says, milliseconds since 1970; 0 = it did not say.
    ServerTime { ms: u64 },
    /// Close the socket properly: nothing comes after this.
    End,
}

/// Times and counts of one connection, see [`crate::limits`] for what each means.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) addresses: usize,
    pub(crate) token: TokenKind,
    pub(crate) seed: u64,
    pub(crate) ack_ms: u64,
    pub(crate) request_ms: u64,
    pub(crate) open_ms: u64,
    pub(crate) ping_grace_ms: u64,
    pub(crate) backoff_min_ms: u64,
    pub(crate) backoff_max_ms: u64,
    pub(crate) stable_ms: u64,
    pub(crate) close_ms: u64,
}

impl Settings {
    pub(crate) fn new() -> Self {
        Self {
            addresses: 1,
            token: TokenKind::None,
            seed: 0,
            ack_ms: limits::ACK_WITHIN_MS,
            request_ms: limits::REQUEST_WITHIN_MS,
            open_ms: limits::OPEN_WITHIN_MS,
            ping_grace_ms: limits::PING_GRACE_MS,
            backoff_min_ms: limits::BACKOFF_MIN_MS,
            backoff_max_ms: limits::BACKOFF_MAX_MS,
            stable_ms: limits::STABLE_MS,
            close_ms: limits::CLOSE_WITHIN_MS,
        }
    }
}

/// What handles see of the driver.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) state: ConnectionState,
    pub(crate) clock: Option<ServerClock>,
}
