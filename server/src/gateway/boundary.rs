//! What the socket side and the session side of a gateway thread say to each other. Everything here lives on one
//! thread and is called synchronously; nothing here may block.

use std::net::IpAddr;

pub use rialto_actors::gateway::{CloseFrame, FlushHook, Intake, Output, SessionId};

/// Which endpoint a client came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathKind {
    /// `/connection/websocket`: the client protocol.
    Client,
    /// `/debug/echo`: answered by the pump itself, never seen by the gateway.
    Echo,
}

/// What is known of a connection when its session opens.
#[derive(Clone, Debug)]
pub struct TransportInfo {
    /// The client's address, behind a trusted proxy the one that the proxy names.
    pub peer: IpAddr,
    /// The endpoint.
    pub path_kind: PathKind,
    /// `User-Agent`, cut to 256 bytes.
    pub user_agent: Option<Box<str>>,
    /// The request target as sent, with its query.
    pub target: Box<str>,
    /// The subprotocol granted.
    pub subprotocol: Option<Box<str>>,
}

/// The session side: one per thread.
pub trait Gateway {
    /// Opens a session for an accepted upgrade.
    fn open(&self, transport: TransportInfo) -> SessionId;

    /// A text message of the client.
    fn on_text(&self, id: SessionId, frame: &str) -> Intake;

    /// A binary message of the client.
    fn on_binary(&self, id: SessionId, frame: &[u8]) -> Intake;

    /// The connection is over for the session, whoever ended it. Called exactly once for each `open`; no call for
    /// this id follows, and hooks called with it do nothing. It may come a while after the last other call: when many end at once, they do so in turns.
    fn on_closed(&self, id: SessionId);

    /// Drains the session's outbox into `out`, which is empty.
    fn take_output(&self, id: SessionId, out: &mut Output);

    /// Whether [`Self::take_output`] would give a close frame. Asked while a write is blocked, when nothing else is
    /// taken: so an outbox over its limit reaches a client that does not read.
    fn is_closing(&self, id: SessionId) -> bool;

    /// Whether nothing of the session's is under way: every command that came has its reply in the outbox. A drain waits for it.
    fn is_settled(&self, id: SessionId) -> bool;

    /// So many bytes of the session's frames have reached the socket.
    fn on_written(&self, id: SessionId, bytes: usize);

    /// Gives what large rooms have gathered to their listeners' outboxes: the answer to [`FlushHook::rooms_gathered`].
    fn flush_rooms(&self);

    /// The session's timer, see [`FlushHook::set_timer`], has come.
    fn on_timer(&self, id: SessionId);
}

impl Gateway for rialto_actors::gateway::Gateway {
    fn open(&self, transport: TransportInfo) -> SessionId {
        self.open(transport.peer)
    }

    fn on_text(&self, id: SessionId, frame: &str) -> Intake {
        self.on_text(id, frame)
    }

    fn on_binary(&self, id: SessionId, _frame: &[u8]) -> Intake {
        self.on_binary(id);
        // It closes the session: nothing behind it may be looked at.
        Intake::Pause
    }

    fn on_closed(&self, id: SessionId) {
        self.on_closed(id);
    }

    fn take_output(&self, id: SessionId, out: &mut Output) {
        self.take_output(id, out);
    }

    fn is_closing(&self, id: SessionId) -> bool {
        self.is_closing(id)
    }

    fn is_settled(&self, id: SessionId) -> bool {
        self.is_settled(id)
    }

    fn on_written(&self, id: SessionId, bytes: usize) {
        self.on_written(id, bytes);
    }

    fn flush_rooms(&self) {
        self.flush_rooms();
    }

    fn on_timer(&self, id: SessionId) {
        self.on_timer(id);
    }
}
