//! One trait for every kind of server: how to greet, enter a room and send, and what its frames mean. No IO: commands are appended as masked frames to
//! the caller's buffer, frames come as slices.

mod cache;
mod centrifuge;
mod plain;
mod socketio;

use anyhow::Result;

pub(crate) use cache::FrameCache;

use crate::scenario::{Kind, Target};
use crate::stamp::Stamp;

/// A position in a channel's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last row.
    pub(crate) offset: u64,
    /// The stream's identity.
    pub(crate) epoch: String,
}

/// One message that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The room.
    pub(crate) room: u32,
    /// Its row in the room's stream, where the protocol has one.
    pub(crate) offset: Option<u64>,
    /// The harness's own mark; others' messages and events have none.
    pub(crate) stamp: Option<Stamp>,
}

/// What a command was about. `u32`s are the numbers that the engine gave: a slot or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The connection itself.
    Connect,
    /// Making the room of a slot.
    Create(u32),
    /// Becoming a member.
    Join(u32),
    /// Listening.
    Subscribe(u32),
    /// A message.
    Send(u32),
}

/// What a frame said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// Authenticated.
    Ready,
    /// The room of this slot stands under this id.
    Created(u32, String),
    /// Member of this slot's room.
    Joined(u32),
    /// Listening to this slot's room.
    Subscribed(Subscribed),
    /// A message.
    Delivery(Delivery),
    /// This message was accepted.
    Acked(u32),
    /// A command failed.
    Refused {
        /// Which.
        about: About,
        /// The server's code.
        code: u32,
        /// The server's words.
        message: String,
    },
    /// The server ended the subscription of a room.
    Unsubscribed(u32),
}

/// The answer to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscribed {
    /// The slot.
    pub(crate) slot: u32,
    /// Where the stream stands after `missed`.
    pub(crate) position: Option<Position>,
    /// The server's word on a resume; `None` when none was asked for.
    pub(crate) recovered: Option<bool>,
    /// What was sent meanwhile.
    pub(crate) missed: Vec<Delivery>,
}

/// How a server acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acks {
    /// By a reply.
    Reply,
    /// By nothing but the sender's own message coming back.
    Echo,
}

/// One kind of server.
pub(crate) trait Adapter {
    /// The upgrade has succeeded. True: the connection is ready without any answer.
    fn opened(&mut self, token: Option<&str>, out: &mut Vec<u8>) -> bool;

    /// Whether rooms must be made and joined before they can be listened to.
    fn has_members(&self) -> bool {
        false
    }

    /// Makes the room of a slot.
    fn create(&mut self, _slot: u32, _room: u32, _out: &mut Vec<u8>) {}

    /// Tells that a room stands under this id.
    fn created(&mut self, _room: u32, _id: &str) {}

    /// Becomes a member.
    fn join(&mut self, _slot: u32, _room: u32, _out: &mut Vec<u8>) {}

    /// Listens, from a position on if one is given. True: listening already, without any answer.
    fn subscribe(&mut self, slot: u32, room: u32, from: Option<&Position>, out: &mut Vec<u8>) -> bool;

    /// Sends a text of plain ASCII without quotes.
    fn publish(&mut self, message: u32, room: u32, text: &[u8], out: &mut Vec<u8>);

    /// Reads one whole message; what must be answered at once goes to `out`.
    ///
    /// # Errors
    /// When it is not this protocol.
    fn decode(&mut self, payload: &[u8], out: &mut Vec<u8>, sink: &mut Vec<Incoming>) -> Result<()>;

    /// How messages are acknowledged.
    fn acks(&self) -> Acks {
        Acks::Reply
    }
}

/// The adapter for a target. `tag` makes the names of rooms this run's own.
pub(crate) fn adapter(target: &Target, tag: &str) -> Box<dyn Adapter> {
    match target.kind {
        Kind::Rialto | Kind::Centrifuge => Box::new(centrifuge::Centrifuge::new(target, tag)),
        Kind::Ws => Box::new(plain::Plain),
        Kind::Socketio => Box::new(socketio::SocketIo::new(tag)),
    }
}
