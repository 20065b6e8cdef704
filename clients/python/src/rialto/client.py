"""A connection to a Rialto server that stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from .calls import Calls
from .connection import Connection, Identity, Observer
from .environment import Environment, socket_url
from .error import RialtoError
from .event import ClientEvent, ServerMessage, StateChanged, conversation_channel
from .frames import Command, Push, Reply
from .hub import Hub, Stream
from .limits import CLOSE_SECONDS, DEFAULT_SETTINGS, Settings
from .protocol.codes import CHANNEL_BYTES_MAX, METHOD_BYTES_MAX
from .protocol.types import ClientId, ClientInfo, ConnectResult, ConversationId, Publication
from .requests import Requests, Retry
from .server_side import ServerSide
from .state import Closed, Connected, ConnectionState, Position, Reason, Reasons, will_retry
from .subscription import Subscription
from .subscriptions import Owner, Subscriptions
from .token import Token
from .uuid7 import Uuid7Factory
from .wire import Wire

VERSION: Final = "0.1.0"
"""The version that this SDK tells the server."""

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class History:
    """A part of a channel's stream, and where the stream stands."""

    publications: Sequence[Publication]
    position: Position


@dataclass(frozen=True, slots=True)
class PresenceStats:
    """How many connections and how many different users are on a channel."""

    clients: int
    users: int


