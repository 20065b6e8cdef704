"""A channel's numbered publications, and the rules of reading and recovering them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..protocol.codes import PUBLICATIONS_PER_ANSWER_MAX
from ..protocol.types import ClientInfo, HistoryResult, Publication, SubscribeResult


class Stream:
    """Dense from 1."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.publications: list[Publication] = []

    @property
    def top(self) -> int:
        """The last offset."""
        return len(self.publications)

    def push(self, data: Any, info: ClientInfo | None = None) -> Publication:
        """Adds one."""
        publication: Publication = {"data": data, "offset": self.top + 1}
        if info is not None:
            publication["info"] = info
        self.publications.append(publication)
        return publication

    def subscribe(self, asked: Mapping[str, Any]) -> SubscribeResult:
        """Recovery is whole or not at all."""
        offset, epoch = asked.get("offset", 0), asked.get("epoch", "")
        result: SubscribeResult = {"recoverable": True, "epoch": self.epoch, "positioned": True}
        at = self.top
        if asked.get("recover") is True:
            result["was_recovering"] = True
            if epoch in ("", self.epoch) and 0 <= self.top - offset <= PUBLICATIONS_PER_ANSWER_MAX:
                result["recovered"] = True
                at = offset
                if missed := self.publications[offset:]:
                    result["publications"] = missed
        # Zero values are left out on the wire.
        if at > 0:
            result["offset"] = at
        return result

    def history(self, asked: Mapping[str, Any]) -> HistoryResult | None:
        """A part of it; None when the position lies in another epoch."""
        since = asked.get("since") or {}
        if since.get("epoch", "") not in ("", self.epoch):
            return None
        limit, offset = asked.get("limit", 0), since.get("offset")
        count = PUBLICATIONS_PER_ANSWER_MAX if limit < 0 else min(limit, PUBLICATIONS_PER_ANSWER_MAX)
        if asked.get("reverse") is True:
            behind = self.publications[: None if offset is None else max(0, offset - 1)][::-1]
        else:
            behind = self.publications[offset or 0 :]
        result: HistoryResult = {"epoch": self.epoch}
        if publications := behind[:count]:
            result["publications"] = publications
        if self.top > 0:
            result["offset"] = self.top
        return result
