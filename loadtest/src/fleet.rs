//! The generator processes as the controller sees them: children that take orders and write notes.

use std::io::{BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::clock::{self, SECOND};
use crate::ipc::{Gauges, Note, Order};
use crate::limits::{NOTES_QUEUE, WORKER_SILENCE_SECONDS};

/// All generator processes.
pub(crate) struct Fleet {
    workers: Vec<Worker>,
    notes: Receiver<(usize, Option<Note>)>,
}

struct Worker {
    child: Child,
    orders: ChildStdin,
    heard_ns: u64,
    /// When the last report was made.
    reported_ns: u64,
    gauges: Gauges,
}

impl Fleet {
    /// Starts as many processes as there are setups.
    ///
    /// # Errors
    /// When one cannot be started or does not become ready.
    pub(crate) fn start(setups: Vec<Order>) -> Result<Self> {
        let (sender, notes) = sync_channel(NOTES_QUEUE);
        let mut fleet = Self { workers: Vec::new(), notes };
        for (number, setup) in setups.into_iter().enumerate() {
            let program = std::env::current_exe().context("own program")?;
            let mut child = Command::new(program)
                .arg("worker")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .context("start a generator process")?;
            let orders = child.stdin.take().context("standard input is a pipe")?;
            let stdout = child.stdout.take().context("standard output is a pipe")?;
            let sender = sender.clone();
            std::thread::Builder::new().name("notes".to_owned()).spawn(move || listen(number, BufReader::new(stdout), &sender))?;
            fleet.workers.push(Worker { child, orders, heard_ns: clock::now_ns(), reported_ns: 0, gauges: Gauges::default() });
            fleet.order(number, &setup)?;
        }
        let mut ready = 0;
        while ready < fleet.workers.len() {
            match fleet.next(Duration::from_secs(WORKER_SILENCE_SECONDS))? {
                Some((_, Note::Ready)) => ready += 1,
                Some((_, Note::Failed(reason))) => bail!("a generator process failed: {reason}"),
                Some(_) => {}
                None => bail!("a generator process did not become ready"),
            }
        }
        Ok(fleet)
    }

    /// Number of processes.
    pub(crate) fn len(&self) -> usize {
        self.workers.len()
    }

    /// Orders one process.
    pub(crate) fn order(&mut self, worker: usize, order: &Order) -> Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        let orders = &mut self.workers[worker].orders;
        orders.write_all(&line).and_then(|()| orders.flush()).with_context(|| format!("generator process {worker} takes no orders"))
    }

    /// Orders all.
    pub(crate) fn order_all(&mut self, order: &Order) -> Result<()> {
        (0..self.workers.len()).try_for_each(|worker| self.order(worker, order))
    }

    /// The next note; `None` when none came in time.
    ///
    /// # Errors
    /// When a process has ended or is silent for too long.
    pub(crate) fn next(&mut self, wait: Duration) -> Result<Option<(usize, Note)>> {
        let now = clock::now_ns();
        if let Some(silent) = self.workers.iter().position(|worker| now.saturating_sub(worker.heard_ns) > WORKER_SILENCE_SECONDS * SECOND) {
            bail!("generator process {silent} is silent");
        }
        match self.notes.recv_timeout(wait) {
            Ok((worker, Some(note))) => {
                self.workers[worker].heard_ns = clock::now_ns();
                if let Note::Report(report) = &note {
                    self.workers[worker].gauges = report.gauges.clone();
                    self.workers[worker].reported_ns = report.at_ns;
                }
                Ok(Some((worker, note)))
            }
            Ok((worker, None)) => bail!("generator process {worker} has ended"),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("all generator processes have ended"),
        }
    }

    /// Whether every process has made a report after this time.
    pub(crate) fn reported_since(&self, ns: u64) -> bool {
        self.workers.iter().all(|worker| worker.reported_ns > ns)
    }

    /// How all stand.
    pub(crate) fn gauges(&self) -> impl Iterator<Item = &Gauges> {
        self.workers.iter().map(|worker| &worker.gauges)
    }

    /// Sum of a gauge.
    pub(crate) fn sum(&self, of: impl Fn(&Gauges) -> u64) -> u64 {
        self.gauges().map(of).sum()
    }
}

fn listen(worker: usize, stdout: impl std::io::BufRead, sender: &SyncSender<(usize, Option<Note>)>) {
    for line in stdout.lines().map_while(Result::ok) {
        let note = serde_json::from_str(&line).unwrap_or_else(|error| Note::Failed(format!("an unreadable note: {error}")));
        if sender.send((worker, Some(note))).is_err() {
            return;
        }
    }
    _ = sender.send((worker, None));
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let quit = serde_json::to_vec(&Order::Quit).unwrap_or_default();
        for worker in &mut self.workers {
            _ = worker.orders.write_all(&quit).and_then(|()| worker.orders.write_all(b"\n"));
        }
        for worker in &mut self.workers {
            _ = worker.child.kill();
            _ = worker.child.wait();
        }
    }
}
