"""Handlers run for a limited time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ..client import Client
from ..error import RialtoError
from .limits import CANCEL_SECONDS, HANDLER_SECONDS


async def limited(client: Client, handler: Coroutine[Any, Any, None]) -> None:
    """Runs a handler for a limited time of being connected: what waits for the server to come back is not late.

    It is cancelled when the time is over, or when its caller is.
    """
    task = asyncio.get_running_loop().create_task(handler, name="rialto handler")
    try:
        while not task.done():
            done, _ = await asyncio.wait([task], timeout=HANDLER_SECONDS)
            if not done and client.is_connected:
                raise RialtoError("timeout", "the handler took too long")
        await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=CANCEL_SECONDS)
        if task.done() and not task.cancelled():
            task.exception()
