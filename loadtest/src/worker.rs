//! A generator process: one thread, one epoll loop, thousands of sockets. Orders come in on standard input, notes go out on standard output.

mod connection;
mod deliver;
mod engine;
mod incoming;
mod lifecycle;
mod phase;
mod recorder;
mod sending;
mod timers;
mod tracker;

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use mio::{Events, Poll, Token, Waker};
use rustix::process::nice;
use rustix::thread::{CpuSet, sched_setaffinity};

use self::engine::Engine;
use crate::clock::{self, MS};
use crate::ipc::{Note, Order};
use crate::limits::{CROWD_NICENESS, EVENTS_PER_POLL, ORDERS_QUEUE};

/// Wakes the loop when an order has come.
const WAKE: Token = Token(usize::MAX);

/// Runs until the controller says so, or goes away.
///
/// # Errors
/// When the first order is no setup or the kernel refuses an epoll.
pub(crate) fn run() -> Result<()> {
    let mut poll = Poll::new().context("epoll")?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE).context("eventfd")?);
    let (sender, orders) = sync_channel(ORDERS_QUEUE);
    std::thread::Builder::new().name("orders".to_owned()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() || waker.wake().is_err() {
                return;
            }
        }
        drop(sender);
        _ = waker.wake();
    })?;
    let first = orders.recv().context("no setup came")?;
    let Order::Setup(setup) = serde_json::from_str(&first)? else { bail!("the first order is no setup") };
    pin(&setup.scenario.run.cpus)?;
    if setup.scenario.has_apart() && setup.worker + 1 < setup.workers {
        nice(CROWD_NICENESS).context("give way to the process apart")?;
    }
    let mut engine = Engine::new(*setup, poll.registry().try_clone()?)?;
    tell(&Note::Ready)?;
    match turn_until_quit(&mut engine, &mut poll, &orders) {
        Ok(()) => Ok(()),
        Err(error) => tell(&Note::Failed(format!("{error:#}"))),
    }
}

fn turn_until_quit(engine: &mut Engine, poll: &mut Poll, orders: &Receiver<String>) -> Result<()> {
    let mut events = Events::with_capacity(EVENTS_PER_POLL);
    loop {
        let wait = engine.next_ns().saturating_sub(clock::now_ns());
        match poll.poll(&mut events, Some(Duration::from_nanos(wait).min(Duration::from_millis(100)))) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(error).context("epoll"),
            _ => {}
        }
        for event in &events {
            if event.token() != WAKE {
                engine.ready(event.token().0, event);
            }
        }
        loop {
            match orders.try_recv() {
                Ok(line) => {
                    let order = serde_json::from_str(&line).context("an order")?;
                    if !obey(engine, order)? {
                        return Ok(());
                    }
                }
                Err(TryRecvError::Empty) => break,
                // The controller is gone, and with it the reason to go on.
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
        engine.turn();
        for note in engine.take_notes() {
            tell(&note)?;
        }
    }
}

/// False: end.
fn obey(engine: &mut Engine, order: Order) -> Result<bool> {
    match order {
        Order::Setup(_) => bail!("a second setup"),
        Order::Phase { index, start_ns, end_ns, rates } => engine.begin(index, start_ns, end_ns, &rates),
        Order::Target { address, host } => (engine.setup.address, engine.setup.host) = (address, host),
        Order::Stop => engine.stop(),
        Order::Rooms(rooms) => engine.rooms_exist(&rooms),
        Order::Finish => {
            engine.report();
            let streams = engine.streams();
            for note in engine.take_notes() {
                tell(&note)?;
            }
            tell(&Note::Streams(streams))?;
        }
        Order::Check(ends) => tell(&Note::Checked(Box::new(engine.check(&ends))))?,
        Order::Quit => return Ok(false),
    }
    Ok(true)
}

fn tell(note: &Note) -> Result<()> {
    let mut line = serde_json::to_vec(note)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()?;
    Ok(())
}

/// Keeps this thread on these CPUs; empty = anywhere.
///
/// # Errors
/// When the machine has none of them.
pub(crate) fn pin(cpus: &[usize]) -> Result<()> {
    if cpus.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    for cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
        set.set(*cpu);
    }
    sched_setaffinity(None, &set).with_context(|| format!("pin to CPUs {cpus:?}"))
}

/// The tick whose lateness is the schedule lag, and the time of the next report.
#[derive(Debug)]
struct Beat {
    next_ns: u64,
    interval_ns: u64,
}

impl Beat {
    fn new(interval_ms: u64) -> Self {
        Self { next_ns: clock::now_ns(), interval_ns: interval_ms * MS }
    }

    /// The lateness of each beat that was due; a stall counts as often as beats fell into it.
    fn due(&mut self, now_ns: u64, mut each: impl FnMut(u64)) {
        while self.next_ns <= now_ns {
            each(now_ns - self.next_ns);
            self.next_ns += self.interval_ns;
        }
    }
}
