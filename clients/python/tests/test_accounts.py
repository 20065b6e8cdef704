"""Accounts over HTTP, and sessions that stay fresh."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from rialto import Accounts, HttpAnswer, HttpRequest, RialtoError, Session, Unauthorized
from rialto.testing import VirtualTestCase

USER = {"id": "u", "username": "ada", "display_name": "Ada"}


class Backend:
    """Answers every call from a table; renews tokens."""

    def __init__(self, **overrides: Callable[[], HttpAnswer]) -> None:
        self.overrides = overrides
        self.calls: list[tuple[str, str | None]] = []
        self.cookies = 0
        self.accounts = Accounts("http://x/", fetch=self.fetch)

    async def fetch(self, request: HttpRequest) -> HttpAnswer:
        path = request.url.removeprefix("http://x")
        self.calls.append((path, request.headers.get("cookie")))
        override = self.overrides.get(path.rsplit("/", 1)[1])
        if override is not None:
            return override()
        self.cookies += 1
        body: dict[str, Any] = {"token": f"t{self.cookies}", "expires_in": 100, "user": USER}
        cookies = (f"rialto_refresh=r{self.cookies}; HttpOnly; Path=/v1/auth",)
        return HttpAnswer(200, json.dumps(body).encode(), cookies)


def problem(status: int, **fields: Any) -> HttpAnswer:
    return HttpAnswer(status, json.dumps(fields).encode())


class Sessions(VirtualTestCase):
    async def test_it_logs_in_keeps_the_cookie_and_renews_before_the_token_ends(self) -> None:
        backend = Backend()
        now = 0.0
        session = Session(backend.accounts, await backend.accounts.login("ada", "secret"), now=lambda: now)
        self.assertEqual(session.user["username"], "ada")
        self.assertEqual(await session.access_token(), "t1")
        now = 90.001
        self.assertEqual(await asyncio.gather(session.access_token(), session.access_token()), ["t2", "t2"])
        self.assertEqual(await session.token_source(True), "t3")
        refresh = "/v1/auth/refresh"
        calls = [("/v1/auth/login", None), (refresh, "rialto_refresh=r1"), (refresh, "rialto_refresh=r2")]
        self.assertEqual(backend.calls, calls)

    async def test_a_session_that_is_over_says_so_a_server_that_is_away_does_not(self) -> None:
        def away() -> HttpAnswer:
            raise ConnectionRefusedError

        backend = Backend(refresh=lambda: problem(401, code="invalid_credentials", detail="used twice"))
        session = Session(backend.accounts, await backend.accounts.login("ada", "secret"))
        with self.assertRaises(Unauthorized):
            await session.token_source(True)
        backend.overrides["refresh"] = away
        with self.assertRaises(RialtoError) as raised:
            await session.token_source(True)
        self.assertEqual((raised.exception.code, raised.exception.temporary), ("offline", True))

    async def test_problems_become_errors_with_the_servers_words(self) -> None:
        backend = Backend(
            register=lambda: problem(409, code="conflict", detail="taken"),
            guest=lambda: problem(429, code="rate_limited", retry_after_ms=1_500),
            me=lambda: HttpAnswer(502, b"<html>"),
            login=lambda: HttpAnswer(200, b"[]"),
        )
        errors = []
        for call in (
            backend.accounts.register("ada", "x"),
            backend.accounts.guest("x"),
            backend.accounts.me("t"),
            backend.accounts.login("ada", "x"),
        ):
            with self.assertRaises(RialtoError) as raised:
                await call
            error = raised.exception
            errors.append((error.code, error.status, error.temporary, error.retry_after_ms))
        expected = [("conflict", 409, False, None), ("rate_limited", 429, True, 1_500), ("http_502", 502, True, None)]
        self.assertEqual(errors, [*expected, ("bad_answer", None, False, None)])
        del backend.overrides["login"]
        self.assertEqual((await backend.accounts.register_or_login("ada", "secret"))["user"]["id"], "u")
