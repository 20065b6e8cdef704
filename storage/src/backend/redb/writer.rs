//! The one thread that writes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ::redb::Error;

use super::job::{Class, Failure, Job, Tops, Transaction};
use super::journal::{self, Journal};
use super::kv::{Batch, Engine};
use super::log::Logs;
use super::metrics;
use super::open::{Shared, open_database};
use super::overlay::Overlay;
use super::paced::SLOW_FROM;
use super::record::Record;
use super::space::{Space, is_full};
use super::view::View;
use crate::clock::monotonic;
use crate::limits::COMMIT_BYTES_MAX;

/// The longest that a commit waits for callers that are about to come back.
const LINGER_MAX: Duration = Duration::from_millis(1);

/// After so long without callers what they wrote goes to the tree, so that an idle store holds nothing in memory and a start has nothing to read.
const IDLE: Duration = Duration::from_secs(1);

/// Called with a message for people when the store cannot go on; the process is expected to end.
pub(crate) type OnFatal = Box<dyn Fn(String) + Send>;

/// The writer's state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    space: Space,
    journal: Journal,
    /// When the journal's file was begun that is written to.
    turned: Instant,
    /// Whether what the journal held when it was opened is in the tree.
    settled: bool,
    /// Everything as the next commit sees it, and of which change of the layers.
    view: Option<(u64, View)>,
    record: Record,
    logs: Logs,
    tops: Tops,
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
    pub(crate) fn new(shared: Arc<Shared>, journal: Journal, space: Space, on_fatal: OnFatal) -> Self {
        Self {
            shared,
            space,
            journal,
            turned: monotonic(),
            settled: false,
            view: None,
            record: Record::default(),
            logs: Logs::default(),
            tops: Tops::default(),
            on_fatal,
            last: (0, Duration::ZERO),
        }
    }

    /// Runs until the queue is closed and empty, or the store failed for good.
    pub(crate) fn run(mut self) {
        // What a crash left in the journal goes to the tree while the first callers come.
        self.shared.layers.request();
        loop {
            let (expected, took) = self.last;
            let linger = (took / 2).min(LINGER_MAX);
            let Some(jobs) = self.shared.writes.take_batch(COMMIT_BYTES_MAX, expected, linger, IDLE) else { break };
            metrics::queue_length("write", self.shared.writes.len());
            let done = if jobs.is_empty() { self.tend() } else { self.serve(jobs) };
            if let Err(Fatal { message, jobs }) = done {
                metrics::failure("fatal");
                tracing::error!(message, "the store failed");
                // Before anybody is answered: the process is expected to end in here.
                (self.on_fatal)(message);
                finish(jobs, Err(Failure::Unknown));
                self.shared.layers.close();
                self.refuse_all();
                return;
            }
        }
        self.seal();
        self.shared.layers.close();
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
            Ok(failed) => self.settle_failure(failed, jobs),
            Err(_panic) => Err(Fatal { message: "commit: the engine panicked".to_owned(), jobs }),
        }
    }

    /// For lack of space the store is opened again; any other failure is the end.
    fn settle_failure(&mut self, outcome: Engine<()>, jobs: Vec<Box<dyn Job>>) -> Result<(), Fatal> {
        match outcome {
            Ok(()) => Ok(()),
            Err(error) if is_full(&error) => {
                metrics::failure("full");
                tracing::warn!(%error, "a commit failed for lack of space; opening the store again");
                // Closed before anybody is told: a new claim must not meet the old database.
                let reopened = self.reopen(jobs);
                self.last = (0, Duration::ZERO);
                reopened
            }
            Err(error) => Err(Fatal { message: format!("commit: {error}"), jobs }),
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
        self.make_room()?;
        let guard = self.shared.database();
        let database = guard.as_ref().ok_or(Error::DatabaseClosed)?;
        let needed_from = self.shared.layers.refresh(&mut self.view, database)?;
        let (_, view) = self.view.as_mut().expect("it was just brought up to date");
        view.seq = self.journal.next_seq();
        let batch = Batch::new(view, &mut self.record, needed_from);
        let mut transaction = Transaction { batch, logs: &mut self.logs, tops: &mut self.tops };
        for job in jobs {
            job.apply(&mut transaction)?;
        }
        if !transaction.batch.is_empty() {
            self.journal.append(&mut self.record)?;
            if self.journal.is_half_full() {
                self.shared.options.pace.hurry();
            }
            self.shared.layers.publish(self.journal.next_seq() - 1);
        }
        Ok(())
    }

    /// Makes sure that the journal takes a commit: what it held when it was opened is in the tree, and the file that is written to is not full.
    fn make_room(&mut self) -> Engine<()> {
        if !self.settled {
            self.shared.layers.settle()?;
            self.settled = true;
        }
        if self.journal.is_full() { self.turn() } else { Ok(()) }
    }

    /// Goes on in the other file. Waits until that one's rows are in the tree: this is where writers are held up when the tree cannot keep pace.
    fn turn(&mut self) -> Engine<()> {
        self.shared.layers.settle()?;
        self.view = None;
        self.journal.turn()?;
        let filled_in = std::mem::replace(&mut self.turned, monotonic()).elapsed();
        let has_time = filled_in >= SLOW_FROM && !self.shared.closing.load(Ordering::SeqCst);
        self.shared.layers.rotate(has_time);
        Ok(())
    }

    /// Nothing is to be done for callers: what keeps a checkpoint from being written is looked after, and what was written goes to the tree.
    fn tend(&mut self) -> Result<(), Fatal> {
        let tended = match self.shared.layers.take_failure() {
            Some(error) => Err(error),
            None if self.settled && self.shared.layers.is_due() => self.turn(),
            None => Ok(()),
        };
        self.settle_failure(tended, Vec::new())
    }

    /// The store is closing: everything goes to the tree, which is then complete by itself. If that fails the journal still has it.
    fn seal(&mut self) {
        if self.shared.database().is_none() {
            return;
        }
        let sealed = self.make_room().and_then(|()| self.turn()).and_then(|()| self.shared.layers.settle()).and_then(|()| {
            let guard = self.shared.database();
            journal::seal(guard.as_ref().ok_or(Error::DatabaseClosed)?, self.shared.layers.mark())
        });
        if let Err(error) = sealed {
            tracing::warn!(%error, "the journal could not be emptied; the next start reads it");
        }
    }

    /// Closes the database and opens it until that works. The commit may have landed, so every fence is void: each shard claims and loads again.
    fn reopen(&mut self, jobs: Vec<Box<dyn Job>>) -> Result<(), Fatal> {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.logs = Logs::default();
        self.tops = Tops::default();
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
    fn try_open(&mut self) -> Engine<()> {
        self.view = None;
        self.settled = false;
        let shared = Arc::clone(&self.shared);
        let mut slot = shared.database_slot();
        *slot = None;
        // Until it is open again there is nothing that could be written to the tree.
        shared.layers.reset(Overlay::default(), self.journal.next_seq() - 1, self.journal.mark());
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let database = open_database(&shared.options)?;
            let journal = Journal::open(&database, &*shared.options.medium, shared.options.journal_file_bytes)?;
            Ok((database, journal))
        }));
        let (database, (journal, missing)) = opened.unwrap_or_else(|_| Err(Error::Corrupted("the engine panicked".to_owned())))?;
        // What the journal held is written to the tree with the next commit: that needs room too.
        shared.layers.reset(missing, journal.next_seq() - 1, journal.mark());
        self.journal = journal;
        *slot = Some(database);
        Ok(())
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
