"""What bots remember."""

from __future__ import annotations

import asyncio
import json
import os
import random
import stat
import tempfile
import unittest
from pathlib import Path
from typing import Any

from stage import Stage

from rialto import RialtoError, Suspended
from rialto.bot import Bot, JsonFileStore, Memory, MessageContext, TimerContext
from rialto.bot.limits import TIMERS_MAX
from rialto.testing import Fault, VirtualTestCase, run


def counting(stage: Stage) -> Bot:
    """Counts what was said, and says the count; minutes later once more."""
    bot = Bot(stage.server.client(stage.robot), store=stage.store)

    @bot.message()
    async def count(context: MessageContext) -> None:
        number = context.memory.get("count", 0) + 1
        context.memory["count"] = number
        await context.say(f"{context.text} is number {number}")
        context.set_timer("later", context.time_ms + 60_000, number)

    @bot.timer("later")
    async def later(context: TimerContext) -> None:
        context.memory["later"] = [*context.memory.get("later", []), context.data]
        await context.say(f"a minute after {context.data}")

    return bot


class Remembering(VirtualTestCase):
    async def test_changes_timers_and_places_are_kept_over_restarts(self) -> None:
        stage = Stage()
        first = await counting(stage).start()
        stage.ada.says(stage.room, "a")
        await stage.quiet()
        await first.stop()
        stage.ada.says(stage.room, "b")
        second = await counting(stage).start()
        await stage.ada.hears(stage.room, "b is number 2")
        await asyncio.sleep(61)
        self.assertEqual(stage.texts, ["a is number 1", "b is number 2", "a minute after 1", "a minute after 2"])
        self.assertEqual(dict(second.memory), {"count": 2, "later": [1, 2]})
        await second.stop()

    async def test_killed_at_any_point_a_rows_changes_are_made_once_and_nothing_is_said_twice(self) -> None:
        for seed in range(150):
            with self.subTest(seed=seed):
                await self.killed_often(random.Random(seed))

    async def killed_often(self, dice: random.Random) -> None:
        stage = Stage()

        def fault(kind: str, _body: Any) -> Fault:
            if stage.fault is not None or kind in ("connect", "subscribe"):
                return stage.fault
            return dice.choice(("lost after", "cut after", "refused for now")) if dice.random() < 0.1 else None

        stage.server.fault = fault
        said = 0
        for _ in range(6):
            bot = counting(stage)
            starting = asyncio.ensure_future(bot.start())
            for _ in range(dice.randrange(3)):
                stage.ada.says(stage.room, f"m{said}")
                said += 1
            # Turns of the event loop: it is killed between any two.
            for _ in range(dice.randrange(400)):
                await asyncio.sleep(0.02 if dice.random() < 0.1 else 0)
            await stage.killed(bot)
            await asyncio.gather(starting, return_exceptions=True)
        stage.server.fault = None
        last = await counting(stage).start()
        await asyncio.sleep(200)
        numbers = [f"m{index} is number {index + 1}" for index in range(said)]
        self.assertEqual([text for text in stage.texts if "number" in text], numbers)
        later = [text for text in stage.texts if "minute" in text]
        self.assertEqual(sorted(later), sorted(f"a minute after {index + 1}" for index in range(said)))
        self.assertEqual(sorted(last.memory.get("later", [])), [index + 1 for index in range(said)])
        await last.stop()

    async def test_a_store_that_fails_for_now_is_asked_again_and_nothing_is_passed_over(self) -> None:
        stage = Stage()
        bot = counting(stage)
        errors: list[Exception] = []
        bot.catch(lambda error, _context: errors.append(error))
        await bot.start()
        stage.store.is_broken = True
        stage.ada.says(stage.room, "a")
        stage.ada.says(stage.room, "b")
        await asyncio.sleep(20)
        self.assertEqual(stage.texts, ["a is number 1"], "the next row waits until this one is kept")
        self.assertTrue(errors)
        stage.store.is_broken = False
        await stage.ada.hears(stage.room, "b is number 2")
        await bot.stop()

    async def test_a_row_whose_handler_lost_the_connection_for_good_is_handled_at_the_next_start(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot), store=stage.store)
        bot.catch(lambda _error, _context: None)
        started, may_end = asyncio.Event(), asyncio.Event()

        @bot.message()
        async def late(context: MessageContext) -> None:
            started.set()
            await may_end.wait()
            context.memory["said"] = True
            await context.say("too late")

        await bot.start()
        stage.ada.says(stage.room, "a")
        await started.wait()
        stage.server.cut(stage.robot, 3500, "invalid token")
        await stage.quiet()
        self.assertIsInstance(bot.client.state, Suspended)
        may_end.set()
        await stage.quiet()
        await bot.stop()
        second = await counting(stage).start()
        await stage.ada.hears(stage.room, "a is number 1")
        self.assertNotIn("said", second.memory)
        await second.stop()

    async def test_told_to_connect_again_it_handles_the_row_again(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot), store=stage.store)
        failures: list[Exception] = []
        bot.catch(lambda error, _context: failures.append(error))

        @bot.message()
        async def answer(context: MessageContext) -> None:
            if not failures:
                stage.server.cut(stage.robot, 3500, "invalid token")
                await asyncio.sleep(1)
            await context.say(f"heard {context.text}")

        await bot.start()
        stage.ada.says(stage.room, "a")
        await stage.quiet()
        await stage.quiet()
        self.assertEqual((len(failures), stage.texts), (1, []))
        bot.client.connect()
        await stage.ada.hears(stage.room, "heard a")
        self.assertEqual((len(failures), stage.texts), (1, ["heard a"]))
        await bot.stop()

    async def test_a_timer_whose_handler_lost_the_connection_for_good_comes_again(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot), store=stage.store)
        failures: list[Exception] = []
        bot.catch(lambda error, _context: failures.append(error))

        @bot.message()
        async def heard(context: MessageContext) -> None:
            context.set_timer("later", context.time_ms + 1_000)

        @bot.timer("later")
        async def due(context: TimerContext) -> None:
            if not failures:
                stage.server.cut(stage.robot, 3500, "invalid token")
                await asyncio.sleep(1)
            await context.say("it is later")

        await bot.start()
        stage.ada.says(stage.room, "a")
        await asyncio.sleep(60)
        self.assertEqual((len(failures), stage.texts), (1, []), "it is not tried without a connection")
        bot.client.connect()
        await stage.ada.hears(stage.room, "it is later")
        await asyncio.sleep(60)
        self.assertEqual((len(failures), stage.texts), (1, ["it is later"]))
        await bot.stop()

    async def test_timers_come_in_time_by_the_servers_clock_also_when_the_bot_was_away(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot), store=stage.store)
        heard: list[tuple[Any, int]] = []

        @bot.message()
        async def ask(context: MessageContext) -> None:
            for minutes in (10, 5, 50_000):
                context.set_timer("t", context.time_ms + minutes * 60_000, minutes)
            gone = context.set_timer("t", context.time_ms + 1, "cancelled")
            self.assertTrue(context.cancel_timer(gone))
            self.assertFalse(context.cancel_timer(gone))

        @bot.timer("t")
        async def due(context: TimerContext) -> None:
            heard.append((context.data, stage.server.now_ms() - context.timer.at_ms))

        await bot.start()
        began = stage.server.now_ms()
        stage.ada.says(stage.room, "go")
        await asyncio.sleep(11 * 60)
        self.assertEqual([data for data, _ in heard], [5, 10])
        self.assertTrue(all(0 <= late < 100 for _, late in heard), heard)
        await bot.stop()
        await asyncio.sleep(36 * 24 * 3_600)
        self.assertEqual(len(heard), 2)
        again = Bot(stage.server.client(stage.robot), store=stage.store)
        again.timer("t")(due)
        await again.start()
        await stage.quiet()
        self.assertEqual(heard[2][0], 50_000)
        self.assertGreater(stage.server.now_ms() - began, 50_000 * 60_000)
        await again.stop()

    async def test_a_timer_that_fails_is_over_one_that_nobody_knows_is_kept(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot), store=stage.store)
        errors: list[Exception] = []
        bot.catch(lambda error, _context: errors.append(error))

        @bot.message()
        async def ask(context: MessageContext) -> None:
            context.set_timer("fails", context.time_ms)
            context.set_timer("of another version", context.time_ms)

        @bot.timer("fails")
        def fails(context: TimerContext) -> None:
            context.memory["half"] = 1
            raise ValueError("broken")

        await bot.start()
        stage.ada.says(stage.room, "go")
        await stage.quiet()
        await bot.stop()
        self.assertEqual([str(error) for error in errors], ["broken"])
        (kept,) = stage.store.state["memory"].values()
        self.assertEqual(kept["kind"], "of another version")

    async def test_timers_are_bounded(self) -> None:
        stage = Stage()
        bot = Bot(stage.server.client(stage.robot), store=stage.store)
        errors: list[Exception] = []
        bot.catch(lambda error, _context: errors.append(error))

        @bot.message()
        async def ask(context: MessageContext) -> None:
            for number in range(TIMERS_MAX):
                context.memory[f"timer/{number}"] = {"kind": "t", "at_ms": 2**52, "conversation": stage.room, "data": None}
            context.set_timer("t", 0)

        await bot.start()
        stage.ada.says(stage.room, "go")
        await asyncio.sleep(5)
        await bot.stop()
        self.assertEqual([getattr(error, "code", "") for error in errors], ["queue_full"])


