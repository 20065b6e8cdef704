//! Runs the sessions of a thread. Each is a machine in its slot: an input is taken at once, its effects are carried out at once, and there is no mailbox and no
//! task of its own. A panic ends the one session that it happened in.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use rialto_protocol::CloseCode;
use tracing::Span;
use uuid::Uuid;

use super::{Gateway, SessionId};
use crate::kernel::{Effects, Machine, PanicReport, guarded};
use crate::session::{SessionEffect, SessionInput};

/// What hosting needs between two inputs.
#[derive(Default)]
pub(super) struct Host {
    /// Inputs that came up while another was taken, in their order: at most one for each subscription that a session has just asked for or lost.
    waiting: RefCell<VecDeque<(SessionId, SessionInput)>>,
    is_running: Cell<bool>,
    /// Effects of one input: kept to reuse their memory.
    effects: Cell<Effects<SessionEffect>>,
}

/// Says that an input is being taken; ends with it, however that ends.
struct Running<'a>(&'a Cell<bool>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Gateway {
    /// Gives a session an input, now or behind the one that is being taken.
    pub(super) fn tell(&self, id: SessionId, input: SessionInput) {
        let host = &self.0.host;
        if host.is_running.replace(true) {
            return host.waiting.borrow_mut().push_back((id, input));
        }
        let _running = Running(&host.is_running);
        self.step(id, input);
        loop {
            let next = host.waiting.borrow_mut().pop_front();
            let Some((id, input)) = next else { return };
            self.step(id, input);
        }
    }

    /// Takes one input and carries out what the session wants.
    fn step(&self, id: SessionId, input: SessionInput) {
        let is_end = matches!(input, SessionInput::Closed);
        let _entered = tracing::enabled!(tracing::Level::DEBUG).then(|| self.span_of(id).entered());
        let now = self.0.parts.clock.now();
        let mut effects = self.0.host.effects.take();
        let outcome = guarded(|| {
            let is_there = match self.0.state.borrow_mut().slots.get_mut(id).and_then(|slot| slot.session.as_mut()) {
                Some(session) => {
                    session.apply(now, input, &mut effects);
                    true
                }
                None => false,
            };
            for effect in effects.drain() {
                self.perform(id, now.mono_ms, effect);
            }
            is_there
        });
        effects.clear();
        self.0.host.effects.set(effects);
        match outcome {
            Ok(true) => {}
            // It has panicked before: nobody else says that its slot is free.
            Ok(false) if is_end => self.release(id),
            Ok(false) => {}
            Err(panic) => {
                self.crashed(Some(id), &panic);
                if is_end {
                    self.release(id);
                }
            }
        }
    }

    /// Counts and logs a panic, and ends the session that it happened with, if it was one's: its client comes back and recovers. What it listened to is given
    /// up here, as it can no longer say so itself.
    pub(super) fn crashed(&self, id: Option<SessionId>, panic: &PanicReport) {
        let actor = if id.is_some() { "session" } else { "gateway" };
        metrics::counter!("rialto_actor_panics_total", "actor" => actor).increment(1);
        let (connection, user) = id.map(|id| self.names_of(id)).unzip();
        let (connection, user) = (connection.unwrap_or_default(), user.unwrap_or(rialto_protocol::UserId(Uuid::nil())));
        tracing::error!(actor, %connection, %user, message = %panic.message, location = %panic.location, "actor panicked");
        let Some(id) = id else { return };
        let channels = self.0.state.borrow().hub.channels_of(id);
        for channel in channels {
            if let Ok(parsed) = rialto_protocol::Channel::parse(&channel) {
                self.leave(id, parsed.entity(), &channel);
            }
        }
        if let Some(slot) = self.0.state.borrow_mut().slots.get_mut(id) {
            slot.crash();
        }
        self.close(id, CloseCode::InternalError);
    }

    /// The session is over: its slot is free.
    pub(super) fn release(&self, id: SessionId) {
        if self.0.state.borrow_mut().slots.release(id) {
            self.0.meters.sessions.decrement(1.0);
        }
    }

    fn span_of(&self, id: SessionId) -> Span {
        let (connection, user) = self.names_of(id);
        tracing::debug_span!("session", %connection, %user)
    }

    /// The connection's id and the user, for logs.
    fn names_of(&self, id: SessionId) -> (Uuid, rialto_protocol::UserId) {
        let state = self.0.state.borrow();
        let slot = state.slots.get(id);
        let client = slot.and_then(|slot| slot.session.as_ref()).map_or_else(Uuid::nil, crate::session::Session::client);
        (client, slot.map_or(rialto_protocol::UserId(Uuid::nil()), super::Slot::user))
    }
}
