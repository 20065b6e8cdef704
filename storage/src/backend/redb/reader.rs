//! The threads that read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::redb::Error;
use tokio::sync::oneshot;

use super::job::{pending, ready};
use super::kv::Engine;
use super::metrics;
use super::open::Shared;
use super::view::View;
use crate::{ErrorKind, Pending, StorageError};

/// One read: gets the view, or why there is none.
pub(crate) type ReadJob = Box<dyn FnOnce(Engine<&View>) + Send>;

/// Runs until the queue is closed and empty.
pub(crate) fn run(shared: &Arc<Shared>) {
    while let Some(job) = shared.reads.take() {
        // A panic of the engine over a damaged page must not end the thread; the caller sees its sender dropped.
        if catch_unwind(AssertUnwindSafe(|| one(shared, job))).is_err() {
            metrics::failure("read_panic");
            tracing::error!("a read panicked");
        }
    }
}

fn one(shared: &Shared, job: ReadJob) {
    // Held while it reads: a database is closed only when nobody reads it.
    let guard = shared.database();
    match guard.as_ref().ok_or(Error::DatabaseClosed).and_then(|database| shared.layers.view(database)) {
        Ok(view) => job(Ok(&view)),
        Err(error) => job(Err(error)),
    }
}

/// Puts a read into the queue.
pub(crate) fn submit<T, F>(shared: &Shared, what: &'static str, read: F) -> Pending<T>
where
    T: Send + 'static,
    F: FnOnce(&View) -> Engine<T> + Send + 'static,
{
    let (done, wait) = oneshot::channel();
    let job: ReadJob = Box::new(move |view| {
        // Whoever has gone is not read for.
        if done.is_closed() {
            return;
        }
        let _gone = done.send(view.and_then(read).map_err(|error| failure(what, &error)));
    });
    match shared.reads.push(job) {
        Ok(()) => pending(what, wait),
        Err(_) => ready(Err(StorageError::new(ErrorKind::Overloaded, what, "too many reads wait"))),
    }
}

/// An engine's failure as callers see it.
pub(crate) fn failure(what: &'static str, error: &Error) -> StorageError {
    let kind = match error {
        Error::Corrupted(_) => ErrorKind::Corrupt,
        _ => ErrorKind::Unavailable,
    };
    StorageError::new(kind, what, error)
}
