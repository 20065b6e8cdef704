"""A world in which every server is the test, and time is the loop's."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from rialto import (
    Client,
    ConnectionState,
    ConversationPublication,
    Disconnected,
    Environment,
    Gap,
    InboxPublication,
    Joined,
    Left,
    Listener,
    ServerMessage,
    StateChanged,
    Subscribed,
    Suspended,
    TopicPublication,
    UnknownPublication,
    Unsubscribed,
)

# The server's clock at each connect, unless a test says otherwise.
SERVER_TIME = 1_790_000_000_000

KINDS: tuple[type, ...] = (
    StateChanged,
    Subscribed,
    Unsubscribed,
    ConversationPublication,
    InboxPublication,
    TopicPublication,
    UnknownPublication,
    Joined,
    Left,
    Gap,
    ServerMessage,
)
# Turns of the event loop after which everything that was due to run has run.
TURNS = 24


async def settle() -> None:
    """Lets tasks and gathered writes run; no time passes."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class ScriptedSocket:
    """A socket whose other end is the test."""

    def __init__(self, url: str, listener: Listener) -> None:
        self.url = url
        self.listener = listener
        self.is_closed = False
        self.frames: list[str] = []

    def send(self, text: str) -> None:
        self.frames.append(text)

    def close(self, code: int, reason: str) -> None:
        self.is_closed = True

    @property
    def commands(self) -> list[dict[str, Any]]:
        return [json.loads(line) for frame in self.frames for line in frame.split("\n")]

    def last(self, kind: str) -> dict[str, Any]:
        return next(command for command in reversed(self.commands) if kind in command)

    def says(self, *replies: object) -> None:
        self.listener.received("\n".join(json.dumps(reply) for reply in replies))

    def answers(self, kind: str, body: dict[str, Any]) -> None:
        self.says({"id": self.last(kind)["id"], **body})


class World:
    """A client, its sockets, and what it told."""

    def __init__(self, url: str | list[str] = "http://one.test", **options: Any) -> None:
        self.random = 0.5
        self.token = "token-1"  # noqa: S105
        self.token_error: Exception | None = None
        self.open_error: Exception | None = None
        self.token_calls: list[bool] = []
        self.sockets: list[ScriptedSocket] = []
        self.events: list[Any] = []
        self.wall_ms = 5
        environment = Environment(
            open_socket=self.open_socket,
            random=lambda: self.random,
            random_bytes=lambda length: b"\7" * length,
            wall_ms=lambda: self.wall_ms,
        )
        self.client = Client(url, environment=environment, **{"token": self.bring_token, **options})
        for kind in KINDS:
            self.client.on(kind, self.events.append)

    def open_socket(self, url: str, listener: Listener) -> ScriptedSocket:
        if self.open_error is not None:
            raise self.open_error
        self.sockets.append(ScriptedSocket(url, listener))
        return self.sockets[-1]

    async def bring_token(self, renew: bool) -> str:
        self.token_calls.append(renew)
        if self.token_error is not None:
            raise self.token_error
        return self.token

    @property
    def state(self) -> ConnectionState:
        return self.client.state

    @property
    def reason(self) -> int:
        assert isinstance(self.state, Disconnected | Suspended), self.state
        return self.state.reason.code

    @property
    def disconnected(self) -> Disconnected:
        assert isinstance(self.state, Disconnected), self.state
        return self.state

    @property
    def socket(self) -> ScriptedSocket:
        return self.sockets[-1]

    def told(self) -> list[str]:
        """What was heard beside states, in short; and forgets it."""
        lines = [short(event) for event in self.events if not isinstance(event, StateChanged)]
        self.events.clear()
        return lines

    async def open(self) -> ScriptedSocket:
        await settle()
        self.socket.listener.opened()
        await settle()
        return self.socket

    async def accept(self, **result: Any) -> ScriptedSocket:
        """Opens the newest socket and answers its connect."""
        socket = await self.open()
        socket.answers("connect", {"connect": {"client": "c1", "ping": 25, "pong": True, "time": SERVER_TIME, **result}})
        await settle()
        return socket

    async def connected(self, **result: Any) -> ScriptedSocket:
        self.client.connect()
        return await self.accept(**result)

    async def cut(self, code: int = 1006, reason: str = "") -> None:
        self.socket.listener.closed(code, reason)
        await settle()

    async def pause(self) -> None:
        """Lets the pause before the next attempt pass."""
        changed = asyncio.Event()
        off = self.client.on(StateChanged, lambda _event: changed.set())
        await changed.wait()
        off()
        await settle()


def short(event: Any) -> str:
    match event:
        case Subscribed():
            how = f"recovering={event.recovered}" if event.was_recovering else "anew"
            line = f"subscribed {how} at={event.position.offset}"
        case Unsubscribed():
            line = f"unsubscribed {event.reason.code}{' for now' if event.will_retry else ''}"
        case ConversationPublication() | InboxPublication():
            line = f"{event.event['type']} at={event.offset}"
        case TopicPublication() | UnknownPublication():
            line = f"publication {json.dumps(event.data)} at={event.offset}"
        case Joined() | Left():
            line = f"{type(event).__name__.lower()} {event.info['user']}"
        case Gap():
            line = f"gap {event.after}..{event.before}"
        case _:
            line = type(event).__name__
    return line
