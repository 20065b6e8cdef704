//! The one thread that writes.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::redb::{Database, Durability, Error};

use super::job::{Class, Failure, Job, Transaction};
use super::kv::{Batch, Engine, TABLE};
use super::log::Logs;
use super::metrics;
use super::open::{Shared, open_database};
use super::space::{Space, is_full};
use crate::clock::monotonic;
use crate::limits::COMMIT_BYTES_MAX;

/// The longest that a commit waits for callers that are about to come back.
const LINGER_MAX: Duration = Duration::from_millis(1);

/// Called with a message for people when the store cannot go on; the process is expected to end.
pub(crate) type OnFatal = Box<dyn Fn(String) + Send>;

/// The writer's state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    space: Space,
    logs: Logs,
    on_fatal: OnFatal,
    /// Jobs of the last commit, and how long it took: how long to wait for how many.
    last: (usize, Duration),
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, space: Space, on_fatal: OnFatal) -> Self {
        Self { shared, space, logs: Logs::default(), on_fatal, last: (0, Duration::ZERO) }
    }

    /// Runs until the queue is closed and empty, or the store failed for good.
    pub(crate) fn run(mut self) {
        loop {
            let (expected, took) = self.last;
            let linger = (took / 2).min(LINGER_MAX);
            let Some(jobs) = self.shared.writes.take_batch(COMMIT_BYTES_MAX, expected, linger) else { return };
            metrics::queue_length("write", self.shared.writes.len());
            if let Err(message) = self.serve(jobs) {
                metrics::failure("fatal");
                tracing::error!(message, "the store failed");
                self.shared.dead.store(true, Ordering::SeqCst);
                (self.on_fatal)(message);
                self.refuse_all();
                return;
            }
        }
    }

    /// One batch; `Err` is fatal.
    fn serve(&mut self, jobs: Vec<Box<dyn Job>>) -> Result<(), String> {
        let mut jobs = self.admit(jobs);
        if jobs.is_empty() {
            return Ok(());
        }
        let began = monotonic();
        let done = catch_unwind(AssertUnwindSafe(|| self.commit(&mut jobs)));
        match done {
            Ok(Ok(())) => {
                let took = began.elapsed();
                metrics::commit(took, jobs.iter().map(|job| job.rows()).sum(), jobs.iter().map(|job| job.bytes()).sum());
                self.last = (jobs.len(), took);
                self.space.worked();
                finish(jobs, Ok(()));
                Ok(())
            }
            Ok(Err(error)) if is_full(&error) => {
                metrics::failure("full");
                tracing::warn!(%error, "a commit failed for lack of space; opening the store again");
                // Closed before anybody is told: a new claim must not meet the old database.
                let reopened = self.reopen(jobs);
                self.last = (0, Duration::ZERO);
                reopened
            }
            Ok(Err(error)) => {
                finish(jobs, Err(Failure::Unknown));
                Err(format!("commit: {error}"))
            }
            Err(_panic) => {
                finish(jobs, Err(Failure::Unknown));
                Err("commit: the engine panicked".to_owned())
            }
        }
    }

    /// Answers those at once for which there is no room.
    fn admit(&mut self, jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        if self.space.is_held() {
            finish(jobs, Err(Failure::Full));
            return Vec::new();
        }
        if !self.space.is_short() {
            return jobs;
        }
        let (grow, keep): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.class() == Class::Grow);
        finish(grow, Err(Failure::Full));
        keep
    }

    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Engine<()> {
        let guard = self.shared.database();
        let database = guard.as_ref().ok_or(Error::DatabaseClosed)?;
        let mut transaction = database.begin_write()?;
        transaction.set_durability(Durability::Immediate).map_err(|error| Error::Corrupted(error.to_string()))?;
        transaction.set_quick_repair(self.shared.options.quick_repair);
        let any = {
            let mut table = transaction.open_table(TABLE)?;
            let mut shared = Transaction { batch: Batch::new(&mut table), logs: &mut self.logs, tops: HashMap::new() };
            for job in jobs {
                job.apply(&mut shared)?;
            }
            shared.batch.flush()?
        };
        if any {
            transaction.commit()?
        } else {
            transaction.abort()?
        }
        Ok(())
    }

    /// Closes the database and opens it until that works. The commit may have landed, so every fence is void: each shard claims and loads again.
    fn reopen(&mut self, jobs: Vec<Box<dyn Job>>) -> Result<(), String> {
        self.shared.closing.store(true, Ordering::SeqCst);
        *self.shared.database_slot() = None;
        self.logs = Logs::default();
        let mut wait = self.space.ran_out();
        finish(jobs, Err(Failure::Full));
        loop {
            match self.open_again() {
                Ok(database) => {
                    *self.shared.database_slot() = Some(database);
                    self.shared.closing.store(false, Ordering::SeqCst);
                    tracing::info!("the store is open again");
                    return Ok(());
                }
                Err(error) if is_full(&error) => {
                    metrics::failure("reopen");
                    tracing::warn!(%error, "open the store again");
                }
                Err(error) => return Err(format!("open the store again: {error}")),
            }
            let (waiting, closed) = self.shared.writes.drain_after(wait);
            finish(waiting, Err(Failure::Down));
            if closed {
                return Ok(());
            }
            wait = self.space.ran_out();
        }
    }

    fn open_again(&self) -> Engine<Database> {
        let opened = catch_unwind(AssertUnwindSafe(|| open_database(&self.shared.options)));
        opened.unwrap_or_else(|_| Err(Error::Corrupted("the engine panicked".to_owned())))
    }

    /// After a fatal failure nobody is told of success, and nobody waits for ever.
    fn refuse_all(&self) {
        while let Some(job) = self.shared.writes.take() {
            job.finish(Err(Failure::Unknown));
        }
    }
}

fn finish(jobs: Vec<Box<dyn Job>>, outcome: Result<(), Failure>) {
    for job in jobs {
        job.finish(outcome);
    }
}
