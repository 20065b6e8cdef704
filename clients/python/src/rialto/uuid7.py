"""Ids that carry their time."""

from __future__ import annotations

import re
from collections.abc import Callable

_COUNTER_MAX = 0xFFF
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)


class Uuid7Factory:
    """Makes UUIDv7 values by a clock in milliseconds since 1970.

    48 bits of milliseconds, a 12-bit counter that keeps one millisecond's ids in order, 62 random bits.
    """

    def __init__(self, now_ms: Callable[[], int], random_bytes: Callable[[int], bytes]) -> None:
        self._now_ms = now_ms
        self._random_bytes = random_bytes
        self._last_ms = 0
        self._counter = 0

    def __call__(self) -> str:
        """The next id; later ones sort behind it."""
        random = self._random_bytes(10)
        now = self._now_ms()
        if now > self._last_ms:
            self._last_ms = now
            # Starts in the lower half so that a burst has room to count before it must borrow the next millisecond.
            self._counter = int.from_bytes(random[:2]) & 0x7FF
        elif self._counter < _COUNTER_MAX:
            self._counter += 1
        else:
            self._counter = 0
            self._last_ms += 1
        time = f"{self._last_ms:012x}"
        variant = 0x80 | (random[2] & 0x3F)
        tail = random[3:10].hex()
        return f"{time[:8]}-{time[8:]}-7{self._counter:03x}-{variant:02x}{tail[:2]}-{tail[2:]}"


def uuid7_time(text: str) -> int | None:
    """The time inside a UUIDv7 in milliseconds since 1970, or None when it is not one."""
    if _UUID7.fullmatch(text) is None:
        return None
    return int(text[:8] + text[9:13], 16)
