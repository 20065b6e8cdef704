"""Pauses between attempts."""

from __future__ import annotations


def pause_seconds(attempt: int, random: float, shortest: float, longest: float) -> float:
    """A pause with jitter: `shortest`, and a random share of `shortest` doubled with each failure, at most `longest`.

    The jitter spreads a whole room's reconnects after a restart of the server instead of letting them arrive in waves.
    `attempt` counts failures so far, from 0; `random` is a number in [0, 1).
    """
    spread = min(longest, shortest * 2.0 ** min(attempt, 32))
    return min(longest, shortest + random * spread)
