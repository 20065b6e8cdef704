//! The gateway side of one thread: who is connected, who listens to what, and what waits for each socket. Frames, no sockets.
//!
//! Shards reach the thread through its [`link`]; the [`hub`] puts shared bytes into bounded outboxes; the server's pump drains those through
//! [`Gateway::take_output`] when its [`FlushHook`] was woken, and brings frames through [`Gateway::on_text`].

mod answer;
mod host;
pub mod hub;
pub mod link;
mod meters;
mod names;
pub mod operator;
mod outbox;
mod perform;
mod presence;
mod recovery;
mod slots;

use core::net::IpAddr;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use rialto_protocol::{CloseCode, command};
use smallvec::SmallVec;
use uuid::Uuid;

use crate::kernel::Clock;
use crate::load::ThreadLoad;
use crate::node::Beside;
use crate::presence::Board;
use crate::router::Router;
use crate::session::{Session, SessionConfig, SessionInput};
use host::Host;
use hub::Hub;
use link::{FromShard, GatewayLinks};
use meters::Meters;
use names::Names;
use outbox::Outbox;
use recovery::Turns;
use slots::{Slot, Slots};

/// Commands that a session may have under way before its socket is no longer read.
pub const COMMANDS_UNDER_WAY_MAX: usize = 256;

/// A connection's slot on its gateway thread; the generation tells a reused slot from the one meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// The slot.
    pub index: u32,
    /// Counts the slot's uses.
    pub generation: u32,
}

/// What the pump should do after handing a frame in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// Read on.
    Ok,
    /// Stop reading this socket until [`FlushHook::resume`]: the frame was taken, the next would wait.
    Pause,
}

/// The frame that ends a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// Close code.
    pub code: u16,
    /// Reason, never empty; cut to 123 bytes on the wire.
    pub reason: Cow<'static, str>,
}

impl From<CloseCode> for CloseFrame {
    fn from(code: CloseCode) -> Self {
        Self { code: code.number(), reason: Cow::Borrowed(code.reason()) }
    }
}

/// What waits for one socket.
#[derive(Debug, Default)]
pub struct Output {
    /// Whole WebSocket frames, in order.
    pub chunks: SmallVec<[Bytes; 8]>,
    /// The close frame to send behind them, if the session ends. Code 3008 drops what the socket did not take yet.
    pub close: Option<CloseFrame>,
}

/// The socket side, as the session side calls it: on the same thread. No call re-enters the gateway.
pub trait FlushHook {
    /// There is output. The outbox is drained once per scheduler tick, whatever the number of calls.
    fn wake(&self, id: SessionId);
    /// As [`FlushHook::wake`] for one of a room's many listeners: it comes after those that were woken alone.
    fn wake_with_room(&self, id: SessionId);
    /// Large rooms have gathered something: calls [`Gateway::flush_rooms`] once the sockets are done with the flush before.
    fn rooms_gathered(&self);
    /// Reading may go on after [`Intake::Pause`].
    fn resume(&self, id: SessionId);
    /// The client's address, as far as the socket side knows it.
    fn address(&self, _id: SessionId) -> Option<IpAddr> {
        None
    }
    /// Calls [`Gateway::on_timer`] after this many milliseconds, never early; replaces the wish before, `None` clears it.
    fn set_timer(&self, id: SessionId, after_ms: Option<u64>);
}

/// What a gateway is made of.
pub struct GatewayParts {
    /// Its number among the gateway threads.
    pub thread: u16,
    /// The queues from shards.
    pub links: GatewayLinks,
    /// The way to shards.
    pub router: Router,
    /// Checks tokens and answers requests that are not an entity's.
    pub beside: Beside,
    /// What the operator decides about sessions.
    pub config: Arc<SessionConfig>,
    /// Time.
    pub clock: Clock,
    /// Bytes that may wait for one socket.
    pub outbox_bytes_max: usize,
    /// Who listens on other nodes, where nodes share that.
    pub presence: Option<Board>,
    /// How busy this thread is.
    pub load: Arc<ThreadLoad>,
}

/// The gateway of one thread. Cheap to clone; not `Send`.
#[derive(Clone)]
pub struct Gateway(Rc<Inner>);

struct Inner {
    parts: GatewayParts,
    hook: Rc<dyn FlushHook>,
    meters: Meters,
    host: Host,
    turns: Turns,
    /// Memory for what a turn takes from shards.
    messages: Cell<VecDeque<FromShard>>,
    state: RefCell<State>,
}

/// What changes: sessions and listeners.
struct State {
    slots: Slots,
    hub: Hub,
    names: Names,
    /// Leaves that a full shard has not taken yet.
    leaves: Vec<(rialto_protocol::EntityKey, Uuid)>,
}

impl Gateway {
    /// The gateway of this thread.
    #[must_use]
    pub fn new(parts: GatewayParts, hook: Rc<dyn FlushHook>) -> Self {
        let state = State { slots: Slots::default(), hub: Hub::default(), names: Names::default(), leaves: Vec::new() };
        let meters = Meters::new(parts.thread);
        Self(Rc::new(Inner {
            parts,
            hook,
            meters,
            host: Host::default(),
            turns: Turns::default(),
            messages: Cell::default(),
            state: RefCell::new(state),
        }))
    }

