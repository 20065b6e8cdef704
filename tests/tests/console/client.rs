//! An operator, and a bare client of the feed.

use futures_util::{SinkExt as _, StreamExt as _};
use rialto_tests::{Closed, Pick as _, Rialto, User, Value, json, within};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Registers somebody and gives them a role, as an operator would on the command line.
pub(crate) async fn with_role(node: &Rialto, name: &str, role: &str) -> User {
    let user = node.user(name).await;
    node.command(&["user", "role", &user.username, role]).await.ok();
    user.log_in().await
}

/// One feed.
pub(crate) struct Feed {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) columns: Vec<String>,
    /// The subprotocol that the server has chosen.
    pub(crate) protocol: String,
}

impl Feed {
    /// Opens a socket with these headers, without saying anything.
    pub(crate) async fn try_open(base: &str, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let url = format!("{}/admin/feed", base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let (socket, response) = within("an upgrade", Box::pin(connect_async(request))).await?;
        let protocol = response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap_or_default().to_owned());
        Ok(Self { socket, columns: Vec::new(), protocol: protocol.unwrap_or_default() })
    }

    /// Opens a socket and says who listens.
    pub(crate) async fn open(base: &str, token: &str) -> Self {
        let mut feed = Self::try_open(base, &[]).await.expect("the upgrade is not refused");
        feed.auth(token).await;
        feed
    }

    /// Says who listens.
    pub(crate) async fn auth(&mut self, token: &str) {
        self.say(&json!({"type": "auth", "token": token}).to_string()).await;
    }

    /// Sends a text.
    pub(crate) async fn say(&mut self, text: &str) {
        // A failure shows when the end is read.
        let _unsent = within("a frame leaves", self.socket.send(Message::text(text))).await;
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Result<Value, Closed> {
        loop {
            let next = within("a frame of the feed", self.socket.next()).await;
            match next {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("frames are JSON")),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Closed { code: frame.code.into(), reason: frame.reason.as_str().to_owned() });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Closed { code: 1006, reason: String::new() }),
            }
        }
    }

    /// The rows of the last hour, all frames of them.
    pub(crate) async fn history(&mut self) -> Vec<Value> {
        let mut rows = Vec::new();
        loop {
            let frame = self.frame().await.expect("the feed is open");
            assert_eq!(frame.text("type"), "history", "{frame}");
            self.columns = frame.texts("columns");
            rows.extend(frame.list("samples"));
            if !frame.flag("more") {
                return rows;
            }
        }
    }

    /// The next sample.
    pub(crate) async fn sample(&mut self) -> Value {
        let frame = self.frame().await.expect("the feed is open");
        assert_eq!(frame.text("type"), "sample", "{frame}");
        frame
    }

    /// Reads samples until one says so.
    pub(crate) async fn until(&mut self, what: &str, says: impl Fn(&Self, &Value) -> bool) -> Value {
        within(what, async {
            loop {
                let sample = self.sample().await;
                if says(self, &sample) {
                    return sample;
                }
            }
        })
        .await
    }

    /// A column of a row.
    pub(crate) fn value(&self, row: &Value, column: &str) -> Option<f64> {
        let place = self.columns.iter().position(|known| known == column).unwrap_or_else(|| panic!("no column {column}"));
        row["values"][place].as_f64()
    }

    /// The code that it is closed with, whatever comes before.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(closed) = self.frame().await {
                return closed.code;
            }
        }
    }
}
