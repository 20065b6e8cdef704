//! The one table of codes: errors in replies, unsubscribe pushes and closes, with what each tells the client to do.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident = $number:literal, $word:literal, $status:literal, $temporary:literal; )*) => {
        /// Why a command failed. The number goes into `error.code`, the word into `error.message` and into HTTP's `code`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode { $( $(#[$doc])* $name, )* }

        impl ErrorCode {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [ErrorCode] = &[ $( ErrorCode::$name, )* ];
            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u32 { match self { $( Self::$name => $number, )* } }
            /// The stable word.
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $( Self::$name => $word, )* } }
            /// The HTTP status of the same failure.
            #[must_use]
            pub const fn status(self) -> u16 { match self { $( Self::$name => $status, )* } }
            /// True when the same command may succeed later: SDKs then try again.
            #[must_use]
            pub const fn temporary(self) -> bool { match self { $( Self::$name => $temporary, )* } }
        }
    };
}

codes! {
    /// A defect of ours.
    Internal = 100, "internal server error", 500, true;
    /// No valid credentials.
    Unauthorized = 101, "unauthorized", 401, false;
    /// The channel does not exist.
    UnknownChannel = 102, "unknown channel", 404, false;
    /// Not allowed on this channel.
    PermissionDenied = 103, "permission denied", 403, false;
    /// No such rpc method.
    MethodNotFound = 104, "method not found", 404, false;
    /// Subscribed already.
    AlreadySubscribed = 105, "already subscribed", 409, false;
    /// A count is exhausted (subscriptions).
    LimitExceeded = 106, "limit exceeded", 400, false;
    /// The command makes no sense.
    BadRequest = 107, "bad request", 400, false;
    /// The channel does not offer this.
    NotAvailable = 108, "not available", 404, false;
    /// The token has expired: fetch a new one and connect again.
    TokenExpired = 109, "token expired", 401, false;
    /// The subscription has expired.
    Expired = 110, "expired", 401, false;
    /// Above the command rate.
    TooManyRequests = 111, "too many requests", 429, true;
    /// The wanted position lies in another epoch or no longer exists.
    UnrecoverablePosition = 112, "unrecoverable position", 409, false;
    /// A body or argument is wrong.
    InvalidArgument = 400, "invalid_argument", 400, false;
    /// There is none, or the caller may not see it.
    NotFound = 401, "not_found", 404, false;
    /// The caller is not a member.
    NotAMember = 402, "not_a_member", 403, false;
    /// The caller's role does not allow it.
    Forbidden = 403, "forbidden", 403, false;
    /// It contradicts what is there.
    Conflict = 404, "conflict", 409, false;
    /// Above a size limit.
    TooLarge = 405, "too_large", 413, false;
    /// The id is dated too far ahead or too long ago to be told from a repeat.
    ClientIdExpired = 406, "client_id_expired", 409, false;
    /// A queue is full: try again after the hint.
    Overloaded = 407, "overloaded", 503, true;
    /// The entity cannot answer now: try again.
    Unavailable = 408, "unavailable", 503, true;
    /// The operator has not configured this.
    NotConfigured = 409, "not_configured", 501, false;
    /// The caller is banned here.
    Banned = 410, "banned", 403, false;
    /// The store has no room: nothing was stored.
    StorageFull = 411, "storage_full", 507, false;
    /// HTTP only: user name or password is wrong.
    InvalidCredentials = 412, "invalid_credentials", 401, false;
    /// HTTP only: above a rate.
    RateLimited = 413, "rate_limited", 429, true;
}

/// A value that says no: bad input and hit limits are answers, never panics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}", .code.word(), .detail.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
pub struct Refusal {
    /// What the client sees.
    pub code: ErrorCode,
    /// When trying again makes sense, milliseconds.
    pub retry_after_ms: Option<u32>,
    /// A sentence for people (HTTP's `detail`); never carries a secret.
    pub detail: Option<Cow<'static, str>>,
}

impl Refusal {
    /// A refusal with a sentence for people.
    #[must_use]
    pub fn because(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, retry_after_ms: None, detail: Some(detail.into()) }
    }

    /// A refusal that says when to come back.
    #[must_use]
    pub const fn retry(code: ErrorCode, retry_after_ms: u32) -> Self {
        Self { code, retry_after_ms: Some(retry_after_ms), detail: None }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, retry_after_ms: None, detail: None }
    }
}

