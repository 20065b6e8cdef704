"""What the test server answers instead of what was asked."""

from __future__ import annotations

from ..frames import ErrorFrame
from ..protocol.codes import ERROR_CODES


class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure
    """An error of the one table, by its word."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        found = next(((number, info) for number, info in ERROR_CODES.items() if info.word == word), None)
        if found is None:
            raise ValueError(f"no such code: {word}")
        number, info = found
        self.frame: ErrorFrame = {"code": number, "message": word.replace("_", " ") if number < 400 else word}
        if info.temporary:
            self.frame["temporary"] = True
