//! The test server as tests see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rialto_protocol::command::Command;
use rialto_protocol::rpc::{BotCommand, Request};
use rialto_protocol::{CloseCode, ConversationId, Refusal, UserId};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::peer::{Decide, Fault, Out, Peer};
use super::person::Person;
use super::world::World;
use crate::client::Client;

/// Frames that wait for one client. Above: it is cut off.
const OUT_MAX: usize = 16 * 1024;
/// Milliseconds that [`TestServer::until`] waits. After: it panics.
const PATIENCE_MS: u64 = 10_000;
/// Milliseconds of a client's shortest and longest pause before it connects again.
const BACKOFF_MS: (u64, u64) = (1, 5);

/// A Rialto server in memory. Clones are the same server; it ends with the last one.
#[derive(Clone)]
pub struct TestServer {
    shared: Arc<Shared>,
    _accepting: Arc<Accepting>,
}

struct Shared {
    world: Mutex<World>,
    /// Counts what happened, so that whoever waits looks again.
    changes: watch::Sender<u64>,
    url: String,
}

struct Accepting(AbortHandle);

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl TestServer {
    /// Begins to serve on a free port of the loopback interface.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn start() -> Self {
        Self::serve(None).await
    }

    /// As [`TestServer::start`]; `decide` says what befalls each command.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn faulty(decide: impl FnMut(&Command) -> Option<Fault> + Send + 'static) -> Self {
        Self::serve(Some(Box::new(decide))).await
    }

    async fn serve(decide: Option<Decide>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let shared = Arc::new(Shared { world: Mutex::new(World::new(decide)), changes: watch::Sender::new(0), url });
        let accepting = tokio::spawn(accept_all(listener, Arc::clone(&shared))).abort_handle();
        Self { shared, _accepting: Arc::new(Accepting(accepting)) }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Somebody with this name; asking again gives the same person.
    #[must_use]
    pub fn person(&self, username: &str) -> Person {
        Person::new(self.clone(), self.world().person(username))
    }

    /// A real client that speaks with this server as this person and reconnects without much of a pause.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn client(&self, person: &Person) -> Client {
        let (min, max) = BACKOFF_MS;
        let builder = Client::builder([self.url()]).backoff(Duration::from_millis(min), Duration::from_millis(max));
        builder.token(person.token()).start().expect("inside a tokio runtime").0
    }

    /// Calls a method as somebody.
    ///
    /// # Errors
    /// As the server does.
    ///
    /// # Panics
    /// When the answer is no JSON, which it always is.
    pub fn call(&self, user: UserId, method: &str, body: &Value) -> Result<Value, Refusal> {
        let answer = self.world().call(user, Request::parse(method, &body.to_string())?);
        self.changed();
        Ok(serde_json::from_str(answer?.get()).expect("answers are JSON"))
    }

    /// The slash commands that a bot has registered.
    #[must_use]
    pub fn commands(&self, bot: &Person) -> Vec<BotCommand> {
        self.world().commands.get(&bot.id()).cloned().unwrap_or_default()
    }

    /// How far somebody has read.
    #[must_use]
    pub fn read_marker(&self, conversation: ConversationId, person: &Person) -> u64 {
        let world = self.world();
        world.conversations.get(&conversation).and_then(|conversation| conversation.read.get(&person.id()).copied()).unwrap_or(0)
    }

    /// Breaks every connection.
    pub fn cut(&self) {
        self.world().peers.values_mut().for_each(|peer| peer.closes(None));
    }

    /// Closes every connection with a code.
    pub fn close_all(&self, code: CloseCode) {
        self.world().peers.values_mut().for_each(|peer| peer.closes(Some(code)));
    }

    /// Waits until the probe finds something; it looks again after everything that happens here.
    ///
    /// # Panics
    /// When it finds nothing for ten seconds.
    pub async fn until<T>(&self, what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
        let mut changes = self.shared.changes.subscribe();
        let found = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = probe() {
                    return found;
                }
                // The sender is held by `self`.
                let _ = changes.changed().await;
            }
        };
        tokio::time::timeout(Duration::from_millis(PATIENCE_MS), found).await.unwrap_or_else(|_| panic!("never came true: {what}"))
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world()
    }

    pub(super) fn changed(&self) {
        self.shared.changed();
    }
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

async fn accept_all(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((tcp, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(tcp, Arc::clone(&shared)));
    }
}

async fn serve(tcp: TcpStream, shared: Arc<Shared>) {
    // A push and a reply behind each other would wait for an acknowledgement otherwise.
    let Ok(()) = tcp.set_nodelay(true) else { return };
    let Ok(mut stream) = tokio_tungstenite::accept_async(tcp).await else { return };
    let (out, mut outgoing) = mpsc::channel(OUT_MAX);
    let number = {
        let mut world = shared.world();
        let number = world.number();
        world.peers.insert(number, Peer::new(number, out));
        number
    };
    converse(&mut stream, &mut outgoing, &shared, number).await;
    shared.world().left(number);
    shared.changed();
}

async fn converse(stream: &mut WebSocketStream<TcpStream>, outgoing: &mut mpsc::Receiver<Out>, shared: &Shared, number: u64) {
    loop {
        tokio::select! {
            said = stream.next() => match said {
                Some(Ok(Message::Text(text))) => {
                    shared.world().receive(number, &text);
                    shared.changed();
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            out = outgoing.recv() => match out {
                Some(Out::Text(text)) => {
                    if stream.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                Some(Out::Close(Some(code))) => {
                    let frame = CloseFrame { code: code.number().into(), reason: Utf8Bytes::from_static(code.reason()) };
                    // The line ends in either case.
                    let _ = stream.close(Some(frame)).await;
                    return;
                }
                Some(Out::Close(None)) | None => return,
            },
        }
    }
}
