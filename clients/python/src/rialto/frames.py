"""Frames of the client protocol: what a client says and what a server says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, TypedDict, cast

from .limits import FRAME_CHARACTERS_MAX
from .protocol.types import ClientInfo, ConnectResult, HistoryResult, Publication, RefreshResult, SubscribeResult

Command: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What a client says, without its id: one kind with its body, fields in the order of the golden frames."""


class ErrorFrame(TypedDict, total=False):
    """Why a command failed."""

    code: int
    message: str
    temporary: bool


class CodeFrame(TypedDict, total=False):
    """Why a subscription or a connection ended."""

    code: int
    reason: str


class InfoFrame(TypedDict):
    """Who came or left."""

    info: ClientInfo


class Push(TypedDict, total=False):
    """What a server says unasked."""

    channel: str
    pub: Publication
    join: InfoFrame
    leave: InfoFrame
    unsubscribe: CodeFrame
    subscribe: SubscribeResult
    message: dict[str, Any]
    disconnect: CodeFrame


class Reply(TypedDict, total=False):
    """What a server says: the answer to a command, a push, or (nothing at all) its ping."""

    id: int
    error: ErrorFrame
    push: Push
    connect: ConnectResult
    subscribe: SubscribeResult
    presence: dict[str, dict[str, ClientInfo]]
    presence_stats: dict[str, int]
    history: HistoryResult
    rpc: dict[str, Any]
    refresh: RefreshResult
    sub_refresh: RefreshResult


PONG = "{}"
"""The answer to the server's ping."""


def encode(value: object) -> str:
    """JSON as it goes over the wire. Raises `ValueError` or `TypeError` for what is no JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode_command(number: int, command: Command) -> str:
    """One command as a line of a frame."""
    return encode({"id": number, **command})


def parse_frame(text: str) -> list[Reply]:
    """Splits a text frame into its replies. Raises `ValueError` for anything that is not JSON objects."""
    replies = []
    # Only line feeds part lines: a text may hold other separators that `splitlines` would cut at.
    for line in text.split("\n"):
        if line == "":
            continue
        reply = json.loads(line)
        if not isinstance(reply, dict):
            raise ValueError("a reply is an object")
        replies.append(cast(Reply, reply))
    return replies


def is_ping(reply: Reply) -> bool:
    """An empty reply without id is the server's ping."""
    return "id" not in reply and "push" not in reply and "error" not in reply


def frames_of(lines: Iterable[str]) -> list[str]:
    """Joins lines into frames, in order; a line that is larger than a frame goes alone."""
    frames: list[str] = []
    gathered: list[str] = []
    size = 0
    for line in lines:
        if gathered and size + len(line) >= FRAME_CHARACTERS_MAX:
            frames.append("\n".join(gathered))
            gathered, size = [], 0
        gathered.append(line)
        size += len(line) + 1
    if gathered:
        frames.append("\n".join(gathered))
    return frames
