//! Where an answer goes.

use std::collections::HashMap;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use rialto_protocol::reply::{ClientInfo, RawJson};
use rialto_protocol::{Refusal, UserId};

use crate::entity::{Answer, EntityName};
use crate::gateway::SessionId;

/// Where an answer goes: opaque to entities, which only hand it back. Dropping one unanswered is a defect: HTTP callers then see `unavailable`.
#[derive(Debug)]
pub enum ReplyTo {
    /// A command of a session.
    Session(SessionReply),
    /// A waiting task.
    Task(oneshot::Sender<Result<Answer, Refusal>>),
    /// Tests: a number.
    Test(u64),
}

/// The command of a session that waits for an answer.
#[derive(Debug)]
pub struct SessionReply {
    /// Which.
    pub address: CommandAddress,
    /// What the shard does with a positive answer before it leaves.
    pub then: Then,
}

/// Names one command of one session of one gateway thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommandAddress {
    /// The gateway thread.
    pub thread: u16,
    /// The session's slot there.
    pub session: SessionId,
    /// The command's number within the session: ours, not the client's, which may repeat.
    pub command: u32,
}

/// What a shard does with an entity's positive answer.
#[derive(Debug)]
pub enum Then {
    /// Hands it on.
    Answer,
    /// Enters the listener.
    Listen(Box<Listen>),
    /// Says who is there.
    Presence,
    /// Says how many are there.
    PresenceStats,
}

impl Then {
    /// Enters this listener of this entity's channel.
    #[must_use]
    pub fn listen(entity: EntityName, listener: Listener) -> Self {
        Self::Listen(Box::new(Listen { entity, listener, place: None }))
    }
}

/// A subscription on its way. It travels in a box, so that the answers to everything else are small.
#[derive(Debug)]
pub struct Listen {
    /// Whose channel it is.
    pub entity: EntityName,
    /// Who listens.
    pub listener: Listener,
    /// A recovery's place among those that a gateway thread has under way, given back by dropping it.
    pub place: Option<OwnedSemaphorePermit>,
}

/// One connection that listens to one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The connection.
    pub client: Uuid,
    /// The user; nil for anonymous ones.
    pub user: UserId,
    /// Its gateway thread.
    pub thread: u16,
    /// Wants join and leave pushes.
    pub join_leave: bool,
    /// What its tokens say of it; most say nothing.
    pub infos: Option<Box<Infos>>,
}

/// What tokens say to those who look at who is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Infos {
    /// `info` of the connection token.
    pub connection: Option<RawJson>,
    /// `info` of the subscription token.
    pub channel: Option<RawJson>,
}

impl Infos {
    /// Keeps what there is.
    #[must_use]
    pub fn of(connection: Option<RawJson>, channel: Option<RawJson>) -> Option<Box<Self>> {
        (connection.is_some() || channel.is_some()).then(|| Box::new(Self { connection, channel }))
    }
}

impl Listener {
    /// The listener as others see it.
    #[must_use]
    pub fn info(&self) -> ClientInfo {
        let infos = self.infos.as_deref();
        ClientInfo {
            user: if self.user.0.is_nil() { String::new() } else { self.user.to_string() },
            client: self.client.to_string(),
            conn_info: infos.and_then(|infos| infos.connection.clone()),
            chan_info: infos.and_then(|infos| infos.channel.clone()),
        }
    }
}

/// Counts different users among listeners.
#[must_use]
pub fn count_users<'a>(listeners: impl Iterator<Item = &'a Listener>) -> u32 {
    let users: HashMap<UserId, ()> = listeners.map(|listener| (listener.user, ())).collect();
    u32::try_from(users.len()).unwrap_or(u32::MAX)
}
