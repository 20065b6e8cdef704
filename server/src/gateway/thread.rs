//! All that the sockets of one thread share.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::boundary::{FlushHook, Gateway, SessionId};
use super::head::Heads;
use super::http::HttpEntry;
use super::limits::{GatewayLimits, READ_BUFFER_BYTES};
use super::metrics::GatewayMetrics;
use super::policy::UpgradePolicy;
use super::pump::{Conn, Dirty, Queue, Sessions, Written};
use super::slots::{Key, Slots};
use super::wheel::{SLOT_MS, TimerId, Wheel};

/// What a deadline in the wheel is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// A request head is not complete.
    Head(u64),
    /// A closing connection is not closed.
    Close(Key),
    /// The timer that a session has set.
    Session(Key),
}

/// The state of one gateway thread. Never leaves it; all cells are borrowed for moments, and never across a call of
/// the gateway, with one exception: the read buffer, which no hook touches.
pub(crate) struct GatewayThread {
    pub(crate) limits: GatewayLimits,
    pub(crate) policy: Rc<dyn UpgradePolicy>,
    pub(crate) http: HttpEntry,
    pub(crate) metrics: GatewayMetrics,
    pub(crate) heads: Heads,
    pub(crate) read_buffer: RefCell<Box<[u8]>>,
    pub(crate) conns: RefCell<Slots<Rc<Conn>>>,
    pub(crate) sessions: Sessions,
    /// Addresses that a trusted proxy has named: the others' are asked of their sockets.
    pub(crate) forwarded: RefCell<HashMap<SessionId, IpAddr>>,
    pub(crate) dirty: Dirty,
    /// Counts that wait to be added to the metrics.
    pub(crate) written: Written,
    /// A queue without content, kept so that most flushes allocate nothing.
    pub(crate) spare_queue: Cell<Option<Box<Queue>>>,
    pub(crate) is_draining: Cell<bool>,
    http_draining: watch::Sender<bool>,
    gateway: OnceCell<Rc<dyn Gateway>>,
    wheel: RefCell<Wheel<Due>>,
    num_connections: Cell<usize>,
    /// Told each time the last connection goes.
    emptied: Notify,
}

/// A connection's share of `connections_max`, given back by dropping it.
pub(crate) struct ConnectionSlot(Weak<GatewayThread>);

impl GatewayThread {
    /// Makes the thread's state; [`Self::set_gateway`] completes it.
    pub(crate) fn new(
        limits: GatewayLimits,
        policy: Rc<dyn UpgradePolicy>,
        http: HttpEntry,
        http_draining: watch::Sender<bool>,
    ) -> Rc<Self> {
        Rc::new(Self {
            limits,
            policy,
            http,
            metrics: GatewayMetrics::new(),
            heads: Heads::default(),
            read_buffer: RefCell::new(vec![0; READ_BUFFER_BYTES].into_boxed_slice()),
            conns: RefCell::default(),
            sessions: Sessions::default(),
            forwarded: RefCell::default(),
            dirty: Dirty::default(),
            written: Written::default(),
            spare_queue: Cell::new(None),
            is_draining: Cell::new(false),
            http_draining,
            gateway: OnceCell::new(),
            wheel: RefCell::default(),
            num_connections: Cell::new(0),
            emptied: Notify::new(),
        })
    }

    /// Sets the session side, once.
    pub(crate) fn set_gateway(&self, gateway: Rc<dyn Gateway>) {
        assert!(self.gateway.set(gateway).is_ok(), "a thread has one gateway");
    }

    pub(crate) fn gateway(&self) -> &dyn Gateway {
        self.gateway.get().expect("the gateway is set before the first connection").as_ref()
    }

    /// A share for one more connection, if there is one.
    pub(crate) fn connection_slot(self: &Rc<Self>) -> Option<ConnectionSlot> {
        let num_connections = self.num_connections.get();
        if num_connections >= self.limits.connections_max {
            return None;
        }
        self.num_connections.set(num_connections + 1);
        Some(ConnectionSlot(Rc::downgrade(self)))
    }

    pub(crate) fn set_timer(&self, after_ms: u64, due: Due) -> TimerId {
        self.wheel.borrow_mut().insert(after_ms, due)
    }

    pub(crate) fn cancel_timer(&self, timer: Option<TimerId>) {
        if let Some(timer) = timer {
            self.wheel.borrow_mut().cancel(timer);
        }
    }

    /// Ends idle HTTP connections now and others after their response.
    pub(crate) fn drain_http(&self) {
        self.http_draining.send_replace(true);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.num_connections.get() == 0
    }

