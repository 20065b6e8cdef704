//! What the owner of a client sees of its connection.

use std::fmt;

use rialto_protocol::CloseCode;
use serde::{Deserialize, Serialize};

/// Where the connection stands. Each change is also an [`crate::Event::State`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Fetching a token, opening a socket or waiting for the connect reply.
    Connecting {
        /// 0 at first, then how many attempts failed since the last stable connection.
        attempt: u32,
    },
    /// Connected; subscriptions are being resumed.
    Connected {
        /// The server's id of this connection.
        client: String,
    },
    /// Not connected; the client tries again by itself.
    Disconnected {
        /// Why.
        reason: Reason,
        /// Milliseconds until it tries again.
        retry_in_ms: u64,
    },
    /// Not connected and never again: build a new client.
    Closed {
        /// Why.
        reason: Reason,
    },
}

impl ConnectionState {
    /// Whether the client goes on by itself.
    #[must_use]
    pub fn will_retry(&self) -> bool {
        !matches!(self, Self::Closed { .. })
    }

    /// Whether commands reach the server now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected { .. })
    }
}

/// Why a connection ended or could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// 1000 and above: the close code of the socket. 100 to 999: the error code of a refused `connect`. Below: see the constants here.
    pub code: u32,
    /// For people.
    pub text: String,
}

impl Reason {
    /// The owner called `close` or dropped every handle.
    pub const CLOSED_BY_OWNER: u32 = 0;
    /// The token callback said that there will be no token.
    pub const NO_TOKEN: u32 = 1;
    /// The token callback failed for now.
    pub const TOKEN_FAILED: u32 = 2;
    /// No socket could be opened.
    pub const OPEN_FAILED: u32 = 3;
    /// The socket broke without a close frame.
    pub const TRANSPORT: u32 = 4;
    /// No connect or subscribe reply in time.
    pub const NO_REPLY: u32 = 5;
    /// No ping in time.
    pub const NO_PING: u32 = 6;

    pub(crate) fn new(code: u32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// Whether a socket closed with this code stays closed: 1009, 3500 to 3999 and 4500 to 4999.
    #[must_use]
    pub fn is_final(close_code: u32) -> bool {
        CloseCode::is_final(close_code)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.text, self.code)
    }
}

/// A place in a channel's stream. Keep it to resume there after a restart of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The last offset seen.
    pub offset: u64,
    /// The stream's identity; empty is not compared.
    pub epoch: String,
}
