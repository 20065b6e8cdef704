"""What bots do."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from echo import echo
from stage import Stage

from rialto import Closed, RialtoError, Settings
from rialto.bot import AnyContext, Bot, Context, MessageContext, option
from rialto.protocol.types import MemberJoinedEvent, ReactionAddedEvent
from rialto.testing import Fault, VirtualTestCase


class Handlers(VirtualTestCase):
    async def test_commands_get_typed_options_by_place_and_by_name_wrong_ones_are_answered_with_the_usage(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot))
        heard: list[tuple[int, str | None, str]] = []

        @bot.command("roll")
        async def roll(
            context: MessageContext,
            sides: Annotated[int, option.integer(min=2, max=100)] = 6,
            mood: Literal["good", "bad"] | None = None,
            reason: Annotated[str, option.rest()] = "",
        ) -> None:
            heard.append((sides, mood, reason))
            await context.reply("rolled")

        await bot.start()
        for line in ("/roll", "/roll 20 GOOD for the win", '/ROLL mood:bad "12"', "/rolls", "so /roll"):
            stage.ada.says(stage.room, line)
        last = stage.ada.says(stage.room, "/roll 1")
        refusal = await stage.ada.hears(stage.room, re.compile("Usage"))
        usage = "sides: it must lie between 2 and 100\nUsage: /roll [sides: number] [mood: good|bad] [reason: text …]"
        self.assertEqual((refusal["text"], refusal.get("reply_to")), (usage, last))
        self.assertEqual(heard, [(6, None, ""), (20, "good", "for the win"), (12, "bad", "")])
        await bot.stop()

    async def test_its_commands_are_registered_at_the_start_as_clients_complete_them(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot))

        @bot.command("Roll", "rolls a die")
        async def roll(
            _context: MessageContext,
            sides: Annotated[int, option.integer(min=2).describe("how many")] = 6,
            *,
            mood: Literal["good", "bad"],
        ) -> None:
            self.assertLess((sides, mood), (0, ""))

        stage.fault = "refused for now"
        starting = asyncio.create_task(bot.start())
        await stage.quiet()
        stage.fault = None
        await starting
        async with stage.server.client(stage.ada) as ada:
            shown: list[Any] = [
                {"name": "sides", "kind": "integer", "required": False, "choices": [], "description": "how many"},
                {"name": "mood", "kind": "choice", "required": True, "choices": ["good", "bad"], "description": ""},
            ]
            command = {"bot": stage.robot.id, "name": "roll", "description": "rolls a die", "options": shown}
            self.assertEqual(await ada.commands(stage.room), {"items": [command], "next": None})
        await bot.stop()
        other = Bot(stage.server.client(stage.ada), prefix="!")
        other.command("shout")(lambda _context: None)
        await other.start()
        self.assertNotIn(stage.ada.id, stage.server.commands, "only what begins with / is completed")
        await other.stop()

    async def test_patterns_mentions_and_other_rows_find_their_handlers(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot))

        @bot.message(r"(?i)^my name is (?P<name>\w+)")
        async def named(context: MessageContext, match: re.Match[str]) -> None:
            await context.say(f"hello {match['name']}")

        @bot.mention
        async def mentioned(context: MessageContext) -> None:
            await context.reply("you called?")

        @bot.on(MemberJoinedEvent)
        async def joined(context: Context[MemberJoinedEvent]) -> None:
            await context.say(f"welcome, {context.event['user']}")

        @bot.on(ReactionAddedEvent)
        async def reacted(context: Context[ReactionAddedEvent]) -> None:
            await context.say(f"thanks for {context.event['emoji']}")

        await bot.start()
        stage.ada.says(stage.room, "My name is Ada")
        stage.ada.says(stage.room, "hey @Robot, are you there")
        last = stage.ada.says(stage.room, "mail me at x@robot or @robots")
        stage.ada.reacts(stage.room, last, "👍")
        bea = stage.server.person("bea")
        stage.ada.invites(stage.room, [bea])
        await stage.ada.hears(stage.room, re.compile("welcome"))
        self.assertEqual(stage.texts, ["hello Ada", "you called?", "thanks for 👍", f"welcome, {bea.id}"])
        await bot.stop()

    async def test_middleware_runs_around_the_handlers_in_order_and_may_pass_a_row_over(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot))
        order: list[str] = []

        @bot.use
        async def outer(context: AnyContext, proceed: Callable[[], Awaitable[None]]) -> None:
            order.append(f"in {context.text}")
            context.state["who"] = "first"
            await proceed()
            order.append(f"out {context.text}")

        @bot.use
        async def censor(context: AnyContext, proceed: Callable[[], Awaitable[None]]) -> None:
            if "secret" not in context.text:
                await proceed()

        @bot.message()
        async def answer(context: MessageContext) -> None:
            await context.reply(f"{context.text} by {context.state['who']}")

        await bot.start()
        for text in ("a", "a secret", "b"):
            stage.ada.says(stage.room, text)
        await stage.ada.hears(stage.room, re.compile("^b"))
        await bot.stop()
        self.assertEqual(stage.texts, ["a by first", "b by first"])
        self.assertEqual(order, ["in a", "out a", "in a secret", "out a secret", "in b", "out b"])

    async def test_a_handler_that_raises_harms_neither_the_others_nor_the_next_row_and_changes_nothing(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot), store=stage.store)
        errors: list[tuple[str, Any]] = []
        bot.catch(lambda error, context: errors.append((str(error), getattr(context, "offset", None))))

        @bot.message("x")
        def fails(context: MessageContext, _match: re.Match[str]) -> None:
            context.memory["half"] = True
            raise ValueError("broken")

        @bot.message()
        async def answer(context: MessageContext) -> None:
            context.memory["last"] = context.text
            await context.reply(f"heard {context.text}")

        await bot.start()
        at = stage.ada.says(stage.room, "x")
        stage.ada.says(stage.room, "y")
        await stage.ada.hears(stage.room, "heard y")
        await bot.stop()
        self.assertEqual(stage.texts, ["heard x", "heard y"])
        self.assertEqual(errors, [("broken", at)])
        self.assertEqual(stage.store.state["memory"], {"last": "y"})

    async def test_a_handler_that_takes_too_long_is_cancelled_and_the_conversation_goes_on(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot))
        errors: list[str] = []
        bot.catch(lambda error, _context: errors.append(getattr(error, "code", "")))

        @bot.message()
        async def answer(context: MessageContext) -> None:
            if context.text == "hang":
                await asyncio.Event().wait()
            await context.reply(context.text)

        await bot.start()
        stage.ada.says(stage.room, "hang")
        stage.ada.says(stage.room, "next")
        await stage.ada.hears(stage.room, "next")
        self.assertEqual(errors, ["timeout"])
        await bot.stop()

    async def test_what_waits_for_the_server_to_come_back_is_not_late(self) -> None:
        stage = Stage()
        bot = await echo(stage.server.client(stage.robot)).start()
        await stage.quiet()
        stage.server.is_reachable = False
        stage.fault = "cut after"
        stage.ada.says(stage.room, "hello")
        await asyncio.sleep(300)
        self.assertEqual(stage.texts, ["echo: hello"], "it was done, but the answer was cut off")
        stage.fault = None
        stage.server.is_reachable = True
        stage.ada.says(stage.room, "again")
        await stage.ada.hears(stage.room, "echo: again")
        self.assertEqual(stage.texts, ["echo: hello", "echo: again"])
        await bot.stop()

    async def test_a_handler_may_do_so_many_things_about_one_row(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot))
        errors: list[Exception] = []
        bot.catch(lambda error, _context: errors.append(error))

        @bot.message()
        async def talk(context: MessageContext) -> None:
            for number in range(101):
                await context.say(f"{number}")

        await bot.start()
        stage.ada.says(stage.room, "go")
        await stage.quiet()
        self.assertEqual([getattr(error, "code", "") for error in errors], ["misuse"])
        self.assertEqual(len(stage.texts), 100)
        await bot.stop()

    async def test_bots_do_not_answer_each_other(self) -> None:
        stage = Stage()
        other = stage.server.person("other")
        stage.ada.invites(stage.room, [other])
        bots = [await echo(stage.server.client(who)).start() for who in (stage.robot, other)]
        stage.ada.says(stage.room, "hello")
        await stage.quiet()
        self.assertEqual(stage.texts, ["echo: hello"])
        self.assertEqual(stage.ada.texts_of(stage.room, other), ["echo: hello"])
        for bot in bots:
            await bot.stop()


class Places(VirtualTestCase):
    async def test_started_again_it_goes_on_where_it_stood_and_says_nothing_twice_even_if_it_was_killed_in_between(self) -> None:
        stage = Stage()
        first = await echo(stage.server.client(stage.robot)).start()
        stage.ada.says(stage.room, "one")
        await stage.quiet()
        self.assertEqual(stage.server.conversation(stage.room).read[stage.robot.id], 3)
        dying: Fault = "lost before"

        def no_marks(kind: str, body: Any) -> Fault:
            return dying if kind == "rpc" and body["method"] == "conversation.mark_read" else None

        stage.server.fault = no_marks
        stage.ada.says(stage.room, "two")
        await stage.ada.hears(stage.room, "echo: two")
        await stage.killed(first)
        stage.ada.says(stage.room, "three")
        dying = None
        second = await echo(stage.server.client(stage.robot)).start()
        await stage.ada.hears(stage.room, "echo: three")
        self.assertEqual(stage.texts, ["echo: one", "echo: two", "echo: three"])
        await second.stop()

    async def test_what_was_said_while_it_was_away_however_much_is_handled_once_and_in_order(self) -> None:
        stage = Stage()
        first = await echo(stage.server.client(stage.robot)).start()
        stage.ada.says(stage.room, "m0")
        await stage.ada.hears(stage.room, "echo: m0")
        await first.stop()
        for number in range(1, 701):
            stage.ada.says(stage.room, f"m{number}")
        second = await echo(stage.server.client(stage.robot)).start()
        await stage.ada.hears(stage.room, "echo: m700")
        self.assertEqual(stage.texts, [f"echo: m{number}" for number in range(701)])
        await second.stop()

    async def test_cuts_and_refusals_in_the_middle_of_it_change_nothing(self) -> None:
        stage = Stage()
        roll = 0

        def fault(kind: str, _body: Any) -> Fault:
            nonlocal roll
            roll += 1
            if kind in ("connect", "subscribe"):
                return None
            return "cut after" if roll % 7 == 3 else "refused for now" if roll % 5 == 1 else None

        stage.server.fault = fault
        client = stage.server.client(stage.robot, settings=Settings(backoff_min_seconds=0.001, backoff_max_seconds=0.005))
        bot = await echo(client).start()
        for number in range(30):
            stage.ada.says(stage.room, f"m{number}")
        await stage.ada.hears(stage.room, "echo: m29")
        self.assertEqual(stage.texts, [f"echo: m{number}" for number in range(30)])
        await bot.stop()

    async def test_it_begins_where_it_came_in_follows_what_it_is_invited_to_and_leaves_what_it_is_removed_from(self) -> None:
        stage = Stage()
        other = stage.ada.creates("group", "other")
        stage.ada.says(other, "before it came")
        bot = await echo(stage.server.client(stage.robot), stage.store).start()
        stage.ada.invites(other, [stage.robot])
        stage.ada.says(other, "hello")
        await stage.ada.hears(other, "echo: hello")
        self.assertEqual(stage.ada.texts_of(other, stage.robot), ["echo: hello"])
        await stage.quiet()
        stage.ada.removes(other, stage.robot)
        stage.ada.says(other, "alone again")
        direct = stage.ada.direct_with(stage.robot)
        stage.ada.says(direct, "psst")
        await stage.ada.hears(direct, "echo: psst")
        self.assertEqual(stage.ada.texts_of(other, stage.robot), ["echo: hello"])
        await bot.stop()
        self.assertEqual(stage.store.state["places"].keys(), {direct}, "places of conversations that were left are forgotten")

    async def test_removed_in_the_middle_of_a_row_it_forgets_where_it_stood(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot), store=stage.store)
        began, gate = asyncio.Event(), asyncio.Event()

        @bot.message()
        async def answer(context: MessageContext) -> None:
            began.set()
            await gate.wait()
            context.memory["heard"] = context.text

        await bot.start()
        stage.ada.says(stage.room, "a")
        await began.wait()
        stage.ada.removes(stage.room, stage.robot)
        await stage.quiet()
        gate.set()
        await bot.stop()
        self.assertEqual((stage.store.state["places"], stage.store.state["memory"]), ({}, {"heard": "a"}))

    async def test_told_to_end_it_ends_also_when_there_is_no_server(self) -> None:
        for is_reachable in (True, False):
            await self.ends_when_told(is_reachable)

    async def ends_when_told(self, is_reachable: bool) -> None:
        stage = Stage()
        stage.server.is_reachable = is_reachable
        bot = echo(stage.server.client(stage.robot))
        started: list[str] = []
        running = asyncio.ensure_future(bot.run(lambda: started.append(bot.me["username"])))
        await asyncio.sleep(50)
        signal.raise_signal(signal.SIGTERM)
        await running
        self.assertEqual(started, ["robot"] if is_reachable else [])
        self.assertIsInstance(bot.client.state, Closed)

    async def test_stop_lets_what_is_running_end_and_begins_nothing_new(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot))
        began, gate = asyncio.Event(), asyncio.Event()

        @bot.message()
        async def answer(context: MessageContext) -> None:
            began.set()
            await gate.wait()
            await context.reply(f"done {context.text}")

        await bot.start()
        at = stage.ada.says(stage.room, "a")
        stage.ada.says(stage.room, "b")
        await began.wait()
        stopping = asyncio.ensure_future(bot.stop())
        await asyncio.sleep(5)
        gate.set()
        await stopping
        self.assertEqual(stage.texts, ["done a"])
        self.assertEqual(stage.server.conversation(stage.room).read[stage.robot.id], at)
        with self.assertRaises(RialtoError):
            await bot.client.me()

    async def test_stop_waits_for_a_limited_time_and_what_was_broken_off_is_handled_at_the_next_start(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot))

        @bot.message()
        async def hang(_context: MessageContext) -> None:
            await asyncio.Event().wait()

        await bot.start()
        stage.ada.says(stage.room, "a")
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        await bot.stop()
        self.assertAlmostEqual(asyncio.get_running_loop().time() - began, 10, places=1)
        second = await echo(stage.server.client(stage.robot)).start()
        await stage.ada.hears(stage.room, "echo: a")
        await second.stop()
