//! The one task of a client: carries inputs to the machine and its effects out. It ends when the machine ends, or when every handle is gone.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use rialto_protocol::command::CommandKind;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use crate::clock::{Clock, ServerClock};
use crate::connection::input::{Effect, Input, Settings, Shared};
use crate::connection::request::Retry;
use crate::connection::socket::{Address, Incoming, Socket};
use crate::connection::state::Connection;
use crate::connection::subscription::Wish;
use crate::error::Error;
use crate::event::{Event, Hub};
use crate::state::ConnectionState;
use crate::token::{TokenError, TokenFuture, TokenSource};

/// Whom to answer; the permit gives the queue's place back.
pub(crate) type Answer = (oneshot::Sender<Result<String, Error>>, OwnedSemaphorePermit);

/// What a handle asks for.
pub(crate) enum Command {
    Request { kind: CommandKind, retry: Retry, answer: Answer },
    Subscribe { channel: String, wish: Wish, token: TokenSource, answer: Answer },
    Unsubscribe { channel: String },
    Close { done: oneshot::Sender<()> },
}

type Opening = Pin<Box<dyn Future<Output = Result<Box<Socket>, String>> + Send>>;
type SubscriptionToken = Pin<Box<dyn Future<Output = (String, Result<String, TokenError>)> + Send>>;

/// The task's state.
pub(crate) struct Driver {
    machine: Connection,
    clock: Clock,
    addresses: Vec<Address>,
    token: TokenSource,
    commands: mpsc::Receiver<Command>,
    shared: watch::Sender<Shared>,
    hub: Hub,
    opening: Option<Opening>,
    socket: Option<Box<Socket>>,
    fetching: Option<TokenFuture>,
    subscription_tokens: HashMap<String, TokenSource>,
    subscription_fetches: FuturesUnordered<SubscriptionToken>,
    answers: HashMap<u64, Answer>,
    next_key: u64,
    closers: Vec<oneshot::Sender<()>>,
    orphaned: bool,
    ended: bool,
}

enum Happened {
    Command(Option<Command>),
    Opened(Result<Box<Socket>, String>),
    Heard(Incoming),
    Token(Result<String, TokenError>),
    SubscriptionToken(String, Result<String, TokenError>),
    Tick,
}

impl Driver {
    pub(crate) fn new(
        settings: Settings,
        addresses: Vec<Address>,
        token: TokenSource,
        commands: mpsc::Receiver<Command>,
        shared: watch::Sender<Shared>,
        hub: Hub,
    ) -> Self {
        Self {
            machine: Connection::new(settings),
            clock: Clock::start(),
            addresses,
            token,
            commands,
            shared,
            hub,
            opening: None,
            socket: None,
            fetching: None,
            subscription_tokens: HashMap::new(),
            subscription_fetches: FuturesUnordered::new(),
            answers: HashMap::new(),
            next_key: 0,
            closers: Vec::new(),
            orphaned: false,
            ended: false,
        }
    }

    pub(crate) async fn run(mut self) {
        self.feed(Input::Start);
        while !self.ended {
            let happened = self.next().await;
            self.take(happened);
        }
        self.commands.close();
        if let Some(socket) = self.socket.take() {
            socket.close().await;
        }
        self.hub.end();
        for closer in self.closers {
            // The one who closed may have gone: nothing to tell then.
            let _ = closer.send(());
        }
    }

