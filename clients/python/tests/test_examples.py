"""The example bots, over restarts."""

from __future__ import annotations

import asyncio
import random
import re

from remind import remind
from stage import Stage
from standup import DAY_MS, MINUTE_MS, next_at, standup, time_of_day

from rialto.bot import Bot
from rialto.bot.option import InvalidOption
from rialto.testing import VirtualTestCase


class Remind(VirtualTestCase):
    def bot(self, stage: Stage) -> Bot:
        return remind(stage.server.client(stage.robot), stage.store)

    async def test_it_reminds_in_time_in_answer_to_who_asked(self) -> None:
        stage = Stage()
        bot = await self.bot(stage).start()
        at = stage.ada.says(stage.room, "/remind 10m the tea is ready")
        stage.ada.says(stage.room, "/remind 1h30m go: home")
        await stage.quiet()
        stage.ada.says(stage.room, "/reminders")
        listed = await stage.ada.hears(stage.room, re.compile("UTC"))
        self.assertRegex(listed["text"], r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC: the tea is ready\n.* UTC: go: home$")
        await asyncio.sleep(597)
        self.assertEqual(len(stage.texts), 1)
        await asyncio.sleep(3)
        said = await stage.ada.hears(stage.room, "⏰ the tea is ready")
        self.assertEqual(said.get("reply_to"), at)
        stage.ada.says(stage.room, "/remind soon x")
        self.assertIn("after: it must be a time such as 10m", (await stage.ada.hears(stage.room, re.compile("Usage")))["text"])
        stage.ada.says(stage.room, "/remind 500d x")
        await stage.ada.hears(stage.room, re.compile("too far"))
        await bot.stop()

    async def test_away_at_the_time_it_says_so_when_it_is_back(self) -> None:
        stage = Stage()
        first = await self.bot(stage).start()
        stage.ada.says(stage.room, "/remind 10m tea")
        await stage.quiet()
        await first.stop()
        stage.ada.says(stage.room, "/remind 20m cake")
        await asyncio.sleep(3_600)
        second = await self.bot(stage).start()
        await stage.quiet()
        self.assertEqual(sorted(stage.texts), ["⏰ cake", "⏰ tea"])
        await second.stop()

    async def test_killed_at_any_point_each_reminder_is_said_exactly_once(self) -> None:
        for seed in range(150):
            dice = random.Random(seed)
            stage = Stage()
            for number in range(4):
                stage.ada.says(stage.room, f"/remind {number + 1}s r{number}")
            for _ in range(8):
                bot = self.bot(stage)
                starting = asyncio.ensure_future(bot.start())
                for _ in range(dice.randrange(60)):
                    await asyncio.sleep(0.3 if dice.random() < 0.1 else 0)
                await stage.killed(bot)
                await asyncio.gather(starting, return_exceptions=True)
            last = await self.bot(stage).start()
            await asyncio.sleep(10)
            self.assertEqual(sorted(stage.texts), [f"⏰ r{number}" for number in range(4)], f"seed {seed}")
            await last.stop()


class Standup(VirtualTestCase):
    def setUp(self) -> None:
        self.stage: Stage

    def bot(self) -> Bot:
        return standup(self.stage.server.client(self.stage.robot), self.stage.store)

    async def test_it_asks_each_member_collects_the_answers_and_posts_them_over_restarts(self) -> None:
        stage = self.stage = Stage()
        bea, cem = stage.server.person("bea"), stage.server.person("cem")
        stage.ada.invites(stage.room, [bea, cem])
        bot = await self.bot().start()
        stage.ada.says(stage.room, "/standup-now")
        directs = {who.username: who.direct_with(stage.robot) for who in (stage.ada, bea, cem)}
        for who in (stage.ada, bea, cem):
            await who.hears(directs[who.username], re.compile("^Standup!"))
        stage.ada.says(directs["ada"], "I wrote a poem.")
        stage.ada.says(directs["ada"], "Now it must rhyme.")
        await stage.quiet()
        await stage.killed(bot)
        bea.says(directs["bea"], "I read it.")
        bot = await self.bot().start()
        await asyncio.sleep(14 * 60)
        self.assertEqual([text for text in stage.texts if text.startswith("📋")], [])
        await asyncio.sleep(2 * 60)
        posted = await stage.ada.hears(stage.room, re.compile("^📋"))
        expected = "📋 Standup\nada: I wrote a poem.\nNow it must rhyme.\nbea: I read it.\n(no answer: cem)"
        self.assertEqual(posted["text"], expected)
        self.assertEqual(dict(bot.memory), {}, "what is over is forgotten")
        for who in (stage.ada, bea, cem):
            self.assertEqual(len(who.texts_of(directs[who.username], stage.robot)), 1, "asked once")
        await bot.stop()

    async def test_it_asks_each_day_at_that_time_until_it_is_told_to_stop(self) -> None:
        stage = self.stage = Stage()
        bot = await self.bot().start()
        soon = (stage.server.now_ms() % DAY_MS // MINUTE_MS + 2) % (24 * 60)
        stage.ada.says(stage.room, f"/standup {soon // 60:02}:{soon % 60:02} 1h How are you?")
        await stage.ada.hears(stage.room, re.compile("^Each day"))
        direct = stage.ada.direct_with(stage.robot)
        for day in range(1, 4):
            await asyncio.sleep(12 * 3_600)
            await bot.stop()
            bot = await self.bot().start()
            await asyncio.sleep(12 * 3_600)
            self.assertEqual(len(stage.ada.texts_of(direct, stage.robot)), day)
        self.assertEqual(stage.ada.texts_of(direct, stage.robot), ["How are you?"] * 3)
        self.assertEqual([text for text in stage.texts if "📋" in text], ["📋 Standup\n(no answer: ada)"] * 3)
        stage.ada.says(stage.room, "/standup-off")
        await stage.ada.hears(stage.room, "I ask no more.")
        await asyncio.sleep(3 * 24 * 3_600)
        self.assertEqual(len(stage.ada.texts_of(direct, stage.robot)), 3)
        await bot.stop()

    def test_times_of_the_day(self) -> None:
        read = time_of_day().read
        self.assertEqual(read(["9:05"]), (9 * 60 + 5) * MINUTE_MS)
        for word in ("24:00", "9", "09:60", "x"):
            with self.assertRaises(InvalidOption):
                read([word])
        self.assertEqual(next_at(60_000, 10 * DAY_MS), 10 * DAY_MS + 60_000)
        self.assertEqual(next_at(60_000, 10 * DAY_MS + 60_000), 11 * DAY_MS + 60_000)
