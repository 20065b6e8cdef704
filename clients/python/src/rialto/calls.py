"""Conversations and users: one method for each rpc."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

from .protocol.types import (
    Appended,
    BotCommand,
    ClientId,
    Command,
    Conversation,
    ConversationId,
    ConversationKind,
    Marked,
    Member,
    Message,
    Page,
    Profile,
    PublicConversation,
    Role,
    UserId,
)
from .requests import Retry


class Calls(ABC):
    """All raise `RialtoError`. Those that append wait for the durable acknowledgement, and are repeated with the same id until it comes.

    Everywhere, `timeout` is in seconds with all attempts, reconnects included (`Settings.request_seconds` by default), and
    whoever is cancelled gives the call up: what was sent already may have taken effect. `client_id` makes a repeat harmless:
    1 to 64 visible ASCII characters, the same for the same thing said; one is made when none is given. Give one that
    outlives the program to be safe over its restarts.
    """

    @abstractmethod
    async def remote(self, method: str, body: Callable[[], object], retry: Retry, timeout: float | None) -> Any:
        """Makes a call of the server; not for callers."""

    @abstractmethod
    def new_client_id(self) -> ClientId:
        """A new id for something that appends: a UUIDv7 dated by the server's clock."""

    async def send(
        self,
        conversation: ConversationId,
        text: str,
        *,
        reply_to: int | None = None,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Says something; `reply_to` is the offset of the message that it answers."""
        fields = {"conversation": conversation, "text": text} | _given(reply_to=reply_to)
        return await self._append("conversation.send", fields, client_id, timeout)

    async def reply(
        self,
        conversation: ConversationId,
        to: int,
        text: str,
        *,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Says something in answer to the message at offset `to`."""
        return await self.send(conversation, text, reply_to=to, client_id=client_id, timeout=timeout)

    async def edit(
        self,
        conversation: ConversationId,
        target: int,
        text: str,
        *,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Replaces the text of one's own message."""
        fields = {"conversation": conversation, "target": target, "text": text}
        return await self._append("conversation.edit", fields, client_id, timeout)

    async def delete(
        self,
        conversation: ConversationId,
        target: int,
        *,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Takes a message back."""
        fields = {"conversation": conversation, "target": target}
        return await self._append("conversation.delete", fields, client_id, timeout)

    async def react(
        self,
        conversation: ConversationId,
        target: int,
        emoji: str,
        *,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Adds a reaction."""
        fields = {"conversation": conversation, "target": target, "emoji": emoji}
        return await self._append("conversation.react", fields, client_id, timeout)

    async def unreact(
        self,
        conversation: ConversationId,
        target: int,
        emoji: str,
        *,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Takes a reaction back."""
        fields = {"conversation": conversation, "target": target, "emoji": emoji}
        return await self._append("conversation.unreact", fields, client_id, timeout)

    async def join(self, conversation: ConversationId, *, client_id: ClientId | None = None, timeout: float | None = None) -> Appended:
        """Joins a public conversation."""
        return await self._append("conversation.join", {"conversation": conversation}, client_id, timeout)

    async def leave(self, conversation: ConversationId, *, client_id: ClientId | None = None, timeout: float | None = None) -> Appended:
        """Leaves a conversation."""
        return await self._append("conversation.leave", {"conversation": conversation}, client_id, timeout)

    async def invite(
        self,
        conversation: ConversationId,
        users: Sequence[UserId],
        *,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Adds members."""
        fields = {"conversation": conversation, "users": list(users)}
        return await self._append("conversation.invite", fields, client_id, timeout)

    async def remove(
        self,
        conversation: ConversationId,
        user: UserId,
        *,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Removes a member."""
        fields = {"conversation": conversation, "user": user}
        return await self._append("conversation.remove", fields, client_id, timeout)

    async def set_role(
        self,
        conversation: ConversationId,
        user: UserId,
        role: Role,
        *,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Changes a member's role."""
        fields = {"conversation": conversation, "user": user, "role": role}
        return await self._append("conversation.set_role", fields, client_id, timeout)

    async def set_title(
        self,
        conversation: ConversationId,
        title: str,
        *,
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Appended:
        """Changes the title."""
        fields = {"conversation": conversation, "title": title}
        return await self._append("conversation.set", fields, client_id, timeout)

    async def create(
        self,
        kind: ConversationKind,
        *,
        title: str | None = None,
        members: Sequence[UserId] = (),
        client_id: ClientId | None = None,
        timeout: float | None = None,
    ) -> Conversation:
        """Creates a conversation; `members` are the first ones besides oneself, exactly one for a direct conversation.

        A repeat with the same `client_id` meets the same one, and so does a second direct one with the same person.
        """
        fields = {"kind": kind} | _given(title=title, members=list(members) or None)
        return cast(Conversation, await self._append("conversation.create", fields, client_id, timeout))

    async def list(self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None) -> Page[Conversation]:
        """One page of one's own conversations, most recently active first."""
        body = _given(limit=limit, cursor=cursor)
        return cast(Page[Conversation], await self.remote("conversation.list", lambda: body, "safe", timeout))

    async def list_all(self) -> AsyncIterator[Conversation]:
        """All of one's own conversations, page by page as they are asked for."""
        cursor: str | None = None
        while True:
            page = await self.list(cursor=cursor)
            for conversation in page["items"]:
                yield conversation
            cursor = page["next"]
            if cursor is None:
                return

    async def conversation(self, conversation: ConversationId, *, timeout: float | None = None) -> Conversation:
        """One conversation."""
        body = {"conversation": conversation}
        return cast(Conversation, await self.remote("conversation.get", lambda: body, "safe", timeout))

    async def members(
        self,
        conversation: ConversationId,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        timeout: float | None = None,
    ) -> Page[Member]:
        """One page of a conversation's members."""
        body = {"conversation": conversation} | _given(limit=limit, cursor=cursor)
        return cast(Page[Member], await self.remote("conversation.members", lambda: body, "safe", timeout))

    async def commands(self, conversation: ConversationId, *, timeout: float | None = None) -> Page[Command]:
        """Slash commands of the bots in a conversation, in order of name."""
        body = {"conversation": conversation}
        return cast(Page[Command], await self.remote("conversation.commands", lambda: body, "safe", timeout))

    async def set_commands(self, commands: Sequence[BotCommand], *, timeout: float | None = None) -> None:
        """Replaces one's own slash commands: bots only."""
        await self.remote("bot.set_commands", lambda: {"commands": commands}, "safe", timeout)

    async def messages(
        self,
        conversation: ConversationId,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> Page[Message]:
        """One page of messages with edits and reactions folded in, ascending; without `before` and `after` the newest."""
        body = {"conversation": conversation} | _given(before=before, after=after, limit=limit)
        return cast(Page[Message], await self.remote("conversation.messages", lambda: body, "safe", timeout))

    async def mark_read(self, conversation: ConversationId, offset: int, *, timeout: float | None = None) -> Marked:
        """Moves one's own read marker on; it never moves back."""
        body = {"conversation": conversation, "offset": offset}
        return cast(Marked, await self.remote("conversation.mark_read", lambda: body, "safe", timeout))

    async def typing(self, conversation: ConversationId, *, timeout: float | None = None) -> None:
        """Shows the others that one is typing. Worth nothing later: raises at once without a connection."""
        await self.remote("conversation.typing", lambda: {"conversation": conversation}, "ephemeral", timeout)

    async def me(self, *, timeout: float | None = None) -> Profile:
        """Oneself."""
        return cast(Profile, await self.remote("user.me", dict, "safe", timeout))

    async def user(self, user: UserId, *, timeout: float | None = None) -> Profile:
        """A user by id."""
        return cast(Profile, await self.remote("user.get", lambda: {"user": user}, "safe", timeout))

    async def find_user(self, username: str, *, timeout: float | None = None) -> Profile:
        """A user by exact name, in any case."""
        return cast(Profile, await self.remote("user.find", lambda: {"username": username}, "safe", timeout))

    async def set_profile(self, *, display_name: str, timeout: float | None = None) -> Profile:
        """Changes what people read of oneself."""
        return cast(Profile, await self.remote("user.set", lambda: {"display_name": display_name}, "safe", timeout))

    async def browse(
        self, *, title: str | None = None, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Page[PublicConversation]:
        """Public conversations, most recently active first; `title` leaves those that have it in theirs, in any case."""
        body = _given(title=title, limit=limit, cursor=cursor)
        return cast(Page[PublicConversation], await self.remote("conversation.browse", lambda: body, "safe", timeout))

    async def _append(self, method: str, fields: dict[str, Any], client_id: ClientId | None, timeout: float | None) -> Appended:
        def body() -> dict[str, Any]:
            # In the field order of the golden frames: conversation, id, the rest.
            number = self.new_client_id() if client_id is None else client_id
            first = {"conversation": fields["conversation"]} if "conversation" in fields else {}
            return {**first, "client_id": number, **fields}

        return cast(Appended, await self.remote(method, body, "safe", timeout))


def _given(**fields: Any) -> dict[str, Any]:
    """What is absent is left out."""
    return {name: value for name, value in fields.items() if value is not None}
