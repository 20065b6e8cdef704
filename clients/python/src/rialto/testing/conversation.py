"""One conversation of the test server: its rows, and everything else as a fold of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..protocol.types import (
    Appended,
    ClientId,
    Conversation,
    ConversationEvent,
    ConversationKind,
    Message,
    Role,
    UserId,
)
from .refusal import Refusal
from .stream import Stream

MEMBERS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Row:
    """What became of an append."""

    appended: Appended
    is_new: bool


class TestConversation:
    """Appends once for each sender and id."""

    __test__ = False

    def __init__(self, conversation: str, kind: ConversationKind, epoch: str, now: Callable[[], int]) -> None:
        self.id = conversation
        self.now = now
        """The server's clock."""
        self.kind: ConversationKind = kind
        self.title: str | None = None
        self.created = 0
        """Milliseconds since 1970."""
        self.stream = Stream(epoch)
        self.members: dict[UserId, Role] = {}
        self.messages: list[Message] = []
        self.read: dict[UserId, int] = {}
        self._appended: dict[tuple[UserId, ClientId], Appended] = {}

    def role_of(self, user: UserId) -> Role:
        """The caller's role; refuses whoever is no member."""
        role = self.members.get(user)
        if role is None:
            raise Refusal("not_a_member" if self.kind == "public" else "not_found")
        return role

    def known(self, sender: UserId, client_id: ClientId) -> Appended | None:
        """What an earlier request with this id made."""
        known = self._appended.get((sender, client_id))
        return None if known is None else {**known, "duplicate": True}

    def append(self, sender: UserId, client_id: ClientId, time: int, event: ConversationEvent) -> Row:
        """Adds a row, unless it stands already."""
        known = self.known(sender, client_id)
        if known is not None:
            return Row(known, is_new=False)
        offset = self.stream.push(event).get("offset", 0)
        if offset == 1:
            self.created = time
        self._fold(offset, event)
        appended: Appended = {"offset": offset, "epoch": self.stream.epoch, "time": time, "duplicate": False}
        self._appended[(sender, client_id)] = appended
        return Row(appended, is_new=True)

    def message(self, offset: int) -> Message:
        """A message that was not taken back."""
        for message in self.messages:
            if message["offset"] == offset and not message.get("deleted"):
                return message
        raise Refusal("not_found")

    def unread(self, user: UserId) -> int:
        """Messages of others behind the user's read marker."""
        marker = self.read.get(user, 0)
        return sum(1 for message in self.messages if message["offset"] > marker and message["sender"] != user)

    def seen_by(self, user: UserId) -> Conversation:
        """As this user sees it."""
        seen: Conversation = {
            "id": self.id,
            "kind": self.kind,
            "members": list(self.members)[:MEMBERS_SHOWN],
            "member_count": len(self.members),
            "created": self.created,
            "epoch": self.stream.epoch,
            "offset": self.stream.top,
            "unread": self.unread(user),
            "read": self.read.get(user, 0),
        }
        if self.title is not None:
            seen["title"] = self.title
        if user in self.members:
            seen["role"] = self.members[user]
        if self.messages:
            seen["last"] = self.messages[-1]
        return seen

    def _fold(self, offset: int, event: ConversationEvent) -> None:
        if event["type"] == "conversation_created":
            self.title = event.get("title")
            for user in event["members"]:
                self.members[user] = "owner" if user == event["by"] and self.kind != "direct" else "member"
        elif event["type"] == "message":
            message: Message = {
                "offset": offset,
                "sender": event["sender"],
                "client_id": event["client_id"],
                "text": event["text"],
                "time": event["time"],
                "reactions": {},
            }
            if "reply_to" in event:
                message["reply_to"] = event["reply_to"]
            self.messages.append(message)
        elif event["type"] == "message_edited":
            text = event["text"]
            self._change(event["target"], lambda message: {**message, "text": text, "edited": True})
        elif event["type"] == "message_deleted":
            self._change(event["target"], lambda message: {**message, "text": "", "deleted": True, "reactions": {}})
        elif event["type"] == "reaction_added" or event["type"] == "reaction_removed":
            emoji, user, is_added = event["emoji"], event["user"], event["type"] == "reaction_added"
            self._change(event["target"], lambda message: _reacted(message, emoji, user, is_added))
        else:
            self._fold_members(event)

    def _fold_members(self, event: ConversationEvent) -> None:
        if event["type"] == "member_joined" or event["type"] == "role_changed":
            self.members[event["user"]] = event.get("role", "member")
        elif event["type"] == "member_left" or event["type"] == "member_removed":
            self.members.pop(event["user"], None)
        elif event["type"] == "settings_changed":
            self.title = event.get("title", self.title)

    def _change(self, target: int, edit: Callable[[Message], Message]) -> None:
        for index, message in enumerate(self.messages):
            if message["offset"] == target:
                self.messages[index] = edit(message)


def _reacted(message: Message, emoji: str, user: UserId, is_added: bool) -> Message:
    others = [other for other in message["reactions"].get(emoji, []) if other != user]
    users = [*others, user] if is_added else others
    rest = {other: who for other, who in message["reactions"].items() if other != emoji}
    return {**message, "reactions": rest | {emoji: users} if users else rest}
