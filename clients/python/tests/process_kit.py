"""What the suites against a real server share."""

from __future__ import annotations

import asyncio
import os
import time
import unittest
import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlsplit

from rialto import Accounts, Client, Session, Settings

Found = TypeVar("Found")

# The server that `tests/run sdk` started; without it these suites are left out, and say so.
SERVER = os.environ.get("RIALTO_URL", "")
needs_server = unittest.skipUnless(SERVER, "RIALTO_URL is not set: run them by tests/run sdk")

PASSWORD = "correct-horse-7-battery"  # noqa: S105
# Pauses that are short enough for a test.
HASTY = Settings(backoff_min_seconds=0.02, backoff_max_seconds=0.3, open_seconds=2)
# How long something that is waited for may take.
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.03


async def registered(name: str) -> Session:
    """A fresh account, logged in."""
    accounts = Accounts(SERVER)
    return Session(accounts, await accounts.register(f"{name}-{uuid.uuid4().hex[:8]}", PASSWORD, name))


def client_of(session: Session, url: str = SERVER) -> Client:
    return Client(url, token=session.token_source, settings=HASTY)


async def eventually(what: str, probe: Callable[[], Awaitable[Found | None]]) -> Found:
    """Asks another process until it has done what is wanted: nothing tells when."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (found := await probe()) is None:
        if time.monotonic() > end:
            raise AssertionError(f"never came true: {what}")
        await asyncio.sleep(LOOK_SECONDS)
    return found


class Door:
    """A line between a client and the server that breaks when it is told to."""

    def __init__(self) -> None:
        self.is_shut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None

    async def open(self) -> Door:
        self._listener = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        return self

    @property
    def url(self) -> str:
        assert self._listener is not None
        return f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_shut:
            writer.transport.abort()
            return
        target = urlsplit(SERVER)
        far_reader, far_writer = await asyncio.open_connection(target.hostname, target.port)
        both = {writer, far_writer}
        self._writers |= both
        try:
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        finally:
            self._writers -= both
            for end in both:
                end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
            writer.close()
        except OSError:
            writer.transport.abort()

    def cut(self) -> None:
        """Breaks everything that goes through."""
        for writer in self._writers:
            writer.transport.abort()

    def close(self) -> None:
        self.cut()
        if self._listener is not None:
            self._listener.close()
