"""A Rialto server in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeVar

from ..client import Client
from ..environment import Environment, Listener, Socket
from ..frames import Push
from ..limits import DEFAULT_SETTINGS, Settings
from ..protocol.types import (
    Appended,
    BotCommand,
    ClientId,
    ClientInfo,
    ConversationChangedEvent,
    ConversationCreatedEvent,
    ConversationEvent,
    InboxEvent,
    Profile,
    Publication,
    UserId,
)
from .conversation import TestConversation
from .methods import HANDLERS
from .peer import Peer
from .person import Person
from .refusal import Refusal
from .socket import CUT, MemorySocket, Schedule, soon
from .stream import Stream

Found = TypeVar("Found")

Fault: TypeAlias = Literal["lost before", "lost after", "cut after", "refused for now"] | None
"""What may befall a command on its way."""

PushFault: TypeAlias = Literal["lost", "twice"] | None
"""What may befall a publication on its way."""

CONVERSATION = "conversation:"


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class TestServer:
    """For unit tests of bots and apps: it speaks the real protocol, frame for frame, to real clients.

    With durable conversations, dedupe, recovery, inboxes and topics; without accounts over HTTP, limits and bans.
    """

    __test__ = False

    def __init__(
        self,
        *,
        now_ms: Callable[[], int] | None = None,
        schedule: Schedule = soon,
        fault: Callable[[str, Any], Fault] | None = None,
        push_fault: Callable[[str], PushFault] | None = None,
    ) -> None:
        """`now_ms` is the server's clock, milliseconds since 1970; by default the moment of the start, moved on by the event loop's time.

        `schedule` says how long the wire takes; by default no time. `fault` decides what befalls each command, by its kind
        and body, and `push_fault` what befalls each publication for each of its listeners, by its channel.
        """
        self.is_reachable = True
        """Whether new connections get through."""
        self.fault = fault
        self._now_ms = now_ms
        self._start_ms = _wall_ms()
        self._start_loop: float | None = None
        self._schedule = schedule
        self._push_fault = push_fault
        self.commands: dict[UserId, list[BotCommand]] = {}
        """What bots have said that they understand."""
        self._users: dict[UserId, Profile] = {}
        self._conversations: dict[str, TestConversation] = {}
        # By creator and client_id.
        self._creations: dict[tuple[UserId, ClientId], TestConversation] = {}
        self._streams: dict[str, Stream] = {}
        self._peers: dict[MemorySocket, Peer] = {}
        self._changed: list[asyncio.Event] = []
        self._counter = 0

    def now_ms(self) -> int:
        """The server's clock."""
        if self._now_ms is not None:
            return self._now_ms()
        now = asyncio.get_running_loop().time()
        if self._start_loop is None:
            self._start_loop = now
        return self._start_ms + int((now - self._start_loop) * 1_000)

    # ---- for tests ----

    def person(self, username: str) -> Person:
        """Somebody with this name; asking again gives the same person."""
        known = next((profile for profile in self._users.values() if profile["username"] == username), None)
        profile: Profile = known or {"id": self._new_id(), "username": username, "display_name": username}
        self._users[profile["id"]] = profile
        return Person(self, profile)

    def client(self, person: Person, *, settings: Settings = DEFAULT_SETTINGS) -> Client:
        """A real client that speaks with this server as this person; not connected yet."""
        return Client("http://memory.test", token=person.token, settings=settings, environment=self.environment)

    @property
    def environment(self) -> Environment:
        """For clients that are made elsewhere."""
        return Environment(open_socket=self.open_socket)

    def open_socket(self, _url: str, listener: Listener) -> Socket:
        """A line to this server."""
        return MemorySocket(listener, self, self._schedule, self.is_reachable)

    def cut(self, person: Person | None = None, code: int = CUT, reason: str = "") -> None:
        """Cuts every connection, or those of one person."""
        for peer in tuple(self._peers.values()):
            if person is None or peer.user == person.id:
                peer.close(code, reason)

    async def until(self, probe: Callable[[], Found | None]) -> Found:
        """Waits until the probe finds something; it looks again after everything that happens here."""
        changed = asyncio.Event()
        self._changed.append(changed)
        try:
            while (found := probe()) is None:
                changed.clear()
                await changed.wait()
            return found
        finally:
            self._changed.remove(changed)

    # ---- what connections, methods and persons ask ----

    def accept(self, socket: MemorySocket) -> Peer:
        """A socket is open."""
        self._counter += 1
        peer = Peer(self, socket, self._counter)
        self._peers[socket] = peer
        return peer

    def left(self, socket: MemorySocket) -> None:
        """A socket is gone."""
        peer = self._peers.pop(socket, None)
        for channel in peer.channels if peer is not None else ():
            self.joined(peer, channel, is_there=False)

    def fault_for(self, kind: str, body: Any) -> Fault:
        """What befalls a command."""
        return None if self.fault is None else self.fault(kind, body)

    def user_of(self, token: str) -> UserId | None:
        """Tokens are `test:` and the user's id."""
        user = token.removeprefix("test:")
        return user if user in self._users else None

    def profile(self, user: UserId) -> Profile:
        """Who it is."""
        if user not in self._users:
            raise Refusal("not_found")
        return self._users[user]

    def find_profile(self, username: str) -> Profile:
        """Who has this name, in any case."""
        for profile in self._users.values():
            if profile["username"].lower() == username.lower():
                return profile
        raise Refusal("not_found")

    def conversation(self, conversation: str) -> TestConversation:
        """One conversation."""
        if conversation not in self._conversations:
            raise Refusal("not_found")
        return self._conversations[conversation]

    def conversations_of(self, user: UserId) -> list[TestConversation]:
        """Those that the user is in, the newest first."""
        return [conversation for conversation in reversed(self._conversations.values()) if user in conversation.members]

    def create(self, user: UserId, body: dict[str, Any]) -> TestConversation:
        """A new conversation, or the one that stands."""
        everyone = list(dict.fromkeys([user, *body.get("members", [])]))
        creation = (user, body.get("client_id") or self._new_id())
        standing = self._creations.get(creation)
        if standing is None and body["kind"] == "direct":
            pairs = (other for other in self._conversations.values() if other.kind == "direct")
            standing = next((pair for pair in pairs if set(pair.members) == set(everyone)), None)
        if standing is not None:
            return standing
        conversation = TestConversation(self._new_id(), body["kind"], self._new_epoch(), self.now_ms)
        self._conversations[conversation.id] = conversation
        self._creations[creation] = conversation
        event: ConversationCreatedEvent = {"type": "conversation_created", "kind": body["kind"], "members": everyone, "by": user}
        if body.get("title") is not None:
            event["title"] = body["title"]
        self.append(conversation, user, "created", event)
        return conversation

    def append(self, conversation: TestConversation, user: UserId, client_id: ClientId, event: ConversationEvent) -> Appended:
        """Adds a row, once, and tells everybody."""
        before = frozenset(conversation.members)
        row = conversation.append(user, client_id, self.now_ms(), event)
        if row.is_new:
            self.broadcast(CONVERSATION + conversation.id, {"data": event, "offset": row.appended["offset"]})
            self._tell_members(conversation, before)
        self._look_again()
        return row.appended

    def tell(self, user: UserId, event: InboxEvent) -> None:
        """An event for somebody's inbox."""
        inbox = f"user:{user}"
        self.broadcast(inbox, self._memory_stream(inbox).push(event))

    def broadcast(self, channel: str, publication: Publication) -> None:
        """A publication for everybody who listens."""
        for peer in tuple(self._peers.values()):
            if channel not in peer.channels:
                continue
            fault = None if self._push_fault is None else self._push_fault(channel)
            push: Push = {"channel": channel, "pub": publication}
            for _ in range({"lost": 0, "twice": 2}.get(fault or "", 1)):
                peer.push(push)

    def joined(self, who: Peer | None, channel: str, *, is_there: bool) -> None:
        """Tells whoever wants to know that somebody came or left."""
        if who is None:
            return
        for peer in tuple(self._peers.values()):
            if peer.channels.get(channel) is True:
                info: Any = {"info": who.info}
                peer.push({"channel": channel, "join": info} if is_there else {"channel": channel, "leave": info})

    def stream(self, channel: str, user: UserId) -> Stream:
        """The stream of a channel that the user may listen to."""
        if channel.startswith(CONVERSATION):
            conversation = self.conversation(channel.removeprefix(CONVERSATION))
            conversation.role_of(user)
            return conversation.stream
        if channel.startswith("user:") and channel != f"user:{user}":
            raise Refusal("permission_denied")
        return self._memory_stream(channel)

    def present(self, channel: str, user: UserId) -> list[Peer]:
        """Who listens."""
        self.stream(channel, user)
        return [peer for peer in self._peers.values() if channel in peer.channels]

    def publish(self, channel: str, user: UserId, data: Any, info: ClientInfo) -> None:
        """Into a topic; a conversation is sent to."""
        if channel.startswith(CONVERSATION):
            self.call("conversation.send", user, {**data, "conversation": channel.removeprefix(CONVERSATION)})
        else:
            self.broadcast(channel, self.stream(channel, user).push(data, info))

    def call(self, method: str, user: UserId, body: dict[str, Any]) -> Any:
        """An rpc method."""
        handler = HANDLERS.get(method)
        if handler is None:
            raise Refusal("method_not_found")
        answer = handler(self, user, body)
        self._look_again()
        return answer

    def _tell_members(self, conversation: TestConversation, before: frozenset[UserId]) -> None:
        for user in dict.fromkeys([*before, *conversation.members]):
            if user not in before:
                self.tell(user, {"type": "conversation_added", "conversation": conversation.id})
            elif user not in conversation.members:
                self._expel(user, conversation.id)
            else:
                changed: ConversationChangedEvent = {
                    "type": "conversation_changed",
                    "conversation": conversation.id,
                    "unread": conversation.unread(user),
                }
                if conversation.messages:
                    changed["last"] = conversation.messages[-1]
                self.tell(user, changed)

    def _expel(self, user: UserId, conversation: str) -> None:
        self.tell(user, {"type": "conversation_removed", "conversation": conversation})
        channel = CONVERSATION + conversation
        for peer in tuple(self._peers.values()):
            if peer.user == user and peer.channels.pop(channel, None) is not None:
                peer.push({"channel": channel, "unsubscribe": {"code": 2000, "reason": "server unsubscribe"}})

    def _memory_stream(self, channel: str) -> Stream:
        if channel not in self._streams:
            self._streams[channel] = Stream(self._new_epoch())
        return self._streams[channel]

    def _look_again(self) -> None:
        for changed in self._changed:
            changed.set()

    def _new_id(self) -> str:
        self._counter += 1
        return f"01920000-0000-7000-8000-{self._counter:012x}"

    def _new_epoch(self) -> str:
        self._counter += 1
        return f"e{self._counter}"