    async fn next(&mut self) -> Happened {
        let deadline = self.machine.deadline_ms().map(|ms| self.clock.at(ms));
        tokio::select! {
            command = self.commands.recv(), if !self.orphaned => Happened::Command(command),
            opened = wait_for(&mut self.opening), if self.opening.is_some() => Happened::Opened(opened),
            heard = hear(&mut self.socket), if self.socket.is_some() => Happened::Heard(heard),
            token = wait_for(&mut self.fetching), if self.fetching.is_some() => Happened::Token(token),
            Some((channel, result)) = self.subscription_fetches.next(), if !self.subscription_fetches.is_empty() => {
                Happened::SubscriptionToken(channel, result)
            }
            () = async { if let Some(at) = deadline { tokio::time::sleep_until(at).await } }, if deadline.is_some() => Happened::Tick,
        }
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Command(Some(command)) => self.command(command),
            Happened::Command(None) => {
                self.orphaned = true;
                self.feed(Input::Close);
            }
            Happened::Opened(Ok(socket)) => {
                self.socket = Some(socket);
                self.feed(Input::Opened);
            }
            Happened::Opened(Err(text)) => self.feed(Input::OpenFailed(text)),
            Happened::Heard(Incoming::Text(text)) => self.feed(Input::Frame(&text)),
            Happened::Heard(Incoming::Closed { code, reason }) => {
                self.socket = None;
                self.feed(Input::Lost { code, reason: &reason });
            }
            Happened::Token(result) => self.feed(Input::Token(result)),
            Happened::SubscriptionToken(channel, result) => self.feed(Input::SubscriptionToken { channel: &channel, result }),
            Happened::Tick => self.feed(Input::Tick),
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Request { kind, retry, answer } => {
                let key = self.keep(answer);
                self.feed(Input::Request { key, kind, retry });
            }
            Command::Subscribe { channel, wish, token, answer } => {
                let key = self.keep(answer);
                self.subscription_tokens.entry(channel.clone()).or_insert(token);
                self.feed(Input::Subscribe { key, channel, wish });
            }
            Command::Unsubscribe { channel } => self.feed(Input::Unsubscribe { channel }),
            Command::Close { done } => {
                self.closers.push(done);
                self.feed(Input::Close);
            }
        }
    }

    fn keep(&mut self, answer: Answer) -> u64 {
        self.next_key += 1;
        self.answers.insert(self.next_key, answer);
        self.next_key
    }

    fn feed(&mut self, input: Input<'_>) {
        let mut effects = Vec::new();
        self.machine.apply(self.clock.now_ms(), input, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Open { address } => {
                let address = self.addresses[address % self.addresses.len()].clone();
                tracing::debug!(%address, "connecting");
                self.opening = Some(Socket::open(address).boxed());
            }
            Effect::Write(line) => {
                if let Some(socket) = &mut self.socket {
                    socket.write(line);
                }
            }
            Effect::Drop { reason } => {
                self.opening = None;
                if let Some(socket) = self.socket.take() {
                    socket.abandon(reason);
                }
            }
            Effect::FetchToken => self.fetching = Some(self.token.fetch()),
            Effect::FetchSubscriptionToken { channel } => {
                let fetch = self.subscription_tokens.get(&channel).map(TokenSource::fetch);
                if let Some(fetch) = fetch {
                    self.subscription_fetches.push(fetch.map(move |result| (channel, result)).boxed());
                }
            }
            Effect::Answer { key, result } => {
                if let Some((answer, permit)) = self.answers.remove(&key) {
                    drop(permit);
                    // The caller may have stopped waiting.
                    let _ = answer.send(result);
                }
            }
            Effect::Emit(event) => self.emit(event),
            Effect::State(state) => self.state(state),
            Effect::ServerTime { ms } => self.shared.send_modify(|shared| shared.clock = Some(ServerClock::told(ms))),
            Effect::End => {
                self.opening = None;
                self.fetching = None;
                self.ended = true;
            }
        }
    }

    fn emit(&mut self, event: Event) {
        if let Event::Unsubscribed { channel, will_retry: false, .. } = &event {
            self.subscription_tokens.remove(channel);
        }
        self.hub.emit(event);
    }

    fn state(&mut self, state: ConnectionState) {
        match &state {
            ConnectionState::Connecting { attempt } => tracing::debug!(attempt, "connecting"),
            ConnectionState::Connected { client } => tracing::info!(client, "connected"),
            ConnectionState::Disconnected { reason, retry_in_ms } => tracing::info!(%reason, retry_in_ms, "disconnected"),
            ConnectionState::Closed { reason } => tracing::info!(%reason, "closed"),
        }
        self.shared.send_modify(|shared| shared.state = state.clone());
        self.hub.emit(Event::State(state));
    }
}

/// Waits for an optional future and takes it away when it is done; never done when there is none.
async fn wait_for<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    let Some(running) = future else { return std::future::pending().await };
    let result = running.await;
    *future = None;
    result
}

async fn hear(socket: &mut Option<Box<Socket>>) -> Incoming {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}
