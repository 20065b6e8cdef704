//! A bare client of the Centrifuge protocol in JSON. It hides nothing: frames in, frames out, ids by hand if wanted.
//!
//! It reads only while somebody waits for something; what arrives meanwhile is kept in order.

use std::collections::{HashMap, VecDeque};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::{Pick as _, clock};

/// Small enough that thousands of these clients fit in one test process.
const BUFFER_BYTES: usize = 4096;

/// An error reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the one table.
    pub code: u64,
    /// Its word.
    pub message: String,
    /// Whether trying again later makes sense.
    pub temporary: bool,
}

/// The end of a connection. `code` is 1006 when no close frame arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The close code.
    pub code: u16,
    /// The reason's text.
    pub reason: String,
}

/// One connection.
#[derive(Debug)]
pub struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
    replies: HashMap<u64, Value>,
    pushes: VecDeque<Value>,
    closed: Option<Closed>,
    /// The connect reply, empty before.
    pub hello: Value,
    /// Whether server pings are answered; a test may switch it off.
    pub answers_pings: bool,
    /// How many server pings have arrived.
    pub pings_seen: u64,
}

impl Wire {
    /// Opens a socket to the node at `base` (`http://…`), without saying anything.
    ///
    /// # Panics
    /// When the upgrade is refused.
    pub async fn open(base: &str) -> Self {
        Self::try_open(base).await.unwrap_or_else(|error| panic!("no WebSocket: {error}"))
    }

    /// [`Self::open`] for tests in which the node may be gone.
    ///
    /// # Errors
    /// When the upgrade is refused or nobody listens.
    pub async fn try_open(base: &str) -> Result<Self, Error> {
        let url = format!("{}/connection/websocket", base.replacen("http", "ws", 1));
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
        // Boxed, since its buffers would make every future that connects a large one.
        let connecting = Box::pin(connect_async_with_config(url, Some(config), true));
        let (socket, _response) = clock::within("a WebSocket upgrade", connecting).await?;
        Ok(Self {
            socket,
            next_id: 0,
            replies: HashMap::new(),
            pushes: VecDeque::new(),
            closed: None,
            hello: Value::Null,
            answers_pings: true,
            pings_seen: 0,
        })
    }

