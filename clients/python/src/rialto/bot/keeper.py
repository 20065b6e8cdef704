"""Places and memory of a bot, and their way into the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ..error import RialtoError
from ..protocol.types import ConversationId
from ..state import Position
from .limits import AGAIN_MAX_SECONDS, AGAIN_MIN_SECONDS
from .memory import Memory
from .store import Store

FORMAT: Final = 1


class Keeper:
    """Commits change what the bot knows at once; `saved` waits until that is durable. Many commits share one save."""

    def __init__(self, store: Store, report: Callable[[Exception], None]) -> None:
        self.memory = Memory()
        self._store = store
        self._report = report
        self._places: dict[ConversationId, Position] = {}
        self._commits = 0
        self._saved = 0
        self._saving = asyncio.Lock()

    async def load(self) -> None:
        """Takes up what an earlier run left."""
        state = await self._store.load()
        if not state:
            return
        if state.get("format") != FORMAT:
            raise RialtoError("misuse", "the store holds something else than the state of a bot")
        self._places = {name: Position(offset, epoch) for name, (offset, epoch) in state["places"].items()}
        self.memory.update(state["memory"])

    def place(self, conversation: ConversationId) -> Position | None:
        """Up to where a conversation is handled."""
        return self._places.get(conversation)

    def commit(self, draft: Memory | None = None, conversation: ConversationId | None = None, place: Position | None = None) -> None:
        """A row is handled, or a timer: its changes and its place count from now on."""
        if draft is not None:
            draft.commit()
        if conversation is not None and place is not None:
            self._places[conversation] = place
        self._commits += 1

    def forget(self, conversation: ConversationId) -> None:
        """The bot is in it no more."""
        if self._places.pop(conversation, None) is not None:
            self._commits += 1

    async def saved(self) -> None:
        """Waits until everything that was committed so far is durable. A store that fails is asked again, for as long as it takes."""
        wanted = self._commits
        async with self._saving:
            pause = AGAIN_MIN_SECONDS
            while self._saved < wanted:
                commits = self._commits
                places = {name: [place.offset, place.epoch] for name, place in self._places.items()}
                try:
                    await self._store.save({"format": FORMAT, "places": places, "memory": dict(self.memory)})
                    self._saved = commits
                except OSError as error:
                    self._report(error)
                    await asyncio.sleep(pause)
                    pause = min(AGAIN_MAX_SECONDS, pause * 2)
