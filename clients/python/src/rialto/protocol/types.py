"""Bodies, events and frames. Made from the protocol crate's schemas by its test `typescript`; do not edit."""

from __future__ import annotations

from typing import Any, Generic, Literal, NotRequired, TypeAlias, TypedDict, TypeVar

T = TypeVar("T")

ClientId: TypeAlias = str

# A conversation: UUIDv7, or UUIDv5 where it is derived (a direct pair; a creation with a `client_id`), so that creating twice meets the same entity.
ConversationId: TypeAlias = str

# What a conversation is for.
ConversationKind: TypeAlias = Literal["direct"] | Literal["group"] | Literal["public"]

# How an option is written.
OptionKind: TypeAlias = Literal["integer", "number"] | Literal["text"] | Literal["rest"] | Literal["list"] | Literal["flag"] | Literal["choice"] | Literal["user"]

# What a member may do. The numbers are stored: never reuse one.
Role: TypeAlias = Literal["member"] | Literal["admin"] | Literal["owner"]

# A person or a bot: UUIDv7 for our own accounts, UUIDv5 of issuer and subject for those of other issuers.
UserId: TypeAlias = str


class Page(TypedDict, Generic[T]):
    """One page of a list."""

    # The items.
    items: list[T]
    # Cursor of the page after this one; null at the end.
    next: str | None


class Appended(TypedDict):
    """Answer to everything that appends."""

    # True when an earlier request with the same `client_id` made this row.
    duplicate: bool
    # The channel's epoch.
    epoch: str
    # The row's offset: of the last one where a request makes several.
    offset: int
    # Row time, milliseconds since 1970.
    time: int


class BotCommand(TypedDict):
    """One command of a bot."""

    # For people, at most 200 bytes.
    description: NotRequired[str]
    # What is written behind the `/`, unique in its bot: 1 to 32 lower-case letters, digits, `_`, `-`.
    name: str
    # Its options, at most 16.
    options: NotRequired[list[CommandOption]]


class BrowseConversations(TypedDict):
    """`conversation.browse`: public conversations, most recently active first."""

    # `next` of the page before.
    cursor: NotRequired[str]
    # Items wanted.
    limit: NotRequired[int]
    # Only those whose title has this in it, in any case.
    title: NotRequired[str]


class ClientInfo(TypedDict):
    """Who published, joined or is present."""

    # `info` of the subscription's token, raw JSON.
    chan_info: NotRequired[Any]
    # Connection id.
    client: str
    # `info` of the connection's token, raw JSON.
    conn_info: NotRequired[Any]
    # User id; empty for an anonymous connection.
    user: str


class Command(TypedDict):
    """A command that works in a conversation."""

    # Whose it is.
    bot: UserId
    # For people.
    description: str
    # What is written behind the `/`.
    name: str
    # Its options.
    options: list[CommandOption]


class CommandOption(TypedDict):
    """One option of a command, in the order in which it is written."""

    # The words of a choice, at most 25.
    choices: NotRequired[list[str]]
    # For people, at most 200 bytes.
    description: NotRequired[str]
    # How it is written.
    kind: OptionKind
    # Unique in its command: 1 to 32 letters, digits, `_`, `-`.
    name: str
    # Whether it must be given.
    required: NotRequired[bool]


class ConnectResult(TypedDict):
    """Body of a `connect` reply."""

    # The connection's id.
    client: str
    # Whether the connection ends unless refreshed.
    expires: NotRequired[bool]
    # The node.
    node: NotRequired[str]
    # Seconds between pings.
    ping: NotRequired[int]
    # Whether pings want pongs.
    pong: NotRequired[bool]
    # The session, for emulated transports.
    session: NotRequired[str]
    # Server-side subscriptions.
    subs: NotRequired[dict[str, SubscribeResult]]
    # The server's clock, milliseconds since 1970: SDKs date their ids by it.
    time: NotRequired[int]
    # Seconds until it does.
    ttl: NotRequired[int]
    # Our version. Not read by clients.
    version: str


