"""Where a connection stands, and what its codes mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Literal, TypeAlias

from .protocol.codes import CLOSE_CODES


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a channel's stream. Keep it to resume there after a restart of the program."""

    offset: int
    """The last offset seen."""
    epoch: str
    """The stream's identity; empty is not compared."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a connection ended or could not be made."""

    code: int
    """1000 and above: the socket's close code. 100 to 999: the error code of a refused `connect`. Below: see `Reasons`."""
    text: str
    """For people."""


class Reasons(IntEnum):
    """Codes of reasons that are not the server's."""

    BY_OWNER = 0
    """The owner called `close` or `suspend`, or has not called `connect` yet."""
    NO_TOKEN = 1
    """The token source said that there will be no token."""
    TOKEN_FAILED = 2
    """The token source failed for now."""
    OPEN_FAILED = 3
    """No socket could be opened."""
    TRANSPORT = 4
    """The socket broke without a close frame, or the owner knows that it is dead."""
    NO_REPLY = 5
    """No reply to connect or subscribe in time."""
    NO_PING = 6
    """No ping in time."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """Fetching a token, opening a socket or waiting for the connect reply."""

    name: ClassVar[Literal["connecting"]] = "connecting"
    attempt: int
    """Failures since the last stable connection."""


@dataclass(frozen=True, slots=True)
class Connected:
    """Connected."""

    name: ClassVar[Literal["connected"]] = "connected"
    client: str
    """The server's id of this connection."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """Not connected; the client tries again by itself."""

    name: ClassVar[Literal["disconnected"]] = "disconnected"
    reason: Reason
    attempt: int
    retry_in_seconds: float


@dataclass(frozen=True, slots=True)
class Suspended:
    """Not connected, and it stays so until `connect` is called: not begun, told to, or refused for good. Subscriptions are kept."""

    name: ClassVar[Literal["suspended"]] = "suspended"
    reason: Reason


@dataclass(frozen=True, slots=True)
class Closed:
    """Closed by its owner, for ever."""

    name: ClassVar[Literal["closed"]] = "closed"
    reason: Reason


ConnectionState: TypeAlias = Connecting | Connected | Disconnected | Suspended | Closed


def will_retry(state: ConnectionState) -> bool:
    """Whether the client goes on by itself."""
    return not isinstance(state, Suspended | Closed)


def should_reconnect(close_code: int) -> bool:
    """Whether a client whose socket was closed with this code comes back by itself."""
    known = CLOSE_CODES.get(close_code)
    if known is not None:
        return known.reconnect
    # Codes of later versions: the ranges are part of the protocol.
    return not (3500 <= close_code < 4000 or 4500 <= close_code < 5000)
