"""Random schedules of faults lose, double and reorder nothing."""

from __future__ import annotations

import asyncio
import os
import random
import unittest
from collections import deque
from collections.abc import Callable

from history import Witness, is_exact

from rialto import Client, Environment
from rialto.testing import Fault, PushFault, TestServer, run

# How many schedules are played; each is made from its number, so that one can be played again: RIALTO_SEED.
SCHEDULES = int(os.environ.get("RIALTO_SCHEDULES", "1000"))
PEOPLE = ("ada", "bob", "cem")
MESSAGES_EACH = 5
# Steps of a schedule in which things go wrong; then the network heals.
STEPS = 25
# Virtual seconds that a send may take.
PATIENT_SECONDS = 1_000.0
# Virtual seconds after which everything must have arrived.
HEALED_SECONDS = 120.0
START_MS = 1_790_000_000_000


class Schedule:
    """Randomly cut, refused, slow and forgetful, in virtual time."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.is_healed = False
        self.loop = asyncio.get_running_loop()
        self.wire_busy_until = 0.0
        self.under_way: deque[Callable[[], None]] = deque()
        self.server = TestServer(now_ms=self.now_ms, schedule=self.later, fault=self.fault, push_fault=self.push_fault)
        self.people = [self.server.person(name) for name in PEOPLE]
        self.room = self.people[0].creates("group", "the room", self.people[1:])
        self.sent: set[str] = set()
        self.acknowledged: dict[str, int] = {}
        self.sending: set[asyncio.Task[None]] = set()
        environment = Environment(open_socket=self.server.open_socket, random=self.dice.random, random_bytes=self.dice.randbytes)
        self.clients = [Client(["http://a.test", "http://b.test"], token=person.token, environment=environment) for person in self.people]
        self.witnesses = [Witness(name, client, f"conversation:{self.room}") for name, client in zip(PEOPLE, self.clients, strict=True)]

    def now_ms(self) -> int:
        return START_MS + int(self.loop.time() * 1_000)

    def later(self, job: Callable[[], None]) -> None:
        self.wire_busy_until = max(self.wire_busy_until, self.loop.time() + self.dice.random() * 0.04)
        self.under_way.append(job)
        # Timers of one moment run in any order: each runs what was sent first.
        self.loop.call_at(self.wire_busy_until, self.arrive)

    def arrive(self) -> None:
        self.under_way.popleft()()

    def fault(self, kind: str, _body: object) -> Fault:
        # One socket loses nothing between two commands; what a server may be slow with is an answer.
        if self.is_healed or kind in ("connect", "unsubscribe"):
            return None
        chance = self.dice.random()
        if chance < 0.04:
            return "lost before"
        if chance < 0.1:
            return "lost after"
        if chance < 0.16:
            return "cut after"
        return "refused for now" if chance < 0.18 else None

    def push_fault(self, _channel: str) -> PushFault:
        chance = 1.0 if self.is_healed else self.dice.random()
        return "lost" if chance < 0.03 else "twice" if chance < 0.06 else None

    async def play(self) -> None:
        for client in self.clients:
            client.watch(self.room)
            client.connect()
        for _ in range(STEPS):
            self.speak()
            self.disturb()
            await asyncio.sleep(self.dice.random() * 3)
        self.is_healed = True
        self.server.is_reachable = True
        self.server.cut()
        log = self.people[0].reads
        waited = 0.0
        while waited < HEALED_SECONDS and not self.is_done(log(self.room)[-1]["offset"] if log(self.room) else 1):
            await asyncio.sleep(1)
            waited += 1
        messages = log(self.room)
        assert self.acknowledged.keys() == self.sent, "everything is acknowledged"
        is_exact(messages, self.acknowledged, self.sent)
        for witness in self.witnesses:
            witness.is_contiguous(messages)
            assert witness.last == (messages[-1]["offset"] if messages else 1), "everybody heard the last row"
        for client in self.clients:
            await client.close()

    def is_done(self, top: int) -> bool:
        return len(self.acknowledged) == len(self.sent) and all(witness.last == top for witness in self.witnesses)

    def speak(self) -> None:
        for client, name in zip(self.clients, PEOPLE, strict=True):
            said = sum(text.startswith(name) for text in self.sent)
            if said < MESSAGES_EACH and self.dice.random() < 0.5:
                text = f"{name} {said}"
                self.sent.add(text)
                task = asyncio.ensure_future(self.say(client, text))
                self.sending.add(task)
                task.add_done_callback(self.sending.discard)

    async def say(self, client: Client, text: str) -> None:
        appended = await client.send(self.room, text, timeout=PATIENT_SECONDS)
        self.acknowledged[text] = appended["offset"]

    def disturb(self) -> None:
        chance = self.dice.random()
        victim = self.dice.choice(self.people)
        if chance < 0.2:
            self.server.cut(victim)
        elif chance < 0.3:
            self.server.cut(victim, 3008, "slow")
        elif chance < 0.35:
            self.server.cut(None, 3001, "shutdown")
        self.server.is_reachable = self.dice.random() > 0.2


async def play(seed: int) -> None:
    await Schedule(seed).play()


class Schedules(unittest.TestCase):
    def test_random_schedules_of_cuts_lose_double_and_reorder_nothing(self) -> None:
        only = os.environ.get("RIALTO_SEED")
        for seed in range(SCHEDULES) if only is None else [int(only)]:
            with self.subTest(f"RIALTO_SEED={seed}"):
                run(play(seed))
