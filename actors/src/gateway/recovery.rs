//! Bounds what recoveries cost a thread. They are asked one after another, a few at a time, so that ten thousand clients which come back at once take neither
//! the memory nor the time of those who are there; and what sockets have not taken of large answers counts against one budget of the thread.

use std::cell::Cell;
use std::sync::Arc;

use rialto_protocol::{ErrorCode, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Gateway, SessionId};
use crate::entity::{Ask, Caller, EntityName};
use crate::kernel::detach;
use crate::reply_to::{SessionReply, Then};
use crate::shard::state::RETRY_HINT_MS;

/// Recoveries that one gateway thread has under way at its shards; the others wait for their turn.
pub(super) const RECOVERIES_UNDER_WAY_MAX: usize = 16;
/// Recoveries that wait for their turn on one gateway thread. Above: `overloaded`.
pub(super) const RECOVERIES_WAITING_MAX: usize = 65_536;
/// Bytes from which an answer is large: refused for now when its socket or its thread is behind with others of its kind, which is no fault of the client's.
pub(super) const LARGE_ANSWER_BYTES: usize = 16 * 1024;
/// Bytes of large answers that the sockets of a thread have not taken yet. Above: `overloaded`.
pub(super) const LARGE_ANSWERS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Whose turn it is.
pub(super) struct Turns {
    places: Arc<Semaphore>,
    num_waiting: Cell<usize>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(RECOVERIES_UNDER_WAY_MAX)), num_waiting: Cell::new(0) }
    }
}

/// Counts one that waits, until it is dropped.
struct Waiting(Gateway);

impl Waiting {
    fn begin(gateway: &Gateway) -> Option<Self> {
        let num_waiting = &gateway.0.turns.num_waiting;
        (num_waiting.get() < RECOVERIES_WAITING_MAX).then(|| {
            num_waiting.set(num_waiting.get() + 1);
            Self(gateway.clone())
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let num_waiting = &self.0.0.turns.num_waiting;
        num_waiting.set(num_waiting.get() - 1);
    }
}

impl Gateway {
    /// Asks for a recovery when its turn comes, which mostly is now.
    pub(super) fn recover(&self, entity: EntityName, caller: Caller, ask: Ask, mut reply: SessionReply) {
        let places = Arc::clone(&self.0.turns.places);
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            take_place(&mut reply, place);
            return self.route(entity, caller, ask, reply);
        }
        let Some(waiting) = Waiting::begin(self) else { return self.answer(reply, Err(overloaded())) };
        detach(async move {
            // Never closed, so never an error.
            let Ok(place) = places.acquire_owned().await else { return };
            let gateway = waiting.0.clone();
            drop(waiting);
            // Who has gone meanwhile wants nothing.
            if gateway.0.state.borrow().slots.get(reply.address.session).is_some() {
                take_place(&mut reply, place);
                gateway.route(entity, caller, ask, reply);
            }
        });
    }

    /// Whether a large answer may be queued: a socket holds one, or as many as an outbox, and all of a thread have a budget.
    pub(super) fn takes_large(&self, id: SessionId, bytes: usize) -> bool {
        let state = self.0.state.borrow();
        let Some(slot) = state.slots.get(id) else { return true };
        let fits_socket = slot.large_bytes() == 0 || slot.large_bytes() + bytes <= self.0.parts.outbox_bytes_max;
        fits_socket && state.slots.large_bytes() + bytes <= LARGE_ANSWERS_BYTES_MAX
    }

    /// Queues an answer.
    pub(super) fn send_answer(&self, id: SessionId, frame: Vec<u8>) {
        if frame.len() < LARGE_ANSWER_BYTES {
            return self.send(id, frame);
        }
        self.0.state.borrow_mut().slots.push_large(id, frame);
        self.wake(id);
    }

    /// So many bytes of a session's frames have reached its socket.
    pub fn on_written(&self, id: SessionId, bytes: usize) {
        self.0.state.borrow_mut().slots.written(id, bytes);
    }
}

fn take_place(reply: &mut SessionReply, permit: OwnedSemaphorePermit) {
    if let Then::Listen(listen) = &mut reply.then {
        listen.place = Some(permit);
    }
}

pub(super) fn overloaded() -> Refusal {
    Refusal::retry(ErrorCode::Overloaded, RETRY_HINT_MS)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Output;
    use super::super::slots::Slots;

    #[test]
    fn large_answers_count_until_they_are_written_or_their_session_is_over() {
        let mut slots = Slots::default();
        let (first, second) = (slots.open(None, 0), slots.open(None, 0));
        slots.push_large(first, vec![0; 1000]);
        slots.push_large(second, vec![0; 500]);
        let slot = slots.get_mut(first).unwrap();
        assert!(slot.outbox.push(Bytes::from_static(b"live"), 4), "nobody is behind for having asked");
        let mut output = Output::default();
        slot.outbox.take(&mut output);
        assert_eq!(output.chunks.len(), 2);
        slots.written(first, 400);
        assert_eq!((slots.get(first).unwrap().large_bytes(), slots.large_bytes()), (600, 1100));
        slots.written(first, 604);
        assert_eq!((slots.get(first).unwrap().large_bytes(), slots.large_bytes()), (0, 500));
        assert!(slots.release(second));
        assert_eq!(slots.large_bytes(), 0);
    }
}
