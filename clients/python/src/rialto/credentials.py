"""The token of a connection."""

from __future__ import annotations

import asyncio
import math

from .protocol.types import RefreshResult
from .token import Token, fetch_token, is_renewable, renew_in_seconds


class Credentials:
    """The token of a connection: kept while it is good, fetched anew when it is not."""

    def __init__(self, source: Token | None) -> None:
        self._source = source
        self.token: str | None = None
        """What to say at connect; None for anonymous connections, and before `ready`."""
        self._good_until = math.inf
        # The last token was refused or has run out.
        self._wants_renewal = False
        # A refused token was replaced since the last good connection: the next refusal is final.
        self._has_replaced = False

    @property
    def is_renewable(self) -> bool:
        """Whether expired tokens can be replaced."""
        return is_renewable(self._source)

    async def ready(self) -> None:
        """Sees to it that there is a token that may still be good."""
        if self.is_renewable and asyncio.get_running_loop().time() >= self._good_until:
            self.drop()
        if self._source is None or self.token is not None:
            return
        self.token = await fetch_token(self._source, self._wants_renewal)
        self._wants_renewal = False

    async def renewed(self) -> str:
        """Fetches the next token while the present one is still good."""
        self.token = await fetch_token(self._source or "", True)
        return self.token

    def drop(self) -> None:
        """The token is of no more use."""
        self.token = None
        self._good_until = math.inf
        self._wants_renewal = True

    def replace(self) -> bool:
        """The server calls the token invalid: whether to try another.

        A key rotation and a revoked session look alike from here: one fresh token decides which it was.
        """
        if not self.is_renewable or self._has_replaced:
            return False
        self._has_replaced = True
        self.drop()
        return True

    def forgive(self) -> None:
        """The owner wants a new beginning."""
        self._has_replaced = False

    def accepted(self, result: RefreshResult) -> float | None:
        """The server took the token and says how long it lives. Answers seconds until it should be renewed, or None."""
        self._has_replaced = False
        ttl = result.get("ttl", 0)
        is_ending = result.get("expires") is True and ttl > 0
        self._good_until = asyncio.get_running_loop().time() + ttl if is_ending else math.inf
        return renew_in_seconds(ttl) if is_ending and self.is_renewable else None
