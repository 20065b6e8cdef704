"""What a client is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from .protocol.codes import CONVERSATION_EVENTS, INBOX_EVENTS
from .protocol.types import (
    ClientInfo,
    ConversationEvent,
    ConversationId,
    InboxEvent,
    Publication,
    UserId,
)
from .state import ConnectionState, Position, Reason


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The channel is being listened to, for the first time or again; what was missed follows as events.

    `was_recovering and not recovered` means that some of it is lost: load the state again (`messages`, `list`).
    """

    channel: str
    was_recovering: bool
    recovered: bool
    position: Position
    by_server: bool


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The channel is no longer listened to: an unsubscribe code (2000 and above) or the error code of a refused subscribe."""

    channel: str
    reason: Reason
    will_retry: bool


@dataclass(frozen=True, slots=True)
class ConversationPublication:
    """An event of a conversation. `offset` is its row; ephemeral events (typing) have none."""

    channel: str
    conversation: ConversationId
    offset: int | None
    event: ConversationEvent


@dataclass(frozen=True, slots=True)
class InboxPublication:
    """An event of the user's own inbox."""

    channel: str
    user: UserId
    offset: int | None
    event: InboxEvent


@dataclass(frozen=True, slots=True)
class TopicPublication:
    """A publication in a free topic."""

    channel: str
    offset: int | None
    data: Any
    info: ClientInfo | None


@dataclass(frozen=True, slots=True)
class UnknownPublication:
    """An event of a kind that this version does not know."""

    channel: str
    offset: int | None
    data: Any


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody subscribed to a channel that tells."""

    channel: str
    info: ClientInfo


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody left a channel that tells."""

    channel: str
    info: ClientInfo


@dataclass(frozen=True, slots=True)
class Gap:
    """Publications of a channel that cannot be asked for again are missing: load its state again.

    Other channels heal by themselves.
    """

    channel: str
    after: int
    before: int


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The connection changed."""

    state: ConnectionState


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """The server sent this connection a message of its own."""

    data: Any


PublicationEvent: TypeAlias = ConversationPublication | InboxPublication | TopicPublication | UnknownPublication
"""What a publication is, by its channel."""

ChannelEvent: TypeAlias = Subscribed | Unsubscribed | PublicationEvent | Joined | Left | Gap
"""What happened on one channel. Later versions may have more: let `match` have a default."""

ClientEvent: TypeAlias = ChannelEvent | StateChanged | ServerMessage
"""What happened to a client."""

CONVERSATION: Final = "conversation:"
USER: Final = "user:"


def conversation_channel(conversation: ConversationId) -> str:
    """The channel of a conversation."""
    return CONVERSATION + conversation


def conversation_of(channel: str) -> ConversationId | None:
    """The conversation of a channel, if it is one's."""
    return channel.removeprefix(CONVERSATION) if channel.startswith(CONVERSATION) else None


def event_of(channel: str, publication: Publication) -> PublicationEvent:
    """The typed event of a publication."""
    data = publication["data"]
    offset = publication.get("offset") or None
    kind = data.get("type") if isinstance(data, dict) else None
    if not isinstance(kind, str):
        kind = ""
    if channel.startswith(CONVERSATION):
        if kind not in CONVERSATION_EVENTS:
            return UnknownPublication(channel, offset, data)
        return ConversationPublication(channel, channel.removeprefix(CONVERSATION), offset, cast(ConversationEvent, data))
    if channel.startswith(USER):
        if kind not in INBOX_EVENTS:
            return UnknownPublication(channel, offset, data)
        return InboxPublication(channel, channel.removeprefix(USER), offset, cast(InboxEvent, data))
    return TopicPublication(channel, offset, data, publication.get("info"))
