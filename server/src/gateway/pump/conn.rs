//! A connection's state and the task that waits for its socket.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::net::TcpStream;

use super::flush::Flush;
use super::newcomers::Newness;
use super::queue::Queue;
use crate::gateway::boundary::{PathKind, SessionId, TransportInfo};
use crate::gateway::limits::READS_PER_TURN;
use crate::gateway::slots::Key;
use crate::gateway::thread::{ConnectionSlot, GatewayThread};
use crate::gateway::wheel::TimerId;
use crate::ws::Decoder;

/// Who answers a connection's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Session(SessionId),
    Echo,
    /// The session is over; the socket may still be closing.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// A close frame stands at the end of the queue, or is sent. Input is discarded.
    Closing,
    /// Not in the table any more; the task ends when it runs next.
    Done,
}

/// One WebSocket connection. Cells, because the gateway may call back while a call into it runs.
pub(crate) struct Conn {
    pub(crate) stream: TcpStream,
    pub(crate) key: Key,
    pub(crate) endpoint: Cell<Endpoint>,
    pub(crate) phase: Cell<Phase>,
    /// In which of the thread's lists of sockets to write to.
    pub(super) flush: Cell<Flush>,
    pub(super) newness: Cell<Newness>,
    /// The socket takes no more bytes at the moment.
    pub(crate) is_blocked: Cell<bool>,
    /// The session takes no more messages at the moment.
    pub(crate) is_paused: Cell<bool>,
    /// The task waits for the queue to shrink.
    pub(super) waits_for_room: Cell<bool>,
    /// Writing is shut down.
    pub(super) is_shut: Cell<bool>,
    pub(super) decoder: RefCell<Decoder>,
    /// What is to be written; `None` when empty.
    pub(super) queue: Cell<Option<Box<Queue>>>,
    /// Input that was read before the session paused.
    pub(super) held_input: Cell<Option<Box<[u8]>>>,
    /// The answer to the latest ping, kept while the socket is blocked (RFC 6455 5.5.3 lets older ones go).
    pub(super) pong: Cell<Option<Box<Bytes>>>,
    pub(super) bytes_discarded: Cell<usize>,
    /// The deadline of closing.
    pub(super) timer: Cell<Option<TimerId>>,
    pub(crate) session_timer: Cell<Option<TimerId>>,
    waker: Cell<Option<Waker>>,
    _slot: ConnectionSlot,
}

impl Conn {
    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.endpoint.get() {
            Endpoint::Session(id) => Some(id),
            Endpoint::Echo | Endpoint::Over => None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase.get() == Phase::Open
    }

    pub(super) fn has_empty_queue(&self) -> bool {
        Queue::bytes_in(&self.queue) == 0
    }

    /// Keeps the task's waker, which is mostly the one kept already.
    fn keep_waker(&self, waker: &Waker) {
        let kept = self.waker.take().filter(|kept| kept.will_wake(waker));
        self.waker.set(Some(kept.unwrap_or_else(|| waker.clone())));
    }

