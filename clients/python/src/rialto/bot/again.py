"""Rates, overload and cuts are waited out here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..error import RialtoError
from .limits import AGAIN_MAX_SECONDS, AGAIN_MIN_SECONDS

Result = TypeVar("Result")


async def until_done(run: Callable[[], Awaitable[Result]]) -> Result:
    """Repeats what the server would not do for now, or did not answer, until it is done or the caller is cancelled."""
    pause = AGAIN_MIN_SECONDS
    while True:
        try:
            return await run()
        except RialtoError as error:
            if not error.temporary:
                raise
            retry_after = (error.retry_after_ms or 0) / 1_000
        await asyncio.sleep(max(pause, retry_after))
        pause = min(AGAIN_MAX_SECONDS, pause * 2)
