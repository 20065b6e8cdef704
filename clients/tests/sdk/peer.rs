//! A scripted server: real sockets, real bytes, each step said by the test.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rialto_client::{Builder, Client};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// The longest that one step of a test may take.
const STEP: Duration = Duration::from_secs(10);

pub(crate) struct Peer {
    listener: TcpListener,
}

pub(crate) struct Connection {
    stream: WebSocketStream<TcpStream>,
}

impl Peer {
    pub(crate) async fn listen() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a free port") }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("bound"))
    }

    /// A client that loses no time between attempts.
    pub(crate) fn client(&self) -> Builder {
        Client::builder([self.url()]).backoff(Duration::from_millis(1), Duration::from_millis(5))
    }

    pub(crate) async fn accept(&self) -> Connection {
        let (tcp, _) = within(self.listener.accept()).await.expect("a connection");
        Connection { stream: within(tokio_tungstenite::accept_async(tcp)).await.expect("a handshake") }
    }

    /// Answers one HTTP call and closes; returns its first line, its head and its body.
    pub(crate) async fn serves(&self, status: &str, headers: &str, body: &str) -> (String, String, String) {
        let (tcp, _) = within(self.listener.accept()).await.expect("a connection");
        let mut tcp = BufReader::new(tcp);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(within(tcp.read_line(&mut head)).await.expect("a head"), 0, "{head}");
        }
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut sent = vec![0; length];
        within(tcp.read_exact(&mut sent)).await.expect("a body");
        let answer = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        within(tcp.write_all(answer.as_bytes())).await.expect("the client listens");
        within(tcp.flush()).await.expect("the client listens");
        (head.lines().next().unwrap_or_default().to_owned(), head, String::from_utf8(sent).expect("text"))
    }

    /// Accepts, and answers `connect` with what is given; returns the connect's body.
    pub(crate) async fn welcome(&self, result: &str) -> (Connection, Value) {
        let mut connection = self.accept().await;
        let connect = connection.reads().await;
        connection.says(&format!("{{\"id\":{},\"connect\":{result}}}", connect["id"])).await;
        (connection, connect["connect"].clone())
    }
}

impl Connection {
    pub(crate) async fn reads(&mut self) -> Value {
        let text = self.reads_text().await.expect("a text message");
        serde_json::from_str(&text).expect("JSON")
    }

    /// `None` when the client closed.
    pub(crate) async fn reads_text(&mut self) -> Option<String> {
        match within(self.stream.next()).await {
            Some(Ok(Message::Text(text))) => Some(text.to_string()),
            _ => None,
        }
    }

    pub(crate) async fn says(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.expect("the client listens");
    }

    pub(crate) async fn answers(&mut self, request: &Value, data: &str) {
        self.says(&format!("{{\"id\":{},\"rpc\":{{\"data\":{data}}}}}", request["id"])).await;
    }

    /// Reads a call of this rpc method and answers it; returns its body.
    pub(crate) async fn serves(&mut self, method: &str, data: &str) -> Value {
        let request = self.reads().await;
        assert_eq!(request["rpc"]["method"], method, "{request}");
        self.answers(&request, data).await;
        request["rpc"]["data"].clone()
    }

    pub(crate) async fn closes(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        self.stream.close(Some(frame)).await.expect("the client listens");
        while let Some(Ok(_)) = within(self.stream.next()).await {}
    }
}

pub(crate) async fn within<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(STEP, step).await.expect("a step took too long")
}
