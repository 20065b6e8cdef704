"""A WebSocket whose wire is a queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeAlias

from ..environment import Listener

Schedule: TypeAlias = Callable[[Callable[[], None]], object]
"""Runs something a little later; what is scheduled earlier runs earlier."""

CUT = 1006


def soon(run: Callable[[], None]) -> None:
    """The wire takes no time."""
    asyncio.get_running_loop().call_soon(run)


class Receives(Protocol):
    """The server's end."""

    def receive(self, text: str) -> None:
        """A frame of the client."""


class Accepts(Protocol):
    """The server."""

    def accept(self, socket: MemorySocket) -> Receives:
        """The socket is open."""

    def left(self, socket: MemorySocket) -> None:
        """The socket is gone, whoever ended it."""


class MemorySocket:
    """Frames are texts, arrive later and in order, and are lost when the line is cut."""

    def __init__(self, listener: Listener, server: Accepts, schedule: Schedule, is_reachable: bool) -> None:
        self.is_open = False
        self._is_done = False
        self._listener = listener
        self._server = server
        self._schedule = schedule
        self._peer: Receives | None = None
        schedule(lambda: self._begin(is_reachable))

    def send(self, text: str) -> None:
        """From the client."""
        if self.is_open:
            self._schedule(lambda: self._arrive(text))

    def close(self, code: int, reason: str) -> None:
        """By the client."""
        self._finish()

    def deliver(self, text: str) -> None:
        """From the server."""
        self._schedule(lambda: None if self._is_done else self._listener.received(text))

    def end(self, code: int, reason: str) -> None:
        """By the server, or by a cut (1006): what is under way is lost."""
        if not self._is_done:
            self._finish()
            self._schedule(lambda: self._listener.closed(code, reason))

    def _begin(self, is_reachable: bool) -> None:
        if self._is_done:
            return
        if not is_reachable:
            self.end(CUT, "")
            return
        self.is_open = True
        self._peer = self._server.accept(self)
        self._listener.opened()

    def _arrive(self, text: str) -> None:
        if self.is_open and self._peer is not None:
            self._peer.receive(text)

    def _finish(self) -> None:
        if not self._is_done:
            self._is_done = True
            self.is_open = False
            self._server.left(self)
