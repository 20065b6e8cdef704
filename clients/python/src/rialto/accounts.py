"""Accounts over HTTP."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypedDict, TypeVar

from .error import RialtoError
from .limits import CALL_SECONDS
from .protocol.types import Profile

Answer = TypeVar("Answer", bound=Mapping[str, Any])

ANSWER_BYTES_MAX = 16 * 1_024 * 1_024
# These pass by themselves: too many, and a proxy or server that is away for now.
TEMPORARY = frozenset((429, 502, 503, 504))


class Grant(TypedDict):
    """A fresh access token."""

    token: str
    # Seconds that it lives.
    expires_in: int


class SignedIn(Grant):
    """Somebody is logged in."""

    user: Profile


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One call over HTTP."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Its answer, whatever the status."""

    status: int
    body: bytes
    cookies: tuple[str, ...] = field(default=())
    """`Set-Cookie` headers."""


Fetch: TypeAlias = Callable[[HttpRequest], Awaitable[HttpAnswer]]
"""Makes a call; raises `OSError` when there is no answer."""


class Accounts:
    """Calls of `/v1/auth` and `/v1/users` over HTTP. The refresh token, a cookie, is kept here, in memory."""

    def __init__(self, url: str, *, fetch: Fetch | None = None) -> None:
        """`url` is `http(s)://host:port` of the server; `fetch` another way to reach it than the one of the standard library."""
        self._base = url.rstrip("/")
        self._fetch = fetch or _fetch
        self._cookie: str | None = None

    async def register(self, username: str, password: str, display_name: str | None = None) -> SignedIn:
        """Makes an account and logs in; `conflict` when the name is taken, `invalid_argument` for a weak password."""
        body = {"username": username, "password": password}
        if display_name is not None:
            body["display_name"] = display_name
        return await self._signed_in("/v1/auth/register", body)

    async def login(self, username: str, password: str) -> SignedIn:
        """Logs in; `invalid_credentials`, or `rate_limited` after too many failures."""
        return await self._signed_in("/v1/auth/login", {"username": username, "password": password})

    async def register_or_login(self, username: str, password: str) -> SignedIn:
        """Registers, or logs in when the name is taken: for bots, which start the same way each time."""
        try:
            return await self.register(username, password)
        except RialtoError as error:
            if error.code != "conflict":
                raise
        return await self.login(username, password)

    async def guest(self, display_name: str) -> SignedIn:
        """Comes in without an account, where the server allows it."""
        return await self._signed_in("/v1/auth/guest", {"display_name": display_name})

    async def refresh(self) -> Grant:
        """Trades the refresh cookie for an access token and a new cookie; 401 when the session has ended."""
        answer: Grant = await self.call("POST", "/v1/auth/refresh")
        return _checked(answer, "token", "expires_in")

    async def logout(self, token: str | None = None) -> None:
        """Ends the session on the server."""
        await self.call("POST", "/v1/auth/logout", token=token)

    async def change_password(self, token: str, old: str, new: str) -> None:
        """Replaces the password and ends all other sessions."""
        await self.call("POST", "/v1/auth/password", {"old": old, "new": new}, token=token)

    async def me(self, token: str) -> Profile:
        """Whose token it is."""
        answer: Profile = await self.call("GET", "/v1/users/me", token=token)
        return _checked(answer, "id", "username")

    async def call(self, method: str, path: str, body: object = None, *, token: str | None = None) -> Any:
        """Any call of the HTTP API; raises `RialtoError`, `offline` when there was no answer."""
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if self._cookie is not None and path.startswith("/v1/auth/"):
            headers["cookie"] = self._cookie
        payload = None if body is None else json.dumps(body).encode()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                answer = await self._fetch(HttpRequest(method, self._base + path, headers, payload))
        except OSError as error:  # A TimeoutError is one too.
            raise RialtoError("offline", temporary=True, outcome_unknown=True) from error
        for cookie in answer.cookies:
            if cookie.startswith("rialto_refresh="):
                self._cookie = cookie.split(";", 1)[0]
        content = _object(answer.body)
        if 200 <= answer.status < 300:
            return content
        raise _refusal(answer.status, content)

    async def _signed_in(self, path: str, body: object) -> SignedIn:
        answer: SignedIn = await self.call("POST", path, body)
        return _checked(answer, "token", "expires_in", "user")


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _checked(answer: Answer, *fields: str) -> Answer:
    if any(name not in answer for name in fields):
        raise RialtoError("bad_answer", f"no {', '.join(fields)}")
    return answer


def _refusal(status: int, problem: dict[str, Any]) -> RialtoError:
    retry_after = problem.get("retry_after_ms")
    return RialtoError(
        str(problem.get("code") or f"http_{status}"),
        str(problem.get("detail") or problem.get("title") or ""),
        status=status,
        temporary=status in TEMPORARY,
        retry_after_ms=retry_after if isinstance(retry_after, int) else None,
    )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected token would go to whoever was named."""

    def redirect_request(self, *_given: object, **_named: object) -> None:
        return None


async def _fetch(request: HttpRequest) -> HttpAnswer:
    return await asyncio.to_thread(_fetch_blocking, request)


def _fetch_blocking(request: HttpRequest) -> HttpAnswer:
    if not request.url.startswith(("http://", "https://")):
        raise RialtoError("misuse", f"no address of a server: {request.url}")
    call = urllib.request.Request(  # noqa: S310 - the scheme is checked
        request.url, request.body, dict(request.headers), method=request.method
    )
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(call, timeout=CALL_SECONDS) as answer:
            return HttpAnswer(answer.status, answer.read(ANSWER_BYTES_MAX), tuple(answer.headers.get_all("set-cookie", [])))
    except urllib.error.HTTPError as error:
        with error:
            return HttpAnswer(error.code, error.read(ANSWER_BYTES_MAX), tuple(error.headers.get_all("set-cookie", [])))
    except ValueError as error:
        raise OSError(str(error)) from error
