"""Timers that outlive the program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator
from typing import Any

from ..client import Client
from ..state import will_retry
from .context import TIMER, Timer, timer_of
from .keeper import Keeper
from .limits import LOOK_SECONDS


class Timers:
    """Runs each timer when its time has come by the server's clock, and forgets it once it is handled."""

    def __init__(self, client: Client, keeper: Keeper, handle: Callable[[Timer], Coroutine[Any, Any, None]]) -> None:
        self._client = client
        self._keeper = keeper
        self._handle = handle
        self._changed = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._clock: asyncio.Task[None] | None = None
        self._kinds: Collection[str] = ()

    @property
    def kinds(self) -> set[str]:
        """Those that wait."""
        return {timer.kind for timer in self._waiting()}

    def start(self, kinds: Collection[str]) -> None:
        """Begins to look at the clock; timers of other kinds are kept for a bot that knows them."""
        self._kinds = kinds
        self._clock = asyncio.get_running_loop().create_task(self._run(), name="rialto timers")

    def look(self) -> None:
        """There may be new ones."""
        self._changed.set()

    @property
    def running(self) -> list[asyncio.Task[None]]:
        """Those that are being handled."""
        return list(self._running.values())

    def stop(self) -> None:
        """Begins no more."""
        if self._clock is not None:
            self._clock.cancel()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            now = self._client.server_time_ms()
            wait = LOOK_SECONDS
            for timer in self._waiting():
                if timer.kind not in self._kinds:
                    continue
                if timer.at_ms <= now:
                    # Without a connection it could say nothing.
                    if will_retry(self._client.state):
                        self._begin(timer)
                else:
                    wait = min(wait, (timer.at_ms - now) / 1_000)
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass  # Its time has come, or the clock is to be looked at again.

    def _waiting(self) -> Iterator[Timer]:
        memory = self._keeper.memory
        for name in memory:
            if name.startswith(TIMER) and name.removeprefix(TIMER) not in self._running:
                yield timer_of(name, memory[name])

    def _begin(self, timer: Timer) -> None:
        task = asyncio.get_running_loop().create_task(self._handle(timer), name="rialto timer")
        self._running[timer.id] = task
        task.add_done_callback(lambda _task: self._running.pop(timer.id, None))
