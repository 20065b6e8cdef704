"""What each rpc method does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from ..protocol.codes import PAGE_ITEMS_MAX, TEXT_BYTES_MAX, TYPING_HOLDS_MS
from ..protocol.types import ConversationEvent, MessageEvent, Page, UserId
from .conversation import TestConversation
from .refusal import Refusal

if TYPE_CHECKING:
    from .server import TestServer

Handler: TypeAlias = Callable[["TestServer", UserId, dict[str, Any]], Any]
Event: TypeAlias = Callable[[TestConversation, UserId, dict[str, Any]], ConversationEvent]
T = TypeVar("T")

PAGE_ITEMS: Final = 50


def _appends(event: Event) -> Handler:
    def handler(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
        conversation = server.conversation(body["conversation"])
        known = conversation.known(user, body["client_id"])
        if known is not None:
            return known
        return server.append(conversation, user, body["client_id"], event(conversation, user, body))

    return handler


def _needs_admin(conversation: TestConversation, user: UserId) -> None:
    if conversation.role_of(user) == "member":
        raise Refusal("forbidden")


def _text(body: dict[str, Any]) -> str:
    text: str = body["text"]
    if text == "":
        raise Refusal("invalid_argument")
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise Refusal("too_large")
    return text


def _page(items: Sequence[T], body: dict[str, Any]) -> Page[T]:
    """Cursors are the index of the next item."""
    start = int(body.get("cursor") or 0)
    end = start + min(body.get("limit", PAGE_ITEMS), PAGE_ITEMS_MAX)
    return {"items": list(items[start:end]), "next": str(end) if end < len(items) else None}


def _send(conversation: TestConversation, user: UserId, body: dict[str, Any]) -> ConversationEvent:
    conversation.role_of(user)
    event: MessageEvent = {
        "type": "message",
        "sender": user,
        "client_id": body["client_id"],
        "text": _text(body),
        "time": conversation.now(),
    }
    if "reply_to" in body:
        event["reply_to"] = body["reply_to"]
    return event


def _edit(conversation: TestConversation, user: UserId, body: dict[str, Any]) -> ConversationEvent:
    if conversation.message(body["target"])["sender"] != user:
        raise Refusal("forbidden")
    return {"type": "message_edited", "target": body["target"], "text": _text(body), "by": user}


def _delete(conversation: TestConversation, user: UserId, body: dict[str, Any]) -> ConversationEvent:
    if conversation.message(body["target"])["sender"] != user:
        _needs_admin(conversation, user)
    return {"type": "message_deleted", "target": body["target"], "by": user}


def _react(conversation: TestConversation, user: UserId, body: dict[str, Any]) -> ConversationEvent:
    conversation.role_of(user)
    target = conversation.message(body["target"])["offset"]
    return {"type": "reaction_added", "target": target, "emoji": body["emoji"], "user": user}


def _unreact(conversation: TestConversation, user: UserId, body: dict[str, Any]) -> ConversationEvent:
    conversation.role_of(user)
    target = conversation.message(body["target"])["offset"]
    return {"type": "reaction_removed", "target": target, "emoji": body["emoji"], "user": user}


def _join(conversation: TestConversation, user: UserId, _body: dict[str, Any]) -> ConversationEvent:
    if conversation.kind != "public":
        conversation.role_of(user)
    return {"type": "member_joined", "user": user, "role": "member", "by": user}


def _leave(conversation: TestConversation, user: UserId, _body: dict[str, Any]) -> ConversationEvent:
    conversation.role_of(user)
    return {"type": "member_left", "user": user, "by": user}


def _remove(conversation: TestConversation, user: UserId, body: dict[str, Any]) -> ConversationEvent:
    _needs_admin(conversation, user)
    return {"type": "member_removed", "user": body["user"], "by": user}


def _set_role(conversation: TestConversation, user: UserId, body: dict[str, Any]) -> ConversationEvent:
    if conversation.role_of(user) != "owner":
        raise Refusal("forbidden")
    return {"type": "role_changed", "user": body["user"], "role": body["role"], "by": user}


def _set(conversation: TestConversation, user: UserId, body: dict[str, Any]) -> ConversationEvent:
    _needs_admin(conversation, user)
    return {"type": "settings_changed", "title": body["title"], "by": user}


def _invite(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
    conversation = server.conversation(body["conversation"])
    conversation.role_of(user)
    last = None
    for index, invited in enumerate(body["users"]):
        event: ConversationEvent = {"type": "member_joined", "user": invited, "role": "member", "by": user}
        last = server.append(conversation, user, f"{body['client_id']}-{index}", event)
    if last is None:
        raise Refusal("invalid_argument")
    return last


def _get(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
    conversation = server.conversation(body["conversation"])
    if conversation.kind != "public":
        conversation.role_of(user)
    return conversation.seen_by(user)


def _list(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
    return _page([conversation.seen_by(user) for conversation in server.conversations_of(user)], body)


def _members(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
    conversation = server.conversation(body["conversation"])
    conversation.role_of(user)
    return _page([{"user": member, "role": role} for member, role in conversation.members.items()], body)


def _messages(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
    conversation = server.conversation(body["conversation"])
    conversation.role_of(user)
    before, after, limit = body.get("before"), body.get("after", 0), body.get("limit", PAGE_ITEMS)
    found = [message for message in conversation.messages if message["offset"] > after and (before is None or message["offset"] < before)]
    items = found[:limit] if after > 0 else found[-limit:]
    edge = (items[-1] if after > 0 else items[0])["offset"] if items else None
    return {"items": items, "next": str(edge) if len(items) < len(found) else None}


def _mark_read(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
    conversation = server.conversation(body["conversation"])
    conversation.role_of(user)
    marker = max(conversation.read.get(user, 0), min(body["offset"], conversation.stream.top))
    conversation.read[user] = marker
    server.tell(user, {"type": "read", "conversation": conversation.id, "offset": marker})
    return {"offset": marker, "unread": conversation.unread(user)}


def _typing(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
    conversation = server.conversation(body["conversation"])
    conversation.role_of(user)
    event: ConversationEvent = {"type": "typing", "user": user, "until": server.now_ms() + TYPING_HOLDS_MS}
    server.broadcast(f"conversation:{conversation.id}", {"data": event})
    return {}


def _commands(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
    conversation = server.conversation(body["conversation"])
    conversation.role_of(user)
    items = [
        {"bot": bot, "description": "", "options": [], **command}
        for bot in conversation.members
        for command in server.commands.get(bot, [])
    ]
    return {"items": sorted(items, key=lambda command: command["name"]), "next": None}


def _set_commands(server: TestServer, user: UserId, body: dict[str, Any]) -> Any:
    server.commands[user] = body["commands"]
    return {}


HANDLERS: Final[dict[str, Handler]] = {
    "conversation.create": lambda server, user, body: server.create(user, body).seen_by(user),
    "conversation.list": _list,
    "conversation.get": _get,
    "conversation.members": _members,
    "conversation.messages": _messages,
    "conversation.join": _appends(_join),
    "conversation.leave": _appends(_leave),
    "conversation.invite": _invite,
    "conversation.remove": _appends(_remove),
    "conversation.set_role": _appends(_set_role),
    "conversation.set": _appends(_set),
    "conversation.send": _appends(_send),
    "conversation.edit": _appends(_edit),
    "conversation.delete": _appends(_delete),
    "conversation.react": _appends(_react),
    "conversation.unreact": _appends(_unreact),
    "conversation.mark_read": _mark_read,
    "conversation.typing": _typing,
    "conversation.commands": _commands,
    "bot.set_commands": _set_commands,
    "user.me": lambda server, user, _body: server.profile(user),
    "user.get": lambda server, _user, body: server.profile(body["user"]),
    "user.find": lambda server, _user, body: server.find_profile(body["username"]),
}