class Conversation(TypedDict):
    """One conversation as its caller sees it."""

    # When it was created, milliseconds since 1970.
    created: int
    # The channel's epoch.
    epoch: str
    # Its id.
    id: ConversationId
    # Direct, group or public.
    kind: ConversationKind
    # The newest message.
    last: NotRequired[Message]
    # How many members there are.
    member_count: int
    # Members, at most the first 100; `conversation.members` pages all.
    members: list[UserId]
    # The newest row's offset.
    offset: int
    # The caller's read marker: the last offset read, 0 at first.
    read: int
    # The caller's role; absent for a public conversation that the caller has not joined.
    role: NotRequired[Role]
    # The title, if any.
    title: NotRequired[str]
    # Messages of others behind the caller's read marker.
    unread: int


class ConversationChanged(TypedDict):
    """Body of `conversation_changed`."""

    # Which one.
    conversation: ConversationId
    # Its last message.
    last: NotRequired[Message]
    # Messages of others that I have not read.
    unread: int


class ConversationCreated(TypedDict):
    """Body of `conversation_created`."""

    # The creator, who owns a group or public conversation.
    by: UserId
    # Direct, group or public.
    kind: ConversationKind
    # All first members, the creator included and first.
    members: list[UserId]
    # The title, if any.
    title: NotRequired[str]


class ConversationNamed(TypedDict):
    """Body of `conversation_added` and `conversation_removed`."""

    # Which one.
    conversation: ConversationId


class CreateConversation(TypedDict):
    """`conversation.create`, `POST /v1/conversations`."""

    # Makes a repeat of this creation return the first one's conversation.
    client_id: NotRequired[ClientId]
    # Direct, group or public.
    kind: ConversationKind
    # First members besides the creator; exactly one for a direct conversation.
    members: NotRequired[list[UserId]]
    # For a group or public conversation.
    title: NotRequired[str]


class DeleteMessage(TypedDict):
    """`conversation.delete`: one's own message, or anyone's for an admin."""

    # The sender's id of this deletion.
    client_id: ClientId
    # Which one.
    conversation: ConversationId
    # Offset of the message.
    target: int


class EditMessage(TypedDict):
    """`conversation.edit`: one's own message."""

    # The sender's id of this edit.
    client_id: ClientId
    # Which one.
    conversation: ConversationId
    # Offset of the message.
    target: int
    # The new text.
    text: str


class FindUser(TypedDict):
    """`user.find`."""

    # The exact user name, in any case.
    username: str


class GetUser(TypedDict):
    """`user.get`."""

    # Whom.
    user: UserId


class HistoryResult(TypedDict):
    """Body of a `history` reply."""

    # The stream's epoch.
    epoch: NotRequired[str]
    # The stream's top.
    offset: NotRequired[int]
    # The publications asked for.
    publications: NotRequired[list[Publication]]


class Invite(TypedDict):
    """`conversation.invite`: adds members to a group or public conversation."""

    # The sender's id of this change.
    client_id: ClientId
    # Which one.
    conversation: ConversationId
    # Whom.
    users: list[UserId]


class JoinOrLeave(TypedDict):
    """`conversation.join`, `conversation.leave`."""

    # The sender's id of this change.
    client_id: ClientId
    # Which one.
    conversation: ConversationId


class ListConversations(TypedDict):
    """`conversation.list`, `GET /v1/conversations`: most recently active first."""

    # `next` of the page before.
    cursor: NotRequired[str]
    # Items wanted.
    limit: NotRequired[int]


class ListMembers(TypedDict):
    """`conversation.members`."""

    # Which one.
    conversation: ConversationId
    # `next` of the page before.
    cursor: NotRequired[str]
    # Items wanted.
    limit: NotRequired[int]


class ListMessages(TypedDict):
    """`conversation.messages`: ascending; without `before` and `after` the newest page."""

    # Only offsets above.
    after: NotRequired[int]
    # Only offsets below.
    before: NotRequired[int]
    # Which one.
    conversation: ConversationId
    # Items wanted.
    limit: NotRequired[int]


class MarkRead(TypedDict):
    """`conversation.mark_read`: everything up to `offset`; never moves back."""

    # Which one.
    conversation: ConversationId
    # The last offset read.
    offset: int


class Marked(TypedDict):
    """Answer of `conversation.mark_read`."""

    # The marker now; a later one than asked for when another device was ahead.
    offset: int
    # Messages of others behind it.
    unread: int


class Member(TypedDict):
    """One member."""

    # As what.
    role: Role
    # Who.
    user: UserId


