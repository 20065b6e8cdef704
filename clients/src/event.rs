//! What a client hears: typed events, bounded streams of them.

mod stream;

use rialto_protocol::channel::Channel;
use rialto_protocol::event::{ConversationEvent, InboxEvent};
use rialto_protocol::reply::{ClientInfo, Publication, RawJson};
use rialto_protocol::{ConversationId, UserId};

pub use self::stream::Events;
pub(crate) use self::stream::Hub;
use crate::state::{ConnectionState, Position, Reason};

/// Something that happened. Later versions may have more kinds: match with a wildcard.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The connection changed.
    State(ConnectionState),
    /// A channel is being listened to, for the first time or again. `was_recovering && !recovered` means that publications are missing between the
    /// last one seen and `position`: load the state again (`messages`, `list`).
    Subscribed {
        /// The channel.
        channel: String,
        /// Whether a resume was tried.
        was_recovering: bool,
        /// Whether nothing is missing; what was missed follows as events.
        recovered: bool,
        /// Where the stream stands.
        position: Position,
        /// True for a subscription that the server made, such as the inbox.
        by_server: bool,
    },
    /// A channel is no longer listened to.
    Unsubscribed {
        /// The channel.
        channel: String,
        /// Why: an unsubscribe code (2000 and above) or the error code of a refused subscribe.
        reason: Reason,
        /// Whether the client subscribes again by itself.
        will_retry: bool,
    },
    /// An event of a conversation. `offset` is its row; ephemeral events (typing) have none.
    Conversation {
        /// Which one.
        conversation: ConversationId,
        /// The row.
        offset: Option<u64>,
        /// What happened.
        event: ConversationEvent,
    },
    /// An event of the user's own inbox.
    Inbox {
        /// Whose.
        user: UserId,
        /// Its place in the inbox's stream.
        offset: Option<u64>,
        /// What happened.
        event: InboxEvent,
    },
    /// A publication in a free topic.
    Publication {
        /// The topic.
        channel: String,
        /// Its place in the topic's stream, where it has one.
        offset: Option<u64>,
        /// The payload.
        data: RawJson,
        /// Who published it, if it was a client.
        info: Option<ClientInfo>,
    },
    /// An event of a kind that this version does not know.
    Unknown {
        /// The channel.
        channel: String,
        /// Its place in the stream, where it has one.
        offset: Option<u64>,
        /// The payload.
        data: RawJson,
    },
    /// Somebody subscribed to a channel that tells.
    Joined {
        /// The channel.
        channel: String,
        /// Who.
        info: ClientInfo,
    },
    /// Somebody left a channel that tells.
    Left {
        /// The channel.
        channel: String,
        /// Who.
        info: ClientInfo,
    },
    /// The server sent this connection a message of its own.
    Message {
        /// The payload.
        data: RawJson,
    },
    /// Publications of a channel that cannot be asked for again are missing: load its state again. (Other channels heal by themselves.)
    Gap {
        /// The channel.
        channel: String,
        /// The last offset seen.
        after: u64,
        /// The next one that came.
        before: u64,
    },
    /// This stream of events was read too slowly: so many of the oldest are gone.
    Lagged {
        /// How many.
        missed: u64,
    },
}

impl Event {
    /// The typed event of a publication.
    pub(crate) fn of(channel: &str, publication: Publication) -> Self {
        let Publication { data, info, offset } = publication;
        let offset = (offset != 0).then_some(offset);
        match Channel::parse(channel) {
            Ok(Channel::Conversation(conversation)) => match serde_json::from_str(data.get()) {
                Ok(event) => Self::Conversation { conversation, offset, event },
                Err(_) => Self::Unknown { channel: channel.to_owned(), offset, data },
            },
            Ok(Channel::User(user)) => match serde_json::from_str(data.get()) {
                Ok(event) => Self::Inbox { user, offset, event },
                Err(_) => Self::Unknown { channel: channel.to_owned(), offset, data },
            },
            Ok(Channel::Topic(_)) => Self::Publication { channel: channel.to_owned(), offset, data, info },
            Err(_) => Self::Unknown { channel: channel.to_owned(), offset, data },
        }
    }
}
