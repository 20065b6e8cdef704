"""One conversation that a bot follows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..client import Client
from ..error import RialtoError
from ..event import ConversationPublication, Subscribed, UnknownPublication, Unsubscribed, conversation_channel, event_of
from ..protocol.types import ConversationEvent, ConversationId
from ..state import Position, will_retry
from ..subscription import Subscription
from .again import until_done
from .context import Row
from .keeper import Keeper
from .limits import BACKLOG_MAX, CATCH_UP_ROWS
from .memory import Memory


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A row as it waits: `event` is None when it is of a kind that this version does not know."""

    offset: int
    event: ConversationEvent | None


class Follower:
    """Every row behind its position is handled, one after the other. What a handler changed is durable before the next row begins.

    Its place is kept in the bot's store, and shown as the bot's read marker, which the server keeps: whoever starts again
    without a store goes on there.
    """

    def __init__(
        self,
        client: Client,
        conversation: ConversationId,
        position: Position,
        keeper: Keeper,
        *,
        handle: Callable[[Row], Awaitable[Memory]],
        report: Callable[[Exception], None],
    ) -> None:
        self.conversation = conversation
        self._client = client
        self._position = position
        self._marked = position.offset
        self._keeper = keeper
        self._handle = handle
        self._report = report
        self._backlog: deque[_Waiting] = deque()
        self._subscription: Subscription | None = None
        self._is_behind = False
        self._is_stopped = False
        self._has_left = False
        self.running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listens from the position on. Where the server lets no more channels be listened to, `poke` has to do."""
        try:
            subscription = self._client.watch(self.conversation, since=self._position)
        except RialtoError:
            self.poke()
            return
        self._subscription = subscription
        subscription.on(Subscribed, self._subscribed)
        subscription.on(ConversationPublication, lambda row: self._offer(row.offset, row.event))
        subscription.on(UnknownPublication, lambda row: self._offer(row.offset, None))
        subscription.on(Unsubscribed, lambda _event: self.poke())

    def poke(self) -> None:
        """There may be something new that nobody listens for."""
        if self._subscription is None or not self._subscription.is_live:
            self._is_behind = True
            self._wake()

    def stop(self) -> None:
        """Begins no more rows; `running` ends when the one that is being handled is done."""
        self._is_stopped = True
        if self._subscription is not None:
            self._subscription.unsubscribe()

    def leave(self) -> None:
        """The bot is in it no more: where it stood is of no use."""
        self._has_left = True
        self.stop()

    def _subscribed(self, event: Subscribed) -> None:
        if not event.was_recovering or event.recovered:
            # A row may wait whose handler lost the connection.
            self._wake()
            return
        # The live stream could not be resumed: read what lies between, or begin anew in a new timeline.
        if event.position.epoch != self._position.epoch:
            self._position = event.position
            self._backlog.clear()
        self._is_behind = True
        self._wake()

    def _offer(self, offset: int | None, event: ConversationEvent | None) -> None:
        if offset is None:
            return
        last = self._backlog[-1].offset if self._backlog else self._position.offset
        if offset <= last:
            return
        # What does not join on, or finds no room, is read from the server later.
        if offset > last + 1 or len(self._backlog) >= BACKLOG_MAX:
            self._is_behind = True
        else:
            self._backlog.append(_Waiting(offset, event))
        self._wake()

    def _wake(self) -> None:
        if not self._is_stopped and (self.running is None or self.running.done()):
            self.running = asyncio.get_running_loop().create_task(self._run(), name="rialto follower")

    async def _run(self) -> None:
        try:
            while not self._is_stopped:
                if not self._backlog and self._is_behind:
                    await self._catch_up()
                if self._backlog:
                    await self._handle_one(self._backlog[0])
                elif not self._is_behind:
                    await self._mark()
                    if not self._backlog and not self._is_behind:
                        return
            await self._mark()
        except Exception as error:
            if not self._is_stopped and will_retry(self._client.state):
                self._report(error)

    async def _handle_one(self, waiting: _Waiting) -> None:
        if waiting.offset > self._position.offset:
            draft = None
            if waiting.event is not None:
                draft = await self._handle(Row(self.conversation, waiting.offset, waiting.event))
            epoch = self._position.epoch
            has_changes = draft is not None and len(draft.changed) > 0
            place = None if self._has_left else Position(waiting.offset, epoch)
            self._keeper.commit(draft, self.conversation, place)
            if has_changes:
                await self._keeper.saved()
            # A new timeline may have begun meanwhile.
            if self._position.epoch == epoch:
                self._position = Position(waiting.offset, epoch)
        if self._backlog and self._backlog[0] is waiting:
            self._backlog.popleft()

    async def _catch_up(self) -> None:
        channel = conversation_channel(self.conversation)
        page = await until_done(lambda: self._client.history(channel, since=self._position, limit=CATCH_UP_ROWS))
        for publication in page.publications:
            event = event_of(channel, publication)
            known = event.event if isinstance(event, ConversationPublication) else None
            self._backlog.append(_Waiting(publication.get("offset", 0), known))
        last = self._backlog[-1].offset if self._backlog else page.position.offset
        self._is_behind = last < page.position.offset

    async def _mark(self) -> None:
        """Moves the read marker to where the handlers are, behind the store."""
        offset = self._position.offset
        if offset <= self._marked:
            return
        await self._keeper.saved()
        await until_done(lambda: self._client.mark_read(self.conversation, offset))
        self._marked = offset
