"""All calls that wait for an answer, in the order in which they were made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .backoff import pause_seconds
from .environment import Environment
from .error import RialtoError
from .frames import Command, Reply, encode
from .limits import ENVELOPE_BYTES, RETRY_MAX_SECONDS, RETRY_MIN_SECONDS, Settings
from .protocol.codes import FRAME_BYTES_MAX
from .wire import Wire

Retry: TypeAlias = Literal["safe", "once", "ephemeral"]
"""What may be done with a call whose answer does not come.

`safe`: send it again, on another connection too: it reads only, or carries its sender's id. `once`: it waits for a
connection, but once sent it is never repeated. `ephemeral`: it is worth nothing later, so it neither waits nor is repeated.
"""


@dataclass(eq=False, slots=True)
class _Request:
    """One call, from the moment that it is made to its one answer."""

    make: Callable[[], Command]
    retry: Retry
    future: asyncio.Future[Reply]
    # Made at the first attempt, when the server's clock is known, and kept for all others.
    command: Command | None = None
    # Ids on this connection: an answer to an earlier attempt counts too.
    ids: list[int] = field(default_factory=list)
    attempts: int = 0
    phase: Literal["waiting", "sent", "pausing"] = "waiting"
    # When the attempt under way is given up, or the pause is over.
    timer: asyncio.TimerHandle | None = None

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Requests:
    """Sends calls, repeats what may be repeated, and settles each one once."""

    def __init__(self, environment: Environment, settings: Settings) -> None:
        self._environment = environment
        self._settings = settings
        self._all: dict[_Request, None] = {}
        self._wire: Wire | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._all)

    async def add(self, make: Callable[[], Command], retry: Retry, timeout: float | None = None) -> Reply:
        """Makes a call and waits for its answer. Whoever is cancelled meanwhile gives it up; what was sent may have taken effect."""
        if len(self._all) >= self._settings.requests_max:
            raise RialtoError("queue_full", temporary=True)
        if retry == "ephemeral" and self._wire is None:
            raise RialtoError("not_connected", temporary=True)
        loop = asyncio.get_running_loop()
        request = _Request(make, retry, loop.create_future())
        deadline = loop.call_later(self._settings.request_seconds if timeout is None else timeout, self._late, request)
        self._all[request] = None
        self._idle.clear()
        if self._wire is not None:
            self._send(request, self._wire)
        try:
            return await request.future
        finally:
            deadline.cancel()
            self._forget(request)

    def attach(self, wire: Wire) -> None:
        """A connection stands: everything that waits goes out, in order."""
        self._wire = wire
        for request in tuple(self._all):
            if request.phase == "waiting":
                self._send(request, wire)

    def detach(self) -> None:
        """The connection is gone: what may be repeated waits for the next one, the rest is answered."""
        self._wire = None
        for request in tuple(self._all):
            was_sent = len(request.ids) > 0
            request.ids = []
            if request.phase == "sent":
                self._wait(request)
            if was_sent and request.retry != "safe":
                self._fail(request, RialtoError("interrupted", temporary=True, outcome_unknown=True))

    def fail_all(self, error: Callable[[], RialtoError]) -> None:
        """Nothing of it will be answered."""
        for request in tuple(self._all):
            self._fail(request, error())

    async def drained(self) -> None:
        """Waits until nothing waits any more."""
        await self._idle.wait()

    def _late(self, request: _Request) -> None:
        self._fail(request, RialtoError("timeout", temporary=True, outcome_unknown=request.attempts > 0))

    def _send(self, request: _Request, wire: Wire) -> None:
        try:
            if request.command is None:
                request.command = _checked(request.make())
            request.ids.append(wire.command(request.command, lambda error, reply: self._answered(request, error, reply)))
        except RialtoError as error:
            self._fail(request, error)
            return
        except (ValueError, TypeError, RecursionError) as error:
            self._fail(request, RialtoError("misuse", str(error)))
            return
        request.attempts += 1
        request.phase = "sent"
        if request.retry == "safe":
            request.stop_timer()
            request.timer = self._later(self._settings.ack_seconds, request)

    def _later(self, seconds: float, request: _Request) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self._again, request)

    def _answered(self, request: _Request, error: RialtoError | None, reply: Reply) -> None:
        if request not in self._all:
            return
        if error is None:
            self._forget(request)
            if not request.future.done():
                request.future.set_result(reply)
            return
        if not error.temporary or request.retry != "safe":
            self._fail(request, error)
            return
        request.stop_timer()
        request.phase = "pausing"
        pause = pause_seconds(request.attempts - 1, self._environment.random(), RETRY_MIN_SECONDS, RETRY_MAX_SECONDS)
        request.timer = self._later(pause, request)

    def _again(self, request: _Request) -> None:
        self._wait(request)
        if self._wire is not None:
            self._send(request, self._wire)

    def _wait(self, request: _Request) -> None:
        request.stop_timer()
        request.phase = "waiting"

    def _fail(self, request: _Request, error: RialtoError) -> None:
        self._forget(request)
        if not request.future.done():
            request.future.set_exception(error)

    def _forget(self, request: _Request) -> None:
        if request not in self._all:
            return
        del self._all[request]
        request.stop_timer()
        if self._wire is not None:
            for number in request.ids:
                self._wire.forget(number)
        if not self._all:
            self._idle.set()


def _checked(command: Command) -> Command:
    """A frame above the server's limit would cost the connection, and so would one that is no UTF-8."""
    if len(encode(command).encode()) > FRAME_BYTES_MAX - ENVELOPE_BYTES:
        raise RialtoError("too_large", "more than a frame holds")
    return command
