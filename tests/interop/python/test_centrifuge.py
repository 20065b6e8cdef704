"""Rialto against the unmodified Centrifuge SDK for Python. The node's address comes in RIALTO_URL."""

import asyncio
import json
import os
import unittest
import urllib.request
import uuid

from centrifuge import (
    Client,
    ClientEventHandler,
    ReplyError,
    SubscriptionEventHandler,
)

URL = os.environ["RIALTO_URL"]
SOCKET_URL = URL.replace("http", "ws", 1) + "/connection/websocket"
PATIENCE_SECONDS = 30

# Whatever proxy the environment names, the node is on this machine.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(method, path, body=None, token=None):
    """One HTTP call that must succeed."""
    request = urllib.request.Request(URL + path, method=method)
    request.add_header("content-type", "application/json")
    if token:
        request.add_header("authorization", f"Bearer {token}")
    data = None if body is None else json.dumps(body).encode()
    with DIRECTLY.open(request, data, timeout=PATIENCE_SECONDS) as answer:
        text = answer.read()
        return json.loads(text) if text else None


class User:
    """A fresh account."""

    def __init__(self, name):
        self.username = f"{name}-{uuid.uuid4().hex[:8]}"
        body = {"username": self.username, "password": "correct-horse-7-battery", "display_name": name}
        made = http("POST", "/v1/auth/register", body)
        self.id, self.token = made["user"]["id"], made["token"]

    def create_group(self, *others):
        body = {"kind": "group", "title": "interop", "members": [user.id for user in others]}
        body["client_id"] = str(uuid.uuid4())
        return http("POST", "/v1/conversations", body, self.token)["id"]

    def send(self, conversation, text):
        body = {"client_id": str(uuid.uuid4()), "text": text}
        return http("POST", f"/v1/conversations/{conversation}/messages", body, self.token)["offset"]


class ClientEvents(ClientEventHandler):
    """Keeps what happens to a connection."""

    def __init__(self):
        self.subscribed, self.publications = asyncio.Queue(), asyncio.Queue()
        self.connecting, self.disconnected = asyncio.Queue(), asyncio.Queue()

    async def on_connecting(self, ctx):
        await self.connecting.put(ctx)

    async def on_disconnected(self, ctx):
        await self.disconnected.put(ctx)

    async def on_subscribed(self, ctx):
        await self.subscribed.put(ctx)

    async def on_publication(self, ctx):
        await self.publications.put(ctx)


class SubscriptionEvents(SubscriptionEventHandler):
    """Keeps what happens to a subscription."""

    def __init__(self):
        self.subscribed, self.unsubscribed = asyncio.Queue(), asyncio.Queue()
        self.publications, self.joins, self.leaves = asyncio.Queue(), asyncio.Queue(), asyncio.Queue()

    async def on_subscribed(self, ctx):
        await self.subscribed.put(ctx)

    async def on_unsubscribed(self, ctx):
        await self.unsubscribed.put(ctx)

    async def on_publication(self, ctx):
        await self.publications.put(ctx)

    async def on_join(self, ctx):
        await self.joins.put(ctx)

    async def on_leave(self, ctx):
        await self.leaves.put(ctx)


async def next_of(queue):
    return await asyncio.wait_for(queue.get(), PATIENCE_SECONDS)


