"""Who hears of events."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .error import RialtoError

Event = TypeVar("Event")
Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Lagged:
    """In a stream: it was read too slowly, so many of the oldest events are gone."""

    missed: int


class Stream(Generic[Event]):
    """A bounded queue that is read with `async for`. Its writer never waits: who stays behind loses the oldest, and is told.

    It ends with whatever it is a stream of. One that nobody holds any more gathers nothing.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._queue: deque[Event] = deque()
        self._missed = 0
        self._is_ended = False
        self._news = asyncio.Event()

    def close(self) -> None:
        """Reads no more: what waits is dropped."""
        self._queue.clear()
        self._missed = 0
        self.end()

    def push(self, event: Event) -> None:
        """Adds an event; not for readers."""
        if self._is_ended:
            return
        if len(self._queue) >= self._capacity:
            self._queue.popleft()
            self._missed += 1
        self._queue.append(event)
        self._news.set()

    def end(self) -> None:
        """Nothing more comes; not for readers."""
        self._is_ended = True
        self._news.set()

    def __aiter__(self) -> Stream[Event]:
        return self

    async def __anext__(self) -> Event | Lagged:
        while True:
            if self._missed > 0:
                missed, self._missed = self._missed, 0
                return Lagged(missed)
            if self._queue:
                return self._queue.popleft()
            if self._is_ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()


class Hub(Generic[Event]):
    """Hands events to handlers at once, and to streams with a bound.

    A handler that raises is reported and harms nobody else.
    """

    def __init__(self, capacity: int, report: Callable[[Exception], None]) -> None:
        self._capacity = capacity
        self._report = report
        self._handlers: dict[type, list[Callable[[Any], object]]] = {}
        self._streams: weakref.WeakSet[Stream[Event]] = weakref.WeakSet()
        self._is_ended = False

    def on(self, kind: type[Kind], handler: Callable[[Kind], object]) -> Callable[[], None]:
        """Calls the handler for each event of a class. Answers a function that ends this."""
        if inspect.iscoroutinefunction(handler):
            raise RialtoError("misuse", "a handler is called at once: to await things, read `events()` in a task")
        handlers = self._handlers.setdefault(kind, [])
        handlers.append(handler)

        def off() -> None:
            if handler in handlers:
                handlers.remove(handler)

        return off

    def stream(self) -> Stream[Event]:
        """All events from now on, until the hub ends."""
        stream: Stream[Event] = Stream(self._capacity)
        if self._is_ended:
            stream.end()
        else:
            self._streams.add(stream)
        return stream

    def emit(self, event: Event) -> None:
        """Tells everybody."""
        for handler in tuple(self._handlers.get(type(event), ())):
            try:
                handler(event)
            except Exception as error:
                self._report(error)
        for stream in tuple(self._streams):
            stream.push(event)

    def end(self) -> None:
        """No more events, for streams to come too."""
        self._is_ended = True
        for stream in tuple(self._streams):
            stream.end()
