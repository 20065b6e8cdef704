"""Somebody at a test server, who acts at once and needs no client."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..protocol.types import ConversationId, ConversationKind, Message, Profile

if TYPE_CHECKING:
    from .server import TestServer

# How long something that a test waits for may take, in seconds of the event loop.
PATIENCE_SECONDS = 3_600.0


class Person:
    """What they do happens at once; what they wait for may take some time."""

    def __init__(self, server: TestServer, profile: Profile) -> None:
        self.id = profile["id"]
        self.username = profile["username"]
        self._server = server

    @property
    def token(self) -> str:
        """The access token."""
        return f"test:{self.id}"

    def creates(self, kind: ConversationKind, title: str | None = None, others: Sequence[Person] = ()) -> ConversationId:
        """Makes a conversation; answers its id."""
        named = {} if title is None else {"title": title}
        return self._server.create(self.id, {"kind": kind, "members": [other.id for other in others], **named}).id

    def says(self, conversation: ConversationId, text: str, reply_to: int | None = None) -> int:
        """Says something; answers the message's place."""
        answered = {} if reply_to is None else {"reply_to": reply_to}
        offset: int = self._does("send", conversation, text=text, **answered)["offset"]
        return offset

    def reacts(self, conversation: ConversationId, target: int, emoji: str) -> None:
        """Adds a reaction."""
        self._does("react", conversation, target=target, emoji=emoji)

    def invites(self, conversation: ConversationId, others: Sequence[Person]) -> None:
        """Adds members."""
        self._does("invite", conversation, users=[other.id for other in others])

    def removes(self, conversation: ConversationId, other: Person) -> None:
        """Removes a member."""
        self._does("remove", conversation, user=other.id)

    def reads(self, conversation: ConversationId) -> list[Message]:
        """Everything that stands in a conversation."""
        return list(self._server.conversation(conversation).messages)

    def texts_of(self, conversation: ConversationId, sender: Person) -> list[str]:
        """What somebody said there."""
        return [message["text"] for message in self.reads(conversation) if message["sender"] == sender.id]

    def direct_with(self, other: Person) -> ConversationId:
        """The direct conversation with somebody: the one that stands, or a new one."""
        return self.creates("direct", None, [other])

    async def hears(self, conversation: ConversationId, wanted: str | re.Pattern[str], *, after: int = 0) -> Message:
        """Waits for a message of somebody else that fits, behind this place; fails when none comes."""

        def fits(message: Message) -> bool:
            if message["sender"] == self.id or message["offset"] <= after:
                return False
            return message["text"] == wanted if isinstance(wanted, str) else wanted.search(message["text"]) is not None

        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._server.until(lambda: next(filter(fits, self.reads(conversation)), None))

    def _does(self, verb: str, conversation: ConversationId, **fields: Any) -> Any:
        body = {"conversation": conversation, "client_id": str(uuid.uuid4()), **fields}
        return self._server.call(f"conversation.{verb}", self.id, body)
