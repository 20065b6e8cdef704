"""The channels that the owner listens to, kept over all connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from .backoff import pause_seconds
from .environment import Environment
from .error import RialtoError, Unauthorized
from .event import ChannelEvent, Joined, Left, Subscribed, Unsubscribed, event_of
from .frames import CodeFrame, Push, Reply
from .hub import Hub
from .limits import REFRESH_RETRY_SECONDS, SUBSCRIPTIONS_MAX, Settings
from .protocol.codes import UNSUBSCRIBE_CODES
from .protocol.types import Publication, RefreshResult, SubscribeResult
from .state import Position, Reason, Reasons
from .subscription import FirstAnswer, Subscription, moved, place, tracked
from .token import Token, is_renewable, renew_in_seconds, try_token
from .wire import Wire

# From this unsubscribe code on the client subscribes again by itself.
RESUBSCRIBE_MIN = 2500
# Unsubscribe code: the position and the token are void.
STATE_INVALIDATED = 2502
TOKEN_EXPIRED = 109


@dataclass(frozen=True, slots=True)
class Owner:
    """What the subscriptions need of the client that they belong to."""

    environment: Environment
    settings: Settings
    emit: Callable[[ChannelEvent], None]
    report: Callable[[Exception], None]
    give_up: Callable[[Reason], None]
    """The connection is of no use any more."""


class Subscriptions:
    """Resumed where they stood, healed when publications are missing."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._all: dict[str, Subscription] = {}
        self._wire: Wire | None = None

    def get(self, channel: str) -> Subscription | None:
        """The subscription of a channel."""
        return self._all.get(channel)

    def add(self, channel: str, *, token: Token | None, since: Position | None, join_leave: bool) -> Subscription:
        """Begins to listen."""
        if channel in self._all:
            raise RialtoError("misuse", f"already subscribed to {channel}")
        if len(self._all) >= SUBSCRIPTIONS_MAX:
            raise RialtoError("queue_full")
        hub: Hub[ChannelEvent] = Hub(self._owner.settings.events_max, self._owner.report)
        subscription = Subscription(channel, hub, self._leave, token=token, since=since, join_leave=join_leave)
        self._all[channel] = subscription
        if self._wire is not None:
            self._ask(subscription)
        return subscription

    def attach(self, wire: Wire) -> None:
        """A connection stands: every channel is taken up where it stood."""
        self._wire = wire
        for subscription in tuple(self._all.values()):
            self._ask(subscription)

    def detach(self) -> None:
        """The connection is gone."""
        self._wire = None
        for subscription in self._all.values():
            subscription.state.stop_timers()
            subscription.state.phase = "idle"

    def end(self, reason: Reason) -> None:
        """The client is closed: nothing is listened to any more."""
        for subscription in tuple(self._all.values()):
            self._finish(subscription, reason, RialtoError("closed", reason.text))

    def push(self, push: Push) -> bool:
        """A push on one of these channels; False when it is on none."""
        subscription = self._all.get(push.get("channel", ""))
        if subscription is None:
            return False
        if "pub" in push:
            self._publication(subscription, push["pub"])
        elif "join" in push:
            self._emit(subscription, Joined(subscription.channel, push["join"]["info"]))
        elif "leave" in push:
            self._emit(subscription, Left(subscription.channel, push["leave"]["info"]))
        elif "unsubscribe" in push:
            self._unsubscribed(subscription, push["unsubscribe"])
        return True

    def _emit(self, subscription: Subscription, event: ChannelEvent) -> None:
        subscription.hub.emit(event)
        self._owner.emit(event)

    # ---- subscribing ----

    def _ask(self, subscription: Subscription) -> None:
        """Subscribes, or fetches the token for it first."""
        wire, state = self._wire, subscription.state
        if wire is None:
            return
        loop = asyncio.get_running_loop()
        if subscription.token is not None and state.token is None:
            state.phase = "fetching"
            state.turn += 1
            state.task = loop.create_task(self._ask_token(subscription, subscription.token, state.turn))
            return
        state.phase = "subscribing"
        state.turn += 1
        turn = state.turn

        def answer(error: RialtoError | None, reply: Reply) -> None:
            if self._wire is not wire or state.turn != turn or state.phase != "subscribing":
                return
            state.stop_timers()
            if error is None:
                self._accepted(subscription, reply.get("subscribe", {}))
            else:
                self._refused(subscription, error)

        wire.command({"subscribe": subscription.request()}, answer)
        # The server may or may not hold the subscription then; only a new connection is a clean slate.
        silent = Reason(Reasons.NO_REPLY, "no reply to subscribe in time")
        state.timer = loop.call_later(self._owner.settings.reply_seconds, self._owner.give_up, silent)

    async def _ask_token(self, subscription: Subscription, source: Token, turn: int) -> None:
        state = subscription.state
        token = await try_token(source, state.attempts > 0)
        if state.turn != turn or state.phase != "fetching":
            return
        if isinstance(token, str):
            state.token = token
            self._ask(subscription)
        elif isinstance(token, Unauthorized):
            self._finish(subscription, Reason(Reasons.NO_TOKEN, str(token)), token)
        else:
            self._pause(subscription)

    def _accepted(self, subscription: Subscription, result: SubscribeResult) -> None:
        state, channel = subscription.state, subscription.channel
        was_recovering, recovered = result.get("was_recovering") is True, result.get("recovered") is True
        position = Position(result.get("offset", 0), result.get("epoch", ""))
        publications = result.get("publications", [])
        state.phase = "live"
        state.attempts = 0
        state.position = moved(tracked(result), publications)
        self._schedule_refresh(subscription, result.get("expires") is True, result.get("ttl", 0))
        subscription.answered(FirstAnswer(was_recovering, recovered, position))
        self._emit(subscription, Subscribed(channel, was_recovering, recovered, position, by_server=False))
        for publication in publications:
            # A handler may have had enough.
            if self._all.get(channel) is not subscription:
                return
            self._emit(subscription, event_of(channel, publication))

    def _refused(self, subscription: Subscription, error: RialtoError) -> None:
        number = error.number or 0
        is_expired = number == TOKEN_EXPIRED
        if is_expired:
            subscription.state.token = None
        may_pass = error.temporary or number < 100 or (is_expired and is_renewable(subscription.token))
        if may_pass:
            self._pause(subscription)
        else:
            self._finish(subscription, Reason(number, str(error)), error)

    def _pause(self, subscription: Subscription) -> None:
        settings, state = self._owner.settings, subscription.state
        random = self._owner.environment.random()
        pause = pause_seconds(state.attempts, random, settings.backoff_min_seconds, settings.backoff_max_seconds)
        state.attempts += 1
        state.phase = "pausing"
        state.timer = asyncio.get_running_loop().call_later(pause, self._ask, subscription)

    # ---- listening ----

    def _publication(self, subscription: Subscription, publication: Publication) -> None:
        state, channel = subscription.state, subscription.channel
        offset = publication.get("offset", 0)
        # Before the subscribe reply only what has no number is news: the rest comes again with it.
        if state.phase != "live" and offset != 0:
            return
        verdict, state.position = place(state.position, offset)
        if verdict == "next":
            self._emit(subscription, event_of(channel, publication))
        elif verdict == "gap":
            self._tell_unsubscribe(channel)
            state.stop_timers()
            self._ask(subscription)

    def _tell_unsubscribe(self, channel: str) -> None:
        if self._wire is not None:
            self._wire.command({"unsubscribe": {"channel": channel}}, lambda _error, _reply: None)

    def _unsubscribed(self, subscription: Subscription, ended: CodeFrame) -> None:
        state, channel = subscription.state, subscription.channel
        reason = Reason(ended.get("code", 0), ended.get("reason", ""))
        known = UNSUBSCRIBE_CODES.get(reason.code)
        will_retry = known.resubscribe if known is not None else reason.code >= RESUBSCRIBE_MIN
        if not will_retry:
            self._finish(subscription, reason, RialtoError("closed", reason.text, number=reason.code))
            return
        if reason.code == STATE_INVALIDATED:
            state.position = None
            state.token = None
        state.stop_timers()
        # What is asked in the same turn by a handler must find it without a line to the server.
        state.phase = "idle"
        self._emit(subscription, Unsubscribed(channel, reason, will_retry))
        if self._all.get(channel) is subscription:
            self._ask(subscription)

    def _leave(self, subscription: Subscription) -> None:
        phase = subscription.state.phase
        if phase == "ended":
            return
        if phase in ("live", "subscribing"):
            self._tell_unsubscribe(subscription.channel)
        reason = Reason(Reasons.BY_OWNER, "unsubscribed by its owner")
        self._finish(subscription, reason, RialtoError("closed", reason.text))

    def _finish(self, subscription: Subscription, reason: Reason, error: RialtoError) -> None:
        """The subscription is over for good."""
        subscription.state.stop_timers()
        subscription.state.phase = "ended"
        self._all.pop(subscription.channel, None)
        subscription.answered(error)
        self._emit(subscription, Unsubscribed(subscription.channel, reason, will_retry=False))
        subscription.hub.end()

    # ---- subscription tokens ----

    def _schedule_refresh(self, subscription: Subscription, expires: bool, ttl: int) -> None:
        state = subscription.state
        if state.refresh_timer is not None:
            state.refresh_timer.cancel()
        if expires and ttl > 0 and is_renewable(subscription.token):
            self._refresh_in(subscription, renew_in_seconds(ttl))

    def _refresh_in(self, subscription: Subscription, seconds: float) -> None:
        loop = asyncio.get_running_loop()

        def begin() -> None:
            subscription.state.task = loop.create_task(self._refresh(subscription))

        subscription.state.refresh_timer = loop.call_later(seconds, begin)

    async def _refresh(self, subscription: Subscription) -> None:
        state, channel, wire = subscription.state, subscription.channel, self._wire

        def is_current() -> bool:
            return self._wire is wire and wire is not None and state.phase == "live"

        def later() -> None:
            self._refresh_in(subscription, REFRESH_RETRY_SECONDS * (1 + self._owner.environment.random()))

        def answer(error: RialtoError | None, reply: Reply) -> None:
            if not is_current():
                return
            if error is None:
                result: RefreshResult = reply.get("sub_refresh", {})
                self._schedule_refresh(subscription, result.get("expires") is True, result.get("ttl", 0))
            elif error.temporary:
                later()
            else:
                self._finish(subscription, Reason(error.number or 0, str(error)), error)

        token = await try_token(subscription.token or "", True)
        if wire is None or not is_current():
            return
        if isinstance(token, str):
            state.token = token
            wire.command({"sub_refresh": {"channel": channel, "token": token}}, answer)
        elif isinstance(token, Unauthorized):
            self._finish(subscription, Reason(Reasons.NO_TOKEN, str(token)), token)
        else:
            later()
