//! The language between a shard and the entities that it hosts.
//!
//! A shard activates an entity from the store, gives it inputs, and carries out its effects: it gathers rows, holds every output of a log-backed entity until
//! the rows it was decided on are durable, keeps who listens to the entity's channel, and supervises. An entity knows nothing of gateways, sockets or stores.

use std::num::NonZeroU64;

use bytes::Bytes;
use rialto_protocol::command::History;
use rialto_protocol::reply::{ClientInfo, HistoryResult, RawJson, SubscribeResult, write_rpc_reply};
use rialto_protocol::rpc::{Appended, Command, Conversation, Marked, Member, Message, Page, PublicConversation, Request};
use rialto_protocol::{ConversationId, EntityKey, Refusal, UserId, ws_frame};
use rialto_storage::accounts::AccountRole;
use rialto_storage::entity_rows::{Activation, Position, RowRange, Snapshot};
use rialto_storage::views::{ListPosition, MessageRange, MessageRows, ReadMark, Summary, Whose};
use rialto_storage::{Row, RowSender, StorageError};
use uuid::Uuid;

use crate::kernel::Machine;
use crate::reply_to::ReplyTo;

/// Any entity: what a shard hosts.
pub type EntityMachine = dyn Machine<Input = EntityInput, Effect = EntityEffect>;

/// Makes the machine of an entity that is being activated. The product has one factory; test binaries may wrap it.
pub trait EntityFactory: 'static {
    /// A machine that has seen nothing yet: its first input is [`EntityInput::Activated`].
    fn create(&self, entity: &EntityName) -> Box<EntityMachine>;
}

/// An entity with the name of its channel (a topic's key does not tell its name).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntityName {
    /// Its key.
    pub key: EntityKey,
    /// Its channel.
    pub channel: std::sync::Arc<str>,
}

/// On whose behalf something is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user; anonymous connections have the nil id.
    pub user: UserId,
    /// The connection, `None` for HTTP.
    pub client: Option<Uuid>,
    /// The account's role.
    pub role: AccountRole,
    /// `info` of the connection token.
    pub info: Option<RawJson>,
}

/// All that can happen to an entity.
#[derive(Debug)]
pub enum EntityInput {
    /// First of all: what the store has (snapshot and the rows behind it, merged with rows of this entity that the shard has queued or in flight: those above `applied` are not durable yet).
    /// An entity without a log gets an empty one.
    Activated {
        /// The store generation: the first half of a log-backed epoch.
        generation: std::sync::Arc<str>,
        /// Snapshot and rows.
        activation: Activation,
        /// The highest seq that is durable.
        applied: u64,
        /// What an entity without a log left behind with [`EntityEffect::Rest`], if anybody has listened ever since.
        mark: Option<StreamMark>,
    },
    /// Somebody asks.
    Asked {
        /// Who.
        caller: Caller,
        /// What.
        ask: Ask,
        /// Where the answer goes.
        reply: ReplyTo,
    },
    /// Another entity says something.
    Told(Tell),
    /// An [`EntityEffect::Read`] is answered.
    Answered {
        /// Its token.
        token: u64,
        /// What the store said.
        answer: Result<Found, StorageError>,
    },
    /// Rows up to here are durable.
    Applied {
        /// The highest durable seq of this entity.
        seq: u64,
    },
    /// A time asked for by [`EntityEffect::WakeAt`] has come.
    Woken,
}

/// What can be asked of an entity. A shard intercepts the positive answers to `Subscribe` and `Presence`: it keeps the listeners.
#[derive(Debug)]
pub enum Ask {
    /// An rpc or HTTP request.
    Request(Box<Request>),
    /// May the caller listen, from where on, and what was missed? Answer: [`Answer::Subscribed`].
    Subscribe(SubscribeAsk),
    /// A part of the stream. Answer: [`Answer::History`].
    History(History),
    /// May the caller see who is there? Answer: [`Answer::Allowed`].
    Presence,
    /// Which of these are members, for somebody who may read? Answer: [`Answer::Users`].
    Among(std::sync::Arc<[UserId]>),
    /// A publication into a topic. Answer: [`Answer::Published`]. (`publish` on a conversation arrives as `conversation.send`.)
    Publish {
        /// The payload.
        data: RawJson,
        /// The publisher as others see it.
        info: Option<Box<ClientInfo>>,
        /// What the topic's rule says.
        rule: TopicRule,
    },
}

