//! The bounded queue in front of a blocking thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::monotonic;

/// Something with a size.
pub(crate) trait Sized {
    /// Its bytes, for the limit of one batch.
    fn bytes(&self) -> usize;
}

/// Many senders, one or more blocking receivers, a bound.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    max: usize,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    /// The receiver is to look at something else.
    nudged: bool,
    /// The receiver is woken at this many items: one wake-up for a burst.
    wake_at: usize,
}

impl<T> Queue<T> {
    /// An empty queue of at most `max` items.
    pub(crate) fn new(max: usize) -> Self {
        Self { state: Mutex::new(State { items: VecDeque::new(), closed: false, nudged: false, wake_at: 1 }), arrived: Condvar::new(), max }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item; gives it back when the queue is full or closed.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.closed || state.items.len() >= self.max {
            return Err(item);
        }
        state.items.push_back(item);
        let wake = state.items.len() >= state.wake_at;
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Takes one; waits for it; `None` when the queue is closed and empty.
    pub(crate) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Items waiting.
    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Refuses new items and lets receivers end once it is empty.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Lets the receiver's [`Self::take_batch`] answer with nothing if there is nothing.
    pub(crate) fn nudge(&self) {
        self.lock().nudged = true;
        self.arrived.notify_all();
    }

    /// Waits at most `timeout` for the queue to be closed, then takes all that waits; true when closed.
    pub(crate) fn drain_after(&self, timeout: Duration) -> (Vec<T>, bool) {
        let state = self.lock();
        let (mut state, _) = self.arrived.wait_timeout_while(state, timeout, |state| !state.closed).unwrap_or_else(PoisonError::into_inner);
        (state.items.drain(..).collect(), state.closed)
    }
}

impl<T: Sized> Queue<T> {
    /// Takes all that waits up to `bytes_max`; nothing after `idle` without any, or when nudged; `None` when closed and empty.
    ///
    /// After a batch of several, callers that were just answered are about to come back: up to `linger` is then spent waiting until `expected` items are
    /// there, instead of committing the first few alone and letting the others wait for a second commit.
    pub(crate) fn take_batch(&self, bytes_max: usize, expected: usize, linger: Duration, idle: Duration) -> Option<Vec<T>> {
        let mut state = self.lock();
        while state.items.is_empty() {
            if state.closed {
                return None;
            }
            let (waited, timeout) = self.arrived.wait_timeout(state, idle).unwrap_or_else(PoisonError::into_inner);
            state = waited;
            if state.items.is_empty() && (timeout.timed_out() || std::mem::take(&mut state.nudged)) {
                return Some(Vec::new());
            }
        }
        if expected > 1 && state.items.len() < expected {
            let until = monotonic() + linger;
            state.wake_at = expected;
            while state.items.len() < expected && !state.closed {
                let left = until.saturating_duration_since(monotonic());
                if left.is_zero() {
                    break;
                }
                state = self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            state.wake_at = 1;
        }
        let mut bytes = 0;
        let mut taken = Vec::with_capacity(state.items.len());
        while let Some(item) = state.items.front() {
            bytes += item.bytes();
            if bytes > bytes_max && !taken.is_empty() {
                break;
            }
            taken.extend(state.items.pop_front());
        }
        Some(taken)
    }
}