class Client(Calls):
    """It comes back by itself, resumes every channel where it stood, and repeats what was not acknowledged with the same id.

    So nothing is said twice. It belongs to the event loop that it was made in, and is used from there only. As
    `async with Client(…) as client` it connects at the beginning and closes at the end.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        token: Token | None = None,
        name: str = "rialto-python",
        settings: Settings = DEFAULT_SETTINGS,
        on_error: Callable[[Exception], None] | None = None,
        environment: Environment | None = None,
    ) -> None:
        """Connects to nothing yet: see `connect`.

        `url` is `http(s)://host:port` of a server, or several of one cluster: the next one is taken when one fails. `token`
        is an access token, or where fresh ones come from; none for servers that let anonymous connections in. `name` is what
        the server's operator sees: at most 16 characters. `on_error` hears of errors that handlers raise; by default the
        event loop's exception handler does.
        """
        environment = environment or Environment()
        report = _guarded(on_error) if on_error is not None else _report
        self._environment = environment
        self._hub: Hub[ClientEvent] = Hub(settings.events_max, report)
        self._requests = Requests(environment, settings)
        self._server_side = ServerSide(self._hub.emit)
        self._subscriptions = Subscriptions(Owner(environment, settings, self._hub.emit, report, self._give_up))
        addresses = [socket_url(address) for address in ([url] if isinstance(url, str) else url)]
        if not addresses:
            raise RialtoError("misuse", "no address")
        observer = Observer(self._server_side.recover, self._connected, self._ready, self._lost, self._push, self._state_changed)
        self._connection = Connection(environment, settings, Identity(addresses, token, name, VERSION), observer)
        # The server's clock less the loop's.
        self._clock_offset_ms: float | None = None
        self._closing: asyncio.Task[None] | None = None
        self._new_uuid = Uuid7Factory(self.server_time_ms, environment.random_bytes)

    async def __aenter__(self) -> Client:
        return self.connect()

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    # ---- the connection ----

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands now."""
        return self._connection.state

    @property
    def is_connected(self) -> bool:
        """Whether calls go out now."""
        return isinstance(self.state, Connected)

    def connect(self) -> Client:
        """Begins to connect, and comes back by itself from then on. Skips the rest of a pause when it is already trying."""
        if isinstance(self.state, Closed) or self._closing is not None:
            raise self._closed()
        self._connection.connect()
        return self

    async def connected(self) -> None:
        """Waits until connected, however often it takes; raises `closed` when that will never be by itself."""
        changed = asyncio.Event()
        off = self.on(StateChanged, lambda _event: changed.set())
        try:
            while not self.is_connected:
                if not will_retry(self.state):
                    raise self._closed()
                changed.clear()
                await changed.wait()
        finally:
            off()

    def suspend(self, text: str = "suspended by its owner") -> None:
        """Ends the connection and stays away until `connect`. Subscriptions and their positions are kept; calls that wait fail."""
        if will_retry(self.state):
            self._connection.suspend(Reason(Reasons.BY_OWNER, text))

    def suspect(self, text: str) -> None:
        """Makes the connection anew because something outside says that it is dead."""
        self._connection.suspect(text)

    async def close(self) -> None:
        """Lets calls that are under way end, for a limited time, then closes for ever."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._shut(), name="rialto close")
        await asyncio.shield(self._closing)

    async def _shut(self) -> None:
        if self.is_connected and len(self._requests) > 0:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._requests.drained()
            except TimeoutError:
                pass  # They hear `closed`.
        self._connection.close(Reason(Reasons.BY_OWNER, "closed by its owner"))

    def _give_up(self, reason: Reason) -> None:
        self._connection.give_up(reason)

    def _connected(self, result: ConnectResult) -> None:
        loop_ms = asyncio.get_running_loop().time() * 1_000
        if "time" in result:
            self._clock_offset_ms = result["time"] - loop_ms
        elif self._clock_offset_ms is None:
            self._clock_offset_ms = self._environment.wall_ms() - loop_ms

    def _ready(self, wire: Wire, result: ConnectResult) -> None:
        self._server_side.accept(result.get("subs", {}))
        # A handler may have ended the connection meanwhile.
        if wire.is_open:
            self._subscriptions.attach(wire)
            self._requests.attach(wire)

    def _lost(self) -> None:
        self._subscriptions.detach()
        self._requests.detach()

    def _state_changed(self, state: ConnectionState) -> None:
        if not will_retry(state):
            self._requests.fail_all(self._closed)
        if isinstance(state, Closed):
            self._subscriptions.end(state.reason)
        self._hub.emit(StateChanged(state))
        if isinstance(state, Closed):
            self._hub.end()

    def _closed(self) -> RialtoError:
        reason = getattr(self.state, "reason", None) or Reason(Reasons.BY_OWNER, "closed by its owner")
        return RialtoError("closed", reason.text, number=reason.code, outcome_unknown=True)

    # ---- hearing ----

    def on(self, kind: type[Kind], handler: Callable[[Kind], object]) -> Callable[[], None]:
        """Calls the handler for each event of a class (`StateChanged` …) at once, in the turn in which it is read.

        Answers a function that ends this.
        """
        return self._hub.on(kind, handler)

    def events(self) -> Stream[ClientEvent]:
        """All events from now on, in a bounded stream: read it steadily, see `Lagged`."""
        return self._hub.stream()

    def _push(self, push: Push) -> None:
        if "message" in push:
            self._hub.emit(ServerMessage(push["message"].get("data")))
        elif not self._server_side.push(push):
            self._subscriptions.push(push)

    # ---- channels ----

    def subscribe(
        self,
        channel: str,
        *,
        token: Token | None = None,
        since: Position | None = None,
        join_leave: bool = False,
    ) -> Subscription:
        """Listens to any channel until its `unsubscribe`, over all connections.

        `token` is for channels that want a subscription token. `since` begins behind a position instead of now: what came
        since then is brought as events, or `recovered` is False. `join_leave` asks to be told who else subscribes and leaves.
        """
        if isinstance(self.state, Closed):
            raise self._closed()
        return self._subscriptions.add(_named(channel), token=token, since=since, join_leave=join_leave)

    def watch(self, conversation: ConversationId, *, since: Position | None = None, join_leave: bool = False) -> Subscription:
        """Listens to a conversation. Its events come as `ConversationPublication`."""
        return self.subscribe(conversation_channel(conversation), since=since, join_leave=join_leave)

    def subscription(self, channel: str) -> Subscription | None:
        """The subscription of a channel that is listened to."""
        return self._subscriptions.get(channel)

    async def publish(self, channel: str, data: object, *, timeout: float | None = None) -> None:
        """Publishes into a topic. Not repeated by itself: a topic has no ids to tell a repeat by."""
        await self._call({"publish": {"channel": _named(channel), "data": data}}, "once", timeout)

    async def presence(self, channel: str, *, timeout: float | None = None) -> Mapping[str, ClientInfo]:
        """Who is on a channel: connection id → who."""
        reply = await self._call({"presence": {"channel": _named(channel)}}, "safe", timeout)
        return reply.get("presence", {}).get("presence", {})

    async def presence_stats(self, channel: str, *, timeout: float | None = None) -> PresenceStats:
        """How many are on a channel."""
        reply = await self._call({"presence_stats": {"channel": _named(channel)}}, "safe", timeout)
        stats = reply.get("presence_stats", {})
        return PresenceStats(stats.get("num_clients", 0), stats.get("num_users", 0))

    async def history(
        self,
        channel: str,
        *,
        limit: int = 0,
        since: Position | None = None,
        reverse: bool = False,
        timeout: float | None = None,
    ) -> History:
        """Reads a channel's stream.

        `limit` is how many publications are wanted: 0 for the position alone, -1 for as many as the server gives (300).
        `since` asks only for what is behind this position, or before it when reversed. `reverse` is newest first.
        """
        body: dict[str, Any] = {"channel": _named(channel), "limit": limit}
        if since is not None:
            body["since"] = {"offset": since.offset, "epoch": since.epoch}
        if reverse:
            body["reverse"] = True
        history = (await self._call({"history": body}, "safe", timeout)).get("history", {})
        return History(history.get("publications", []), Position(history.get("offset", 0), history.get("epoch", "")))

    # ---- calls ----

    async def rpc(self, method: str, body: object, *, timeout: float | None = None) -> Any:
        """Calls any rpc method once: when the connection breaks before the answer, it raises `interrupted`."""
        return await self.remote(method, lambda: body, "once", timeout)

    async def rpc_idempotent(self, method: str, body: object, *, timeout: float | None = None) -> Any:
        """Calls any rpc method, and again when no answer comes. Only for what reads, or carries a `client_id`."""
        return await self.remote(method, lambda: body, "safe", timeout)

    def server_time_ms(self) -> int:
        """The server's clock as far as we know it, in milliseconds since 1970; our own before the first connection."""
        if self._clock_offset_ms is None:
            return self._environment.wall_ms()
        return int(asyncio.get_running_loop().time() * 1_000 + self._clock_offset_ms)

    def new_client_id(self) -> ClientId:
        """A new id for something that appends: a UUIDv7 dated by the server's clock, which the first connection tells."""
        if self._clock_offset_ms is None:
            raise RialtoError("not_connected", "the server’s clock is not known before the first connection")
        return self._new_uuid()

    async def remote(self, method: str, body: Callable[[], object], retry: Retry, timeout: float | None) -> Any:
        """Makes a call of the server; not for callers: see `rpc`."""
        if len(method) > METHOD_BYTES_MAX:
            raise RialtoError("misuse", "method name too long")
        reply = await self._make(lambda: {"rpc": {"method": method, "data": body()}}, retry, timeout)
        data = reply.get("rpc", {}).get("data")
        return {} if data is None else data

    async def _call(self, command: Command, retry: Retry, timeout: float | None) -> Reply:
        return await self._make(lambda: command, retry, timeout)

    async def _make(self, make: Callable[[], Command], retry: Retry, timeout: float | None) -> Reply:
        if not will_retry(self.state) or self._closing is not None:
            raise self._closed()
        return await self._requests.add(make, retry, timeout)


def _named(channel: str) -> str:
    """A command without a channel's name would cost the connection."""
    if not 0 < len(channel.encode(errors="replace")) <= CHANNEL_BYTES_MAX:
        raise RialtoError("misuse", f"a channel's name has 1 to {CHANNEL_BYTES_MAX} bytes")
    return channel


def _guarded(hear: Callable[[Exception], None]) -> Callable[[Exception], None]:
    """One who hears of errors and raises one harms nobody either."""

    def report(error: Exception) -> None:
        try:
            hear(error)
        except Exception as another:
            _report(another)

    return report


def _report(error: Exception) -> None:
    context = {"message": "a handler of rialto failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
