"""One socket with the commands that wait for their replies on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from .environment import Socket
from .error import RialtoError
from .frames import PONG, Command, Reply, encode_command, frames_of

Answer: TypeAlias = Callable[[RialtoError | None, Reply], None]
"""What became of a command. It runs in the very turn in which its reply is read, so that order within a frame holds."""

NORMAL_CLOSURE = 1000
REASON_CHARACTERS_MAX = 100


class Wire:
    """It dies with the socket; whoever waits is told by the connection."""

    def __init__(self) -> None:
        self.socket: Socket | None = None
        self.is_open = True
        """False from the moment that the connection gave it up."""
        self._last_id = 0
        self._waiting: dict[int, Answer] = {}
        self._outgoing: list[str] = []

    def command(self, command: Command, answer: Answer) -> int:
        """Sends a command; answers its id."""
        self._last_id += 1
        # First of all: what cannot be written must not be waited for.
        line = encode_command(self._last_id, command)
        self._waiting[self._last_id] = answer
        self._write(line)
        return self._last_id

    def pong(self) -> None:
        """Answers the server's ping."""
        if self.socket is not None:
            self.socket.send(PONG)

    def forget(self, number: int) -> None:
        """Nobody waits for this reply any more."""
        self._waiting.pop(number, None)

    def settle(self, number: int, reply: Reply) -> None:
        """Hands a reply to whoever waits for it."""
        answer = self._waiting.pop(number, None)
        if answer is None:
            return
        error = reply.get("error")
        if error is None:
            answer(None, reply)
        else:
            refused = RialtoError.refused(error.get("code", 0), error.get("message", ""), error.get("temporary") is True)
            answer(refused, reply)

    def close(self, reason: str) -> None:
        """Ends it, whatever still waits."""
        self.is_open = False
        self._waiting.clear()
        if self.socket is not None:
            self.socket.close(NORMAL_CLOSURE, reason[:REASON_CHARACTERS_MAX].encode("ascii", "replace").decode())

    def flush(self) -> None:
        """Sends what was gathered now instead of at the end of the turn."""
        lines, self._outgoing = self._outgoing, []
        if not self.is_open or self.socket is None:
            return
        for frame in frames_of(lines):
            self.socket.send(frame)

    def _write(self, line: str) -> None:
        """Commands of one turn of the event loop share a frame."""
        self._outgoing.append(line)
        if len(self._outgoing) == 1:
            asyncio.get_running_loop().call_soon(self.flush)
