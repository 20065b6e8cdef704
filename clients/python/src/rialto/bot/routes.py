"""What a bot does about which row."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, get_args, get_type_hints, overload

from ..protocol.types import BotCommand, ConversationEvent, MessageEvent
from .context import AnyContext, Context, MessageContext, TimerContext
from .option import InvalidOption, Parameter, command_of, parameters_of, read_options, usage_of

Event = TypeVar("Event", bound=Mapping[str, Any])
Result: TypeAlias = Awaitable[object] | None
Action: TypeAlias = Callable[[Any], Result]
Middleware: TypeAlias = Callable[[AnyContext, Callable[[], Awaitable[None]]], Awaitable[None]]
"""Runs around every handler of a row; without a call of `next` the row is passed over."""

MessageHandler: TypeAlias = Callable[[MessageContext], Result]
PatternHandler: TypeAlias = Callable[[MessageContext, re.Match[str]], Result]
TimerHandler: TypeAlias = Callable[[TimerContext], Result]
AnyHandler = TypeVar("AnyHandler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Route:
    """What is wanted of a row, and what is done then."""

    prepare: Callable[[ConversationEvent], Action | None]
    """None when the row is none of its business."""


class Routes:
    """Decorators that say what the bot does, and what they gathered."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.all: list[Route] = []
        self.middleware: list[Middleware] = []
        self.timers: dict[str, TimerHandler] = {}
        self.commands: dict[str, BotCommand] = {}
        """Slash commands as clients complete them; with another prefix there are none."""
        self.username = ""
        """The bot's name, once it has started."""

    def command(self, name: str, description: str = "") -> Callable[[AnyHandler], AnyHandler]:
        """Handles `/name …`. The handler's parameters behind its context are the command's options: see `rialto.bot.option`.

        Wrong options are answered with the usage; the handler hears of right ones only. A bot's account registers its commands at
        the start, so that people's clients complete them with this description.
        """
        word = self._prefix + name

        def decorate(handler: AnyHandler) -> AnyHandler:
            parameters = parameters_of(handler)
            if self._prefix == "/":
                self.commands[name] = command_of(name, description, parameters)
            self._on_message(lambda text: _command_action(handler, word, parameters, text))
            return handler

        return decorate

    @overload
    def message(self, pattern: None = None) -> Callable[[MessageHandler], MessageHandler]: ...
    @overload
    def message(self, pattern: str | re.Pattern[str]) -> Callable[[PatternHandler], PatternHandler]: ...
    def message(self, pattern: str | re.Pattern[str] | None = None) -> Callable[[AnyHandler], AnyHandler]:
        """Handles messages in which a pattern is found (`handler(context, match)`), or all messages (`handler(context)`)."""
        compiled = None if pattern is None else re.compile(pattern)

        def prepare(handler: AnyHandler, text: str) -> Action | None:
            if compiled is None:
                return handler
            match = compiled.search(text)
            return None if match is None else lambda context: handler(context, match)

        def decorate(handler: AnyHandler) -> AnyHandler:
            self._on_message(lambda text: prepare(handler, text))
            return handler

        return decorate

    def mention(self, handler: MessageHandler) -> MessageHandler:
        """Handles messages that name the bot as `@its-name`."""
        self._on_message(lambda text: handler if mentions(text, self.username) else None)
        return handler

    def on(self, kind: type[Event]) -> Callable[[Callable[[Context[Event]], Result]], Callable[[Context[Event]], Result]]:
        """Handles any other kind of row: `MemberJoinedEvent`, `ReactionAddedEvent` …"""
        (tag,) = get_args(get_type_hints(kind)["type"])

        def decorate(handler: Callable[[Context[Event]], Result]) -> Callable[[Context[Event]], Result]:
            self.all.append(Route(lambda event: handler if event["type"] == tag else None))
            return handler

        return decorate

    def timer(self, kind: str) -> Callable[[TimerHandler], TimerHandler]:
        """Handles timers of a kind, as set by `set_timer`."""

        def decorate(handler: TimerHandler) -> TimerHandler:
            self.timers[kind] = handler
            return handler

        return decorate

    def use(self, middleware: Middleware) -> Middleware:
        """Runs around the handlers of every row, in the order of these calls."""
        self.middleware.append(middleware)
        return middleware

    def _on_message(self, prepare: Callable[[str], Action | None]) -> None:
        def of_event(event: ConversationEvent) -> Action | None:
            return prepare(event["text"]) if event["type"] == "message" else None

        self.all.append(Route(of_event))


async def called(action: Action, context: Any) -> None:
    """Calls a handler, be it `async def` or not."""
    result = action(context)
    if inspect.isawaitable(result):
        await result


def _command_action(handler: Callable[..., Result], word: str, parameters: list[Parameter], text: str) -> Action | None:
    line = behind_command(text, word)
    if line is None:
        return None

    def action(context: Context[MessageEvent]) -> Result:
        try:
            values = read_options(parameters, line)
        except InvalidOption as error:
            return context.reply(f"{error}\nUsage: {usage_of(word, parameters)}")
        return handler(context, **values)

    return action


def behind_command(text: str, word: str) -> str | None:
    """What is written behind the command's word, if the text is that command."""
    if not text.lower().startswith(word.lower()):
        return None
    behind = text[len(word) :]
    return behind.strip() if behind == "" or behind[0].isspace() else None


def mentions(text: str, name: str) -> bool:
    """Whether a text names somebody."""
    return name != "" and re.search(rf"(?<![\w@])@{re.escape(name)}(?![\w-])", text, re.IGNORECASE) is not None
