//! Why a call failed.

use rialto_protocol::ErrorCode;

use crate::state::Reason;

/// Why a call failed. [`Error::outcome_unknown`] says whether it may have taken effect nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server said no. Temporary refusals of calls that may be repeated were repeated already.
    #[error("refused: {message} ({code})")]
    Refused {
        /// Its number, see [`Error::code`].
        code: u32,
        /// Its word.
        message: String,
        /// Whether the same call may succeed later.
        temporary: bool,
    },
    /// Too many requests wait already ([`crate::limits::REQUESTS_MAX`]): nothing was sent.
    #[error("too many requests are waiting")]
    QueueFull,
    /// The request would not fit a frame: nothing was sent.
    #[error("the request is larger than a frame")]
    TooLarge,
    /// No answer in time, all attempts included.
    #[error("no answer in time")]
    Timeout {
        /// False when it never left this process.
        sent: bool,
    },
    /// The connection broke before the answer, and the call is not one that may be repeated.
    #[error("the connection broke before the answer")]
    Interrupted,
    /// There is no connection, and the call is not one that waits for one.
    #[error("not connected")]
    NotConnected,
    /// The client is closed, by its owner or for good by the server.
    #[error("closed: {0}")]
    Closed(Reason),
    /// The answer is not what the call promises.
    #[error("unexpected answer: {0}")]
    BadAnswer(String),
    /// The client cannot be built or the call cannot be made this way.
    #[error("{0}")]
    Misuse(String),
}

impl Error {
    /// The server's error code, if it is one of this version's table.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => ErrorCode::ALL.iter().copied().find(|known| known.number() == *code),
            _ => None,
        }
    }

    /// Whether the call may have taken effect although it failed.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Timeout { sent: true } | Self::Interrupted | Self::Closed(_) | Self::BadAnswer(_))
    }
}
