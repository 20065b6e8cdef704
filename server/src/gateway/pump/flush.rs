//! Who is written to and when.
//!
//! One task of the thread writes for all connections, so that what comes for one of them while others are served goes out in one write. It works in
//! rounds of bounded length, between which everything else on the thread runs. A write costs the kernel some 2 to 3 µs whatever its size, and the room
//! of 1,000 listeners so some 3 ms a flush; hence what large rooms publish gathers while a flush of them lasts and for half as long again. Nothing
//! waits after a quiet time, and connections that have something of their own (replies, small rooms) never wait for a room.
//!
//! No wake-up is lost. All of this lives on one thread, and a task is not interrupted: between the look at a list that finds it empty and the entry of
//! the waker nobody can have put anything in. Whoever puts something into a list wakes the flusher behind it, and the waker is taken by that, so that a
//! second wake-up before the flusher has run is one wake-up. A connection marked [`Flush::Alone`] or [`Flush::WithRoom`] stands in that list, since the
//! mark is set only where it is put in and cleared only where it is taken out. One whose socket is blocked is not written to from here, and its task, woken
//! when the write blocked, registers with the kernel; what came meanwhile stands in the session's outbox, and the write that follows takes all of it.
//! What comes from other threads wakes this one in `rialto_actors::gateway::link`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::conn::Conn;
use super::ended::Ended;
use super::newcomers::Newcomers;
use crate::gateway::limits::{ENDED_PER_ROUND, ROOM_REST_MAX, SOCKETS_PER_ROUND};
use crate::gateway::metrics::GatewayMetrics;
use crate::gateway::thread::GatewayThread;

/// Where a connection waits for being written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    Nowhere,
    /// Behind others of a large room.
    WithRoom,
    /// For itself; maybe it stands among those of a room still.
    Alone,
}

/// The connections with something to write, and who writes.
#[derive(Default)]
pub(crate) struct Dirty {
    alone: RefCell<VecDeque<Rc<Conn>>>,
    with_room: RefCell<VecDeque<Rc<Conn>>>,
    /// Large rooms have gathered something.
    rooms_wait: Cell<bool>,
    pub(super) ended: Ended,
    pub(super) newcomers: Newcomers,
    flusher: Cell<Option<Waker>>,
}

impl Dirty {
    /// Large rooms have gathered something: the gateway is asked to flush them when their time has come.
    pub(crate) fn note_rooms(&self) {
        self.rooms_wait.set(true);
        self.wake();
    }

    pub(super) fn wake(&self) {
        if let Some(flusher) = self.flusher.take() {
            flusher.wake();
        }
    }

    fn has_work(&self) -> bool {
        !self.alone.borrow().is_empty() || !self.with_room.borrow().is_empty() || !self.ended.is_empty() || !self.newcomers.is_empty()
    }

    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        poll_fn(|context| {
            if is_so(self) {
                return Poll::Ready(());
            }
            self.flusher.set(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// Waits until there is something to do, which for rooms is not before `rest_until`.
    async fn until_due(&self, rest_until: Instant) {
        loop {
            if self.has_work() || (self.rooms_wait.get() && Instant::now() >= rest_until) {
                return;
            }
            if self.rooms_wait.get() {
                let _ = timeout_at(rest_until, self.until(Self::has_work)).await;
            } else {
                self.until(|dirty| dirty.has_work() || dirty.rooms_wait.get()).await;
            }
        }
    }
}

/// What was written since the metrics were told last: they are told now and then, not at every write.
#[derive(Default)]
pub(crate) struct Written {
    num_writes: Cell<u64>,
    bytes: Cell<u64>,
}

impl Written {
    pub(super) fn add(&self, num_writes: u64, bytes: usize) {
        self.num_writes.set(self.num_writes.get() + num_writes);
        self.bytes.set(self.bytes.get() + bytes as u64);
    }

    pub(crate) fn report(&self, metrics: &GatewayMetrics) {
        metrics.socket_writes.increment(self.num_writes.take());
        metrics.sent_bytes.increment(self.bytes.take());
    }
}

impl GatewayThread {
    /// Puts a connection on the list of the next round; once, however often it is called.
    pub(crate) fn mark_dirty(&self, conn: &Rc<Conn>) {
        if conn.flush.replace(Flush::Alone) != Flush::Alone {
            self.dirty.alone.borrow_mut().push_back(Rc::clone(conn));
            self.dirty.wake();
        }
    }

    /// As [`Self::mark_dirty`], behind those that have something of their own.
    pub(crate) fn mark_dirty_with_room(&self, conn: Rc<Conn>) {
        if conn.flush.get() == Flush::Nowhere {
            conn.flush.set(Flush::WithRoom);
            self.dirty.with_room.borrow_mut().push_back(conn);
            self.dirty.wake();
        }
    }

    /// Writes, round by round; being one task among the others, it runs after those that were ready before it.
    pub(crate) async fn run_flusher(self: Rc<Self>) {
        let dirty = &self.dirty;
        let mut rest_until = Instant::now();
        let mut busy = Duration::ZERO;
        loop {
            dirty.until_due(rest_until).await;
            self.flush_round(&dirty.alone, Flush::Alone);
            let began = Instant::now();
            if dirty.rooms_wait.get() && dirty.with_room.borrow().is_empty() && began >= rest_until {
                dirty.rooms_wait.set(false);
                self.flush_rooms();
            }
            if !dirty.with_room.borrow().is_empty() {
                self.flush_round(&dirty.with_room, Flush::WithRoom);
                let ended = Instant::now();
                busy += ended - began;
                if dirty.with_room.borrow().is_empty() {
                    rest_until = ended + (busy / 2).min(ROOM_REST_MAX);
                    busy = Duration::ZERO;
                }
            }
            self.give_up(ENDED_PER_ROUND);
            dirty.newcomers.next_round();
            // Replies to what was just written come in, and other tasks get their turn.
            tokio::task::yield_now().await;
        }
    }

    /// The session side contains what happens in one session. Of anything else this task must not die: nobody on the thread would be written to any more.
    fn flush_rooms(&self) {
        if catch_unwind(AssertUnwindSafe(|| self.gateway().flush_rooms())).is_err() {
            self.metrics.panics.increment(1);
            tracing::error!("panic while rooms were flushed");
        }
    }

    fn flush_round(&self, list: &RefCell<VecDeque<Rc<Conn>>>, flush: Flush) {
        for _ in 0..SOCKETS_PER_ROUND {
            let Some(conn) = list.borrow_mut().pop_front() else { return };
            // Else it was written to from the other list meanwhile.
            if conn.flush.get() == flush {
                conn.flush.set(Flush::Nowhere);
                self.contain(&conn, || self.flush(&conn));
            }
        }
    }
}
