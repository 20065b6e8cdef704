"""What a handler knows of what it was called for, and what it can do about it."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from ..client import Client
from ..error import RialtoError
from ..protocol.types import Appended, ClientId, ConversationEvent, ConversationId, MessageEvent, UserId
from .again import until_done
from .limits import ACTIONS_MAX, TIMERS_MAX
from .memory import Memory

BOT_ID_PREFIX: Final = "bot-"
"""What every id that a bot makes begins with; other bots do not answer to these unless they want to."""
TIMER: Final = "timer/"
"""Timers are kept in the memory under their ids."""

Result = TypeVar("Result")
Event_co = TypeVar("Event_co", bound=Mapping[str, Any], covariant=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a conversation, as a follower hands it on."""

    conversation: ConversationId
    offset: int
    event: ConversationEvent


@dataclass(frozen=True, slots=True)
class Timer:
    """Something to do later."""

    id: str
    """Made of the row that it was set for, so that it is the same if the handler is run again."""
    kind: str
    at_ms: int
    """When, milliseconds since 1970 by the server's clock."""
    conversation: ConversationId
    data: Any


def timer_of(name: str, value: Mapping[str, Any]) -> Timer:
    """A timer as it is kept."""
    return Timer(name.removeprefix(TIMER), **value)


class Doing:
    """What a handler does is done once.

    The id of each action is made of the row or timer, the handler and its number, so a handler that is run again after a
    crash repeats the same actions under the same ids, and the server knows them.
    """

    def __init__(self, client: Client, key: str, conversation: ConversationId, memory: Memory, state: dict[str, Any]) -> None:
        self.client = client
        self.conversation = conversation
        self.memory = memory
        """What the bot knows over restarts; changes count when the handler ended well."""
        self.state = state
        """For middleware: what it found out about this row."""
        self._key = key
        self._actions = 0
        self._timers = 0

    async def say(self, text: str, conversation: ConversationId | None = None, *, reply_to: int | None = None) -> Appended:
        """Says something, here or elsewhere. Returns when it stands."""
        where = conversation or self.conversation
        return await self.act(lambda client_id: self.client.send(where, text, reply_to=reply_to, client_id=client_id))

    async def edit(self, target: int, text: str) -> Appended:
        """Replaces the text of one of the bot's own messages."""
        return await self.act(lambda client_id: self.client.edit(self.conversation, target, text, client_id=client_id))

    async def typing(self) -> None:
        """Shows that the bot is at it."""
        # Worth nothing later.
        with contextlib.suppress(RialtoError):
            await self.client.typing(self.conversation)

    async def act(self, make: Callable[[ClientId], Awaitable[Result]]) -> Result:
        """Anything else that appends: done once, and as often as it takes. `make` gets the id to use."""
        self._actions += 1
        if self._actions > ACTIONS_MAX:
            raise RialtoError("misuse", f"more than {ACTIONS_MAX} actions for one row")
        client_id = f"{BOT_ID_PREFIX}{self._key}.{self._actions}"
        return await until_done(lambda: make(client_id))

    def set_timer(self, kind: str, at_ms: int, data: Any = None) -> str:
        """Has the bot's timer handler `kind` called at a time, milliseconds since 1970 by the server's clock, after restarts too.

        `data` is any JSON. Counts when the handler ended well, like all changes of the memory. Answers the timer's id.
        """
        if sum(1 for name in self.memory if name.startswith(TIMER)) >= TIMERS_MAX:
            raise RialtoError("queue_full", f"more than {TIMERS_MAX} timers")
        self._timers += 1
        # Timers may set timers for ever, so their ids must not grow.
        timer = "t" + hashlib.sha256(f"{self._key}/{self._timers}".encode()).hexdigest()[:32]
        self.memory[TIMER + timer] = {"kind": kind, "at_ms": at_ms, "conversation": self.conversation, "data": data}
        return timer

    def timers(self, kind: str) -> list[Timer]:
        """Those of a kind that wait, the next one first."""
        waiting = (timer_of(name, self.memory[name]) for name in self.memory if name.startswith(TIMER))
        return sorted((timer for timer in waiting if timer.kind == kind), key=lambda timer: timer.at_ms)

    def cancel_timer(self, timer: str) -> bool:
        """Forgets a timer; False when it is over already."""
        return self.memory.pop(TIMER + timer, None) is not None


class Context(Doing, Generic[Event_co]):
    """About a row."""

    def __init__(self, client: Client, row: Row, event: Event_co, handler: int, *, memory: Memory, state: dict[str, Any]) -> None:
        super().__init__(client, f"{row.conversation}-{row.offset}-{handler}", row.conversation, memory, state)
        self.row = row
        self.offset = row.offset
        self.event = event

    @property
    def sender(self) -> UserId:
        """Who did it."""
        return actor_of(self.row.event)

    @property
    def text(self) -> str:
        """What was said; empty when the row is no message."""
        return self.row.event["text"] if self.row.event["type"] == "message" else ""

    @property
    def time_ms(self) -> int:
        """When it was said, milliseconds since 1970 by the server's clock; the time now when the row is no message."""
        return self.row.event["time"] if self.row.event["type"] == "message" else self.client.server_time_ms()

    async def reply(self, text: str) -> Appended:
        """Answers the row."""
        return await self.say(text, reply_to=self.offset)

    async def react(self, emoji: str, target: int | None = None) -> Appended:
        """Reacts to the row, or to another message."""
        on = self.offset if target is None else target
        return await self.act(lambda client_id: self.client.react(self.conversation, on, emoji, client_id=client_id))


class TimerContext(Doing):
    """About a timer whose time has come."""

    def __init__(self, client: Client, timer: Timer, memory: Memory) -> None:
        super().__init__(client, timer.id, timer.conversation, memory, {})
        self.timer = timer
        self.data = timer.data


AnyContext: TypeAlias = Context[ConversationEvent]
MessageContext: TypeAlias = Context[MessageEvent]


def actor_of(event: ConversationEvent) -> UserId:
    """Who did what an event tells."""
    if event["type"] == "message":
        return event["sender"]
    if event["type"] == "reaction_added" or event["type"] == "reaction_removed" or event["type"] == "typing":
        return event["user"]
    return event["by"]
