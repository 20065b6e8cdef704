//! All ways in which a connection ends.
//!
//! Whoever begins, it goes the same way: our close frame behind what is pending, then writing is shut down, then input
//! is discarded for a while (else the system would answer it with a reset, which can overtake our code), then the
//! socket is dropped. Each step has its deadline.

use std::rc::Rc;

use bytes::Bytes;

use super::conn::{Conn, Endpoint, Phase};
use super::queue::Queue;
use crate::gateway::boundary::{CloseFrame, SessionId};
use crate::gateway::metrics::CODE_ABNORMAL;
use crate::gateway::thread::{Due, GatewayThread, shut_writing};
use crate::ws::encode;

/// The session's outbox went over its limit: what waits is dropped, only the code is sent.
const CODE_SLOW: u16 = 3008;
/// A close frame without a code (RFC 6455 7.1.5); never on the wire.
const CODE_NONE: u16 = 1005;

impl GatewayThread {
    /// Closes for a violation or for the server's own reasons. What stands in the outbox goes out before the frame.
    pub(crate) fn begin_close(&self, conn: &Rc<Conn>, code: u16, frame: Bytes) {
        if conn.phase.get() != Phase::Open {
            return;
        }
        self.pull(conn);
        self.close_behind(conn, code, frame);
    }

    /// Answers the client's close frame with its own code.
    pub(super) fn answer_close(&self, conn: &Rc<Conn>, code: Option<u16>) {
        let frame = code.map_or_else(encode::close_frame_empty, |code| encode::close_frame(code, ""));
        self.begin_close(conn, code.unwrap_or(CODE_NONE), frame);
    }

    /// Closes as the session has decided, with the last of its output.
    pub(super) fn close_for_session(&self, conn: &Rc<Conn>, close: &CloseFrame, chunks: impl IntoIterator<Item = Bytes>) {
        if close.code == CODE_SLOW {
            self.drop_unsent(conn);
        }
        self.enqueue(conn, chunks);
        self.close_behind(conn, close.code, encode::close_frame(close.code, &close.reason));
    }

    fn close_behind(&self, conn: &Rc<Conn>, code: u16, frame: Bytes) {
        // Pulling may have closed it already.
        if conn.phase.get() != Phase::Open {
            return;
        }
        conn.phase.set(Phase::Closing);
        conn.held_input.set(None);
        // Nothing may follow a close frame, so a pong that waits goes before it.
        self.enqueue(conn, conn.pong.take().map(|pong| *pong).into_iter().chain([frame]));
        self.metrics.closed(code);
        self.set_close_deadline(conn, self.close_write_ms(conn, code));
        self.mark_dirty(conn);
        // A paused connection has to discard from now on.
        conn.wake_task();
        let session = self.end_session(conn);
        self.give_up_later(session, None);
    }

    /// Who does not read has kernel buffers full of what comes before the code. The session, its queue and its subscriptions are given up at once, but
    /// the little that is left of the socket's waits as long as a pong would, so that a client which wakes up learns why it was closed.
    fn close_write_ms(&self, conn: &Conn, code: u16) -> u64 {
        let is_patient = code == CODE_SLOW && !self.is_draining.get() && Queue::bytes_in(&conn.queue) <= self.limits.slow_close_bytes_max;
        if is_patient { self.limits.slow_close_write_ms } else { self.limits.close_write_ms }
    }

    /// A drain waits for no client that does not read.
    pub(crate) fn hurry_closing(&self) {
        let closing: Vec<_> = self.conns.borrow().values().filter(|conn| conn.phase.get() == Phase::Closing).cloned().collect();
        for conn in closing.iter().filter(|conn| !conn.is_shut.get()) {
            self.set_close_deadline(conn, self.limits.close_write_ms);
        }
    }

    fn set_close_deadline(&self, conn: &Conn, after_ms: u64) {
        let timer = self.set_timer(after_ms, Due::Close(conn.key));
        self.cancel_timer(conn.timer.replace(Some(timer)));
    }

    /// Everything is written: no more is to come from us.
    pub(super) fn shut(&self, conn: &Rc<Conn>) {
        if conn.is_shut.replace(true) {
            return;
        }
        if !shut_writing(&conn.stream) {
            return self.finish(conn);
        }
        self.set_close_deadline(conn, self.limits.close_linger_ms);
    }

    /// Forgets the connection; its session is told and its socket closed in a later round.
    pub(crate) fn finish(&self, conn: &Rc<Conn>) {
        let phase = conn.phase.replace(Phase::Done);
        if phase == Phase::Done {
            return;
        }
        if phase == Phase::Open {
            self.metrics.closed(CODE_ABNORMAL);
        }
        self.metrics.connections.decrement(1);
        self.cancel_timer(conn.timer.take());
        conn.queue.set(None);
        conn.held_input.set(None);
        self.conns.borrow_mut().remove(conn.key);
        conn.wake_task();
        let session = self.end_session(conn);
        self.give_up_later(session, Some(Rc::clone(conn)));
    }

    /// From now on nothing reaches the session, and it reaches nothing. It is told in a later round.
    fn end_session(&self, conn: &Conn) -> Option<SessionId> {
        self.cancel_timer(conn.session_timer.take());
        let Endpoint::Session(id) = conn.endpoint.replace(Endpoint::Over) else { return None };
        self.sessions.remove(id);
        self.forwarded.borrow_mut().remove(&id);
        Some(id)
    }
}