class Drafts(unittest.TestCase):
    def test_a_draft_counts_when_it_is_committed(self) -> None:
        memory = Memory()
        memory.update({"a": [1], "b": 2})
        draft = memory.draft()
        value = draft["a"]
        value.append(2)
        self.assertEqual(draft["a"], [1], "a value that was read is a copy")
        draft["a"] = value
        del draft["b"]
        draft["c"] = None
        self.assertEqual((dict(memory), dict(draft)), ({"a": [1], "b": 2}, {"a": [1, 2], "c": None}))
        self.assertIn("c", draft)
        deeper = draft.draft()
        deeper["b"] = 3
        deeper.commit()
        draft.commit()
        self.assertEqual(dict(memory), {"a": [1, 2], "b": 3, "c": None})
        with self.assertRaises(KeyError):
            memory.draft()["x"]
        with self.assertRaises(KeyError):
            del memory["x"]
        with self.assertRaises(TypeError):
            memory["x"] = {1, 2}


class Files(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "bot.json"
        self.store = JsonFileStore(self.path)

    def test_what_was_saved_is_there_and_only_for_its_owner(self) -> None:
        self.assertEqual(run(self.store.load()), {})
        for state in ({"a": "ü"}, {"b": [1]}):
            run(self.store.save(state))
            self.assertEqual(run(JsonFileStore(self.path).load()), state)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual([path.name for path in self.path.parent.iterdir()], ["bot.json"])

    def test_a_save_that_fails_leaves_what_was_there(self) -> None:
        run(self.store.save({"a": 1}))
        fsync = os.fsync
        self.addCleanup(setattr, os, "fsync", fsync)

        def full(_file: int) -> None:
            raise OSError("no space left")

        setattr(os, "fsync", full)  # noqa: B010 - the type knows better what a file may be
        with self.assertRaises(OSError):
            run(self.store.save({"a": 2}))
        self.assertEqual(json.loads(self.path.read_text()), {"a": 1})

    def test_a_file_that_is_no_bots_is_not_touched(self) -> None:
        for text in ("no JSON", "[]"):
            self.path.write_text(text)
            with self.assertRaises(RialtoError):
                run(self.store.load())
            self.assertEqual(self.path.read_text(), text)
        self.path.write_text('{"name": "another program"}')

        async def starts() -> None:
            await Bot(Stage().server.client(Stage().robot), store=self.store).start()

        with self.assertRaises(RialtoError) as raised:
            run(starts())
        self.assertEqual(raised.exception.code, "misuse")
