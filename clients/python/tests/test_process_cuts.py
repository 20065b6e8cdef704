"""Storms of cuts against the real server lose, double and reorder nothing."""

from __future__ import annotations

import asyncio
import random
import unittest

from history import Witness, is_exact
from process_kit import Door, client_of, eventually, needs_server, registered

from rialto import Client

# Schedules, some at a time; each is made from its number.
SCHEDULES = 12
AT_ONCE = 4
MESSAGES_EACH = 12


async def play(seed: int) -> None:
    dice = random.Random(seed)
    sessions = await asyncio.gather(*(registered(name) for name in ("ada", "bob", "cem")))
    doors = [await Door().open() for _ in sessions]
    clients = [client_of(session, door.url).connect() for session, door in zip(sessions, doors, strict=True)]
    room = (await clients[0].create("group", title="cuts", members=[session.user["id"] for session in sessions[1:]]))["id"]
    witnesses = [Witness(str(index), client, f"conversation:{room}") for index, client in enumerate(clients)]
    for client in clients:
        client.watch(room)
    sent: set[str] = set()
    acknowledged: dict[str, int] = {}

    async def speak(client: Client, name: int) -> None:
        for number in range(MESSAGES_EACH):
            text = f"{name} {number}"
            sent.add(text)
            acknowledged[text] = (await client.send(room, text))["offset"]
            await asyncio.sleep(dice.random() * 0.03)

    async def storm() -> None:
        while True:
            await asyncio.sleep(0.02 + dice.random() * 0.12)
            door = dice.choice(doors)
            door.cut()
            door.is_shut = dice.random() < 0.3

    storming = asyncio.ensure_future(storm())
    await asyncio.gather(*(speak(client, name) for name, client in enumerate(clients)))
    storming.cancel()
    for door in doors:
        door.is_shut = False
        door.cut()
    top = (await clients[0].conversation(room))["offset"]

    async def all_have_heard() -> bool | None:
        return all(witness.last >= top for witness in witnesses) or None

    await eventually("everybody heard everything", all_have_heard)
    messages = (await clients[0].messages(room, limit=100))["items"]
    is_exact(messages, acknowledged, sent)
    for witness in witnesses:
        witness.is_contiguous(messages)
        assert witness.last == messages[-1]["offset"]
    for client in clients:
        await client.close()
    for door in doors:
        door.close()


@needs_server
class Cuts(unittest.IsolatedAsyncioTestCase):
    async def test_storms_lose_double_and_reorder_nothing(self) -> None:
        for first in range(0, SCHEDULES, AT_ONCE):
            await asyncio.gather(*(play(first + index) for index in range(AT_ONCE)))
