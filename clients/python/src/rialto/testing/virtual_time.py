"""An event loop whose time passes only when nobody has anything to do."""

from __future__ import annotations

import asyncio
import functools
import inspect
import selectors
import unittest
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

# What the clock shows at the beginning, in seconds.
BEGINNING = 1_000.0
# How long a test may take in virtual time, seconds: connections ping for ever, so what hangs would never be noticed.
PATIENCE_SECONDS = 40 * 24 * 3_600


class _Selector(selectors.SelectSelector):
    """Where a loop would wait for its next timer, it is that time already."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGINNING

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits, and no timer is set: this would wait for ever")
        self.now += max(0.0, timeout)
        if self.now > BEGINNING + PATIENCE_SECONDS:
            raise RuntimeError("nothing ends this: 40 days have passed")
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`asyncio.sleep(3600)`, timeouts and a client's pauses take no time, and always end in the order of their moments.

    What runs in threads is run at once. There are no real sockets here: a client talks to a `TestServer`.
    """

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        # Sums of times are not exact: a timer counts as due within the clock's resolution.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Seconds; moved by timers alone."""
        return self._virtual.now

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Arguments], Result], *args: *Arguments) -> asyncio.Future[Result]:
        """Runs it now."""
        future: asyncio.Future[Result] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Like `asyncio.run`, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class VirtualTestCase(unittest.TestCase):
    """Like `unittest.IsolatedAsyncioTestCase`, in virtual time."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, test in tuple(vars(cls).items()):
            if name.startswith("test") and inspect.iscoroutinefunction(test):
                setattr(cls, name, _in_virtual_time(test))


def _in_virtual_time(test: Callable[[Any], Coroutine[Any, Any, None]]) -> Callable[[Any], None]:
    @functools.wraps(test)
    def play(self: Any) -> None:
        run(test(self))

    return play
