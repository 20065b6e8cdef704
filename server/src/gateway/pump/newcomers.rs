//! Whose turn it is among connections that are new.
//!
//! The first reads of a connection cost the most: a token is checked, subscriptions are made and recovered. Clients that come back together also send these
//! together, many more than were taken in within a round. So new connections are read a few in each round, in the order in which they have something to
//! read, and whoever stands is read as soon as there is something.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use super::conn::Conn;
use super::flush::Dirty;
use crate::gateway::limits::{NEWCOMER_READS, NEWCOMER_READS_PER_ROUND};

/// Where a connection stands among the new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newness {
    /// So many reads until it stands.
    Reads(u8),
    /// It waits for its turn; so many reads until it stands.
    Waits(u8),
    /// Its turn has come; so many reads until it stands.
    Called(u8),
}

impl Newness {
    /// Of a connection that comes in.
    pub(super) const NEW: Self = Self::Reads(NEWCOMER_READS);
    /// Of a connection that stands.
    const OVER: Self = Self::Reads(0);
}

/// The new connections that wait for their turn, each once.
#[derive(Default)]
pub(super) struct Newcomers {
    waiting: RefCell<VecDeque<Rc<Conn>>>,
    /// Reads that this round has left.
    turns: Cell<usize>,
}

impl Newcomers {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// A new round: calls those who have waited longest.
    pub(super) fn next_round(&self) {
        self.turns.set(NEWCOMER_READS_PER_ROUND);
        while self.turns.get() > 0 {
            let Some(conn) = self.waiting.borrow_mut().pop_front() else { return };
            if let Newness::Waits(reads) = conn.newness.get() {
                self.turns.set(self.turns.get() - 1);
                conn.newness.set(Newness::Called(reads));
                conn.wake_task();
            }
        }
    }
}

impl Dirty {
    /// Whether a connection that has something to read may read it now. Else its task is woken when it may.
    pub(super) fn may_read_now(&self, conn: &Rc<Conn>) -> bool {
        match conn.newness.get() {
            Newness::OVER => true,
            Newness::Waits(_) => false,
            Newness::Called(reads) => {
                conn.newness.set(Newness::Reads(reads.saturating_sub(1)));
                true
            }
            Newness::Reads(reads) if self.newcomers.turns.get() > 0 && self.newcomers.is_empty() => {
                self.newcomers.turns.set(self.newcomers.turns.get() - 1);
                conn.newness.set(Newness::Reads(reads - 1));
                true
            }
            Newness::Reads(reads) => {
                conn.newness.set(Newness::Waits(reads));
                self.newcomers.waiting.borrow_mut().push_back(Rc::clone(conn));
                self.wake();
                false
            }
        }
    }
}
