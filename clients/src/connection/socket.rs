//! One WebSocket over TCP, with small buffers: everything is polled in one place, so that a peer that does not read cannot stop us from reading.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::error::Error;
use crate::limits::{CLOSE_WITHIN_MS, MESSAGE_BYTES_MAX, READ_BUFFER_BYTES, WRITE_BUFFER_BYTES, WRITE_BUFFER_BYTES_MAX};

/// The path of the client protocol.
const PATH: &str = "/connection/websocket";

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
    url: String,
}

impl Address {
    /// Takes `http://host:port`, `ws://host:port` and either with a path of its own.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let misuse = |why: &str| Error::Misuse(format!("address {text:?}: {why}"));
        let uri: Uri = text.parse().map_err(|_| misuse("not a URL"))?;
        match uri.scheme_str() {
            Some("http" | "ws") => {}
            Some("https" | "wss") => return Err(misuse("TLS is not built in: put a local TLS proxy before it")),
            _ => return Err(misuse("it must begin with http:// or ws://")),
        }
        let host = uri.host().ok_or_else(|| misuse("no host"))?;
        let port = uri.port_u16().unwrap_or(80);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path == "/" { PATH } else { path };
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { url: format!("ws://{host}:{port}{path}"), host: bare, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url)
    }
}

/// What a socket says.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    /// The close code, 0 when it broke without one.
    Closed {
        code: u32,
        reason: String,
    },
}

/// An open socket and what waits for it. Bounded by what the machine may have under way: one line per request and subscription.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    waiting: VecDeque<String>,
}

impl Socket {
    pub(crate) async fn open(address: Address) -> Result<Box<Self>, String> {
        let tcp = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(|error| error.to_string())?;
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let handshake = client_async_with_config(address.url.as_str(), tcp, Some(config)).boxed();
        let (stream, _) = handshake.await.map_err(|error| error.to_string())?;
        Ok(Box::new(Self { stream, waiting: VecDeque::new() }))
    }

    pub(crate) fn write(&mut self, line: String) {
        self.waiting.push_back(line);
    }

    /// Writes what waits, as far as the peer takes it, and brings the next thing that the peer says. Cancel-safe: all state is in `self`.
    pub(crate) async fn next(&mut self) -> Incoming {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Incoming> {
        if let Poll::Ready(Err(error)) = self.poll_write(context) {
            // A close frame that came before the break says more than the break.
            return self.poll_read(context).map(|heard| heard.unwrap_or_else(|| broken(&error)));
        }
        loop {
            match self.poll_read(context) {
                Poll::Ready(Some(incoming)) => return Poll::Ready(incoming),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), WsError>> {
        while !self.waiting.is_empty() {
            futures_util::ready!(Pin::new(&mut self.stream).poll_ready(context))?;
            if let Some(line) = self.waiting.pop_front() {
                Pin::new(&mut self.stream).start_send(Message::text(line))?;
            }
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// `None` for what says nothing (control frames that the library answers).
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        Poll::Ready(match futures_util::ready!(Pin::new(&mut self.stream).poll_next(context)) {
            Some(Ok(Message::Text(text))) => Some(Incoming::Text(text)),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) =
                    frame.map_or_else(|| (0, "closed without a code".to_owned()), |f| (u32::from(u16::from(f.code)), f.reason.to_string()));
                Some(Incoming::Closed { code, reason })
            }
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(broken(&error)),
            None => Some(Incoming::Closed { code: 0, reason: "connection lost".to_owned() }),
        })
    }

    /// Sends a close frame if that works at once, and lets go.
    pub(crate) fn abandon(mut self: Box<Self>, reason: &'static str) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::from_static(reason) };
        if self.stream.send(Message::Close(Some(frame))).now_or_never().is_none() {
            tracing::debug!(reason, "socket dropped without a close frame");
        }
    }

    /// Writes what waits, closes properly, and waits a little for the peer to do so too.
    pub(crate) async fn close(mut self: Box<Self>) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::from_static("closed by its owner") };
        let goodbye = async {
            if poll_fn(|context| self.poll_write(context)).await.is_ok() && self.stream.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        if tokio::time::timeout(Duration::from_millis(CLOSE_WITHIN_MS), goodbye).await.is_err() {
            tracing::debug!("the server did not answer the close frame");
        }
    }
}

fn broken(error: &WsError) -> Incoming {
    Incoming::Closed { code: 0, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_http_and_ws_lead_to_the_same_socket() {
        for text in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "ws://127.0.0.1:8080", "ws://127.0.0.1:8080/connection/websocket"] {
            assert_eq!(Address::parse(text).expect(text).to_string(), "ws://127.0.0.1:8080/connection/websocket");
        }
        assert_eq!(Address::parse("ws://[::1]:9/x?y=1").expect("IPv6").host, "::1");
        assert_eq!(Address::parse("ws://[::1]:9/x?y=1").expect("IPv6").to_string(), "ws://[::1]:9/x?y=1");
    }

    #[test]
    fn what_cannot_be_reached_is_said_at_once() {
        for text in ["", "127.0.0.1:8080", "https://example.org", "wss://example.org", "ftp://x", "http://"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
