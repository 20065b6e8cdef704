//! What the socket side and the session side of a gateway thread say to each other. Everything here lives on one
//! thread and is called synchronously; nothing here may block.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use smallvec::SmallVec;

/// A session's slot on this thread. The generation tells a slot's users apart, so a late call never hits a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// Slot number, dense: the socket side keeps a table of that size.
    pub index: u32,
    /// Raised each time the slot is used again.
    pub generation: u32,
}

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

/// Whether the client may go on sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// The frame was taken.
    Ok,
    /// The frame was taken and was the last for now: read nothing more until [`FlushHook::resume`].
    Pause,
}

/// The frame that ends a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// Close code.
    pub code: u16,
    /// Reason, cut to 123 bytes on the wire.
    pub reason: Cow<'static, str>,
}

/// The content of a session's outbox.
#[derive(Debug, Default)]
pub struct Output {
    /// Complete WebSocket frames, in order.
    pub chunks: SmallVec<[Bytes; 8]>,
    /// The close frame to send behind them, if the session ends. Code 3008 drops what the socket did not take yet.
    pub close: Option<CloseFrame>,
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
    /// this id follows, and hooks called with it do nothing.
    fn on_closed(&self, id: SessionId);

    /// Drains the session's outbox into `out`, which is empty.
    fn take_output(&self, id: SessionId, out: &mut Output);

    /// Whether [`Self::take_output`] would give a close frame. Asked while a write is blocked, when nothing else is
    /// taken: so an outbox over its limit reaches a client that does not read.
    fn is_closing(&self, id: SessionId) -> bool;

    /// So many bytes of the session's frames have reached the socket.
    fn on_written(&self, id: SessionId, bytes: usize);

    /// The session's timer, see [`FlushHook::set_timer`], has come.
    fn on_timer(&self, id: SessionId);
}

/// The socket side, as the session side calls it. No call re-enters the gateway.
pub trait FlushHook {
    /// There is output. The outbox is drained once per scheduler tick, whatever the number of calls.
    fn wake(&self, id: SessionId);

    /// Reading may go on after [`Intake::Pause`].
    fn resume(&self, id: SessionId);

    /// Sets the session's one timer (connect deadline, next ping, pong deadline), replacing the one before; `None`
    /// clears it. Resolution is one slot of the timing wheel, 100 ms; it is never early.
    fn set_timer(&self, id: SessionId, after_ms: Option<u64>);
}