    /// A socket was upgraded: starts its session.
    #[must_use]
    pub fn open(&self, peer: IpAddr) -> SessionId {
        let parts = &self.0.parts;
        let now = parts.clock.now();
        let client = uuid::Builder::from_random_bytes(now.entropy.to_be_bytes()).into_uuid();
        let session = Session::new(Arc::clone(&parts.config), client, now);
        let since_s = u32::try_from(now.mono_ms / 1000).unwrap_or(u32::MAX);
        let id = self.0.state.borrow_mut().slots.open(session, since_s);
        self.0.meters.sessions.increment(1.0);
        self.tell(id, SessionInput::Opened);
        tracing::debug!(%client, %peer, "connection opened");
        id
    }

    /// A text frame came.
    #[must_use]
    pub fn on_text(&self, id: SessionId, frame: &str) -> Intake {
        let commands: SmallVec<_> = command::commands(frame).collect();
        self.0.meters.commands.increment(commands.len() as u64);
        self.tell(id, SessionInput::Commands(commands));
        match self.0.state.borrow_mut().slots.get_mut(id) {
            // Behind a violation nothing is looked at any more.
            Some(slot) if slot.is_busy() || slot.outbox.is_closing() => {
                slot.paused = true;
                Intake::Pause
            }
            _ => Intake::Ok,
        }
    }

    /// A binary frame came.
    pub fn on_binary(&self, id: SessionId) {
        self.tell(id, SessionInput::Binary);
    }

    /// The time asked for through [`FlushHook::set_timer`] has come.
    pub fn on_timer(&self, id: SessionId) {
        self.tell(id, SessionInput::Woken);
    }

    /// The socket is gone, for whatever reason.
    pub fn on_closed(&self, id: SessionId) {
        self.tell(id, SessionInput::Closed);
    }

    /// Takes what waits for a socket, oldest first.
    pub fn take_output(&self, id: SessionId, output: &mut Output) {
        let mut state = self.0.state.borrow_mut();
        if let Some(slot) = state.slots.get_mut(id) {
            slot.outbox.take(output);
        }
    }

    /// Whether the session's outbox ends with a close.
    #[must_use]
    pub fn is_closing(&self, id: SessionId) -> bool {
        self.0.state.borrow().slots.get(id).is_some_and(|slot| slot.outbox.is_closing())
    }

    /// Whether every command that came has its reply in the outbox.
    #[must_use]
    pub fn is_settled(&self, id: SessionId) -> bool {
        self.0.state.borrow().slots.get(id).is_none_or(Slot::is_settled)
    }

    /// Closes a session behind what it already has waiting.
    pub fn end(&self, id: SessionId, code: CloseCode) {
        self.tell(id, SessionInput::End(code));
    }

    /// Ends the sessions of revoked grants: refresh families, bot tokens, or the `jti` of other tokens.
    pub fn end_grants(&self, code: CloseCode, is_meant: impl Fn(Uuid) -> bool) {
        let doomed = self.0.state.borrow().slots.ids_where(|slot| slot.grant().is_some_and(&is_meant));
        for id in doomed {
            self.end(id, code);
        }
    }

    fn wake(&self, id: SessionId) {
        self.0.hook.wake(id);
    }

    /// Queues a whole frame of one session's own.
    fn send(&self, id: SessionId, frame: Vec<u8>) {
        self.queue(id, |outbox, limit| outbox.push_own(frame, limit));
    }

    /// Queues a whole frame for one session of several that get it.
    fn send_shared(&self, id: SessionId, frame: Bytes) {
        self.queue(id, |outbox, limit| outbox.push(frame, limit));
    }

    /// Queues something for one session; `push` says whether it keeps to the limit.
    fn queue(&self, id: SessionId, push: impl FnOnce(&mut Outbox, usize) -> bool) {
        let limit = self.0.parts.outbox_bytes_max;
        let fits = match self.0.state.borrow_mut().slots.get_mut(id) {
            Some(slot) => push(&mut slot.outbox, limit),
            None => return,
        };
        if fits { self.wake(id) } else { self.slow(id) }
    }

    /// The socket does not take what it gets: what waits for it is dropped, it is told so, and it recovers when it comes back.
    fn slow(&self, id: SessionId) {
        self.0.meters.slow_consumers.increment(1);
        if let Some(slot) = self.0.state.borrow_mut().slots.get_mut(id) {
            slot.outbox.clear();
        }
        self.close(id, CloseCode::Slow);
    }

    fn close(&self, id: SessionId, code: CloseCode) {
        if let Some(slot) = self.0.state.borrow_mut().slots.get_mut(id) {
            slot.outbox.close(code.into());
        }
        self.wake(id);
    }

    /// Reads a paused socket again when its session has caught up.
    fn resume_if_idle(&self, id: SessionId) {
        let resume = match self.0.state.borrow_mut().slots.get_mut(id) {
            Some(slot) if slot.paused && slot.has_room() => {
                slot.paused = false;
                true
            }
            _ => false,
        };
        if resume {
            self.0.hook.resume(id);
        }
    }
}

#[cfg(test)]
mod tests;
