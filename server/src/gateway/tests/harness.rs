//! A gateway thread inside the test's own thread, with sessions that do what the client says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use actix_web::{App, web};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::gateway::boundary::{CloseFrame, FlushHook, Gateway, Intake, Output, SessionId, TransportInfo};
use crate::gateway::{Accepted, Acceptor, Drained, GatewayLimits, StandardPolicy, bind, serve_thread};
use crate::ws::encode::{FrameKind, frame};

/// Longer than anything here takes; only a failing test waits so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// The outbox limit of the product.
pub(super) const OUTBOX_BYTES_MAX: usize = 1 << 20;

pub(super) type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A text that is counted and not answered.
pub(super) const MINE: &str = "me first";

/// Sessions that answer `echo:…` to a text, except for a few words, see `on_text`.
#[derive(Default)]
pub(super) struct FakeGateway {
    pub(super) hook: RefCell<Option<Rc<dyn FlushHook>>>,
    pub(super) sessions: RefCell<BTreeMap<u32, FakeSession>>,
    pub(super) opened: RefCell<Vec<TransportInfo>>,
    pub(super) num_closed: Cell<usize>,
    /// Commands that a test has not answered yet: a drain waits for them.
    pub(super) num_under_way: Cell<usize>,
    pub(super) num_texts: Cell<usize>,
    /// Sessions that had been opened when the last text came.
    pub(super) num_opened_before_text: Cell<usize>,
    /// How many of the texts were [`MINE`].
    pub(super) num_mine: Cell<usize>,
    /// Sessions that had been closed when the last text came.
    pub(super) num_closed_before_text: Cell<usize>,
    pub(super) bytes_written: Cell<usize>,
    pub(super) output_bytes_max: Cell<usize>,
    /// What a room of all sessions has gathered.
    pub(super) gathered: RefCell<Vec<Bytes>>,
    /// How often the room was flushed.
    pub(super) num_room_flushes: Cell<usize>,
    /// The next flush of rooms panics.
    pub(super) flush_panics: Cell<bool>,
    next: Cell<u32>,
}

#[derive(Default)]
pub(super) struct FakeSession {
    pub(super) output: Output,
    bytes: usize,
}

impl FakeGateway {
    /// Publishes into a room of all sessions.
    pub(super) fn publish(&self, chunk: Bytes) {
        self.gathered.borrow_mut().push(chunk);
        self.hook().rooms_gathered();
    }

    pub(super) fn push(&self, id: SessionId, chunk: Bytes) {
        self.enqueue(id, chunk);
        self.hook().wake(id);
    }

    fn enqueue(&self, id: SessionId, chunk: Bytes) {
        if let Some(session) = self.sessions.borrow_mut().get_mut(&id.index) {
            if session.output.close.is_some() {
                return;
            }
            session.bytes += chunk.len();
            session.output.chunks.push(chunk);
            if session.bytes > OUTBOX_BYTES_MAX {
                session.output.chunks.clear();
                session.output.close = Some(CloseFrame { code: 3008, reason: "slow".into() });
            }
            self.output_bytes_max.set(self.output_bytes_max.get().max(session.bytes));
        }
    }

    /// As [`Self::push`], for one frame of any size.
    pub(super) fn push_unlimited(&self, id: SessionId, chunk: Bytes) {
        self.sessions.borrow_mut().get_mut(&id.index).unwrap().output.chunks.push(chunk);
        self.hook().wake(id);
    }

    pub(super) fn close(&self, id: SessionId, code: u16) {
        if let Some(session) = self.sessions.borrow_mut().get_mut(&id.index) {
            session.output.close = Some(CloseFrame { code, reason: "said so".into() });
        }
        self.hook().wake(id);
    }

    pub(super) fn hook(&self) -> Rc<dyn FlushHook> {
        Rc::clone(self.hook.borrow().as_ref().unwrap())
    }

