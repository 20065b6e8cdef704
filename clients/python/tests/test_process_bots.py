"""The example bots as people run them, killed with -9 and cut off."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

from process_kit import PASSWORD, SERVER, Door, client_of, eventually, needs_server, registered

from rialto import Accounts, Client

EXAMPLES = Path(__file__).parents[1] / "examples"


async def texts(client: Client, room: str) -> list[str]:
    return [message["text"] for message in (await client.messages(room, limit=100))["items"]]


@needs_server
class Bots(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        ada, robot = await asyncio.gather(registered("ada"), registered("robot"))
        self.ada, self.robot = ada, robot.user
        self.client = client_of(ada).connect()
        self.addAsyncCleanup(self.client.close)
        self.door = await Door().open()
        self.addCleanup(self.door.close)
        self.room = (await self.client.create("group", title="with a bot", members=[self.robot["id"]]))["id"]

    async def runs(self, name: str) -> asyncio.subprocess.Process:
        environment = {
            **os.environ,
            "RIALTO_URL": self.door.url,
            "RIALTO_USER": self.robot["username"],
            "RIALTO_PASSWORD": PASSWORD,
            "RIALTO_STATE": f"{self.folder}/{name}.json",
        }
        bot = await asyncio.create_subprocess_exec(
            sys.executable, EXAMPLES / "run.py", name, env=environment, stdout=asyncio.subprocess.PIPE
        )
        assert bot.stdout is not None
        self.assertEqual(await bot.stdout.readline(), f"here as @{self.robot['username']}\n".encode())
        return bot

    async def killed(self, bot: asyncio.subprocess.Process) -> None:
        bot.kill()
        await bot.wait()

    async def stopped(self, bot: asyncio.subprocess.Process) -> None:
        bot.terminate()
        self.assertEqual(await bot.wait(), 0)

    async def test_a_bots_account_has_its_commands_completed_and_a_persons_works_without(self) -> None:
        name = f"bot-{self.robot['username'][-8:]}"
        account = {"username": name, "scopes": ["conversation.*", "user.me", "bot.set_commands"]}
        made = await Accounts(SERVER).call("POST", "/v1/bots", account, token=await self.ada.access_token())
        await self.client.invite(self.room, [made["bot"]["user"]["id"]])
        environment = {**os.environ, "RIALTO_URL": self.door.url, "RIALTO_TOKEN": made["token"], "RIALTO_STATE": f"{self.folder}/bot.json"}
        bot = await asyncio.create_subprocess_exec(
            sys.executable, EXAMPLES / "run.py", "remind", env=environment, stdout=asyncio.subprocess.PIPE
        )
        assert bot.stdout is not None
        self.assertEqual(await bot.stdout.readline(), f"here as @{name}\n".encode())
        shown = [(command["name"], command["description"]) for command in (await self.client.commands(self.room))["items"]]
        self.assertEqual(shown, [("remind", "says something later"), ("reminders", "says what is to come here")])
        await self.stopped(bot)
        await self.stopped(await self.runs("remind"))

    async def said(self, start: str, count: int) -> list[str]:
        async def probe() -> list[str] | None:
            found = [text for text in await texts(self.client, self.room) if text.startswith(start)]
            return found if len(found) >= count else None

        return await eventually(f"{count} times {start}", probe)

    async def test_echo_answers_everything_once(self) -> None:
        spoken: list[str] = []

        async def say(text: str) -> None:
            spoken.append(text)
            await self.client.send(self.room, text)

        await say("before it came")
        bot = await self.runs("echo")
        await say("one")
        await self.said("echo: ", 2)
        self.door.cut()
        await say("said while it was cut off")
        await self.said("echo: ", 3)
        await self.killed(bot)
        await say("said to a dead bot")
        bot = await self.runs("echo")
        await say("and one more")
        self.assertEqual(await self.said("echo: ", 5), [f"echo: {text}" for text in spoken])
        await self.stopped(bot)

    async def test_remind_says_each_reminder_exactly_once_however_often_it_is_killed(self) -> None:
        bot = await self.runs("remind")
        for number in range(6):
            await self.client.send(self.room, f"/remind {number // 2}s r{number}")
            if number % 2 == 1:
                await self.killed(bot)
                bot = await self.runs("remind")
        said = await self.said("⏰ ", 6)
        # What would be said twice is said when it is started again.
        await self.killed(bot)
        bot = await self.runs("remind")
        await self.client.send(self.room, "/reminders")
        await self.said("There are no reminders here.", 1)
        self.assertEqual(sorted(await self.said("⏰ ", 6)), [f"⏰ r{number}" for number in range(6)])
        self.assertEqual(len(said), 6)
        await self.stopped(bot)

    async def test_standup_asks_and_posts_over_a_restart(self) -> None:
        bot = await self.runs("standup")
        far = f"{(time.gmtime().tm_hour + 12) % 24:02}:00"
        await self.client.send(self.room, f"/standup {far} 4s How are you?")
        await self.said(f"Each day at {far} UTC", 1)
        await self.client.send(self.room, "/standup-now")
        direct = (await self.client.create("direct", members=[self.robot["id"]]))["id"]

        async def asked() -> list[str] | None:
            return await texts(self.client, direct) or None

        self.assertEqual(await eventually("it asks", asked), ["How are you?"])
        await self.killed(bot)
        bot = await self.runs("standup")
        await self.client.send(direct, "Fine.")
        posted: Any = await self.said("📋", 1)
        self.assertEqual(posted, ["📋 Standup\nada: Fine."])
        self.assertEqual((await texts(self.client, direct)).count("How are you?"), 1)
        await self.stopped(bot)