class Membership(TypedDict):
    """Body of `member_joined`, `member_left`, `member_removed` and `role_changed`."""

    # Who did it.
    by: UserId
    # The role from now on, for a join or a change.
    role: NotRequired[Role]
    # Whose membership changed.
    user: UserId


class Message(TypedDict):
    """A message with its edits and reactions folded in."""

    # The sender's id of it: lets an SDK match its own optimistic copy.
    client_id: ClientId
    # True when it was taken back.
    deleted: NotRequired[bool]
    # True when the text was replaced.
    edited: NotRequired[bool]
    # Its row.
    offset: int
    # Who reacted with what.
    reactions: dict[str, list[UserId]]
    # Offset of the message that it answers.
    reply_to: NotRequired[int]
    # Who sent it.
    sender: UserId
    # The current text; empty when deleted.
    text: str
    # When it was sent, milliseconds since 1970.
    time: int


class MessageDeleted(TypedDict):
    """Body of `message_deleted`."""

    # Who deleted it.
    by: UserId
    # The offset of the message.
    target: int


class MessageEdited(TypedDict):
    """Body of `message_edited`."""

    # Who edited it.
    by: UserId
    # The offset of the message.
    target: int
    # The new text.
    text: str


class MessageSent(TypedDict):
    """Body of `message`."""

    # The sender's id of it.
    client_id: ClientId
    # The offset of the message that it answers.
    reply_to: NotRequired[int]
    # Who sent it.
    sender: UserId
    # The text.
    text: str
    # When the server took it, milliseconds since 1970.
    time: int


class OneConversation(TypedDict):
    """A request that names only the conversation: `conversation.get`, `conversation.typing`, `conversation.commands`."""

    # Which one.
    conversation: ConversationId


class Profile(TypedDict):
    """A user as others see one."""

    # What people read.
    display_name: str
    # The id.
    id: UserId
    # The unique name; guests and users of other issuers have a made one.
    username: str


class PublicConversation(TypedDict):
    """What anybody may know of a public conversation."""

    # When something was last said, milliseconds since 1970.
    active: int
    # Its id: `conversation.join` takes it.
    id: ConversationId
    # How many members there are.
    member_count: int
    # The title, if any.
    title: NotRequired[str]


class Publication(TypedDict):
    """One publication: of a push, a history answer or a recovery."""

    # The payload, raw JSON.
    data: Any
    # The publisher, if it was a client of a topic.
    info: NotRequired[ClientInfo]
    # Position in the stream; 0 = none.
    offset: NotRequired[int]


class React(TypedDict):
    """`conversation.react`, `conversation.unreact`."""

    # The sender's id of this reaction.
    client_id: ClientId
    # Which one.
    conversation: ConversationId
    # The emoji: 1 to 64 bytes, no control characters or spaces.
    emoji: str
    # Offset of the message.
    target: int


class Reaction(TypedDict):
    """Body of `reaction_added` and `reaction_removed`."""

    # The emoji.
    emoji: str
    # The offset of the message.
    target: int
    # Whose reaction it is.
    user: UserId


class ReadUpTo(TypedDict):
    """Body of `read`."""

    # Which one.
    conversation: ConversationId
    # The last offset read.
    offset: int


class RefreshResult(TypedDict):
    """Body of a `refresh` or `sub_refresh` reply."""

    # The connection's id (`refresh` only).
    client: NotRequired[str]
    # Whether it ends unless refreshed again.
    expires: NotRequired[bool]
    # Seconds until it does.
    ttl: NotRequired[int]


class RemoveMember(TypedDict):
    """`conversation.remove`."""

    # The sender's id of this change.
    client_id: ClientId
    # Which one.
    conversation: ConversationId
    # Whom.
    user: UserId


class SendMessage(TypedDict):
    """`conversation.send`, `publish` on `conversation:<id>`."""

    # The sender's id of this message.
    client_id: ClientId
    # Which one.
    conversation: ConversationId
    # Offset of the message that this answers.
    reply_to: NotRequired[int]
    # The text: 1 byte to 32 KiB.
    text: str


class SetCommands(TypedDict):
    """`bot.set_commands`, `PUT /v1/bots/{id}/commands`: replaces all of the bot's commands, at most 100."""

    # All of them; none takes them away.
    commands: list[BotCommand]