/// How a listener wants to begin.
#[derive(Clone, Debug, Default)]
pub struct SubscribeAsk {
    /// Position to recover from.
    pub recover: Option<StreamPosition>,
    /// Refuse with `unrecoverable position` instead of `recovered: false`.
    pub strict: bool,
    /// The answer may be a long one: it is not gathered with others into one reply.
    pub long: bool,
    /// The topic's rule, for topics.
    pub rule: Option<TopicRule>,
    /// Whether a topic subscription asked to be recoverable or positioned, or its rule says so.
    pub recoverable: bool,
}

/// The part of a topic rule that the topic itself needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicRule {
    /// Publications kept.
    pub history_size: u32,
    /// Milliseconds that a publication is kept.
    pub history_ttl_ms: u64,
    /// Whether positions are given and recovered.
    pub recover: bool,
}

/// A position in a stream. An empty epoch is not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamPosition {
    /// The last offset seen.
    pub offset: u64,
    /// The epoch it belongs to.
    pub epoch: String,
}

/// Where a stream in memory stands that holds nothing: all that is left of it while its entity is not in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamMark {
    /// Its identity.
    pub epoch: NonZeroU64,
    /// Its last offset.
    pub top: u64,
}

/// What an entity answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A row stands.
    Appended(Appended),
    /// A conversation, and whether this request created it.
    Conversation {
        /// The conversation as the caller sees it.
        conversation: Box<Conversation>,
        /// True for a creation that made it.
        created: bool,
    },
    /// A page of conversations.
    Conversations(Page<Conversation>),
    /// A page of public conversations.
    PublicConversations(Page<PublicConversation>),
    /// A page of members.
    Members(Page<Member>),
    /// A page of messages.
    Messages(Page<Message>),
    /// A read marker.
    Marked(Marked),
    /// Some of the users that were asked about.
    Users(Vec<UserId>),
    /// Commands that work in a conversation.
    Commands(Page<Command>),
    /// A user.
    Profile(rialto_protocol::rpc::Profile),
    /// Done; there is nothing to say.
    Done,
    /// A subscription begins.
    Subscribed(Box<SubscribeResult>),
    /// A part of the stream.
    History(HistoryResult),
    /// Allowed.
    Allowed,
    /// Who is there, by connection id: what a shard makes of `Allowed`.
    Presence(std::collections::BTreeMap<String, ClientInfo>),
    /// How many are there: what a shard makes of `Allowed`.
    PresenceStats {
        /// Connections.
        clients: u32,
        /// Different users.
        users: u32,
    },
    /// Published.
    Published,
}

/// Bytes around the answer in the reply to an rpc, at most.
const RPC_REPLY_BYTES: usize = 36;

impl Answer {
    /// The whole WebSocket frame of the reply to this rpc.
    #[must_use]
    pub fn rpc_frame(&self, command: u32) -> Vec<u8> {
        ws_frame::text_of(RPC_REPLY_BYTES + Appended::JSON_BYTES, |out| write_rpc_reply(out, command, |out| self.write(out)))
    }

    /// Writes the answer's body as rpc and HTTP show it: JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        let written = match self {
            Self::Appended(appended) => return appended.write(out),
            Self::Conversation { conversation, .. } => serde_json::to_writer(out, conversation),
            Self::Conversations(page) => serde_json::to_writer(out, page),
            Self::PublicConversations(page) => serde_json::to_writer(out, page),
            Self::Members(page) => serde_json::to_writer(out, page),
            Self::Messages(page) => serde_json::to_writer(out, page),
            Self::Marked(marked) => serde_json::to_writer(out, marked),
            Self::Users(users) => serde_json::to_writer(out, users),
            Self::Commands(page) => serde_json::to_writer(out, page),
            Self::Profile(profile) => serde_json::to_writer(out, profile),
            Self::Subscribed(result) => serde_json::to_writer(out, result),
            Self::History(history) => serde_json::to_writer(out, history),
            Self::Presence(presence) => serde_json::to_writer(out, presence),
            Self::PresenceStats { .. } | Self::Done | Self::Allowed | Self::Published => return out.extend_from_slice(b"{}"),
        };
        written.expect("these types have string keys and no failing serialiser");
    }
}

