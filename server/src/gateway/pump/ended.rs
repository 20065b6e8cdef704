//! What is left to do for connections that are over: their sessions are told, their sockets closed, a few in each round.
//!
//! The end of a connection costs some 20 µs, most of it for leaving rooms and closing the socket. When ten thousand clients lose their network at once,
//! whoever stays would wait for all of that; so the end itself only takes a connection out of the tables, and the rest comes in turns.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::conn::Conn;
use crate::gateway::boundary::SessionId;
use crate::gateway::limits::ENDED_PER_ROUND;
use crate::gateway::thread::GatewayThread;

/// What is to be given up: a session whose socket is still closing, a socket whose session is over, or both. There are at most two for each connection,
/// so `connections_max` bounds them.
struct Leftover {
    session: Option<SessionId>,
    /// Closed by dropping it; the connection's task, which holds it too, ends by itself.
    _socket: Option<Rc<Conn>>,
}

/// All that is to be given up, oldest first.
#[derive(Default)]
pub(super) struct Ended(RefCell<VecDeque<Leftover>>);

impl Ended {
    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    fn pop(&self) -> Option<Leftover> {
        let mut all = self.0.borrow_mut();
        let first = all.pop_front();
        if all.is_empty() && all.capacity() > ENDED_PER_ROUND {
            // What a storm took is given back.
            *all = VecDeque::new();
        }
        first
    }
}

impl GatewayThread {
    /// Leaves a session, a socket, or both for a later round.
    pub(super) fn give_up_later(&self, session: Option<SessionId>, socket: Option<Rc<Conn>>) {
        self.dirty.ended.0.borrow_mut().push_back(Leftover { session, _socket: socket });
        self.dirty.wake();
    }

    /// Gives up the oldest, so many at most.
    pub(crate) fn give_up(&self, num_max: usize) {
        for _ in 0..num_max {
            let Some(leftover) = self.dirty.ended.pop() else { return };
            if let Some(id) = leftover.session
                && catch_unwind(AssertUnwindSafe(|| self.gateway().on_closed(id))).is_err()
            {
                self.metrics.panics.increment(1);
                tracing::error!("panic while a session closed");
            }
        }
    }
}
