"""How what people write becomes values."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Annotated, Any

from rialto.bot import InvalidOption, MessageContext, option
from rialto.bot.option import parameters_of, read_options, usage_of
from rialto.bot.routes import behind_command, mentions


def refusal(handler: Callable[..., object], line: str) -> str:
    try:
        read_options(parameters_of(handler), line)
    except InvalidOption as error:
        return str(error)
    raise AssertionError("it was taken")


class Options(unittest.TestCase):
    def test_each_kind_is_read_by_its_type(self) -> None:
        def handler(
            context: MessageContext,
            word: str,
            count: int,
            share: float,
            sure: bool,
            who: Annotated[str, option.user()],
            wait: Annotated[int, option.duration()],
            rest: list[str],
        ) -> None: ...

        values = read_options(parameters_of(handler), '"two words" -3 1.5 YES @ada.l 1d2h3m4s a “b c” d')
        expected: dict[str, Any] = {
            "word": "two words",
            "count": -3,
            "share": 1.5,
            "sure": True,
            "who": "ada.l",
            "wait": 93_784_000,
            "rest": ["a", "b c", "d"],
        }
        self.assertEqual(values, expected)
        usage = "/x <word: text> <count: number> <share: number> <sure: yes|no> <who: @user> <wait: 10m|1h30m|2d> <rest: text text …>"
        self.assertEqual(usage_of("/x", parameters_of(handler)), usage)
        self.assertEqual(refusal(handler, "a ٣"), "count: it must be a whole number")
        self.assertEqual(refusal(handler, "a 1 inf"), "share: it must be a number")
        self.assertEqual(refusal(handler, "a 1 1 maybe"), "sure: it must be yes or no")
        self.assertEqual(refusal(handler, "a 1 1 no a/b"), "who: it must be a user name")
        self.assertEqual(refusal(handler, "a 1 1 no ada 10"), "wait: it must be a time such as 10m, 1h30m or 2d")
        self.assertEqual(refusal(handler, "a 1 1 no ada 10m"), "rest is missing")

    def test_options_may_be_left_out_and_named(self) -> None:
        def handler(context: MessageContext, a: int = 1, b: str | None = None) -> None: ...

        parameters = parameters_of(handler)
        self.assertEqual(read_options(parameters, ""), {})
        self.assertEqual(read_options(parameters, "b:x 3"), {"a": 3, "b": "x"})
        self.assertEqual(read_options(parameters, 'b:"x y" a:3'), {"a": 3, "b": "x y"})
        self.assertEqual(read_options(parameters, "3 c:4"), {"a": 3, "b": "c:4"})
        self.assertEqual(refusal(handler, "1 2 3 4"), "“3 4” is too much")

    def test_what_nobody_could_write_is_refused_where_it_is_declared(self) -> None:
        def handler(context: MessageContext, what: dict[str, int]) -> None: ...

        with self.assertRaises(TypeError):
            parameters_of(handler)

    def test_commands_and_mentions_are_words_of_their_own(self) -> None:
        self.assertEqual(behind_command("/Roll  2 ", "/roll"), "2")
        self.assertIsNone(behind_command("/rolls", "/roll"))
        for text in ("@bot", "hey @BOT!", "(@bot)"):
            self.assertTrue(mentions(text, "bot"), text)
        for text in ("x@bot", "@bots", "@bot-2", "@@bot", "bot"):
            self.assertFalse(mentions(text, "bot"), text)
        self.assertTrue(mentions("@a.b", "a.b"))
        self.assertFalse(mentions("@axb", "a.b"))
