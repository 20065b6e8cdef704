"""One channel that is listened to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from .error import RialtoError
from .event import ChannelEvent
from .hub import Hub, Stream
from .protocol.types import Publication, SubscribeResult
from .state import Position
from .token import Token

Kind = TypeVar("Kind")
Phase: TypeAlias = Literal["idle", "fetching", "subscribing", "live", "pausing", "ended"]


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """How a first subscribe went."""

    was_recovering: bool
    """Whether `since` was given, so that a resume was tried."""
    recovered: bool
    """Whether nothing is missing since then."""
    position: Position
    """Where the stream stands: behind what was asked for on success, else at its top."""


def place(position: Position | None, offset: int) -> tuple[Literal["next", "repeat", "gap"], Position | None]:
    """What a publication's offset says about the stream, and the position from now on; a gap leaves it."""
    if position is None or offset == 0:
        return "next", position
    if offset <= position.offset:
        return "repeat", position
    if offset > position.offset + 1:
        return "gap", position
    return "next", Position(offset, position.epoch)


def tracked(result: SubscribeResult) -> Position | None:
    """Where the stream stands, for a channel that has one."""
    if result.get("recoverable") is not True and result.get("positioned") is not True:
        return None
    return Position(result.get("offset", 0), result.get("epoch", ""))


def moved(position: Position | None, publications: Sequence[Publication]) -> Position | None:
    """Behind the publications that a subscribe brought."""
    last = publications[-1].get("offset", 0) if publications else 0
    return position if position is None or last <= position.offset else Position(last, position.epoch)


@dataclass(slots=True)
class SubscriptionState:
    """What `Subscriptions` keeps of it."""

    position: Position | None
    phase: Phase = "idle"
    token: str | None = None
    attempts: int = 0
    # Tells an answer to an earlier subscribe from the one that is awaited.
    turn: int = 0
    timer: asyncio.TimerHandle | None = None
    refresh_timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None

    def stop_timers(self) -> None:
        """Nothing happens by itself any more."""
        for timer in (self.timer, self.refresh_timer):
            if timer is not None:
                timer.cancel()


class Subscription:
    """One channel that is listened to, over all connections, until `unsubscribe`: on each new one it resumes where it stood.

    Its events come once each and in the order of their offsets.
    """

    def __init__(
        self,
        channel: str,
        hub: Hub[ChannelEvent],
        leave: Callable[[Subscription], None],
        *,
        token: Token | None,
        since: Position | None,
        join_leave: bool,
    ) -> None:
        self.channel = channel
        self.token = token
        self.hub = hub
        self.state = SubscriptionState(since)
        self._join_leave = join_leave
        self._leave = leave
        self._first: asyncio.Future[FirstAnswer] | None = None
        self._outcome: FirstAnswer | RialtoError | None = None

    @property
    def position(self) -> Position | None:
        """Where the stream was last seen; None for channels without one, and before the first answer. Keep it to resume there later."""
        return self.state.position

    @property
    def is_live(self) -> bool:
        """Whether publications come now."""
        return self.state.phase == "live"

    async def ready(self) -> FirstAnswer:
        """Waits for the server's first answer; raises when it will not let us listen."""
        if self._outcome is None:
            if self._first is None:
                self._first = asyncio.get_running_loop().create_future()
            # Others may wait too: one that is cancelled must not take it from them.
            await asyncio.wait([self._first])
        if isinstance(self._outcome, RialtoError):
            raise self._outcome
        assert self._outcome is not None, "the future is settled with the outcome"  # noqa: S101
        return self._outcome

    def on(self, kind: type[Kind], handler: Callable[[Kind], object]) -> Callable[[], None]:
        """Calls the handler for each event of a class on this channel. Answers a function that ends this."""
        return self.hub.on(kind, handler)

    def events(self) -> Stream[ChannelEvent]:
        """All events of this channel from now on, in a bounded stream."""
        return self.hub.stream()

    def unsubscribe(self) -> None:
        """Listens no more."""
        self._leave(self)

    def answered(self, outcome: FirstAnswer | RialtoError) -> None:
        """The first answer, or why there will be none; not for callers."""
        if self._outcome is not None:
            return
        self._outcome = outcome
        if self._first is not None:
            # `ready` reads the outcome: a future that failed and is read by nobody would be complained of.
            self._first.cancel()

    def request(self) -> dict[str, Any]:
        """What the subscribe says; not for callers."""
        position, token = self.state.position, self.state.token
        body: dict[str, Any] = {"channel": self.channel}
        if token is not None:
            body["token"] = token
        if position is not None:
            body |= {"recover": True, "epoch": position.epoch, "offset": position.offset}
        body |= {"positioned": True, "recoverable": True}
        if self._join_leave:
            body["join_leave"] = True
        return body
