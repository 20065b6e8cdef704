//! What operators ask of the gateway threads: who is connected, and ending connections.

use core::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rialto_protocol::{CloseCode, ErrorCode, Refusal, UserId};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{Gateway, SessionId};

/// Questions that wait for one thread. Above: `overloaded`.
pub const QUESTIONS_MAX: usize = 64;
/// Time that a thread has for its answer. After: `unavailable`.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
const RETRY_MS: u32 = 1_000;

/// One connection of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its id, as clients and logs know it.
    pub id: Uuid,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What the client calls itself; may be empty.
    pub client: String,
    /// Seconds since the process began.
    pub since_s: u32,
    /// Channels that it listens to.
    pub channels: Vec<Arc<str>>,
    /// What a revocation names, and when what it names ends by itself.
    pub grant: Option<(Uuid, Option<u64>)>,
}

/// Whose connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// Of this user,
    pub user: UserId,
    /// and if named only this one.
    pub connection: Option<Uuid>,
}

enum Question {
    Connections { user: UserId, answer: oneshot::Sender<Vec<Connection>> },
    Disconnect { whose: Whose, code: CloseCode, answer: oneshot::Sender<usize> },
}

/// What waits for one gateway thread.
pub struct Questions(mpsc::Receiver<Question>);

/// The way to all gateway threads. Cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<[Counter]>);

struct Counter {
    ask: mpsc::Sender<Question>,
    waiting: Mutex<Option<Questions>>,
}

impl Desk {
    /// For this many threads.
    #[must_use]
    pub fn new(threads: u16) -> Self {
        let counter = |_| {
            let (ask, questions) = mpsc::channel(QUESTIONS_MAX);
            Counter { ask, waiting: Mutex::new(Some(Questions(questions))) }
        };
        Self((0..threads).map(counter).collect())
    }

    /// What a thread is to answer with [`Gateway::answer_operators`]; given once.
    #[must_use]
    pub fn questions(&self, thread: u16) -> Option<Questions> {
        self.0.get(usize::from(thread))?.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A user's connections to this node, oldest first.
    ///
    /// # Errors
    /// `overloaded`, or `unavailable` when a thread does not answer.
    pub async fn connections(&self, user: UserId) -> Result<Vec<Connection>, Refusal> {
        let answers = self.ask(|answer| Question::Connections { user, answer }).await?;
        let mut all: Vec<Connection> = answers.into_iter().flatten().collect();
        all.sort_unstable_by_key(|one| (one.since_s, one.id));
        Ok(all)
    }

    /// Ends connections to this node with a code; answers how many there were.
    ///
    /// # Errors
    /// As [`Desk::connections`].
    pub async fn disconnect(&self, whose: Whose, code: CloseCode) -> Result<usize, Refusal> {
        Ok(self.ask(|answer| Question::Disconnect { whose, code, answer }).await?.into_iter().sum())
    }

    async fn ask<T>(&self, question: impl Fn(oneshot::Sender<T>) -> Question) -> Result<Vec<T>, Refusal> {
        let mut answers = Vec::with_capacity(self.0.len());
        for counter in self.0.iter() {
            let (sender, receiver) = oneshot::channel();
            counter.ask.try_send(question(sender)).map_err(|_| Refusal::retry(ErrorCode::Overloaded, RETRY_MS))?;
            answers.push(receiver);
        }
        let all = tokio::time::timeout(ANSWER_WITHIN, futures_util::future::try_join_all(answers)).await;
        all.ok().and_then(Result::ok).ok_or_else(|| Refusal::retry(ErrorCode::Unavailable, RETRY_MS))
    }
}

impl Gateway {
    /// Answers operators, for ever.
    pub async fn answer_operators(&self, mut questions: Questions) {
        while let Some(question) = questions.0.recv().await {
            // Whoever has gone away meanwhile needs no answer.
            match question {
                Question::Connections { user, answer } => drop(answer.send(self.connections_of(user))),
                Question::Disconnect { whose, code, answer } => drop(answer.send(self.disconnect(whose, code))),
            }
        }
    }

    /// Those that are closing already count no more.
    fn ids_of(&self, whose: Whose) -> Vec<SessionId> {
        let is_meant = |client: Uuid| whose.connection.is_none_or(|wanted| wanted == client);
        self.0.state.borrow().slots.ids_where(|slot| {
            let is_theirs = slot.session.as_ref().is_some_and(|session| session.user() == whose.user && is_meant(session.client()));
            is_theirs && !slot.outbox.is_closing()
        })
    }

    fn connections_of(&self, user: UserId) -> Vec<Connection> {
        let ids = self.ids_of(Whose { user, connection: None });
        let state = self.0.state.borrow();
        let connections = ids.into_iter().filter_map(|id| {
            let slot = state.slots.get(id)?;
            let session = slot.session.as_ref()?;
            Some(Connection {
                id: session.client(),
                address: self.0.hook.address(id),
                client: state.names.name_of(slot.name).to_owned(),
                since_s: slot.since_s,
                channels: session.channels().collect(),
                grant: session.grant().map(|grant| (grant, session.expires_ms())),
            })
        });
        connections.collect()
    }

    fn disconnect(&self, whose: Whose, code: CloseCode) -> usize {
        let doomed = self.ids_of(whose);
        for id in &doomed {
            self.end(*id, code);
        }
        doomed.len()
    }
}
