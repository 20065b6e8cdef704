"""Everything that conversations and topics offer, against the real server."""

from __future__ import annotations

import asyncio
import time
import unittest
from typing import Any

from process_kit import client_of, needs_server, registered

from rialto import (
    Client,
    ConversationPublication,
    InboxPublication,
    Joined,
    RialtoError,
    Suspended,
    TopicPublication,
    Unauthorized,
    Unsubscribed,
    uuid7_time,
)


def heard(client: Client, kind: type[Any], kind_of_event: str | None = None) -> asyncio.Future[Any]:
    """The next event of a class."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def take(event: Any) -> None:
        if not future.done() and (kind_of_event is None or event.event["type"] == kind_of_event):
            future.set_result(event)

    client.on(kind, take)
    return future


@needs_server
class Surface(unittest.IsolatedAsyncioTestCase):
    async def test_conversations(self) -> None:
        one, other = await asyncio.gather(registered("ada"), registered("bob"))
        async with client_of(one) as ada, client_of(other) as bob:
            await asyncio.gather(ada.connected(), bob.connected())
            self.assertEqual((await ada.me())["id"], one.user["id"])
            self.assertEqual((await ada.find_user(other.user["username"].upper()))["id"], other.user["id"])
            self.assertEqual((await ada.user(other.user["id"]))["display_name"], "bob")
            added = heard(bob, InboxPublication, "conversation_added")
            room = (await ada.create("group", title="All of it", members=[other.user["id"]]))["id"]
            await added
            channel = f"conversation:{room}"
            watched = bob.watch(room, join_leave=True)
            self.assertEqual((await watched.ready()).position.offset, 1)
            joined = heard(bob, Joined)
            await ada.watch(room).ready()
            self.assertEqual((await joined).info["user"], one.user["id"])
            self.assertEqual((await ada.presence_stats(channel)).users, 2)
            self.assertEqual(len(await ada.presence(channel)), 2)
            said = heard(bob, ConversationPublication, "message")
            offset = (await ada.send(room, "hello"))["offset"]
            made = uuid7_time((await said).event["client_id"]) or 0
            self.assertLess(abs(made - time.time() * 1_000), 60_000)
            for duplicate in (False, True):
                self.assertEqual((await ada.send(room, "again", client_id="mine"))["duplicate"], duplicate)
            typing = heard(bob, ConversationPublication, "typing")
            await ada.typing(room)
            self.assertIsNone((await typing).offset)
            await bob.reply(room, offset, "hi")
            await ada.edit(room, offset, "hello!")
            await bob.react(room, offset, "👍")
            await bob.react(room, offset, "🎉")
            await bob.unreact(room, offset, "🎉")
            first = (await bob.messages(room, limit=100))["items"][0]
            self.assertEqual((first["text"], first.get("edited"), first["reactions"]), ("hello!", True, {"👍": [other.user["id"]]}))
            await ada.delete(room, offset)
            self.assertEqual((await bob.mark_read(room, offset + 1))["unread"], 0)
            await ada.set_title(room, "Renamed")
            await ada.set_role(room, other.user["id"], "admin")
            self.assertEqual(sorted(member["role"] for member in (await ada.members(room))["items"]), ["admin", "owner"])
            self.assertEqual((await bob.conversation(room)).get("title"), "Renamed")
            history = await bob.history(channel, limit=-1)
            offsets = [publication.get("offset") for publication in history.publications]
            self.assertEqual(offsets, list(range(1, history.position.offset + 1)))
            ended = heard(bob, Unsubscribed)
            await ada.remove(room, other.user["id"])
            self.assertFalse((await ended).will_retry)
            with self.assertRaises(RialtoError) as raised:
                await bob.send(room, "x")
            self.assertFalse(raised.exception.temporary or raised.exception.outcome_unknown)
            square = (await ada.create("public", title="Square"))["id"]
            await bob.join(square)
            await bob.leave(square)
            self.assertEqual({conversation["id"] async for conversation in ada.list_all()}, {room, square})

    async def test_topics_sessions_and_their_ends(self) -> None:
        session = await registered("cem")
        async with client_of(session) as client:
            topic = client.subscribe(f"weather-{session.user['id']}")
            await topic.ready()
            stream = topic.events()
            await client.publish(topic.channel, {"rain": True, "text": "ü\u2028ü"})
            event = await anext(stream)
            assert isinstance(event, TopicPublication)
            self.assertEqual((event.data, event.info and event.info["user"]), ({"rain": True, "text": "ü\u2028ü"}, session.user["id"]))
            self.assertNotEqual(await session.access_token(renew=True), "")
            with self.assertRaises(RialtoError) as raised:
                await client.rpc("conversation.nothing", {})
            self.assertEqual(raised.exception.code, "method_not_found")
            with self.assertRaises(RialtoError) as raised:
                await client.send("01920000-0000-7000-8000-000000000001", "x" * 40_000)
            self.assertEqual(raised.exception.code, "too_large")
            await session.logout()
            with self.assertRaises(Unauthorized):
                await session.token_source(True)

    async def test_who_is_not_let_in_stays_away(self) -> None:
        client = Client((await registered("dan"))._accounts._base, token="not.a.token").connect()  # noqa: S106
        with self.assertRaises(RialtoError) as raised:
            await client.connected()
        self.assertEqual((raised.exception.code, raised.exception.number), ("closed", 3500))
        self.assertIsInstance(client.state, Suspended)
        await client.close()
