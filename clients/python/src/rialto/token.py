"""Access tokens, and where they come from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from .error import RialtoError
from .limits import REFRESH_AHEAD_SECONDS_MAX, TOKEN_SECONDS

TokenSource: TypeAlias = Callable[[bool], Awaitable[str]]
"""Brings an access token. It is called with `renew`: the token given before has expired, is about to, or was refused, so
that one from a cache will not do. Raise `Unauthorized` when there will be none: the client suspends. Any other error means
"not now": it is asked again after a pause."""

Token: TypeAlias = str | TokenSource
"""A token that never changes, or a source of them."""


def is_renewable(token: Token | None) -> bool:
    """Whether expired tokens can be replaced."""
    return token is not None and not isinstance(token, str)


def renew_in_seconds(ttl_seconds: float) -> float:
    """Until a token with this life is renewed: early enough that the new one is there before the old one ends."""
    return ttl_seconds - min(ttl_seconds / 10, REFRESH_AHEAD_SECONDS_MAX)


async def fetch_token(token: Token, renew: bool) -> str:
    """Asks for a token, for a limited time."""
    if isinstance(token, str):
        return token
    try:
        async with asyncio.timeout(TOKEN_SECONDS):
            return await token(renew)
    except TimeoutError as error:
        raise RialtoError("timeout", "no token in time", temporary=True) from error


async def try_token(token: Token, renew: bool) -> str | Exception:
    """The same, with the failure as a value: whoever asked may have moved on meanwhile."""
    try:
        return await fetch_token(token, renew)
    except Exception as error:
        return error
