//! What is derived from conversation rows so that lists and pages are plain reads, and the read markers.

use rialto_protocol::rpc::{ConversationKind, Role};
use rialto_protocol::{ConversationId, UserId};
use serde::{Deserialize, Serialize};

use crate::{Pending, Row};

/// How far a user has read. Only ever replaced by one with a higher `offset`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMark {
    /// The last row read.
    pub offset: u64,
    /// Messages up to it.
    pub ordinal: u64,
    /// The user's own messages up to it.
    pub own: u64,
}

/// The last message, folded: with its newest text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMessage {
    /// The message's row.
    pub row: Row,
    /// The rows that say what it is now, ascending: its newest edit, its deletion, and each reaction that stands. What they replaced is left out.
    pub overlay: Vec<Row>,
}

/// A conversation as its list entry for one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Which one.
    pub conversation: ConversationId,
    /// Its kind.
    pub kind: ConversationKind,
    /// Its title.
    pub title: Option<String>,
    /// Row time of its first row: part of its epoch.
    pub created_ms: u64,
    /// The newest row's seq.
    pub offset: u64,
    /// Messages so far.
    pub ordinal: u64,
    /// The user's role; `None` when not (or no longer) a member.
    pub role: Option<Role>,
    /// Messages that the user has sent here.
    pub own: u64,
    /// The user's read marker.
    pub mark: ReadMark,
    /// How many members there are.
    pub member_count: u64,
    /// The first members, at most [`rialto_protocol::limits::MEMBERS_SHOWN_MAX`].
    pub members: Vec<UserId>,
    /// The newest message.
    pub last: Option<LastMessage>,
}

/// Whose conversations a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those that a user is a member of.
    User(UserId),
    /// The public ones; of more than [`crate::limits::PUBLIC_LISTED_MAX`] any so many. Their summaries are nobody's: without role and marker.
    Public {
        /// Only those whose title has this in it, in any case.
        title: Option<String>,
    },
}

impl Whose {
    /// For whom the summaries are.
    pub(crate) fn reader(&self) -> UserId {
        match self {
            Self::User(user) => *user,
            Self::Public { .. } => EVERYBODY,
        }
    }

    /// Whether a conversation of this title belongs on the list.
    pub(crate) fn wants(&self, title: Option<&str>) -> bool {
        match self {
            Self::Public { title: Some(part) } => title.is_some_and(|title| title.to_lowercase().contains(&part.to_lowercase())),
            Self::User(_) | Self::Public { title: None } => true,
        }
    }
}

/// Under whom public conversations are indexed beside their members. Nobody has this id.
pub(crate) const EVERYBODY: UserId = UserId(uuid::Uuid::nil());

/// Place in a user's list: most recently active first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListPosition {
    /// Row time of the newest message, or of the creation.
    pub active_ms: u64,
    /// Tie-break.
    pub conversation: ConversationId,
}

/// A message's row with all that changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRows {
    /// The `message` row.
    pub row: Row,
    /// The rows that say what it is now, ascending: its newest edit, its deletion, and each reaction that stands. What they replaced is left out.
    pub overlay: Vec<Row>,
}

/// Which messages of a conversation: before xor after, both exclusive; neither = the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageRange {
    /// Only seqs below.
    pub before: Option<u64>,
    /// Only seqs above.
    pub after: Option<u64>,
    /// How many.
    pub limit: usize,
}

/// Reads over conversations, and read markers.
///
/// **Guarantees.** Where consumers are applied on append a read sees every applied row. A marker never moves back; once `advance` answers it is durable.
/// **Not guaranteed.** One instant for a whole list: entries are read one after another.
pub trait ConversationViews: Send + Sync {
    /// One page of somebody's, or of all public conversations after `after`, and whether there are more.
    fn list(&self, whose: Whose, after: Option<ListPosition>, limit: usize) -> Pending<(Vec<(ListPosition, Summary)>, bool)>;
    /// One conversation for one user, a member or not; `None` when it does not exist.
    fn summary(&self, conversation: ConversationId, user: UserId) -> Pending<Option<Summary>>;
    /// Messages of a range, ascending, each with what changed it.
    fn messages(&self, conversation: ConversationId, range: MessageRange) -> Pending<Vec<MessageRows>>;
    /// A user's marker in one conversation.
    fn mark(&self, user: UserId, conversation: ConversationId) -> Pending<ReadMark>;
    /// Moves a marker forward; answers the marker that stands (a later one stays).
    fn advance(&self, user: UserId, conversation: ConversationId, mark: ReadMark) -> Pending<ReadMark>;
}