    /// Opens a socket and authenticates.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect(base: &str, token: &str) -> Self {
        let mut wire = Self::open(base).await;
        let reply = wire.call("connect", json!({"token": token, "name": "tests"})).await;
        wire.hello = reply.unwrap_or_else(|refusal| panic!("connect refused: {refusal:?}"));
        wire
    }

    /// Sends text as it is, in one frame.
    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.send_message(Message::text(text.into())).await;
    }

    /// Sends a binary frame.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.send_message(Message::binary(bytes)).await;
    }

    /// Sends any frame. A failure is not the sender's: it shows when the end of the connection is read.
    async fn send_message(&mut self, message: Message) {
        let _seen_by_the_reader = clock::within("a frame leaves", self.socket.send(message)).await;
    }

    /// The id that the next command will have.
    pub const fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Sends one command and does not wait; the answer is read by [`Self::reply`].
    pub async fn issue(&mut self, kind: &str, body: Value) -> u64 {
        let id = self.take_id();
        let command = command(id, kind, body);
        self.send_text(command.to_string()).await;
        id
    }

    /// Sends several commands in one frame and gives their ids.
    pub async fn issue_batch(&mut self, commands: Vec<(&str, Value)>) -> Vec<u64> {
        let numbered: Vec<_> = commands.into_iter().map(|(kind, body)| (self.take_id(), kind, body)).collect();
        let ids = numbered.iter().map(|(id, ..)| *id).collect();
        let lines: Vec<String> = numbered.into_iter().map(|(id, kind, body)| command(id, kind, body).to_string()).collect();
        self.send_text(lines.join("\n")).await;
        ids
    }

    /// One command and its answer.
    ///
    /// # Errors
    /// The error reply, as a value.
    ///
    /// # Panics
    /// When the connection ends first.
    pub async fn call(&mut self, kind: &str, body: Value) -> Result<Value, Refusal> {
        let id = self.issue(kind, body).await;
        self.reply(id, kind).await
    }

    /// [`Self::call`] for tests in which the connection may end.
    ///
    /// # Errors
    /// The end of the connection; inside, the error reply.
    pub async fn try_call(&mut self, kind: &str, body: Value) -> Result<Result<Value, Refusal>, Closed> {
        let id = self.issue(kind, body).await;
        self.try_reply(id, kind).await
    }

    /// The answer to command `id`.
    ///
    /// # Errors
    /// The error reply, as a value.
    ///
    /// # Panics
    /// When the connection ends first.
    pub async fn reply(&mut self, id: u64, kind: &str) -> Result<Value, Refusal> {
        self.try_reply(id, kind).await.unwrap_or_else(|closed| panic!("{closed:?} instead of the answer to {kind} {id}"))
    }

    /// [`Self::reply`] for tests in which the connection may end.
    ///
    /// # Errors
    /// The end of the connection; inside, the error reply.
    pub async fn try_reply(&mut self, id: u64, kind: &str) -> Result<Result<Value, Refusal>, Closed> {
        loop {
            if let Some(reply) = self.replies.remove(&id) {
                return Ok(unpack(&reply, kind));
            }
            self.read_frame().await?;
        }
    }

    /// The first push, arrived or still to come, that `wanted` says yes to. Others stay, in order.
    pub async fn push(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.try_push(what, wanted).await.unwrap_or_else(|closed| panic!("{closed:?} instead of {what}"))
    }

    /// [`Self::push`] for tests in which the connection may end.
    ///
    /// # Errors
    /// The end of the connection.
    pub async fn try_push(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value, Closed> {
        clock::within(what, self.any_push(wanted)).await
    }

    /// [`Self::try_push`] without a deadline. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The end of the connection.
    pub async fn any_push(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value, Closed> {
        loop {
            if let Some(position) = self.pushes.iter().position(&wanted) {
                return Ok(self.pushes.remove(position).expect("the position was just found"));
            }
            self.read_frame_without_deadline().await?;
        }
    }

    /// The next publication in `channel`, with `data`, and `offset` if it has one.
    pub async fn publication(&mut self, channel: &str) -> Value {
        let what = format!("a publication in {channel}");
        let push = self.push(&what, |push| push["channel"] == channel && push["pub"].is_object()).await;
        push["pub"].clone()
    }

    /// The next publication in `channel` whose event has this type; others stay.
    pub async fn event(&mut self, channel: &str, kind: &str) -> Value {
        let what = format!("a {kind} event in {channel}");
        let push = self.push(&what, |push| push["channel"] == channel && push["pub"]["data"]["type"] == kind).await;
        push["pub"].clone()
    }

    /// Pushes that have arrived and that nobody asked for yet.
    #[must_use]
    pub const fn unread(&self) -> &VecDeque<Value> {
        &self.pushes
    }

    /// Reads until the server ends the connection.
    ///
    /// # Panics
    /// When it does not.
    pub async fn closed(&mut self) -> Closed {
        clock::within("the server closes the connection", async {
            loop {
                if let Err(closed) = self.read_frame().await {
                    return closed;
                }
            }
        })
        .await
    }

    /// Cuts the transport without a close frame, as a lost network does.
    pub fn cut(self) {
        drop(self.socket);
    }

    /// Ends the connection politely.
    pub async fn close(mut self) {
        let _already_gone = self.socket.close(None).await;
    }

    /// Reads one frame and files what it brings.
    ///
    /// # Errors
    /// The end of the connection, again and again once it has ended.
    pub async fn read_frame(&mut self) -> Result<(), Closed> {
        clock::within("a frame from the server", self.read_frame_without_deadline()).await
    }

    async fn read_frame_without_deadline(&mut self) -> Result<(), Closed> {
        if let Some(closed) = &self.closed {
            return Err(closed.clone());
        }
        let end = match self.socket.next().await {
            Some(Ok(Message::Text(text))) => {
                self.file_lines(text.as_str()).await;
                return Ok(());
            }
            Some(Ok(Message::Close(Some(frame)))) => Closed { code: frame.code.into(), reason: frame.reason.to_string() },
            Some(Ok(Message::Close(None))) => Closed { code: 1005, reason: String::new() },
            Some(Ok(Message::Binary(bytes))) => panic!("binary to a JSON client: {bytes:?}"),
            Some(Ok(_control)) => return Ok(()),
            Some(Err(error)) => Closed { code: 1006, reason: error.to_string() },
            None => Closed { code: 1006, reason: String::new() },
        };
        self.closed = Some(end.clone());
        let _answer_to_the_close = self.socket.flush().await;
        Err(end)
    }

    async fn file_lines(&mut self, text: &str) {
        let mut pinged = false;
        for line in text.lines() {
            let message: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
            if let Some(id) = message["id"].as_u64() {
                self.replies.insert(id, message);
            } else if message["push"].is_object() {
                self.pushes.push_back(message["push"].clone());
            } else {
                assert_eq!(message, json!({}), "a reply without id is a push or a ping");
                self.pings_seen += 1;
                pinged = true;
            }
        }
        // Last, since everything above must be filed even if the caller stops waiting here.
        if pinged && self.answers_pings {
            self.send_text("{}").await;
        }
    }

    /// Subscribes plainly.
    ///
    /// # Errors
    /// The error reply.
    pub async fn subscribe(&mut self, channel: &str) -> Result<Value, Refusal> {
        self.call("subscribe", json!({"channel": channel})).await
    }

    /// Subscribes and asks for what was missed after `offset`.
    ///
    /// # Errors
    /// The error reply.
    pub async fn recover(&mut self, channel: &str, offset: u64, epoch: &str) -> Result<Value, Refusal> {
        self.call("subscribe", json!({"channel": channel, "recover": true, "offset": offset, "epoch": epoch})).await
    }

    /// Calls a domain method.
    ///
    /// # Errors
    /// The error reply.
    pub async fn rpc(&mut self, method: &str, data: Value) -> Result<Value, Refusal> {
        let reply = self.call("rpc", json!({"method": method, "data": data})).await?;
        Ok(reply["data"].clone())
    }

    /// Calls a domain method that must succeed.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn ask(&mut self, method: &str, data: Value) -> Value {
        self.rpc(method, data).await.unwrap_or_else(|refusal| panic!("{method}: {refusal:?}"))
    }

    /// Calls a domain method that must be refused, and gives the code.
    ///
    /// # Panics
    /// When it succeeds.
    pub async fn refused(&mut self, method: &str, data: Value) -> u64 {
        match self.rpc(method, data).await {
            Ok(answer) => panic!("{method} was not refused: {answer}"),
            Err(refusal) => refusal.code,
        }
    }
}

fn command(id: u64, kind: &str, body: Value) -> Value {
    let mut command = Map::new();
    command.insert("id".to_owned(), id.into());
    command.insert(kind.to_owned(), body);
    Value::Object(command)
}

fn unpack(reply: &Value, kind: &str) -> Result<Value, Refusal> {
    let error = &reply["error"];
    if error.is_object() {
        let (code, message) = (error.number("code"), error.text("message"));
        return Err(Refusal { code, message, temporary: error.flag("temporary") });
    }
    assert!(reply[kind].is_object(), "an answer to {kind} holds it: {reply}");
    Ok(reply[kind].clone())
}
