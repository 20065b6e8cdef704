"""Where a bot's state is kept over restarts."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ..error import RialtoError
from ..frames import encode


class Store(Protocol):
    """One bot's state: a JSON object. One process uses it at a time."""

    async def load(self) -> Mapping[str, Any]:
        """What was saved last; empty at first."""

    async def save(self, state: Mapping[str, Any]) -> None:
        """Replaces it, wholly or not at all; returns when it will be there after a crash. Raises `OSError` when it cannot for now."""


class MemoryStore:
    """Forgets when the program ends: the read markers on the server are the bot's only place then. Also for tests."""

    def __init__(self) -> None:
        self.state: Mapping[str, Any] = {}
        """What was saved last."""

    async def load(self) -> Mapping[str, Any]:
        """What was saved last."""
        return self.state

    async def save(self, state: Mapping[str, Any]) -> None:
        """Keeps it as long as the program runs."""
        self.state = json.loads(encode(state))


class JsonFileStore:
    """A file beside the bot, written anew each time: for some thousand values.

    The new content is written to a second file, synced, and put in the place of the old one: there is always one that is whole.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    async def load(self) -> Mapping[str, Any]:
        """What the file holds; raises `misuse` for a file that is none of a bot's."""
        return await asyncio.to_thread(self._load)

    async def save(self, state: Mapping[str, Any]) -> None:
        """Replaces the file."""
        await asyncio.to_thread(self._save, encode(state))

    def _load(self) -> Mapping[str, Any]:
        try:
            state = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise RialtoError("misuse", f"{self._path} holds no JSON") from error
        if not isinstance(state, dict):
            raise RialtoError("misuse", f"{self._path} holds no JSON object")
        return state

    def _save(self, text: str) -> None:
        new = self._path.with_name(self._path.name + ".new")
        # What a bot remembers is its own business.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
