"""The life of a connection: addresses, tokens, sockets, pings, and coming back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .backoff import pause_seconds
from .credentials import Credentials
from .environment import Environment
from .error import RialtoError, Unauthorized
from .frames import Push, Reply, is_ping, parse_frame
from .limits import REFRESH_RETRY_SECONDS, Settings
from .protocol.types import ConnectResult, RefreshResult
from .state import (
    Closed,
    Connected,
    Connecting,
    ConnectionState,
    Disconnected,
    Reason,
    Reasons,
    Suspended,
    should_reconnect,
)
from .token import Token
from .wire import Wire

INVALID_TOKEN = 3500
CONNECTION_EXPIRED = 3005
TOKEN_EXPIRED = 109
SHUTDOWN = 3001
# Codes that say nothing: no close frame, one without a code.
SILENT = (0, 1005, 1006)

TimerName: TypeAlias = Literal["retry", "open", "silence", "refresh"]


@dataclass(frozen=True, slots=True)
class Observer:
    """What the connection tells the rest of the client."""

    recover: Callable[[], dict[str, Any] | None]
    """What `connect` says beside token and name: the positions of channels that the server subscribes us to."""
    connected: Callable[[ConnectResult], None]
    """Before the state changes to connected."""
    ready: Callable[[Wire, ConnectResult], None]
    """After the state changed to connected: what waits may go out."""
    lost: Callable[[], None]
    """Before the state changes from connected."""
    push: Callable[[Push], None]
    state: Callable[[ConnectionState], None]


@dataclass(frozen=True, slots=True)
class Identity:
    """How the client introduces itself."""

    addresses: Sequence[str]
    """Addresses of sockets: `ws(s)://…/connection/websocket`."""
    token: Token | None
    name: str
    version: str


class _Line:
    """What one socket says, as long as it is the connection's present one."""

    def __init__(self, connection: Connection, wire: Wire) -> None:
        self._connection = connection
        self._wire = wire
        self._is_open = False

    def opened(self) -> None:
        if self._connection.holds(self._wire):
            self._is_open = True
            self._connection.say_hello(self._wire)

    def received(self, text: str) -> None:
        if self._connection.holds(self._wire):
            self._connection.receive(self._wire, text)

    def closed(self, code: int, reason: str) -> None:
        if self._connection.holds(self._wire):
            self._connection.closed(code, reason, self._is_open)


