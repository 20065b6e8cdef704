"""The server's end of one connection: commands in, replies and pushes out, as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..frames import Push, encode, parse_frame
from ..protocol.types import ClientInfo, HistoryResult, SubscribeResult, UserId
from .refusal import Refusal
from .socket import CUT, MemorySocket

if TYPE_CHECKING:
    from .server import TestServer

PING_SECONDS = 25


class Peer:
    """Answers each command, unless a fault befalls it."""

    def __init__(self, server: TestServer, socket: MemorySocket, number: int) -> None:
        self.user: UserId | None = None
        self.client = f"c{number}"
        self.channels: dict[str, bool] = {}
        """Each with whether it wants to be told who joins and leaves."""
        self._server = server
        self._socket = socket
        self._ping()

    @property
    def info(self) -> ClientInfo:
        """Who it is."""
        return {"user": self.user or "", "client": self.client}

    def receive(self, text: str) -> None:
        """One frame from the client."""
        for command in parse_frame(text):
            if not self._socket.is_open:
                return
            self._handle(dict(command))

    def push(self, push: Push) -> None:
        """Says something unasked."""
        self._socket.deliver(encode({"push": push}))

    def close(self, code: int, reason: str) -> None:
        """Ends the connection."""
        self._socket.end(code, reason)

    def _ping(self) -> None:
        """Says that it is there, as often as it announced."""
        if self._socket.is_open:
            if self.user is not None:
                self._socket.deliver("{}")
            asyncio.get_running_loop().call_later(PING_SECONDS, self._ping)

    def _handle(self, command: dict[str, Any]) -> None:
        number = command.pop("id", 0)
        if not command:
            return
        kind, body = next(iter(command.items()))
        if (kind == "connect") == (self.user is not None):
            self.close(3501, "bad request")
            return
        fault = self._server.fault_for(kind, body)
        if fault == "lost before":
            return
        try:
            if fault == "refused for now":
                raise Refusal("too_many_requests")
            reply = self._answer(kind, body)
        except Refusal as refusal:
            reply = {"error": refusal.frame}
        if fault == "cut after":
            self.close(CUT, "")
        elif fault != "lost after" and self._socket.is_open:
            self._socket.deliver(encode({"id": number, **reply}))

    def _answer(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        answers: dict[str, Callable[[str, UserId, dict[str, Any]], Any]] = {
            "connect": self._connect,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "publish": lambda channel, user, body: self._server.publish(channel, user, body.get("data"), self.info),
            "presence": lambda channel, user, _: {"presence": {peer.client: peer.info for peer in self._server.present(channel, user)}},
            "presence_stats": self._presence_stats,
            "history": self._history,
            "rpc": lambda _, user, body: {"data": self._server.call(str(body.get("method")), user, body.get("data") or {})},
            "refresh": lambda *_: {"client": self.client},
            "sub_refresh": lambda *_: {},
        }
        if kind not in answers:
            raise Refusal("bad_request")
        return {kind: answers[kind](str(body.get("channel", "")), self.user or "", body) or {}}

    def _unsubscribe(self, channel: str, _user: UserId, _body: dict[str, Any]) -> None:
        if self.channels.pop(channel, None) is not None:
            self._server.joined(self, channel, is_there=False)

    def _presence_stats(self, channel: str, user: UserId, _body: dict[str, Any]) -> dict[str, int]:
        present = self._server.present(channel, user)
        return {"num_clients": len(present), "num_users": len({peer.user for peer in present})}

    def _history(self, channel: str, user: UserId, body: dict[str, Any]) -> HistoryResult:
        history = self._server.stream(channel, user).history(body)
        if history is None:
            raise Refusal("unrecoverable_position")
        return history

    def _subscribe(self, channel: str, user: UserId, body: dict[str, Any]) -> SubscribeResult:
        if channel in self.channels:
            raise Refusal("already_subscribed")
        result = self._server.stream(channel, user).subscribe(body)
        self.channels[channel] = body.get("join_leave") is True
        self._server.joined(self, channel, is_there=True)
        return result

    def _connect(self, _channel: str, _user: UserId, body: dict[str, Any]) -> dict[str, Any]:
        self.user = self._server.user_of(str(body.get("token", "")))
        if self.user is None:
            self.close(3500, "invalid token")
            return {}
        inbox = f"user:{self.user}"
        self.channels[inbox] = False
        subscribed = self._server.stream(inbox, self.user).subscribe(body.get("subs", {}).get(inbox, {}))
        return {
            "client": self.client,
            "version": "test",
            "ping": PING_SECONDS,
            "pong": True,
            "subs": {inbox: subscribed},
            "time": self._server.now_ms(),
        }
