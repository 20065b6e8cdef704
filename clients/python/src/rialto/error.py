"""Why something failed."""

from __future__ import annotations

from .protocol.codes import ERROR_CODES


class RialtoError(Exception):
    """Why something failed. `code` is a stable snake_case word: compare that, never the message.

    Most words are the server's, from its one table of codes. This SDK says these itself: `timeout` (no answer in time),
    `interrupted` (the connection broke before the answer, and the call is not one that may be repeated), `not_connected`
    (the call is not one that waits for a connection), `closed` (the client is suspended or closed), `queue_full` (a bound
    of `Settings` is reached), `offline` (the server could not be reached over HTTP), `bad_answer` (the answer is not what
    the call promises), `misuse` (the call cannot be made this way).
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        number: int | None = None,
        status: int | None = None,
        temporary: bool = False,
        retry_after_ms: int | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        """For people."""
        self.number = number
        """The protocol's error or close number."""
        self.status = status
        """The HTTP status."""
        self.temporary = temporary
        """Trying the same again may help."""
        self.retry_after_ms = retry_after_ms
        """When trying again makes sense."""
        self.outcome_unknown = outcome_unknown
        """The call may have taken effect although it failed."""

    @classmethod
    def refused(cls, number: int, message: str = "", temporary: bool = False) -> RialtoError:
        """An error reply of the server."""
        known = ERROR_CODES.get(number)
        word = known.word if known is not None else message.replace(" ", "_") or f"code_{number}"
        return cls(word, number=number, temporary=temporary)


class Unauthorized(RialtoError):  # noqa: N818 - one name in all SDKs
    """Raise it in a token source to say that there will be no token: the client suspends instead of asking again."""

    def __init__(self, detail: str = "no token") -> None:
        super().__init__("unauthorized", detail)
