"""A room with Ada and a bot."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from rialto.bot import Bot, MemoryStore
from rialto.testing import Fault, TestServer


class Stage:
    """A server, two persons, their room, and the bot's store."""

    def __init__(self) -> None:
        self.fault: Fault = None
        self.server = TestServer(fault=self.befalls)
        self.ada = self.server.person("ada")
        self.robot = self.server.person("robot")
        self.room = self.ada.creates("group", "room", [self.robot])
        self.store = BreakableStore()

    def befalls(self, _kind: str, _body: Any) -> Fault:
        return self.fault

    @property
    def texts(self) -> list[str]:
        """What the bot said in the room."""
        return self.ada.texts_of(self.room, self.robot)

    async def killed(self, bot: Bot) -> None:
        """The bot says, hears and keeps nothing more, at whatever point it was."""
        self.store.is_broken = True
        self.fault = "lost before"
        # Timers of the event loop cannot be killed like tasks: the client must not come back.
        bot.client.suspend()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        self.fault = None
        self.store = BreakableStore(self.store.state)

    async def quiet(self) -> None:
        """Everything that was going on is done."""
        await asyncio.sleep(1)


class BreakableStore(MemoryStore):
    """One whose disk may be full."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.state = state or {}
        self.is_broken = False
        self.saves = 0

    async def save(self, state: Mapping[str, Any]) -> None:
        if self.is_broken:
            raise OSError("no space left")
        await super().save(state)
        self.saves += 1