class Connection:
    """At any time it has one state, at most one socket, and at most one attempt under way.

    What an earlier socket or attempt still has to say is not heard.
    """

    def __init__(self, environment: Environment, settings: Settings, identity: Identity, observer: Observer) -> None:
        self.state: ConnectionState = Suspended(Reason(Reasons.BY_OWNER, "not connected yet"))
        self._environment = environment
        self._settings = settings
        self._identity = identity
        self._observer = observer
        self._credentials = Credentials(identity.token)
        self._wire: Wire | None = None
        self._task: asyncio.Task[None] | None = None
        self._attempt = 0
        self._address = 0
        self._connected_at = 0.0
        self._silence_seconds = 0.0
        self._answers_pings = False
        self._timers: dict[TimerName, asyncio.TimerHandle] = {}

    def connect(self) -> None:
        """Begins, or tries again now instead of after the pause."""
        if isinstance(self.state, Suspended):
            self._attempt = 0
            self._credentials.forgive()
        if isinstance(self.state, Suspended | Disconnected):
            self._begin()

    def suspect(self, text: str) -> None:
        """Gives the present socket up because something outside says that it is dead."""
        if self._wire is not None:
            self.give_up(Reason(Reasons.TRANSPORT, text))

    def give_up(self, reason: Reason) -> None:
        """We give the socket up and make a new one elsewhere."""
        if isinstance(self.state, Connecting | Connected):
            self._next_address()
            self._pause(reason)

    def suspend(self, reason: Reason) -> None:
        """Ends the connection; `connect` begins anew."""
        self._drop(reason.text)
        self._become(Suspended(reason))

    def close(self, reason: Reason) -> None:
        """Ends the connection for ever."""
        self._drop(reason.text)
        self._become(Closed(reason))

    def _become(self, state: ConnectionState) -> None:
        self.state = state
        self._observer.state(state)

    # ---- connecting ----

    def _begin(self) -> None:
        self._stop_timer("retry")
        self._stop_task()
        state = Connecting(self._attempt)
        self._become(state)
        # A handler may have ended it meanwhile.
        if self.state is state:
            self._task = asyncio.get_running_loop().create_task(self._fetch_and_open(state), name="rialto token")

    async def _fetch_and_open(self, attempt: Connecting) -> None:
        failed: Exception | None = None
        try:
            await self._credentials.ready()
        except Exception as error:
            failed = error
        if self.state is not attempt:
            return
        if failed is None:
            self._open()
        elif isinstance(failed, Unauthorized):
            self.suspend(Reason(Reasons.NO_TOKEN, str(failed)))
        else:
            self._pause(Reason(Reasons.TOKEN_FAILED, str(failed)))

    def _open(self) -> None:
        wire = Wire()
        self._wire = wire
        late = Reason(Reasons.OPEN_FAILED, "no handshake in time")
        self._start_timer("open", self._settings.open_seconds, lambda: self.give_up(late))
        try:
            wire.socket = self._environment.open_socket(self._identity.addresses[self._address], _Line(self, wire))
        except Exception as error:
            self.give_up(Reason(Reasons.OPEN_FAILED, str(error)))

    def holds(self, wire: Wire) -> bool:
        """Whether this is the present one."""
        return self._wire is wire

    def say_hello(self, wire: Wire) -> None:
        """The socket is open."""
        late = Reason(Reasons.NO_REPLY, "no reply to connect in time")
        self._start_timer("open", self._settings.reply_seconds, lambda: self.give_up(late))
        connect: dict[str, Any] = {}
        if self._credentials.token is not None:
            connect["token"] = self._credentials.token
        subs = self._observer.recover()
        if subs is not None:
            connect["subs"] = subs
        connect |= {"name": self._identity.name, "version": self._identity.version}

        def answer(error: RialtoError | None, reply: Reply) -> None:
            if self._wire is not wire:
                return
            self._stop_timer("open")
            if error is None:
                self._accepted(wire, reply.get("connect") or {"client": "", "version": ""})
            else:
                self._refused(error)

        wire.command({"connect": connect}, answer)
        wire.flush()

    def _accepted(self, wire: Wire, result: ConnectResult) -> None:
        self._connected_at = asyncio.get_running_loop().time()
        self._answers_pings = result.get("pong") is True
        ping = result.get("ping", 0)
        self._silence_seconds = ping + self._settings.ping_grace_seconds if ping > 0 else 0.0
        self._heard()
        self._schedule_refresh(result.get("expires") is True, result.get("ttl", 0))
        self._observer.connected(result)
        self._become(Connected(result.get("client", "")))
        if self._wire is wire:
            self._observer.ready(wire, result)

    def _refused(self, error: RialtoError) -> None:
        """An error reply to connect."""
        code = error.number or 0
        reason = Reason(code, error.detail or error.code)
        may_replace = code == TOKEN_EXPIRED and self._credentials.is_renewable
        if may_replace:
            self._credentials.drop()
        if error.temporary or code < 100 or may_replace:
            self._pause(reason)
        else:
            self.suspend(reason)

    # ---- losing it ----

    def closed(self, code: int, text: str, was_open: bool) -> None:
        """The socket is gone by itself."""
        if code not in SILENT:
            self._ended(Reason(code, text))
        elif was_open:
            self._ended(Reason(Reasons.TRANSPORT, "connection lost"))
        else:
            self._ended(Reason(Reasons.OPEN_FAILED, "cannot connect"))

    def _ended(self, reason: Reason) -> None:
        if reason.code == CONNECTION_EXPIRED:
            self._credentials.drop()
        is_replaced = reason.code == INVALID_TOKEN and self._credentials.replace()
        if reason.code >= 1000 and not should_reconnect(reason.code) and not is_replaced:
            self.suspend(reason)
            return
        # A node that stops, or that is not there any more, is not the one to come back to.
        if reason.code < 3000 or reason.code == SHUTDOWN:
            self._next_address()
        self._pause(reason)

    def _next_address(self) -> None:
        self._address = (self._address + 1) % len(self._identity.addresses)

    def _pause(self, reason: Reason) -> None:
        """What was under way on the socket is over: wait and begin anew."""
        settings = self._settings
        held_for = asyncio.get_running_loop().time() - self._connected_at
        if isinstance(self.state, Connected) and held_for >= settings.stable_seconds:
            self._attempt = 0
        self._drop(reason.text)
        random = self._environment.random()
        pause = pause_seconds(self._attempt, random, settings.backoff_min_seconds, settings.backoff_max_seconds)
        self._attempt += 1
        self._start_timer("retry", pause, self._begin)
        self._become(Disconnected(reason, self._attempt, pause))

    def _drop(self, text: str) -> None:
        for name in tuple(self._timers):
            self._stop_timer(name)
        self._stop_task()
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close(text)
        if isinstance(self.state, Connected):
            self._observer.lost()

    # ---- receiving ----

    def receive(self, wire: Wire, text: str) -> None:
        """One frame of the server."""
        self._heard()
        try:
            for reply in parse_frame(text):
                # A handler may have dropped the connection: what follows in the frame belongs to nobody then.
                if self._wire is not wire:
                    return
                self._take(wire, reply)
        except Exception as error:
            # Handlers are guarded where they are called: this frame is not what the protocol promises.
            if self._wire is wire:
                self.give_up(Reason(Reasons.TRANSPORT, f"unreadable frame: {type(error).__name__}"))

    def _take(self, wire: Wire, reply: Reply) -> None:
        number = reply.get("id", 0)
        push = reply.get("push")
        if number > 0:
            wire.settle(number, reply)
        elif push is not None and "disconnect" in push:
            self._ended(Reason(push["disconnect"].get("code", 0), push["disconnect"].get("reason", "")))
        elif push is not None:
            self._observer.push(push)
        elif is_ping(reply) and self._answers_pings:
            wire.pong()

    def _heard(self) -> None:
        if self._silence_seconds > 0 and self._wire is not None:
            silent = Reason(Reasons.NO_PING, "no ping in time")
            self._start_timer("silence", self._silence_seconds, lambda: self.give_up(silent))

    # ---- the token's life ----

    def _schedule_refresh(self, expires: bool, ttl: int) -> None:
        self._stop_timer("refresh")
        renew_in = self._credentials.accepted({"expires": expires, "ttl": ttl})
        if renew_in is not None:
            self._start_timer("refresh", renew_in, self._begin_refresh)

    def _begin_refresh(self) -> None:
        wire = self._wire
        if wire is not None:
            self._task = asyncio.get_running_loop().create_task(self._refresh(wire), name="rialto refresh")

    async def _refresh(self, wire: Wire) -> None:
        def later() -> None:
            pause = REFRESH_RETRY_SECONDS * (1 + self._environment.random())
            self._start_timer("refresh", pause, self._begin_refresh)

        def answer(error: RialtoError | None, reply: Reply) -> None:
            if self._wire is not wire:
                return
            if error is None:
                result: RefreshResult = reply.get("refresh", {})
                self._schedule_refresh(result.get("expires") is True, result.get("ttl", 0))
            elif error.temporary:
                later()
            else:
                self.suspend(Reason(error.number or 0, str(error)))

        failed: Exception | None = None
        try:
            token = await self._credentials.renewed()
        except Exception as error:
            failed = error
        if self._wire is not wire:
            return
        if failed is None:
            wire.command({"refresh": {"token": token}}, answer)
        elif isinstance(failed, Unauthorized):
            self.suspend(Reason(Reasons.NO_TOKEN, str(failed)))
        else:
            later()

    def _stop_task(self) -> None:
        """Nobody waits for that token any more."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def _start_timer(self, name: TimerName, seconds: float, run: Callable[[], None]) -> None:
        self._stop_timer(name)
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, run)

    def _stop_timer(self, name: TimerName) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