    /// Resolves when no connection of any kind is left.
    pub(crate) async fn all_gone(&self) {
        while !self.is_empty() {
            self.emptied.notified().await;
        }
    }

    /// Drives the wheel; runs as long as the thread serves.
    pub(crate) async fn run_wheel(self: Rc<Self>) {
        let slot = Duration::from_millis(SLOT_MS);
        let mut ticks = interval(slot);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let start: Instant = ticks.tick().await;
        let mut due = Vec::new();
        loop {
            // Rounded, because ticks come a moment after their slot's end or on it.
            let elapsed = ticks.tick().await.duration_since(start) + slot / 2;
            let now_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            self.wheel.borrow_mut().advance(now_ms, &mut due);
            for due in due.drain(..) {
                self.on_due(due);
            }
            self.written.report(&self.metrics);
        }
    }

    fn on_due(&self, due: Due) {
        match due {
            Due::Head(number) => self.heads.expire(number),
            Due::Close(key) => {
                if let Some(conn) = self.conn(key) {
                    self.finish(&conn);
                }
            }
            Due::Session(key) => {
                if let Some(conn) = self.conn(key) {
                    conn.session_timer.set(None);
                    if let Some(id) = conn.session() {
                        self.contain(&conn, || self.gateway().on_timer(id));
                    }
                }
            }
        }
    }

    pub(crate) fn conn(&self, key: Key) -> Option<Rc<Conn>> {
        self.conns.borrow().get(key).cloned()
    }

    /// Runs a call into the session side from a task that serves all connections: a panic in it ends this connection
    /// and no other.
    pub(crate) fn contain(&self, conn: &Rc<Conn>, call: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            self.metrics.panics.increment(1);
            tracing::error!(peer = ?conn.stream.peer_addr().ok(), "panic in a session, connection dropped");
            if catch_unwind(AssertUnwindSafe(|| self.finish(conn))).is_err() {
                tracing::error!("panic while a session closed");
            }
        }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        if let Some(thread) = self.0.upgrade() {
            thread.num_connections.set(thread.num_connections.get() - 1);
            if thread.num_connections.get() == 0 {
                thread.emptied.notify_one();
            }
        }
    }
}

/// What the session side holds of this thread; weak, because the thread holds the session side.
pub(crate) struct Hook(pub(crate) Weak<GatewayThread>);

impl FlushHook for Hook {
    fn wake(&self, id: SessionId) {
        let Some(thread) = self.0.upgrade() else {
            return;
        };
        if let Some(conn) = thread.conn_of(id) {
            thread.mark_dirty(&conn);
        }
    }

    fn wake_with_room(&self, id: SessionId) {
        if let Some(thread) = self.0.upgrade()
            && let Some(conn) = thread.conn_of(id)
        {
            thread.mark_dirty_with_room(conn);
        }
    }

    fn rooms_gathered(&self) {
        if let Some(thread) = self.0.upgrade() {
            thread.dirty.note_rooms();
        }
    }

    fn resume(&self, id: SessionId) {
        if let Some(conn) = self.0.upgrade().and_then(|thread| thread.conn_of(id)) {
            conn.is_paused.set(false);
            conn.wake_task();
        }
    }

    fn address(&self, id: SessionId) -> Option<IpAddr> {
        let thread = self.0.upgrade()?;
        let forwarded = thread.forwarded.borrow().get(&id).copied();
        forwarded.or_else(|| Some(thread.conn_of(id)?.stream.peer_addr().ok()?.ip()))
    }

    fn set_timer(&self, id: SessionId, after_ms: Option<u64>) {
        let Some(thread) = self.0.upgrade() else {
            return;
        };
        match thread.conn_of(id) {
            Some(conn) => thread.set_session_timer(&conn, after_ms),
            None => thread.sessions.set_early_timer(id, after_ms),
        }
    }
}

impl GatewayThread {
    pub(crate) fn set_session_timer(&self, conn: &Conn, after_ms: Option<u64>) {
        let timer = after_ms.map(|after_ms| self.set_timer(after_ms, Due::Session(conn.key)));
        self.cancel_timer(conn.session_timer.replace(timer));
    }

    fn conn_of(&self, id: SessionId) -> Option<Rc<Conn>> {
        self.sessions.key_of(id).and_then(|key| self.conn(key))
    }
}

/// Tells the other end that no more comes. `false` if it is gone already.
pub(crate) fn shut_writing(stream: &TcpStream) -> bool {
    socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write).is_ok()
}