/// What entities say to each other. Soft: a lost one is healed by the next, or by loading the list.
#[derive(Clone, Debug)]
pub enum Tell {
    /// A conversation says to a member that there is news.
    Changed {
        /// Which conversation.
        conversation: ConversationId,
        /// Its last message.
        last: Option<Box<Message>>,
        /// Messages so far.
        ordinal: u64,
        /// Of these, the member's own.
        own: u64,
    },
    /// A conversation says that the user is a member from now on.
    Added {
        /// Which conversation.
        conversation: ConversationId,
    },
    /// A conversation says that the user is no longer a member.
    Removed {
        /// Which conversation.
        conversation: ConversationId,
    },
    /// A conversation says how far the user has read.
    Read {
        /// Which conversation.
        conversation: ConversationId,
        /// The marker that stands.
        mark: ReadMark,
    },
}

/// All that an entity can want. Of a log-backed entity the shard holds everything but `Append`, `Read` and `WakeAt` until the rows appended before it are durable, and keeps the order.
#[derive(Debug)]
pub enum EntityEffect {
    /// Make this row durable. Its seq is the entity's next one.
    Append(Row),
    /// Answer.
    Reply {
        /// To whom.
        to: ReplyTo,
        /// With what.
        answer: Result<Answer, Refusal>,
    },
    /// Send an event to everybody who listens.
    Publish {
        /// The event, JSON text.
        data: Bytes,
        /// Its position; 0 = ephemeral.
        offset: u64,
        /// The publisher, for topics.
        info: Option<Box<ClientInfo>>,
    },
    /// Ask the store. The answer comes as [`EntityInput::Answered`] with the same token; other inputs may come before it.
    Read {
        /// Chosen by the entity.
        token: u64,
        /// What to read.
        query: Query,
    },
    /// Say something to another entity.
    Tell {
        /// To whom.
        user: UserId,
        /// What.
        tell: Tell,
    },
    /// End all subscriptions of a user to this channel (code 2000): membership is over.
    Unsubscribe {
        /// Whose.
        user: UserId,
    },
    /// Wake me at this monotonic time, or earlier; replaces an earlier wish.
    WakeAt {
        /// Monotonic milliseconds.
        mono_ms: u64,
    },
    /// Store this state, folded up to a durable row.
    Snapshot(Snapshot),
    /// Nothing is pending in me: I may leave memory whenever the shard wants (it keeps me while I have rows that are not durable, or while it thinks I am in use).
    Idle,
    /// As [`EntityEffect::Idle`], of a stream in memory that holds nothing: while somebody listens, [`EntityInput::Activated`] brings this back.
    Rest(StreamMark),
}

/// A question to the store about this entity.
#[derive(Clone, Debug)]
pub enum Query {
    /// A range of its rows. → [`Found::Rows`]
    Rows(RowRange),
    /// Where a sender's id stands. → [`Found::Position`]
    Find {
        /// The key.
        sender: RowSender,
        /// How far back; `None` = the newest two parts.
        not_before_ms: Option<u64>,
    },
    /// Messages with what changed them. → [`Found::Messages`]
    Messages(MessageRange),
    /// Which of these users exist. → [`Found::Users`]
    Users(Vec<UserId>),
    /// A list of conversations. → [`Found::List`]
    List {
        /// Whose.
        whose: Whose,
        /// Behind which entry.
        after: Option<ListPosition>,
        /// How many.
        limit: usize,
    },
    /// A read marker. → [`Found::Mark`]
    Mark {
        /// Whose.
        user: UserId,
        /// Where.
        conversation: ConversationId,
    },
    /// Move a read marker forward. → [`Found::Mark`], the one that stands.
    Advance {
        /// Whose.
        user: UserId,
        /// Where.
        conversation: ConversationId,
        /// To.
        mark: ReadMark,
    },
}

/// The store's answer to a [`Query`].
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each answers the query that names it")]
pub enum Found {
    Rows(Vec<Row>),
    Position(Option<Position>),
    Messages(Vec<MessageRows>),
    Users(Vec<UserId>),
    List(Vec<(ListPosition, Summary)>, bool),
    Mark(ReadMark),
}