    /// Makes the task look again at what it may do.
    pub(crate) fn wake_task(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl GatewayThread {
    /// Takes over an upgraded socket: `answer` is the `101` to send, `rest` what was read behind the request head.
    pub(crate) fn adopt(self: &Rc<Self>, stream: TcpStream, slot: ConnectionSlot, answer: Bytes, rest: &[u8], transport: TransportInfo) {
        let is_echo = transport.path_kind == PathKind::Echo;
        let message_bytes_max = if is_echo { self.limits.echo_message_bytes_max } else { self.limits.message_bytes_max };
        let mut made = None;
        self.conns.borrow_mut().insert_with(|key| {
            let conn = Rc::new(Conn {
                stream,
                key,
                endpoint: Cell::new(if is_echo { Endpoint::Echo } else { Endpoint::Over }),
                phase: Cell::new(Phase::Open),
                flush: Cell::new(Flush::Nowhere),
                newness: Cell::new(Newness::NEW),
                is_blocked: Cell::new(false),
                is_paused: Cell::new(false),
                waits_for_room: Cell::new(false),
                is_shut: Cell::new(false),
                decoder: RefCell::new(Decoder::new(message_bytes_max)),
                queue: Cell::new(None),
                held_input: Cell::new((!rest.is_empty()).then(|| rest.into())),
                pong: Cell::new(None),
                bytes_discarded: Cell::new(0),
                timer: Cell::new(None),
                session_timer: Cell::new(None),
                waker: Cell::new(None),
                _slot: slot,
            });
            made = Some(Rc::clone(&conn));
            conn
        });
        let conn = made.expect("the table has called the closure");
        self.metrics.connections.increment(1);
        self.metrics.connections_total.increment(1);
        // From here on the task's drop undoes all of this, also if the session side panics.
        let task = ConnTask { thread: Rc::clone(self), conn: Rc::clone(&conn) };
        self.enqueue(&conn, [answer]);
        if !is_echo {
            let named = Some(transport.peer).filter(|peer| conn.stream.peer_addr().is_ok_and(|direct| direct.ip() != *peer));
            let id = self.gateway().open(transport);
            if let Some(peer) = named {
                self.forwarded.borrow_mut().insert(id, peer);
            }
            conn.endpoint.set(Endpoint::Session(id));
            let early_timer = self.sessions.insert(id, conn.key);
            if early_timer.is_some() {
                self.set_session_timer(&conn, early_timer);
            }
        }
        self.mark_dirty(&conn);
        actix_rt::spawn(task);
    }

    fn may_read(&self, conn: &Conn) -> bool {
        match conn.phase.get() {
            // What comes in a drain is not taken any more: its sender asks again elsewhere.
            Phase::Open => !conn.is_paused.get() && !self.is_draining.get() && !self.waits_for_room(conn),
            Phase::Closing => true,
            Phase::Done => false,
        }
    }

    fn waits_for_room(&self, conn: &Conn) -> bool {
        let is_full = conn.endpoint.get() == Endpoint::Echo && Queue::bytes_in(&conn.queue) > self.limits.echo_unsent_bytes_max;
        conn.waits_for_room.set(is_full);
        is_full
    }
}

/// Waits for input, and while a write is blocked for room; there is one per connection, and nothing else of it is
/// scheduled.
struct ConnTask {
    thread: Rc<GatewayThread>,
    conn: Rc<Conn>,
}

impl Future for ConnTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { thread, conn } = &*self;
        conn.keep_waker(context.waker());
        // A write that blocks again must be registered again, hence the loop.
        while conn.is_blocked.get() && conn.phase.get() != Phase::Done {
            if conn.stream.poll_write_ready(context).is_pending() {
                break;
            }
            conn.is_blocked.set(false);
            thread.flush(conn);
        }
        for _ in 0..READS_PER_TURN {
            if conn.phase.get() == Phase::Done {
                return Poll::Ready(());
            }
            if !thread.may_read(conn) {
                return Poll::Pending;
            }
            if let Some(mut held) = conn.held_input.take() {
                thread.ingest(conn, &mut held);
                continue;
            }
            if conn.stream.poll_read_ready(context).is_pending() || !thread.dirty.may_read_now(conn) {
                return Poll::Pending;
            }
            thread.read_once(conn);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for ConnTask {
    fn drop(&mut self) {
        // Reached with an open connection only by a panic of the session side or the end of the runtime.
        self.thread.finish(&self.conn);
    }
}

#[cfg(test)]
mod tests {
    use super::{Conn, ConnTask};

    /// What an idle connection costs here, beside the runtime's part of a socket and a task.
    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Conn>() <= 256, "{} bytes", size_of::<Conn>());
        assert_eq!(size_of::<ConnTask>(), 16);
    }
}
