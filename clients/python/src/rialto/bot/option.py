"""Options of commands: how what a person wrote becomes a value.

A handler's own parameters say which options its command has: `sides: int = 6` is a number that may be left out, `mood:
Literal["good", "bad"] | None = None` one of two words, `Annotated[int, option.integer(min=2)]` one with a bound.
"""

from __future__ import annotations

import inspect
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ..protocol.types import BotCommand, CommandOption, OptionKind

T = TypeVar("T")
Word = TypeVar("Word", bound=str)


class InvalidOption(Exception):  # noqa: N818 - one name in all SDKs
    """What a person wrote is not what a command takes; the message says what it does take."""


@dataclass(frozen=True, slots=True)
class Option(Generic[T]):
    """One kind of option."""

    what: str
    """For the usage line: a word for what is wanted."""
    takes: Literal["one", "rest"]
    """How much of what was written it takes."""
    read: Callable[[Sequence[str]], T]
    """Raises `InvalidOption`."""
    kind: OptionKind = "text"
    """For clients that complete it."""
    choices: Sequence[str] = ()
    """The words of a choice."""
    description: str = ""
    """For people, at most 200 bytes."""

    def describe(self, description: str) -> Option[T]:
        """Says what it is for: people read it while they complete the command."""
        return replace(self, description=description)


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option as a handler declares it."""

    name: str
    option: Option[Any]
    is_required: bool


def _one(what: str, read: Callable[[str], T], kind: OptionKind, choices: Sequence[str] = ()) -> Option[T]:
    return Option(what, "one", lambda words: read(words[0]), kind, choices)


def text() -> Option[str]:
    """One word, or several in quotes: what a `str` is."""
    return _one("text", str, "text")


def rest() -> Option[str]:
    """Everything that is left."""
    return Option("text …", "rest", " ".join, "rest")


def words(*, min: int = 1, max: int | None = None) -> Option[list[str]]:  # noqa: A002 - read as a keyword
    """Everything that is left, word by word: what a `list[str]` is."""

    def read(given: Sequence[str]) -> list[str]:
        if len(given) < min or (max is not None and len(given) > max):
            raise InvalidOption(f"{min}{' or more' if max is None else f' to {max}'} are wanted")
        return list(given)

    return Option("text text …", "rest", read, "list")


def integer(*, min: float = -math.inf, max: float = math.inf) -> Option[int]:  # noqa: A002
    """A whole number: what an `int` is."""

    def read(word: str) -> int:
        if re.fullmatch(r"[+-]?[0-9]{1,15}", word) is None:
            raise InvalidOption("it must be a whole number")
        return int(_bounded(int(word), min, max))

    return _one("number", read, "integer")


def number(*, min: float = -math.inf, max: float = math.inf) -> Option[float]:  # noqa: A002
    """A number: what a `float` is."""

    def read(word: str) -> float:
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InvalidOption("it must be a number")
        return _bounded(value, min, max)

    return _one("number", read, "number")


def _bounded(value: float, least: float, most: float) -> float:
    if not least <= value <= most:
        raise InvalidOption(f"it must lie between {least} and {most}")
    return value


def flag() -> Option[bool]:
    """Yes or no: what a `bool` is."""

    def read(word: str) -> bool:
        if word.lower() in ("yes", "y", "true", "on", "1"):
            return True
        if word.lower() in ("no", "n", "false", "off", "0"):
            return False
        raise InvalidOption("it must be yes or no")

    return _one("yes|no", read, "flag")


def choice(*words: Word) -> Option[Word]:
    """One of these, in any case: what a `Literal` is."""

    def read(word: str) -> Word:
        for candidate in words:
            if candidate.lower() == word.lower():
                return candidate
        raise InvalidOption(f"it must be one of {', '.join(words)}")

    return _one("|".join(words), read, "choice", words)


def user() -> Option[str]:
    """A user name, written with or without `@`."""

    def read(word: str) -> str:
        name = word.removeprefix("@")
        if re.fullmatch(r"[\w.-]{3,32}", name, re.ASCII) is None:
            raise InvalidOption("it must be a user name")
        return name

    return _one("@user", read, "user")


_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m(?:in)?)?(?:(\d{1,7})s)?", re.IGNORECASE)


def duration() -> Option[int]:
    """A time to wait, such as `10m`, `1h30m` or `2d`, in milliseconds."""

    def read(word: str) -> int:
        found = _DURATION.fullmatch(word)
        if found is None or word == "":
            raise InvalidOption("it must be a time such as 10m, 1h30m or 2d")
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000

    return _one("10m|1h30m|2d", read, "text")


def parameters_of(handler: Callable[..., object]) -> list[Parameter]:
    """The options that a handler declares behind its context. Raises `TypeError` for one that nobody could write."""
    hints = get_type_hints(handler, include_extras=True)
    declared = list(inspect.signature(handler).parameters.values())[1:]
    return [
        Parameter(parameter.name, _option_of(parameter.name, hints.get(parameter.name, str)), parameter.default is parameter.empty)
        for parameter in declared
    ]


def _option_of(name: str, hint: Any) -> Option[Any]:
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, Option):
            return mark
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        kinds = [argument for argument in arguments if argument is not type(None)]
        if len(kinds) == 1:
            return _option_of(name, kinds[0])
    if origin is Literal and all(isinstance(word, str) for word in arguments):
        return choice(*arguments)
    if origin is list and arguments == (str,):
        return words()
    plain: dict[Any, Callable[[], Option[Any]]] = {str: text, int: integer, float: number, bool: flag}
    if hint in plain:
        return plain[hint]()
    raise TypeError(f"the option {name} is of a kind that nobody could write: {hint}")


def words_of(line: str) -> list[str]:
    """Words of a line; quotes hold several together."""
    return ["".join(found) for found in re.findall(r'"([^"]*)"|“([^”]*)”|(\S+)', line)]


def read_options(parameters: Sequence[Parameter], line: str) -> dict[str, Any]:
    """Reads what was written behind a command's name: by place, or as `name:value`. What is left out is left out."""
    names = {parameter.name for parameter in parameters}
    named: dict[str, str] = {}

    def take(found: re.Match[str]) -> str:
        if found[1] not in names:
            return found[0]
        named[found[1]] = (words_of(found[2]) or [""])[0]
        return " "

    left = words_of(re.sub(r'(?<!\S)(\w+):("[^"]*"|\S+)', take, line))
    values: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name in named:
            given = [named[parameter.name]]
        else:
            count = 1 if parameter.option.takes == "one" else len(left)
            given, left = left[:count], left[count:]
        if given:
            values[parameter.name] = _value_of(parameter, given)
        elif parameter.is_required:
            raise InvalidOption(f"{parameter.name} is missing")
    if left:
        raise InvalidOption(f"“{' '.join(left)}” is too much")
    return values


def _value_of(parameter: Parameter, given: Sequence[str]) -> Any:
    try:
        return parameter.option.read(given)
    except InvalidOption as error:
        raise InvalidOption(f"{parameter.name}: {error}") from error


def usage_of(word: str, parameters: Sequence[Parameter]) -> str:
    """How a command is written."""
    parts = [f"{parameter.name}: {parameter.option.what}" for parameter in parameters]
    shown = [f"<{part}>" if parameter.is_required else f"[{part}]" for part, parameter in zip(parts, parameters, strict=True)]
    return " ".join([word, *shown])


def command_of(name: str, description: str, parameters: Sequence[Parameter]) -> BotCommand:
    """A command as clients complete it."""

    def shown(parameter: Parameter) -> CommandOption:
        option = parameter.option
        return {
            "name": parameter.name,
            "kind": option.kind,
            "required": parameter.is_required,
            "choices": list(option.choices),
            "description": option.description,
        }

    return {"name": name.lower(), "description": description, "options": [shown(parameter) for parameter in parameters]}


Values = Mapping[str, Any]
"""What a handler gets for its options."""