class Behaviour(unittest.IsolatedAsyncioTestCase):
    async def connect(self, user):
        events = ClientEvents()
        client = Client(SOCKET_URL, events=events, token=user.token, min_reconnect_delay=0.05, proxy=None)
        self.addAsyncCleanup(client.disconnect)
        await client.connect()
        await client.ready(PATIENCE_SECONDS)
        return client, events

    async def subscribe(self, client, channel, **options):
        events = SubscriptionEvents()
        subscription = client.new_subscription(channel, events=events, **options)
        await subscription.subscribe()
        await subscription.ready(PATIENCE_SECONDS)
        await next_of(events.subscribed)
        return subscription, events

    async def test_connect_and_rpc(self):
        alice = User("alice")
        client, _ = await self.connect(alice)
        me = await client.rpc("user.me", {})
        self.assertEqual(me.data["id"], alice.id)
        with self.assertRaises(ReplyError) as raised:
            await client.rpc("no.such.method", {})
        self.assertEqual(raised.exception.code, 104)

    async def test_broken_token_is_terminal(self):
        events = ClientEvents()
        client = Client(SOCKET_URL, events=events, token="not.a.token", proxy=None)
        self.addAsyncCleanup(client.disconnect)
        await client.connect()
        self.assertEqual((await next_of(events.disconnected)).code, 3500)

    async def test_topic_publish_history_presence_join_leave(self):
        alice, bob = User("alice"), User("bob")
        (alices, _), (bobs, _) = await self.connect(alice), await self.connect(bob)
        topic = f"interop-{uuid.uuid4()}"
        subscription, events = await self.subscribe(alices, topic, join_leave=True)
        visiting, _ = await self.subscribe(bobs, topic)
        while (await next_of(events.joins)).info.user != bob.id:
            pass
        for number in (1, 2, 3):
            await visiting.publish({"n": number})
        for number in (1, 2, 3):
            heard = (await next_of(events.publications)).pub
            self.assertEqual((heard.data, heard.offset), ({"n": number}, number))
        history = await subscription.history(limit=2, reverse=True)
        self.assertEqual([pub.data["n"] for pub in history.publications], [3, 2])
        stats = await subscription.presence_stats()
        self.assertEqual((stats.num_clients, stats.num_users), (2, 2))
        present = (await subscription.presence()).clients
        self.assertEqual({info.user for info in present.values()}, {alice.id, bob.id})
        await visiting.unsubscribe()
        while (await next_of(events.leaves)).info.user != bob.id:
            pass

    async def test_conversation_and_inbox(self):
        alice, bob = User("alice"), User("bob")
        client, inbox = await self.connect(bob)
        self.assertEqual((await next_of(inbox.subscribed)).channel, f"user:{bob.id}")
        conversation = alice.create_group(bob)
        subscription, events = await self.subscribe(client, f"conversation:{conversation}")
        self.assertEqual(alice.send(conversation, "hi"), 2)
        heard = (await next_of(events.publications)).pub
        self.assertEqual((heard.offset, heard.data["type"], heard.data["text"]), (2, "message", "hi"))
        await subscription.publish({"client_id": str(uuid.uuid4()), "text": "by publish"})
        self.assertEqual((await next_of(events.publications)).pub.data["text"], "by publish")
        while (await next_of(inbox.publications)).pub.data["type"] != "conversation_changed":
            pass

    async def test_recovers_after_a_cut(self):
        alice, bob = User("alice"), User("bob")
        conversation = alice.create_group(bob)
        client, connection = await self.connect(bob)
        await next_of(connection.connecting)
        _, events = await self.subscribe(client, f"conversation:{conversation}")
        alice.send(conversation, "before")
        await next_of(events.publications)
        # The SDK keeps its socket to itself; a lost network is the transport going away under it.
        client._conn.transport.abort()
        await next_of(connection.connecting)
        alice.send(conversation, "missed")
        again = await next_of(events.subscribed)
        self.assertTrue(again.was_recovering)
        self.assertTrue(again.recovered)
        heard = (await next_of(events.publications)).pub
        self.assertEqual((heard.offset, heard.data["text"]), (3, "missed"))

    async def test_foreign_conversations_stay_closed(self):
        alice, mallory = User("alice"), User("mallory")
        conversation = alice.create_group()
        client, _ = await self.connect(mallory)
        events = SubscriptionEvents()
        subscription = client.new_subscription(f"conversation:{conversation}", events=events)
        await subscription.subscribe()
        self.assertIn((await next_of(events.unsubscribed)).code, (102, 103, 401))


if __name__ == "__main__":
    unittest.main(verbosity=2)
