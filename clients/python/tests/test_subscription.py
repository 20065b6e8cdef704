"""What is told of a channel."""

from __future__ import annotations

import asyncio
from typing import Any

from world import World, settle

from rialto import ConversationPublication, FirstAnswer, Lagged, Position, RialtoError, Settings, Subscription
from rialto.testing import VirtualTestCase

ROOM = "conversation:01920000-0000-7000-8000-000000000001"
RECOVERED = {"recoverable": True, "recovered": True, "was_recovering": True, "epoch": "e"}


def message(offset: int) -> dict[str, Any]:
    data = {"type": "message", "sender": "u", "client_id": f"c{offset}", "text": f"m{offset}", "time": 1}
    return {"data": data, "offset": offset}


def push(publication: dict[str, Any], channel: str = ROOM) -> dict[str, Any]:
    return {"push": {"channel": channel, "pub": publication}}


async def listening(world: World, offset: int = 4, **options: Any) -> Subscription:
    subscription = world.client.subscribe(ROOM, **options)
    await world.connected()
    world.socket.answers("subscribe", {"subscribe": {"recoverable": True, "positioned": True, "epoch": "e", "offset": offset}})
    await settle()
    world.events.clear()
    return subscription


class Subscriptions(VirtualTestCase):
    async def test_it_says_where_it_begins_and_hears_once_each_and_in_order(self) -> None:
        world = World()
        subscription = await listening(world)
        self.assertEqual(await subscription.ready(), FirstAnswer(False, False, Position(4, "e")))
        world.socket.says(push(message(5)), push(message(5)), push({"data": {"type": "of_tomorrow"}, "offset": 6}), push(message(7)))
        typing = {"data": {"type": "typing", "user": "u", "until": 9}}
        world.socket.says(push(typing))
        told = ["message at=5", 'publication {"type": "of_tomorrow"} at=6', "message at=7", "typing at=None"]
        self.assertEqual(world.told(), told)
        self.assertEqual(subscription.position, Position(7, "e"))

    async def test_it_recovers_from_where_it_stood_after_a_cut_without_telling_anything_twice(self) -> None:
        world = World()
        await listening(world)
        world.socket.says(push(message(5)))
        await world.cut()
        await world.pause()
        socket = await world.accept()
        asked = {"channel": ROOM, "recover": True, "epoch": "e", "offset": 5, "positioned": True, "recoverable": True}
        self.assertEqual(socket.last("subscribe")["subscribe"], asked)
        answer = {"subscribe": {**RECOVERED, "offset": 5, "publications": [message(6), message(7)]}}
        socket.says({"id": socket.last("subscribe")["id"], **answer}, push(message(7)), push(message(8)))
        told = ["message at=5", "subscribed recovering=True at=5", "message at=6", "message at=7", "message at=8"]
        self.assertEqual(world.told(), told)

    async def test_it_says_honestly_that_something_was_lost(self) -> None:
        world = World()
        await listening(world)
        await world.cut()
        await world.pause()
        socket = await world.accept()
        socket.answers("subscribe", {"subscribe": {"recoverable": True, "was_recovering": True, "epoch": "other", "offset": 90}})
        self.assertEqual(world.told(), ["subscribed recovering=False at=90"])
        subscription = world.client.subscription(ROOM)
        self.assertEqual(subscription and subscription.position, Position(90, "other"))

    async def test_it_begins_behind_a_position_that_was_kept(self) -> None:
        world = World()
        await listening(world, since=Position(2, "e"))
        self.assertEqual(world.socket.last("subscribe")["subscribe"]["offset"], 2)

    async def test_a_hole_in_the_stream_is_filled_and_what_comes_meanwhile_is_not_told_early(self) -> None:
        world = World()
        await listening(world)
        world.socket.says(push(message(7)))
        await settle()
        again = {"channel": ROOM, "recover": True, "epoch": "e", "offset": 4, "positioned": True, "recoverable": True}
        sent = [{kind: body for kind, body in command.items() if kind != "id"} for command in world.socket.commands[-2:]]
        self.assertEqual(sent, [{"unsubscribe": {"channel": ROOM}}, {"subscribe": again}])
        world.socket.says(push(message(8)))
        missed = [message(offset) for offset in (5, 6, 7, 8)]
        world.socket.answers("subscribe", {"subscribe": {**RECOVERED, "offset": 4, "publications": missed}})
        self.assertEqual(world.told(), ["subscribed recovering=True at=4", *(f"message at={offset}" for offset in (5, 6, 7, 8))])

    async def test_insufficient_state_comes_back_removal_is_final(self) -> None:
        world = World()
        subscription = await listening(world)
        world.socket.says({"push": {"channel": ROOM, "unsubscribe": {"code": 2500, "reason": "insufficient state"}}})
        await settle()
        world.socket.answers("subscribe", {"subscribe": {**RECOVERED, "offset": 4}})
        world.socket.says({"push": {"channel": ROOM, "unsubscribe": {"code": 2000, "reason": "server unsubscribe"}}})
        self.assertEqual(world.told(), ["unsubscribed 2500 for now", "subscribed recovering=True at=4", "unsubscribed 2000"])
        self.assertFalse(subscription.is_live)
        self.assertIsNone(world.client.subscription(ROOM))
        await world.cut()
        await world.pause()
        socket = await world.accept()
        self.assertFalse(any("subscribe" in command for command in socket.commands))

    async def test_state_that_is_void_begins_anew(self) -> None:
        world = World()
        await listening(world)
        world.socket.says({"push": {"channel": ROOM, "unsubscribe": {"code": 2502, "reason": "state invalidated"}}})
        await settle()
        self.assertNotIn("recover", world.socket.last("subscribe")["subscribe"])

    async def test_a_refused_subscribe_is_final_a_temporary_refusal_is_tried_again(self) -> None:
        world = World()
        subscription = world.client.subscribe(ROOM)
        ready = asyncio.ensure_future(subscription.ready())
        socket = await world.connected()
        socket.answers("subscribe", {"error": {"code": 408, "message": "unavailable", "temporary": True}})
        await asyncio.sleep(0.751)
        self.assertEqual(sum("subscribe" in command for command in socket.commands), 2)
        socket.answers("subscribe", {"error": {"code": 402, "message": "not_a_member"}})
        for waiting in (ready, subscription.ready()):
            with self.assertRaises(RialtoError) as raised:
                await waiting
            self.assertEqual(raised.exception.code, "not_a_member")
        self.assertEqual(world.told(), ["unsubscribed 402"])

    async def test_a_subscribe_without_an_answer_costs_the_connection(self) -> None:
        world = World()
        world.client.subscribe(ROOM)
        await world.connected()
        await asyncio.sleep(5.001)
        self.assertEqual(world.disconnected.reason.text, "no reply to subscribe in time")

    async def test_one_subscription_per_channel_unsubscribe_tells_the_server_and_ends_its_events(self) -> None:
        world = World()
        subscription = await listening(world)
        for channel in (ROOM, "x" * 256, "ü" * 128, ""):
            with self.assertRaises(RialtoError) as raised:
                world.client.subscribe(channel)
            self.assertEqual(raised.exception.code, "misuse")
        subscription.unsubscribe()
        await settle()
        self.assertEqual(world.socket.last("unsubscribe")["unsubscribe"], {"channel": ROOM})
        world.socket.says(push(message(5)))
        self.assertEqual(world.told(), ["unsubscribed 0"])
        world.client.subscribe(ROOM)

    async def test_server_side_channels_are_recovered_through_connect_and_a_gap_is_told(self) -> None:
        def read(offset: int) -> dict[str, Any]:
            return {"data": {"type": "read", "conversation": "x", "offset": 1}, "offset": offset}

        world = World()
        socket = await world.connected(subs={"user:1": {"recoverable": True, "epoch": "i", "offset": 3}})
        socket.says(push(read(4), "user:1"))
        await world.cut()
        await world.pause()
        recovered = {**RECOVERED, "epoch": "i", "offset": 4, "publications": [read(5)]}
        socket = await world.accept(subs={"user:1": recovered})
        self.assertEqual(socket.last("connect")["connect"]["subs"], {"user:1": {"recover": True, "epoch": "i", "offset": 4}})
        socket.says(push(read(9), "user:1"))
        told = ["subscribed anew at=3", "read at=4", "subscribed recovering=True at=4", "read at=5", "gap 5..9", "read at=9"]
        self.assertEqual(world.told(), told)
        await world.cut()
        await world.pause()
        await world.accept()
        self.assertEqual(world.told(), ["unsubscribed 2000"])

    async def test_subscription_tokens_are_fetched_renewed_and_replaced_when_they_expired(self) -> None:
        asked: list[bool] = []

        async def source(renew: bool) -> str:
            asked.append(renew)
            return f"s{len(asked)}"

        world = World()
        world.client.subscribe("vip", token=source)
        socket = await world.connected(ping=0)
        self.assertEqual(socket.last("subscribe")["subscribe"]["token"], "s1")
        socket.answers("subscribe", {"error": {"code": 109, "message": "token expired"}})
        await asyncio.sleep(0.751)
        await settle()
        self.assertEqual(socket.last("subscribe")["subscribe"]["token"], "s2")
        socket.answers("subscribe", {"subscribe": {"expires": True, "ttl": 100}})
        await asyncio.sleep(90.001)
        await settle()
        self.assertEqual(socket.last("sub_refresh")["sub_refresh"], {"channel": "vip", "token": "s3"})
        self.assertEqual(asked, [False, True, True])

    async def test_a_slow_reader_of_a_stream_loses_the_oldest_and_is_told_how_many_streams_end_with_the_client(self) -> None:
        world = World(settings=Settings(events_max=2))
        stream = (await listening(world)).events()
        world.socket.says(*(push(message(offset)) for offset in (5, 6, 7, 8)))
        await world.client.close()
        read = [event async for event in stream]
        self.assertEqual(read[0], Lagged(3))
        self.assertEqual([type(event).__name__ for event in read[1:]], ["ConversationPublication", "Unsubscribed"])
        self.assertEqual([event async for event in world.client.events()], [])

    async def test_a_stream_that_is_closed_or_held_by_nobody_gathers_nothing(self) -> None:
        world = World()
        subscription = await listening(world)
        kept, closed = subscription.events(), subscription.events()
        subscription.events()
        self.assertEqual(len(subscription.hub._streams), 2)
        closed.close()
        world.socket.says(push(message(5)))
        self.assertEqual([event async for event in closed], [])
        self.assertEqual(type(await anext(kept)).__name__, "ConversationPublication")

    async def test_a_handler_may_leave_in_the_middle_of_what_it_is_told(self) -> None:
        world = World()
        subscription = await listening(world)
        heard: list[Any] = []

        def once(event: Any) -> None:
            heard.append(event.offset)
            subscription.unsubscribe()

        subscription.on(ConversationPublication, once)
        await world.cut()
        await world.pause()
        socket = await world.accept()
        missed = [message(offset) for offset in (5, 6)]
        socket.answers("subscribe", {"subscribe": {**RECOVERED, "offset": 4, "publications": missed}})
        self.assertEqual(heard, [5])
