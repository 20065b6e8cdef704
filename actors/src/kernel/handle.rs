//! How others reach an actor: through its bounded mailbox, and with an answer when that is full.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::Recipient;
use actix::prelude::SendError;
use tokio::sync::oneshot;

/// What travels through a mailbox: one input.
pub(crate) struct Envelope<I>(pub(crate) I);

impl<I: 'static> actix::Message for Envelope<I> {
    type Result = ();
}

/// Reaches one actor from any thread. Cheap to clone. Order holds between offers through handles of one actor made on one thread.
pub struct Handle<I: Send + 'static> {
    recipient: Recipient<Envelope<I>>,
    waiting: Waiting,
}

/// How many inputs wait in one mailbox: counted by those who put them in and by the actor that takes them out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn came(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn left(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<I: Send + 'static> Clone for Handle<I> {
    fn clone(&self) -> Self {
        Self { recipient: self.recipient.clone(), waiting: self.waiting.clone() }
    }
}

impl<I: Send + 'static> fmt::Debug for Handle<I> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Handle")
    }
}

/// The input that was not taken, and why.
#[derive(Debug)]
pub enum Full<I> {
    /// The mailbox holds as many inputs as it may: try again later.
    Overloaded(I),
    /// The actor has ended.
    Gone(I),
}

/// Why an [`Handle::ask`] has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The mailbox is full; nothing happened.
    #[error("mailbox full")]
    Overloaded,
    /// The actor has ended or dropped the question; it may have been carried out.
    #[error("actor gone")]
    Gone,
    /// No answer in time; it may still be carried out.
    #[error("no answer in time")]
    Deadline,
}

impl<I: Send + 'static> Handle<I> {
    pub(crate) fn new(recipient: Recipient<Envelope<I>>, waiting: Waiting) -> Self {
        Self { recipient, waiting }
    }

    /// How many inputs wait in the mailbox.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.0.load(Ordering::Relaxed)
    }

    /// Puts an input into the mailbox.
    ///
    /// # Errors
    /// Gives the input back when the mailbox is full or the actor has ended.
    pub fn offer(&self, input: I) -> Result<(), Full<I>> {
        // Counted first: the actor may have taken it before this thread goes on.
        self.waiting.came();
        self.recipient.try_send(Envelope(input)).map_err(|error| {
            self.waiting.left();
            match error {
                SendError::Full(Envelope(input)) => Full::Overloaded(input),
                SendError::Closed(Envelope(input)) => Full::Gone(input),
            }
        })
    }

    /// Puts a question into the mailbox and waits for its answer, at most `deadline`.
    ///
    /// # Errors
    /// See [`AskError`]. Only `Overloaded` says that nothing happened.
    pub async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> I, deadline: Duration) -> Result<T, AskError> {
        let (sender, receiver) = oneshot::channel();
        self.offer(question(sender)).map_err(|full| match full {
            Full::Overloaded(_) => AskError::Overloaded,
            Full::Gone(_) => AskError::Gone,
        })?;
        match tokio::time::timeout(deadline, receiver).await {
            Ok(answer) => answer.map_err(|_| AskError::Gone),
            Err(_) => Err(AskError::Deadline),
        }
    }
}