    /// The ids here are never used again, so all have generation 0.
    pub(super) fn id(index: u32) -> SessionId {
        SessionId { index, generation: 0 }
    }

    pub(super) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !is_so(self) {
                tokio::task::yield_now().await;
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "never {what}");
    }
}

impl Gateway for FakeGateway {
    fn open(&self, transport: TransportInfo) -> SessionId {
        let id = Self::id(self.next.get());
        self.next.set(id.index + 1);
        self.sessions.borrow_mut().insert(id.index, FakeSession::default());
        if transport.target.contains("timer") {
            self.hook().set_timer(id, Some(100));
        }
        self.opened.borrow_mut().push(transport);
        id
    }

    fn on_text(&self, id: SessionId, text: &str) -> Intake {
        self.num_texts.set(self.num_texts.get() + 1);
        self.num_opened_before_text.set(self.opened.borrow().len());
        self.num_closed_before_text.set(self.num_closed.get());
        match text {
            MINE => self.num_mine.set(self.num_mine.get() + 1),
            "pause" => return Intake::Pause,
            "panic" => panic!("a test asked for it"),
            "close" => {
                self.push(id, frame(FrameKind::Text, b"last words"));
                self.close(id, 3500);
            }
            text => self.push(id, frame(FrameKind::Text, format!("echo:{text}").as_bytes())),
        }
        Intake::Ok
    }

    fn on_binary(&self, id: SessionId, _frame: &[u8]) -> Intake {
        self.close(id, 3506);
        Intake::Ok
    }

    fn on_closed(&self, id: SessionId) {
        assert!(self.sessions.borrow_mut().remove(&id.index).is_some(), "closed twice");
        self.num_closed.set(self.num_closed.get() + 1);
    }

    fn take_output(&self, id: SessionId, out: &mut Output) {
        if let Some(session) = self.sessions.borrow_mut().get_mut(&id.index) {
            *out = std::mem::take(&mut session.output);
            session.bytes = 0;
        }
    }

    fn is_closing(&self, id: SessionId) -> bool {
        self.sessions.borrow().get(&id.index).is_some_and(|session| session.output.close.is_some())
    }

    fn is_settled(&self, _id: SessionId) -> bool {
        self.num_under_way.get() == 0
    }

    fn on_written(&self, _id: SessionId, bytes: usize) {
        self.bytes_written.set(self.bytes_written.get() + bytes);
    }

    fn flush_rooms(&self) {
        assert!(!self.flush_panics.take(), "a test asked for it");
        self.num_room_flushes.set(self.num_room_flushes.get() + 1);
        let chunks = self.gathered.take();
        let ids: Vec<u32> = self.sessions.borrow().keys().copied().collect();
        for id in ids.into_iter().map(Self::id) {
            chunks.iter().for_each(|chunk| self.enqueue(id, chunk.clone()));
            self.hook().wake_with_room(id);
        }
    }

    fn on_timer(&self, id: SessionId) {
        self.close(id, 3502);
    }
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) gateway: Rc<FakeGateway>,
    shutdown: Option<oneshot::Sender<CloseFrame>>,
    queue: mpsc::WeakSender<Accepted>,
    serving: JoinHandle<Drained>,
    _acceptor: Acceptor,
}

