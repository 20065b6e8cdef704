"""What a bot knows over restarts."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, MutableMapping
from typing import Any

from ..frames import encode


class Memory(MutableMapping[str, Any]):
    """JSON values by name. A value that was read is a copy: put it back to change it.

    A handler works on a draft: what it changed counts when it ended well, all of it at once, and together with the place of
    the row that it handled. So a row's changes are made once, whenever the bot is killed. Rows and timers
    of one conversation are handled one after the other; those of different ones side by side, so let each write under names of its own.
    """

    def __init__(self, below: Memory | None = None) -> None:
        self._below = below
        # Values as text; None is gone.
        self._changes: dict[str, str | None] = {}

    def __getitem__(self, name: str) -> Any:
        text = self._text(name)
        if text is None:
            raise KeyError(name)
        return json.loads(text)

    def __setitem__(self, name: str, value: Any) -> None:
        self._changes[name] = encode(value)

    def __delitem__(self, name: str) -> None:
        if self._text(name) is None:
            raise KeyError(name)
        self._change(name, None)

    def __iter__(self) -> Iterator[str]:
        names = dict.fromkeys(self._below or ())
        for name, text in self._changes.items():
            if text is None:
                names.pop(name, None)
            else:
                names[name] = None
        return iter(names)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._text(name) is not None

    @property
    def changed(self) -> Collection[str]:
        """Names of what there is to commit."""
        return self._changes.keys()

    def draft(self) -> Memory:
        """A copy to work on."""
        return Memory(self)

    def commit(self) -> None:
        """What was changed in the draft counts."""
        if self._below is not None:
            for name, text in self._changes.items():
                self._below._change(name, text)
        self._changes = {}

    def _text(self, name: str) -> str | None:
        if name in self._changes:
            return self._changes[name]
        return None if self._below is None else self._below._text(name)

    def _change(self, name: str, text: str | None) -> None:
        if text is None and self._below is None:
            self._changes.pop(name, None)
        else:
            self._changes[name] = text
