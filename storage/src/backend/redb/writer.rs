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

/// The store cannot go on; these were not answered yet.
struct Fatal {
    message: String,
    jobs: Vec<Box<dyn Job>>,
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
            if let Err(Fatal { message, jobs }) = self.serve(jobs) {
                metrics::failure("fatal");
                tracing::error!(message, "the store failed");
                // Before anybody is answered: the process is expected to end in here.
                (self.on_fatal)(message);
                finish(jobs, Err(Failure::Unknown));
                self.refuse_all();
                return;
            }
        }
    }

    /// One batch.
    fn serve(&mut self, jobs: Vec<Box<dyn Job>>) -> Result<(), Fatal> {
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
            Ok(Err(error)) => Err(Fatal { message: format!("commit: {error}"), jobs }),
            Err(_panic) => Err(Fatal { message: "commit: the engine panicked".to_owned(), jobs }),
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
    fn reopen(&mut self, jobs: Vec<Box<dyn Job>>) -> Result<(), Fatal> {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.logs = Logs::default();
        let mut waiting = jobs;
        let mut failure = Failure::Full;
        loop {
            let wait = self.space.ran_out();
            let opened = self.try_open();
            // Told only now: whoever asks next meets the store as it is from here on.
            finish(waiting, Err(failure));
            match opened {
                Ok(()) => {
                    self.shared.closing.store(false, Ordering::SeqCst);
                    tracing::info!("the store is open again");
                    return Ok(());
                }
                Err(error) if is_full(&error) => {
                    metrics::failure("reopen");
                    tracing::warn!(%error, "open the store again");
                }
                Err(error) => return Err(Fatal { message: format!("open the store again: {error}"), jobs: Vec::new() }),
            }
            let closed;
            (waiting, closed) = self.shared.writes.drain_after(wait);
            failure = Failure::Down;
            if closed {
                finish(waiting, Err(failure));
                return Ok(());
            }
        }
    }

    /// One try, with the database's place held: reads wait for its end instead of failing.
    fn try_open(&self) -> Engine<()> {
        let mut slot = self.shared.database_slot();
        *slot = None;
        *slot = Some(self.open_again()?);
        Ok(())
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
