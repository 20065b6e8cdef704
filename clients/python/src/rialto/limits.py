"""Every limit and default time of the SDK, with its unit and what happens when it is hit. What a caller may change is in `Settings`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times and bounds that a caller may change."""

    requests_max: int = 1_024
    """Requests that wait for an answer, at most; sends while disconnected count too. Above: `queue_full`."""
    events_max: int = 1_024
    """Events that wait in one stream, at most. Above: the oldest go, and `Lagged` says how many."""
    open_seconds: float = 5.0
    """For the socket to open. After: the next address."""
    reply_seconds: float = 5.0
    """For the replies to connect and subscribe. After: the connection is dropped and made anew."""
    ack_seconds: float = 5.0
    """For one attempt of a request. After: it is sent again where that is safe."""
    request_seconds: float = 30.0
    """For a request with all its attempts, reconnects included. After: `timeout`."""
    ping_grace_seconds: float = 10.0
    """Of silence beyond the announced ping interval. After: the connection is dropped and made anew."""
    backoff_min_seconds: float = 0.5
    """Shortest pause before a reconnect."""
    backoff_max_seconds: float = 20.0
    """Longest pause before a reconnect."""
    stable_seconds: float = 10.0
    """How long a connection must hold for the next pause to be short again."""


DEFAULT_SETTINGS: Final = Settings()

SUBSCRIPTIONS_MAX: Final = 1_024
"""Channels that one client may be subscribed to by its own wish. Above: `queue_full`; the server's own limit is lower by default."""
TOKEN_SECONDS: Final = 15.0
"""For a token source to answer. After: a temporary failure."""
REFRESH_AHEAD_SECONDS_MAX: Final = 60.0
"""Longest time before its end that a token is renewed; one tenth of its life when that is less."""
REFRESH_RETRY_SECONDS: Final = 5.0
"""Shortest pause before a failed token renewal is tried again; the longest is twice this."""
RETRY_MIN_SECONDS: Final = 0.1
"""Shortest pause before a request that was refused for now goes out again."""
RETRY_MAX_SECONDS: Final = 5.0
"""Longest pause before a request that was refused for now goes out again."""
CLOSE_SECONDS: Final = 2.0
"""How long `close` waits for answers that are under way."""
CALL_SECONDS: Final = 15.0
"""For one HTTP call with its answer."""
FRAME_CHARACTERS_MAX: Final = 16_384
"""Characters that are gathered into one frame; far below the server's limit. A larger command goes alone."""
ENVELOPE_BYTES: Final = 256
"""Bytes that a command's id and names may take of a frame beside its data."""
MESSAGE_BYTES_MAX: Final = 32 * 1_024 * 1_024
"""Largest frame that is read: a recovery may bring 300 publications of 32 KiB, escaped. Above: the connection is made anew."""
UNSENT_CHARACTERS_MAX: Final = 64 * 1_024 * 1_024
"""What may wait for a line that takes nothing more. Above: it is given up, and a new one is made."""