impl Server {
    pub(super) fn start(limits: GatewayLimits) -> Self {
        let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, incoming) = mpsc::channel(limits.accept_queue_max);
        let queue = sender.downgrade();
        let acceptor = Acceptor::start(listener, vec![sender]).unwrap();
        let gateway = Rc::new(FakeGateway::default());
        let (shutdown, stopped) = oneshot::channel();
        let policy = StandardPolicy { serves_echo: true, ..StandardPolicy::default() };
        let for_thread = Rc::clone(&gateway);
        let serving = actix_rt::spawn(async move {
            serve_thread(
                incoming,
                app,
                |hook| {
                    *for_thread.hook.borrow_mut() = Some(hook);
                    for_thread
                },
                Rc::new(policy),
                limits,
                async { stopped.await.unwrap() },
            )
            .await
            .unwrap()
        });
        Self { address, gateway, shutdown: Some(shutdown), queue, serving, _acceptor: acceptor }
    }

    pub(super) fn default() -> Self {
        Self::start(GatewayLimits::default())
    }

    /// Waits, and lets nothing else on this thread run, until so many sockets are accepted that nobody has taken in.
    pub(super) fn block_until_waiting(&self, num_sockets: usize) {
        let queue = self.queue.upgrade().unwrap();
        let began = tokio::time::Instant::now();
        while queue.max_capacity() - queue.capacity() < num_sockets {
            assert!(began.elapsed() < PATIENCE, "they are never accepted");
            std::thread::yield_now();
        }
    }

    pub(super) async fn client(&self, path: &str) -> Client {
        connect_async(format!("ws://{}{path}", self.address)).await.unwrap().0
    }

    pub(super) async fn echo(&self) -> Client {
        self.client("/debug/echo").await
    }

    pub(super) async fn session(&self) -> Client {
        self.client("/connection/websocket").await
    }

    pub(super) async fn raw(&self) -> Raw {
        Raw(TcpStream::connect(self.address).await.unwrap())
    }

    pub(super) async fn drain(&mut self, code: u16) -> Drained {
        let close = CloseFrame { code, reason: "shutdown".into() };
        self.shutdown.take().unwrap().send(close).unwrap();
        timeout(PATIENCE, &mut self.serving).await.unwrap().unwrap()
    }
}

fn app() -> App<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .route("/", web::get().to(|| async { "hello" }))
        .route("/length", web::post().to(|body: Bytes| async move { body.len().to_string() }))
        .route("/peer", web::get().to(|request: actix_web::HttpRequest| async move { request.peer_addr().map(|peer| peer.to_string()) }))
}

/// A client without manners.
pub(super) struct Raw(pub(super) TcpStream);

impl Raw {
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Everything up to the end of the stream.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await.unwrap().unwrap();
        bytes
    }

    pub(super) async fn rest_as_text(&mut self) -> String {
        String::from_utf8(self.rest().await).unwrap()
    }

    /// Waits until the server has dropped the socket. Unread input makes the drop a reset, which is what a writer sees at last.
    pub(super) async fn until_dropped(mut self) {
        let dropped = async {
            while self.0.write_all(&masked(0x81, b"x")).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, dropped).await.unwrap();
    }

    /// Upgrades and swallows the answer's head.
    pub(super) async fn upgrade(&mut self, path: &str) {
        self.send(upgrade_request(path)).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, self.0.read_u8()).await.unwrap().unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    }

    /// The code of the close frame with which the stream ends.
    pub(super) async fn close_code(&mut self) -> u16 {
        let bytes = self.rest().await;
        assert!(bytes.len() >= 4 && bytes[0] == 0x88, "no close frame: {bytes:?}");
        u16::from_be_bytes([bytes[2], bytes[3]])
    }
}

pub(super) fn upgrade_request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// A client frame with a mask of zeros, which leaves the payload as it is.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126, "short payloads only");
    let mut bytes = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    bytes.extend(payload);
    bytes
}

pub(super) async fn say(client: &mut Client, message: impl Into<Message>) {
    timeout(PATIENCE, client.send(message.into())).await.unwrap().unwrap();
}

pub(super) async fn hear(client: &mut Client) -> Message {
    timeout(PATIENCE, client.next()).await.unwrap().expect("the stream goes on").unwrap()
}

/// Reads on to the close frame and gives its code.
pub(super) async fn hear_close(client: &mut Client) -> u16 {
    loop {
        if let Message::Close(close) = hear(client).await {
            return close.map_or(1005, |close| close.code.into());
        }
    }
}
