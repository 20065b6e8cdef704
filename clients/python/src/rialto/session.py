"""Somebody who is logged in, and whose access token stays fresh."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from .accounts import Accounts, Grant, SignedIn
from .error import RialtoError, Unauthorized

# A token with less than this share of its life left (one part in …) is renewed before it is used.
FRESH_PART = 10
# The session has ended, and asking again will not bring it back.
OVER = (400, 401, 403)


class Session:
    """Holds the access token and renews it; `token_source` is what a client takes."""

    def __init__(self, accounts: Accounts, signed_in: SignedIn, *, now: Callable[[], float] = time.monotonic) -> None:
        """`now` is a clock in seconds that never jumps."""
        self.user = signed_in["user"]
        self._accounts = accounts
        self._now = now
        self._token = signed_in["token"]
        self._renew_at = self._renewal_time(signed_in)
        self._renewal: asyncio.Task[str] | None = None

    async def access_token(self, *, renew: bool = False) -> str:
        """An access token that is still good for a while. Callers at the same time share one renewal."""
        if not renew and self._now() < self._renew_at:
            return self._token
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.get_running_loop().create_task(self._renewed(), name="rialto renewal")
        # One caller who gives up must not take it from the others.
        return await asyncio.shield(self._renewal)

    async def token_source(self, renew: bool) -> str:
        """For `Client(token=…)`: says so when the session has ended, so that the client suspends."""
        try:
            return await self.access_token(renew=renew)
        except RialtoError as error:
            if error.status in OVER:
                raise Unauthorized(str(error)) from error
            raise

    async def logout(self) -> None:
        """Ends the session on the server."""
        await self._accounts.logout(self._token)

    async def _renewed(self) -> str:
        grant = await self._accounts.refresh()
        self._token = grant["token"]
        self._renew_at = self._renewal_time(grant)
        return self._token

    def _renewal_time(self, grant: Grant) -> float:
        life = grant["expires_in"]
        return self._now() + life - life / FRESH_PART
