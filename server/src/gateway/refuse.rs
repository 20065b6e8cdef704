//! Answers that the gateway gives itself, without asking the HTTP application.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};

/// A refusal as `application/problem+json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    title: &'static str,
    /// The stable word for programs.
    code: &'static str,
    /// One more header line with its line end, or nothing.
    header: &'static str,
}

impl Refusal {
    /// An upgrade request that breaks the rules of the handshake.
    pub const BAD_REQUEST: Self = Self { status: 400, title: "Bad Request", code: "invalid_argument", header: "" };
    /// An upgrade request that is not admitted, for example for its origin.
    pub const FORBIDDEN: Self = Self { status: 403, title: "Forbidden", code: "forbidden", header: "" };
    pub(crate) const TIMEOUT: Self = Self { status: 408, title: "Request Timeout", code: "timeout", header: "" };
    pub(crate) const BAD_VERSION: Self = Self {
        status: 426,
        title: "Upgrade Required",
        code: "upgrade_required",
        header: "upgrade: websocket\r\nsec-websocket-version: 13\r\n",
    };
    /// A client that asks too often.
    pub const TOO_MANY: Self = Self { status: 429, title: "Too Many Requests", code: "rate_limited", header: "" };
    pub(crate) const HEAD_TOO_LARGE: Self = Self { status: 431, title: "Request Header Fields Too Large", code: "too_large", header: "" };
    /// No room for one more connection.
    pub const UNAVAILABLE: Self = Self { status: 503, title: "Service Unavailable", code: "overloaded", header: "retry-after: 1\r\n" };

    /// The whole response. `keeps_alive` says whether the connection goes on after it.
    pub(crate) fn response(self, keeps_alive: bool) -> Vec<u8> {
        let Self { status, title, code, header } = self;
        let body = format!(r#"{{"type":"about:blank","title":"{title}","status":{status},"code":"{code}"}}"#);
        let connection = if keeps_alive { "keep-alive" } else { "close" };
        format!(
            "HTTP/1.1 {status} {title}\r\n{header}content-type: application/problem+json\r\n\
             content-length: {}\r\nconnection: {connection}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// Answers on a socket that nobody will read from. Best effort: the socket is fresh, so its buffer has room.
pub(crate) fn answer_and_drop(mut stream: &TcpStream, refusal: Refusal) {
    let answered = stream.write(&refusal.response(false)).and_then(|_| stream.shutdown(Shutdown::Write));
    if let Err(error) = answered {
        tracing::debug!(%error, "refuse connection");
    }
}
