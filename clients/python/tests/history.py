"""What clients were told and what stands, compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from rialto import Client, ConversationPublication, Subscribed
from rialto.protocol.types import Message


class Witness:
    """What one subscriber was told of a channel."""

    def __init__(self, name: str, client: Client, channel: str) -> None:
        self._name = name
        self._channel = channel
        self._told: list[Subscribed | ConversationPublication] = []
        client.on(Subscribed, self._keep)
        client.on(ConversationPublication, self._keep)

    def _keep(self, event: Subscribed | ConversationPublication) -> None:
        if event.channel == self._channel:
            self._told.append(event)

    @property
    def last(self) -> int:
        """Up to which row it knows the stream: heard, or there before it came."""
        rows = [event.offset or 0 for event in self._told if isinstance(event, ConversationPublication)]
        first = next((event.position.offset for event in self._told if isinstance(event, Subscribed)), 0)
        return max([first, *rows])

    def is_contiguous(self, log: Iterable[Message]) -> None:
        """Every row between the first subscribe and the last row came once and in order, and is what the log says."""
        texts = {message["offset"]: message["text"] for message in log}
        position: int | None = None
        for event in self._told:
            if isinstance(event, Subscribed):
                assert position is None or event.recovered, f"{self._name}: a recovery was lost"
                position = event.position.offset if position is None else position
            elif event.offset is not None:
                assert position is not None
                assert event.offset == position + 1, f"{self._name}: {event.offset} after {position}"
                position = event.offset
                if event.event["type"] == "message":
                    assert texts[event.offset] == event.event["text"], f"{self._name}: another text at {event.offset}"


def is_exact(log: Iterable[Message], acknowledged: Mapping[str, int], sent: Set[str]) -> None:
    """Every acknowledged text stands exactly once where its acknowledgement says; nothing stands twice."""
    places: dict[str, int] = {}
    for message in log:
        assert message["text"] not in places, f"{message['text']} stands twice"
        assert message["text"] in sent, f"nobody said {message['text']}"
        places[message["text"]] = message["offset"]
    for text, offset in acknowledged.items():
        assert places.get(text) == offset, f"{text} was acknowledged at {offset}"
