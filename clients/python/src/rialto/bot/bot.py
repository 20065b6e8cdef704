"""A bot: commands, patterns and mentions over every conversation that it is in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

from ..client import Client
from ..error import RialtoError
from ..event import ConversationPublication, Gap, InboxPublication, Subscribed, conversation_channel, event_of
from ..protocol.types import Conversation, ConversationEvent, ConversationId, Profile
from ..state import Position, will_retry
from .again import until_done
from .context import BOT_ID_PREFIX, AnyContext, Context, Doing, Row, Timer, TimerContext, actor_of
from .context import TIMER as TIMER_NAME
from .follower import Follower
from .keeper import Keeper
from .limited import limited
from .limits import RUNNING_MAX, STOP_SECONDS
from .memory import Memory
from .routes import Routes, called
from .store import MemoryStore, Store
from .timers import Timers

ErrorHandler: TypeAlias = Callable[[Exception, Doing | None], object]

SIGNALS = (signal.SIGINT, signal.SIGTERM)

logger = logging.getLogger("rialto.bot")


class _CutOff(Exception):  # noqa: N818 - it is no error
    """A handler failed without a connection to come: what it handled is handled again when there is one, or at the next start."""


class Bot(Routes):
    """It follows every conversation that it is in and hands each row to the handlers that want it.

    In order and one at a time within a conversation; when it is started again it goes on where it stood.
    """

    def __init__(self, client: Client, *, store: Store | None = None, prefix: str = "/", hear_bots: bool = False) -> None:
        """`store` keeps the bot's memory, timers and places over restarts; without one its places are its read markers.

        `prefix` is what a command begins with. `hear_bots` hears other bots too: two bots that answer each other never end.
        """
        super().__init__(prefix)
        self.client = client
        self._hear_bots = hear_bots
        self._keeper = Keeper(store or MemoryStore(), self._report)
        self._timers = Timers(client, self._keeper, self._timer_is_due)
        self._followers: dict[ConversationId, Follower] = {}
        self._turns = asyncio.Semaphore(RUNNING_MAX)
        # Rows and timers of one conversation never run side by side.
        self._locks: weakref.WeakValueDictionary[ConversationId, asyncio.Lock] = weakref.WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._hear: ErrorHandler = _log
        self._profile: Profile | None = None
        self._stopping: asyncio.Task[None] | None = None

    def catch(self, hear: ErrorHandler) -> ErrorHandler:
        """Hears what handlers raise; by default it is logged. One that raises harms neither the others nor the bot."""

        def guarded(error: Exception, context: Doing | None) -> None:
            try:
                hear(error, context)
            except Exception as another:
                _log(another, context)

        self._hear = guarded
        return hear

    @property
    def me(self) -> Profile:
        """Who it is, once it has started."""
        if self._profile is None:
            raise RialtoError("misuse", "the bot has not started")
        return self._profile

    @property
    def memory(self) -> Memory:
        """What the bot knows over restarts, for looking; a handler changes `context.memory`."""
        return self._keeper.memory.draft()

    # ---- its life ----

    async def start(self) -> Bot:
        """Connects, and follows every conversation that it is in and will be in. Returns when it does."""
        await self._keeper.load()
        client = self.client
        client.on(InboxPublication, lambda heard: self._spawn(self._inbox(heard)))
        client.on(Gap, lambda _event: self._spawn(self._follow_all()))
        client.on(Subscribed, self._subscribed)
        client.connect()
        await client.connected()
        self._profile = await client.me()
        self.username = self._profile["username"]
        for kind in self._timers.kinds - self.timers.keys():
            self._report(RialtoError("misuse", f"there is no handler of timers {kind}: they are kept"))
        self._timers.start(self.timers.keys())
        await self._register()
        await self._follow_all()
        return self

    async def _register(self) -> None:
        """Says what it understands. A person's account and a token without this scope work all the same."""
        if not self.commands:
            return
        try:
            await until_done(lambda: self.client.set_commands(list(self.commands.values())))
        except RialtoError as error:
            if error.code != "forbidden":
                self._report(error)

    async def stop(self) -> None:
        """Begins nothing new, lets running handlers end for a limited time, and closes the client.

        What was not handled is handled at the next start.
        """
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._end(), name="rialto stop")
        await asyncio.shield(self._stopping)

    async def run(self, started: Callable[[], object] | None = None) -> None:
        """Runs until the process is told to end (SIGINT, SIGTERM); `started` is called when it follows its conversations."""
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        ending = loop.create_task(told.wait(), name="rialto signal")
        # It may be told to end before there is a server.
        starting = loop.create_task(self.start(), name="rialto start")
        # Where the loop knows no signals, Ctrl-C cancels the main task.
        with contextlib.suppress(NotImplementedError):
            for number in SIGNALS:
                loop.add_signal_handler(number, told.set)
        try:
            await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                if started is not None:
                    started()
                await ending
        finally:
            with contextlib.suppress(NotImplementedError):
                for number in SIGNALS:
                    loop.remove_signal_handler(number)
            starting.cancel()
            ending.cancel()
            await self.stop()

    async def _end(self) -> None:
        self._timers.stop()
        for follower in self._followers.values():
            follower.stop()
        for task in tuple(self._tasks):
            task.cancel()
        running = [follower.running for follower in self._followers.values() if follower.running is not None]
        running += self._timers.running
        if running:
            _, late = await asyncio.wait(running, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._keeper.saved()
        except TimeoutError as error:
            self._report(error)
        await self.client.close()

    def _report(self, error: Exception) -> None:
        self._hear(error, None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._stopping is not None:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work, name="rialto bot")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- which conversations ----

    def _subscribed(self, event: Subscribed) -> None:
        if event.by_server and event.was_recovering and not event.recovered:
            self._spawn(self._follow_all())

    async def _inbox(self, heard: InboxPublication) -> None:
        conversation = heard.event["conversation"]
        follower = self._followers.get(conversation)
        try:
            if heard.event["type"] == "conversation_removed":
                self._leave(conversation)
            elif follower is not None:
                follower.poke()
            elif heard.event["type"] in ("conversation_added", "conversation_changed"):
                await self._follow(await self.client.conversation(conversation))
        except RialtoError as error:
            self._report(error)

    async def _follow_all(self) -> None:
        try:
            async for conversation in self.client.list_all():
                await self._follow(conversation)
                follower = self._followers.get(conversation["id"])
                if follower is not None:
                    follower.poke()
        except RialtoError as error:
            if self._stopping is None:
                self._report(error)

    async def _follow(self, conversation: Conversation) -> None:
        number = conversation["id"]
        if number in self._followers:
            return
        place = self._keeper.place(number) or Position(await self._place_in(conversation), conversation["epoch"])
        if number in self._followers or self._stopping is not None:
            return
        follower = Follower(self.client, number, place, self._keeper, handle=self._dispatch, report=self._report)
        self._followers[number] = follower
        follower.start()

    def _leave(self, conversation: ConversationId) -> None:
        follower = self._followers.pop(conversation, None)
        if follower is not None:
            follower.leave()
        self._keeper.forget(conversation)

    async def _place_in(self, conversation: Conversation) -> int:
        """Where to begin: behind the read marker, and where there is none yet, where the bot came in."""
        if conversation["read"] > 0 or conversation["kind"] == "direct":
            return conversation["read"]
        channel = conversation_channel(conversation["id"])
        history = await self.client.history(channel, limit=-1, reverse=True)
        for publication in history.publications:
            row = event_of(channel, publication)
            if isinstance(row, ConversationPublication) and self._is_arrival(row.event):
                return publication.get("offset", 0)
        return conversation["offset"]

    def _is_arrival(self, event: ConversationEvent) -> bool:
        if event["type"] == "member_joined":
            return event["user"] == self.me["id"]
        return event["type"] == "conversation_created" and self.me["id"] in event["members"]

    # ---- one row ----

    async def _dispatch(self, row: Row) -> Memory:
        """Runs everything that wants the row; answers what it changed."""
        async with self._lock(row.conversation), self._turns:
            # The follower commits it before anybody else may run.
            return await self._run_row(row)

    async def _run_row(self, row: Row) -> Memory:
        draft = self._keeper.memory.draft()
        event = row.event
        is_bots = event["type"] == "message" and event["client_id"].startswith(BOT_ID_PREFIX)
        if actor_of(event) == self.me["id"] or (is_bots and not self._hear_bots):
            return draft
        outer: AnyContext = Context(self.client, row, event, len(self.all), memory=draft, state={})

        async def layer(index: int) -> None:
            if index < len(self.middleware):
                await self.middleware[index](outer, lambda: layer(index + 1))
            else:
                await self._handle(row, outer)

        await self._guarded(outer, lambda: layer(0))
        if any(name.startswith(TIMER_NAME) for name in draft.changed):
            # They count once the follower has committed them.
            asyncio.get_running_loop().call_soon(self._timers.look)
        return draft

    async def _handle(self, row: Row, outer: AnyContext) -> None:
        for index, route in enumerate(self.all):
            action = route.prepare(row.event)
            if action is None:
                continue
            draft = outer.memory.draft()
            context: AnyContext = Context(self.client, row, row.event, index, memory=draft, state=outer.state)
            if await self._guarded(context, lambda: limited(self.client, called(action, context))):  # noqa: B023 - awaited here
                draft.commit()

    async def _timer_is_due(self, timer: Timer) -> None:
        handler = self.timers[timer.kind]
        async with self._lock(timer.conversation), self._turns:
            draft = self._keeper.memory.draft()
            # A row that was handled meanwhile may have cancelled it.
            if draft.pop(TIMER_NAME + timer.id, None) is None:
                return
            context = TimerContext(self.client, timer, draft.draft())
            try:
                if await self._guarded(context, lambda: limited(self.client, called(handler, context))):
                    context.memory.commit()
            except _CutOff:
                return
            # Whether it went well or not, it is over: one that fails must not fail for ever.
            self._keeper.commit(draft)
        self._timers.look()
        await self._keeper.saved()

    def _lock(self, conversation: ConversationId) -> asyncio.Lock:
        lock = self._locks.get(conversation) or asyncio.Lock()
        self._locks[conversation] = lock
        return lock

    async def _guarded(self, context: Doing, run: Callable[[], Awaitable[None]]) -> bool:
        """The error boundary of one handler; whether it ended well."""
        try:
            await run()
        except _CutOff:
            raise
        except Exception as error:
            self._hear(error, context)
            if not will_retry(self.client.state):
                raise _CutOff from error
            return False
        return True


def _log(error: Exception, context: Doing | None) -> None:
    where = "" if context is None else f" in {context.conversation}"
    logger.error("a handler failed%s", where, exc_info=error)