macro_rules! closes {
    ($( $(#[$doc:meta])* $name:ident = $number:literal, $reason:literal; )*) => {
        /// Why a client socket is closed. On `/connection/websocket` 3000–3499 and 4000–4499 mean reconnect, 3500–3999 and 4500–4999 are final.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CloseCode { $( $(#[$doc])* $name, )* }

        impl CloseCode {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [CloseCode] = &[ $( CloseCode::$name, )* ];
            /// The WebSocket close code.
            #[must_use]
            pub const fn number(self) -> u16 { match self { $( Self::$name => $number, )* } }
            /// The close reason. Never empty: SDKs go on reconnecting on a terminal code without one.
            #[must_use]
            pub const fn reason(self) -> &'static str { match self { $( Self::$name => $reason, )* } }
        }
    };
}

impl CloseCode {
    /// Whether a client whose socket was closed with this code, ours or not, stays away: 1009, 3500 to 3999 and 4500 to 4999.
    #[must_use]
    pub const fn is_final(code: u32) -> bool {
        matches!(code, 1009 | 3500..=3999 | 4500..=4999)
    }
}

closes! {
    /// A normal end asked for by the client.
    Normal = 1000, "normal closure";
    /// RFC 6455 was violated.
    ProtocolError = 1002, "protocol error";
    /// A text was no UTF-8.
    InvalidUtf8 = 1007, "invalid utf-8";
    /// A frame or message above the limit.
    MessageTooBig = 1009, "message size limit";
    /// Closed without a better reason.
    ConnectionClosed = 3000, "connection closed";
    /// The node stops: come back, another one or a newer one answers.
    Shutdown = 3001, "shutdown";
    /// A defect of ours.
    InternalError = 3004, "internal server error";
    /// The token expired and was not refreshed.
    ConnectionExpired = 3005, "connection expired";
    /// A subscription token expired and was not refreshed.
    SubscriptionExpired = 3006, "subscription expired";
    /// The client read too slowly.
    Slow = 3008, "slow";
    /// A server-side subscription lost its position.
    InsufficientState = 3010, "insufficient state";
    /// An operator asks for a reconnect.
    ForceReconnect = 3011, "force reconnect";
    /// A ping was not answered.
    NoPong = 3012, "no pong";
    /// Far above the command rate.
    TooManyRequests = 3013, "too many requests";
    /// The token is invalid or revoked.
    InvalidToken = 3500, "invalid token";
    /// Not a command.
    BadRequest = 3501, "bad request";
    /// No `connect` in time.
    Stale = 3502, "stale";
    /// An operator or the owner ended it.
    ForceDisconnect = 3503, "force disconnect";
    /// Too many connections of one user.
    ConnectionLimit = 3504, "connection limit";
    /// Too many server-side channels.
    ChannelLimit = 3505, "channel limit";
    /// Binary data to a JSON client.
    InappropriateProtocol = 3506, "inappropriate protocol";
    /// Not allowed to connect.
    PermissionDenied = 3507, "permission denied";
}

/// Why the server ends one subscription. Below 2500 it is final, from 2500 on the client subscribes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnsubscribeCode {
    /// Membership ended.
    ServerUnsubscribe,
    /// Publications were dropped for this node or session: subscribe again and recover.
    InsufficientState,
    /// The subscription token expired.
    SubscriptionExpired,
}

impl UnsubscribeCode {
    /// Every code, for documentation and tests.
    pub const ALL: &'static [UnsubscribeCode] = &[Self::ServerUnsubscribe, Self::InsufficientState, Self::SubscriptionExpired];
    /// From this number on a client subscribes again by itself.
    pub const RETRY_MIN: u32 = 2500;

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::ServerUnsubscribe => 2000,
            Self::InsufficientState => 2500,
            Self::SubscriptionExpired => 2501,
        }
    }

    /// The reason on the wire.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ServerUnsubscribe => "server unsubscribe",
            Self::InsufficientState => "insufficient state",
            Self::SubscriptionExpired => "subscription expired",
        }
    }
}
