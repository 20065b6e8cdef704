"""What a client needs from outside beside the event loop and its clock, as one value, so that tests own chance and network."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .error import RialtoError


class Listener(Protocol):
    """Who hears what happens on a socket. It is told in the event loop, one thing at a time."""

    def opened(self) -> None:
        """The handshake is done."""

    def received(self, text: str) -> None:
        """A text frame came."""

    def closed(self, code: int, reason: str) -> None:
        """The socket is gone; the last thing that is heard. 1006 when there was no close frame."""


class Socket(Protocol):
    """A WebSocket that opens by itself, tells its listener, and says nothing more once `close` was called."""

    def send(self, text: str) -> None:
        """Sends a text frame; what is sent on a socket that is gone is lost."""

    def close(self, code: int, reason: str) -> None:
        """Ends it."""


OpenSocket = Callable[[str, Listener], Socket]


def _open_websocket(url: str, listener: Listener) -> Socket:
    from .websocket import WebSocket  # noqa: PLC0415 - whoever brings sockets of their own needs no package for them

    return WebSocket(url, listener)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Network, chance and wall clock. Time itself is the event loop's."""

    open_socket: OpenSocket = _open_websocket
    random: Callable[[], float] = random.random
    """A number in [0, 1), for jitter."""
    random_bytes: Callable[[int], bytes] = os.urandom
    """For ids."""
    wall_ms: Callable[[], int] = _wall_ms
    """Milliseconds since 1970 by our own clock, which may be wrong."""


def socket_url(address: str) -> str:
    """Where the client protocol is spoken on a server at `http(s)://host` or `ws(s)://host`."""
    found = re.fullmatch(r"(?:http|ws)(s?)://([^/?#\s]+)(/[^?#\s]*)?", address)
    if found is None:
        raise RialtoError("misuse", f"no address of a server: {address}")
    secure, host, path = found.groups()
    return f"ws{secure}://{host}{(path or '').rstrip('/')}/connection/websocket"
