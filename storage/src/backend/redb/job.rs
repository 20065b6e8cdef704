//! What the writer does for one caller.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rialto_protocol::EntityKey;
use tokio::sync::oneshot;

use super::codec::Top;
use super::kv::{Batch, Engine};
use super::log::Logs;
use super::queue::Sized;
use super::rows::top;
use crate::limits::TOPS_MAX;
use crate::{ErrorKind, Pending, StorageError};

/// Whether a job needs room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Adds what stays: refused while the file system is nearly full.
    Grow,
    /// Replaces, removes, or is needed to recover.
    Keep,
}

/// Why a job came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no room.
    Full,
    /// The store is being opened again; nothing was tried.
    Down,
    /// The commit failed for another reason: the process is about to end.
    Unknown,
}

/// One caller's writes: applied in a transaction that others share, answered when it is durable.
pub(crate) trait Job: Send {
    /// Whether it needs room.
    fn class(&self) -> Class;
    /// About how many bytes it writes.
    fn bytes(&self) -> usize;
    /// Rows that it appends.
    fn rows(&self) -> usize;
    /// Writes into the transaction. An error is the engine's and ends the whole transaction.
    fn apply(&mut self, transaction: &mut Transaction<'_>) -> Engine<()>;
    /// Tells the caller.
    fn finish(self: Box<Self>, outcome: Result<(), Failure>);
}

impl Sized for Box<dyn Job> {
    fn bytes(&self) -> usize {
        Job::bytes(&**self)
    }
}

/// What jobs of one commit share.
pub(crate) struct Transaction<'x> {
    /// Cells and rows.
    pub(crate) batch: Batch<'x>,
    /// The statics of the shard logs.
    pub(crate) logs: &'x mut Logs,
    /// Newest rows of entities, as of the newest row written.
    pub(crate) tops: &'x mut Tops,
}

/// Newest rows of the entities written to of late, so that a row's predecessor need not be looked up.
#[derive(Default)]
pub(crate) struct Tops(HashMap<EntityKey, Top, RandomState>);

impl Tops {
    /// Remembers an entity's newest row.
    pub(crate) fn set(&mut self, entity: EntityKey, top: Top) {
        if self.0.len() >= TOPS_MAX && !self.0.contains_key(&entity) {
            self.0.clear();
        }
        self.0.insert(entity, top);
    }
}

impl Transaction<'_> {
    /// The newest row of an entity, rows of this commit included.
    pub(crate) fn top(&mut self, entity: EntityKey) -> Engine<Top> {
        if let Some(top) = self.tops.0.get(&entity) {
            return Ok(*top);
        }
        let top = top(self.batch.source(), entity)?.unwrap_or_default();
        self.tops.set(entity, top);
        Ok(top)
    }
}

/// What a caller gets: the value, or a failure that says what became of the write.
type Answer<T> = Result<T, StorageError>;

/// A job that is one closure.
pub(crate) struct Closure<T, F> {
    pub(crate) what: &'static str,
    pub(crate) class: Class,
    pub(crate) bytes: usize,
    pub(crate) rows: usize,
    pub(crate) run: Option<F>,
    pub(crate) answer: Option<Answer<T>>,
    /// What the caller is told when there is no room.
    pub(crate) full: fn(&'static str) -> Answer<T>,
    pub(crate) done: oneshot::Sender<Answer<T>>,
}

impl<T, F> Job for Closure<T, F>
where
    T: Send,
    F: FnOnce(&mut Transaction<'_>) -> Engine<Answer<T>> + Send,
{
    fn class(&self) -> Class {
        self.class
    }
    fn bytes(&self) -> usize {
        self.bytes
    }
    fn rows(&self) -> usize {
        self.rows
    }
    fn apply(&mut self, transaction: &mut Transaction<'_>) -> Engine<()> {
        if let Some(run) = self.run.take() {
            self.answer = Some(run(transaction)?);
        }
        Ok(())
    }
    fn finish(self: Box<Self>, outcome: Result<(), Failure>) {
        let unavailable = |cause: &str| Err(StorageError::new(ErrorKind::Unavailable, self.what, cause));
        let answer = match outcome {
            Ok(()) => self.answer.unwrap_or_else(|| unavailable("the writer skipped it")),
            Err(Failure::Full) => (self.full)(self.what),
            Err(Failure::Down) => unavailable("the store is being opened again"),
            Err(Failure::Unknown) => unavailable("the commit failed"),
        };
        // The caller may have gone: dropping an operation does not undo it.
        let _gone = self.done.send(answer);
    }
}

/// The usual answer when there is no room.
pub(crate) fn full<T>(what: &'static str) -> Answer<T> {
    Err(StorageError::new(ErrorKind::Full, what, "the file system is full"))
}

/// The caller's half of a job.
pub(crate) fn pending<T: Send + 'static>(what: &'static str, done: oneshot::Receiver<Answer<T>>) -> Pending<T> {
    Box::pin(async move {
        done.await.unwrap_or_else(|_| Err(StorageError::new(ErrorKind::Unavailable, what, "the store ended before it answered")))
    })
}

/// An answer that stands already.
pub(crate) fn ready<T: Send + 'static>(answer: Answer<T>) -> Pending<T> {
    Box::pin(std::future::ready(answer))
}
