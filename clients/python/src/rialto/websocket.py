"""A socket over the package `websockets`."""

from __future__ import annotations

import asyncio
from collections import deque

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from .environment import Listener
from .limits import MESSAGE_BYTES_MAX, UNSENT_CHARACTERS_MAX

NO_CLOSE_FRAME = 1006
CLOSE_FRAME_SECONDS = 1.0


class _Connect(connect):
    """Goes where it was sent: a token must not follow a redirect to somebody else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """No."""
        return exc


class WebSocket:
    """One connection: a task reads it, another writes what waits, and both end with it."""

    def __init__(self, url: str, listener: Listener) -> None:
        self._url = url
        self._listener: Listener | None = listener
        self._connection: ClientConnection | None = None
        self._unsent: deque[str] = deque()
        self._unsent_characters = 0
        self._writer: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._reader = asyncio.get_running_loop().create_task(self._run(), name="rialto socket")

    def send(self, text: str) -> None:
        """Sends a text frame, in order with all others."""
        if self._listener is None or self._connection is None:
            return
        self._unsent.append(text)
        self._unsent_characters += len(text)
        if self._unsent_characters > UNSENT_CHARACTERS_MAX:
            self._unsent.clear()
            self._connection.transport.abort()
        elif self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write(self._connection), name="rialto writer")

    def close(self, code: int, reason: str) -> None:
        """Ends it; the listener hears nothing more."""
        self._listener = None
        connection = self._connection
        if connection is None:
            self._reader.cancel()
        else:
            # The reader ends when the close frame was answered, or not in time.
            self._closing = asyncio.get_running_loop().create_task(self._close(connection, code, reason))

    async def _close(self, connection: ClientConnection, code: int, reason: str) -> None:
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=CLOSE_FRAME_SECONDS)
            self._writer.cancel()
        await connection.close(code, reason)

    async def _run(self) -> None:
        code, reason = NO_CLOSE_FRAME, ""
        try:
            # Pings are the protocol's own, and so are the limits of time.
            async with _Connect(
                self._url,
                compression=None,
                ping_interval=None,
                open_timeout=None,
                close_timeout=CLOSE_FRAME_SECONDS,
                max_size=MESSAGE_BYTES_MAX,
                user_agent_header="rialto-python",
            ) as connection:
                self._connection = connection
                if self._listener is not None:
                    self._listener.opened()
                code, reason = await self._read(connection)
        except (OSError, WebSocketException, EOFError, ValueError):
            pass  # No handshake: told as a socket that is gone.
        finally:
            if self._writer is not None:
                self._writer.cancel()
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.closed(code, reason)

    async def _read(self, connection: ClientConnection) -> tuple[int, str]:
        try:
            while True:
                message = await connection.recv()
                if self._listener is not None and isinstance(message, str):
                    self._listener.received(message)
        except ConnectionClosed as closed:
            # A frame that only echoes ours is no word of the server's.
            if closed.rcvd is None or not closed.rcvd_then_sent:
                return NO_CLOSE_FRAME, ""
            return closed.rcvd.code, closed.rcvd.reason

    async def _write(self, connection: ClientConnection) -> None:
        try:
            while self._unsent:
                text = self._unsent.popleft()
                await connection.send(text)
                self._unsent_characters -= len(text)
        except ConnectionClosed:
            # The reader says so.
            self._unsent.clear()
