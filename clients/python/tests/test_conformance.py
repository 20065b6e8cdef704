"""The stories that every SDK must tell the same way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from world import World, settle

from rialto import (
    ConnectionState,
    ConversationPublication,
    Gap,
    InboxPublication,
    RialtoError,
    StateChanged,
    Subscribed,
    Suspended,
    TopicPublication,
    UnknownPublication,
    Unsubscribed,
    uuid7_time,
)
from rialto.testing import run
from rialto.testing.virtual_time import VirtualTestCase

SCRIPT = Path(__file__).parents[2] / "conformance" / "script.json"
# Virtual seconds that a pause or a retry may take.
PATIENCE_SECONDS = 30


def neutral(event: Any) -> dict[str, Any]:
    """An event as the script names it."""
    match event:
        case Subscribed():
            fields = {
                "type": "subscribed",
                "was_recovering": event.was_recovering,
                "recovered": event.recovered,
                "offset": event.position.offset,
            }
        case Unsubscribed():
            fields = {"type": "unsubscribed", "code": event.reason.code, "will_retry": event.will_retry}
        case ConversationPublication():
            fields = {"type": "conversation", "offset": event.offset, "event": event.event}
        case InboxPublication():
            fields = {"type": "inbox", "offset": event.offset, "event": event.event}
        case TopicPublication():
            fields = {"type": "publication", "offset": event.offset, "data": event.data}
        case UnknownPublication():
            fields = {"type": "unknown", "offset": event.offset, "data": event.data}
        case _:
            fields = {"type": "gap", "after": event.after, "before": event.before}
    return {"channel": event.channel, **fields}


class Player(VirtualTestCase):
    """Plays one case."""

    def begin(self, options: dict[str, Any]) -> None:
        self.bound: dict[str, Any] = {}
        self.outcomes: dict[str, asyncio.Future[Any]] = {}
        self.heard: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.opened = self.read = self.last_id = 0
        tokens = iter(options.get("tokens", ()))

        async def source(_renew: bool) -> str:
            return str(next(tokens))

        addresses = [f"http://{index}.test" for index in range(options.get("addresses", 1))]
        self.world = World(addresses, token=options.get("token", source))
        self.world.client.on(StateChanged, lambda event: self.state(event.state))
        for kind in (Subscribed, Unsubscribed, ConversationPublication, InboxPublication, TopicPublication, UnknownPublication, Gap):
            self.world.client.on(kind, lambda event: self.heard.append(neutral(event)))
        self.world.client.connect()

    def state(self, state: ConnectionState) -> None:
        if state.name != "connecting":
            name = "final" if isinstance(state, Suspended) else state.name
            self.states.append({"name": name, "code": state.reason.code if hasattr(state, "reason") else None})

    async def play(self, step: dict[str, Any]) -> None:
        verb, value = next(iter(step.items()))
        await settle()
        result = getattr(self, f"step_{verb}")(value, step)
        if result is not None:
            await result
        await settle()

    async def step_opens(self, address: int, _step: dict[str, Any]) -> None:
        await self.until(lambda: len(self.world.sockets) > self.opened)
        self.opened += 1
        self.read = 0
        self.assertEqual(urlsplit(self.world.socket.url).hostname, f"{address}.test")
        self.world.socket.listener.opened()

    async def step_reads(self, wanted: Any, _step: dict[str, Any]) -> None:
        """The next command on the newest socket, which may come after a pause."""
        await self.until(lambda: len(self.world.socket.commands) > self.read)
        command = self.world.socket.commands[self.read]
        self.read += 1
        self.last_id = command.get("id", 0)
        self.fits(command, wanted, "command")

    def step_answers(self, body: dict[str, Any], _step: dict[str, Any]) -> None:
        self.world.socket.says({"id": self.last_id, **body})

    def step_says(self, frames: list[Any], _step: dict[str, Any]) -> None:
        self.world.socket.says(*frames)

    async def step_closes(self, frame: list[Any], _step: dict[str, Any]) -> None:
        await self.world.cut(frame[0], frame[1])

    async def step_cuts(self, _value: bool, _step: dict[str, Any]) -> None:
        await self.world.cut()

    def step_calls(self, name: str, step: dict[str, Any]) -> None:
        client, body = self.world.client, step["with"]
        calls: dict[str, Callable[[], Any]] = {
            "subscribe": lambda: client.subscribe(body["channel"]).ready(),
            "publish": lambda: client.publish(body["channel"], body["data"]),
            "conversation.send": lambda: client.send(body["conversation"], body["text"]),
        }
        self.outcomes[step["as"]] = asyncio.ensure_future(calls[name]())

    async def step_resolves(self, name: str, step: dict[str, Any]) -> None:
        self.fits(await self.outcomes.pop(name), step["to"], "answer")

    async def step_rejects(self, name: str, step: dict[str, Any]) -> None:
        with self.assertRaises(RialtoError) as raised:
            await self.outcomes.pop(name)
        error = raised.exception
        self.assertEqual((error.code, error.outcome_unknown), (step["code"], step["outcome_unknown"]))

    def step_hears(self, wanted: dict[str, Any], _step: dict[str, Any]) -> None:
        self.fits(self.heard.pop(0), wanted, "event")

    def step_state(self, name: str, step: dict[str, Any]) -> None:
        code = {"code": step["code"]} if "code" in step else {}
        self.fits(self.states.pop(0), {"name": name, **code}, "state")

    def step_dated(self, name: str, step: dict[str, Any]) -> None:
        time = uuid7_time(self.bound[name])
        assert time is not None
        self.assertTrue(step["from"] <= time < step["from"] + 60_000, time)

    async def until(self, is_done: Callable[[], bool]) -> None:
        await settle()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_done():  # noqa: ASYNC110 - time is virtual: this moves it
                await asyncio.sleep(0.001)

    def fits(self, value: Any, wanted: Any, path: str) -> None:
        """Whether a value has at least the wanted fields."""
        if wanted == "*":
            return
        if wanted == "absent":
            self.assertIsNone(value, path)
        elif isinstance(wanted, str) and wanted.startswith("$"):
            self.assertEqual(value, self.bound.setdefault(wanted, value), path)
        elif isinstance(wanted, dict):
            for name, part in wanted.items():
                self.fits(value.get(name), part, f"{path}.{name} of {value}")
        else:
            self.assertEqual(value, wanted, path)

    async def tell(self, case: dict[str, Any]) -> None:
        self.begin(case["options"])
        for index, step in enumerate(case["steps"]):
            with self.subTest(f"step {index}: {step}"):
                await self.play(step)
        self.assertEqual(self.heard, [], "nothing else was told")
        await self.world.client.close()
        for outcome in self.outcomes.values():
            with self.assertRaises(RialtoError):
                await outcome

    def test_every_story_is_told(self) -> None:
        cases = json.loads(SCRIPT.read_text("utf-8"))["cases"]
        self.assertGreater(len(cases), 20)
        for case in cases:
            with self.subTest(case["name"]):
                run(self.tell(case))
