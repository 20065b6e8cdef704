"""The channels that the server subscribes us to by itself, such as the inbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .event import ChannelEvent, Gap, Joined, Left, Subscribed, Unsubscribed, event_of
from .frames import Push
from .protocol.types import Publication, SubscribeResult
from .state import Position, Reason
from .subscription import moved, place, tracked

# Unsubscribe code: the server made the subscription and ended it.
SERVER_UNSUBSCRIBE = 2000


class ServerSide:
    """They are recovered through `connect`."""

    def __init__(self, emit: Callable[[ChannelEvent], None]) -> None:
        self._emit = emit
        self._positions: dict[str, Position | None] = {}

    def recover(self) -> dict[str, Any] | None:
        """The positions for the next connect."""
        known = {
            channel: {"recover": True, "epoch": position.epoch, "offset": position.offset}
            for channel, position in self._positions.items()
            if position is not None
        }
        return known or None

    def accept(self, subs: Mapping[str, SubscribeResult]) -> None:
        """What a connect reply says; a channel that is missing from it has ended."""
        for channel in tuple(self._positions):
            if channel not in subs:
                self._end(channel, Reason(SERVER_UNSUBSCRIBE, "server unsubscribe"))
        for channel, result in subs.items():
            self._subscribed(channel, result)

    def push(self, push: Push) -> bool:
        """A push on one of these channels, or one that makes a new one; False when it is neither."""
        channel = push.get("channel", "")
        if "subscribe" in push:
            self._subscribed(channel, push["subscribe"])
            return True
        if channel not in self._positions:
            return False
        if "pub" in push:
            self._publication(channel, push["pub"])
        elif "join" in push:
            self._emit(Joined(channel, push["join"]["info"]))
        elif "leave" in push:
            self._emit(Left(channel, push["leave"]["info"]))
        elif "unsubscribe" in push:
            ended = push["unsubscribe"]
            self._end(channel, Reason(ended.get("code", 0), ended.get("reason", "")))
        return True

    def _subscribed(self, channel: str, result: SubscribeResult) -> None:
        publications = result.get("publications", [])
        position = Position(result.get("offset", 0), result.get("epoch", ""))
        self._positions[channel] = moved(tracked(result), publications)
        was_recovering, recovered = result.get("was_recovering") is True, result.get("recovered") is True
        self._emit(Subscribed(channel, was_recovering, recovered, position, by_server=True))
        for publication in publications:
            self._emit(event_of(channel, publication))

    def _publication(self, channel: str, publication: Publication) -> None:
        known = self._positions.get(channel)
        offset = publication.get("offset", 0)
        verdict, position = place(known, offset)
        if verdict == "repeat":
            return
        if verdict == "gap" and known is not None:
            # We cannot subscribe again ourselves: go on from here, and say so.
            self._positions[channel] = Position(offset, known.epoch)
            self._emit(Gap(channel, known.offset, offset))
        else:
            self._positions[channel] = position
        self._emit(event_of(channel, publication))

    def _end(self, channel: str, reason: Reason) -> None:
        self._positions.pop(channel, None)
        self._emit(Unsubscribed(channel, reason, will_retry=False))