class SetRole(TypedDict):
    """`conversation.set_role`."""

    # The sender's id of this change.
    client_id: ClientId
    # Which one.
    conversation: ConversationId
    # The role from now on.
    role: Role
    # Whose role.
    user: UserId


class SetSettings(TypedDict):
    """`conversation.set`: settings; only what is present changes."""

    # The sender's id of this change.
    client_id: ClientId
    # Which one.
    conversation: ConversationId
    # The new title.
    title: NotRequired[str]


class SetUser(TypedDict):
    """`user.set`: what people read of oneself."""

    # 1 to 64 characters.
    display_name: str


class SettingsChanged(TypedDict):
    """Body of `settings_changed`: only what changed is present."""

    # Who did it.
    by: UserId
    # The new title.
    title: NotRequired[str]


class SubscribeResult(TypedDict):
    """Body of a `subscribe` reply, of a server-side subscription, and of a subscribe push."""

    # The stream's epoch.
    epoch: NotRequired[str]
    # Whether the subscription ends unless refreshed.
    expires: NotRequired[bool]
    # On recovery the request's offset, else the stream's top.
    offset: NotRequired[int]
    # Whether the server checks positions.
    positioned: NotRequired[bool]
    # What was missed.
    publications: NotRequired[list[Publication]]
    # Whether a later subscribe may recover.
    recoverable: NotRequired[bool]
    # Whether nothing is missing.
    recovered: NotRequired[bool]
    # Seconds until it does.
    ttl: NotRequired[int]
    # Whether recovery was tried.
    was_recovering: NotRequired[bool]


class Typing(TypedDict):
    """Body of `typing`."""

    # Until when this holds unless renewed, milliseconds since 1970.
    until: int
    # Who is typing.
    user: UserId


class ConversationCreatedEvent(ConversationCreated):
    """`conversation_created`."""

    type: Literal["conversation_created"]


class MessageEvent(MessageSent):
    """`message`."""

    type: Literal["message"]


class MessageEditedEvent(MessageEdited):
    """`message_edited`."""

    type: Literal["message_edited"]


class MessageDeletedEvent(MessageDeleted):
    """`message_deleted`."""

    type: Literal["message_deleted"]


class ReactionAddedEvent(Reaction):
    """`reaction_added`."""

    type: Literal["reaction_added"]


class ReactionRemovedEvent(Reaction):
    """`reaction_removed`."""

    type: Literal["reaction_removed"]


class MemberJoinedEvent(Membership):
    """`member_joined`."""

    type: Literal["member_joined"]


class MemberLeftEvent(Membership):
    """`member_left`."""

    type: Literal["member_left"]


class MemberRemovedEvent(Membership):
    """`member_removed`."""

    type: Literal["member_removed"]


class RoleChangedEvent(Membership):
    """`role_changed`."""

    type: Literal["role_changed"]


class SettingsChangedEvent(SettingsChanged):
    """`settings_changed`."""

    type: Literal["settings_changed"]


class TypingEvent(Typing):
    """`typing`."""

    type: Literal["typing"]


# An event of `conversation:<id>`. Each but `Typing` is a row of the log; its `offset` is the row's number.
ConversationEvent: TypeAlias = ConversationCreatedEvent | MessageEvent | MessageEditedEvent | MessageDeletedEvent | ReactionAddedEvent | ReactionRemovedEvent | MemberJoinedEvent | MemberLeftEvent | MemberRemovedEvent | RoleChangedEvent | SettingsChangedEvent | TypingEvent


class ConversationChangedEvent(ConversationChanged):
    """`conversation_changed`."""

    type: Literal["conversation_changed"]


class ConversationAddedEvent(ConversationNamed):
    """`conversation_added`."""

    type: Literal["conversation_added"]


class ConversationRemovedEvent(ConversationNamed):
    """`conversation_removed`."""

    type: Literal["conversation_removed"]


class ReadEvent(ReadUpTo):
    """`read`."""

    type: Literal["read"]


# An event of the inbox `user:<id>`. Its stream lives in memory: `recovered: false` means load the list again.
InboxEvent: TypeAlias = ConversationChangedEvent | ConversationAddedEvent | ConversationRemovedEvent | ReadEvent
