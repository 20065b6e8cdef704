"""What becomes of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from world import SERVER_TIME, World, settle

from rialto import RialtoError, Settings
from rialto.testing import VirtualTestCase

ROOM = "01920000-0000-7000-8000-000000000001"
ACK = {"offset": 17, "epoch": "e", "time": SERVER_TIME, "duplicate": False}


async def begun(call: Awaitable[Any]) -> asyncio.Future[Any]:
    """A call that is under way."""
    future = asyncio.ensure_future(call)
    await settle()
    return future


class Requests(VirtualTestCase):
    async def fails(self, call: Awaitable[Any], code: str) -> RialtoError:
        with self.assertRaises(RialtoError) as raised:
            await call
        self.assertEqual(raised.exception.code, code)
        return raised.exception

    async def test_a_send_waits_for_the_connection_carries_an_id_and_answers_with_its_place(self) -> None:
        world = World()
        world.client.connect()
        sending = await begun(world.client.send(ROOM, "hi", reply_to=3))
        socket = await world.accept()
        rpc = socket.last("rpc")["rpc"]
        self.assertEqual(rpc["method"], "conversation.send")
        self.assertEqual(list(rpc["data"]), ["conversation", "client_id", "text", "reply_to"])
        socket.answers("rpc", {"rpc": {"data": ACK}})
        self.assertEqual(await sending, ACK)

    async def test_a_send_that_was_cut_off_goes_out_again_with_the_same_id_and_so_does_one_without_an_answer(self) -> None:
        world = World()
        socket = await world.connected(ping=0)
        sending = await begun(world.client.send(ROOM, "once"))
        first = socket.last("rpc")["rpc"]
        await world.cut()
        await world.pause()
        socket = await world.accept(ping=0)
        self.assertEqual(socket.last("rpc")["rpc"], first)
        await asyncio.sleep(5.001)
        ids = [command["id"] for command in socket.commands if "rpc" in command]
        self.assertEqual(len(ids), 2)
        self.assertEqual(socket.last("rpc")["rpc"], first)
        # The answer to the earlier attempt is as good as any.
        socket.says({"id": ids[0], "rpc": {"data": {**ACK, "duplicate": True}}})
        self.assertTrue((await sending)["duplicate"])

    async def test_repeats_end_after_thirty_seconds_and_say_that_nobody_knows(self) -> None:
        world = World()
        socket = await world.connected(ping=0)
        sending = await begun(world.client.send(ROOM, "once"))
        await asyncio.sleep(29.9)
        self.assertFalse(sending.done())
        sent = {command["rpc"]["data"]["client_id"] for command in socket.commands if "rpc" in command}
        self.assertEqual((len(sent), len(socket.commands)), (1, 7))
        error = await self.fails(sending, "timeout")
        self.assertEqual((error.temporary, error.outcome_unknown), (True, True))

    async def test_sends_of_one_turn_share_a_frame_in_their_order_but_no_frame_grows_beyond_its_bound(self) -> None:
        world = World()
        socket = await world.connected()
        before = len(socket.frames)
        calls = [asyncio.ensure_future(world.client.send(ROOM, text)) for text in "abc"]
        await settle()
        self.assertEqual(len(socket.frames), before + 1)
        self.assertEqual([command["rpc"]["data"]["text"] for command in socket.commands[-3:]], ["a", "b", "c"])
        calls += [asyncio.ensure_future(world.client.send(ROOM, "y" * 12_000)) for _ in range(2)]
        await settle()
        self.assertEqual(len(socket.frames), before + 3)
        await world.client.close()
        for call in calls:
            await self.fails(call, "closed")

    async def test_a_refusal_is_final_a_temporary_one_is_waited_out(self) -> None:
        world = World()
        socket = await world.connected()
        refused = await begun(world.client.send(ROOM, "x"))
        socket.answers("rpc", {"error": {"code": 402, "message": "not_a_member"}})
        error = await self.fails(refused, "not_a_member")
        self.assertEqual((error.number, error.temporary, error.outcome_unknown), (402, False, False))
        patient = await begun(world.client.send(ROOM, "y"))
        data = socket.last("rpc")["rpc"]["data"]
        socket.answers("rpc", {"error": {"code": 111, "message": "too many requests", "temporary": True}})
        await asyncio.sleep(0.2)
        self.assertEqual(socket.last("rpc")["rpc"]["data"], data)
        socket.answers("rpc", {"rpc": {"data": ACK}})
        self.assertEqual((await patient)["offset"], 17)

    async def test_a_publish_is_never_repeated_cut_off_it_says_that_nobody_knows(self) -> None:
        world = World()
        await world.connected()
        publishing = await begun(world.client.publish("news", {"a": 1}))
        await world.cut()
        self.assertTrue((await self.fails(publishing, "interrupted")).outcome_unknown)
        # One that was not sent yet only waits.
        waiting = await begun(world.client.publish("news", {"b": 2}))
        await world.pause()
        socket = await world.accept()
        socket.answers("publish", {"publish": {}})
        await waiting

    async def test_typing_is_worth_nothing_later(self) -> None:
        world = World()
        world.client.connect()
        await self.fails(world.client.typing(ROOM), "not_connected")

    async def test_a_call_ends_in_time_when_it_is_cancelled_and_with_the_client(self) -> None:
        world = World()
        socket = await world.connected(ping=0)
        self.assertTrue((await self.fails(world.client.me(timeout=3), "timeout")).outcome_unknown)
        given_up = await begun(world.client.me())
        given_up.cancel()
        await settle()
        before = len(socket.commands)
        await asyncio.sleep(20)
        self.assertEqual(len(socket.commands), before, "nobody waits for it any more, so it is not repeated")
        with self.assertRaises(TimeoutError):
            async with asyncio.timeout(1):
                await world.client.me()
        last = await begun(world.client.send(ROOM, "last words"))
        closing = await begun(world.client.close())
        await self.fails(world.client.me(), "closed")
        socket.answers("rpc", {"rpc": {"data": ACK}})
        await closing
        self.assertEqual((await last)["offset"], 17)
        await self.fails(world.client.me(), "closed")

    async def test_close_waits_for_answers_for_a_limited_time(self) -> None:
        world = World()
        await world.connected()
        sending = await begun(world.client.send(ROOM, "x"))
        began = asyncio.get_running_loop().time()
        await world.client.close()
        self.assertAlmostEqual(asyncio.get_running_loop().time() - began, 2, places=3)
        self.assertTrue((await self.fails(sending, "closed")).outcome_unknown)

    async def test_what_waits_is_bounded(self) -> None:
        world = World(settings=Settings(requests_max=2))
        world.client.connect()
        calls = [await begun(world.client.me()) for _ in range(2)]
        self.assertTrue((await self.fails(world.client.me(), "queue_full")).temporary)
        await world.client.close()
        for call in calls:
            await self.fails(call, "closed")

    async def test_what_cannot_be_sent_is_said_and_costs_nothing(self) -> None:
        world = World()
        socket = await world.connected()
        before = len(socket.frames)
        await self.fails(world.client.send(ROOM, "ü" * 33_000), "too_large")
        await self.fails(world.client.send(ROOM, "\ud800"), "misuse")
        await self.fails(world.client.publish("news", {1, 2}), "misuse")
        await self.fails(world.client.publish("news", float("nan")), "misuse")
        await self.fails(world.client.publish("", 1), "misuse")
        await self.fails(world.client.rpc("x" * 65, {}), "misuse")
        self.assertEqual(len(socket.frames), before)

    async def test_reads_say_what_is_wanted_and_understand_what_is_left_out(self) -> None:
        world = World()
        socket = await world.connected()
        reading = await begun(world.client.history("news", limit=5, reverse=True))
        self.assertEqual(socket.last("history")["history"], {"channel": "news", "limit": 5, "reverse": True})
        socket.answers("history", {"history": {}})
        self.assertEqual((await reading).position.offset, 0)
        counting = await begun(world.client.presence_stats("news"))
        socket.answers("presence_stats", {"presence_stats": {"num_clients": 3}})
        self.assertEqual((await counting).clients, 3)
        looking = await begun(world.client.presence("news"))
        socket.answers("presence", {"presence": {}})
        self.assertEqual(await looking, {})
        creating = await begun(world.client.create("group", title="t", members=["u"]))
        self.assertEqual(list(socket.last("rpc")["rpc"]["data"]), ["client_id", "kind", "title", "members"])
        socket.answers("rpc", {"rpc": {"data": {"id": ROOM}}})
        self.assertEqual((await creating)["id"], ROOM)
