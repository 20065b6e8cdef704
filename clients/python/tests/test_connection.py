"""How a client stays connected."""

from __future__ import annotations

import asyncio
import math

from world import SERVER_TIME, World, settle

from rialto import (
    Closed,
    Connected,
    Disconnected,
    Reason,
    Reasons,
    RialtoError,
    Settings,
    StateChanged,
    Suspended,
    Unauthorized,
    uuid7_time,
)
from rialto.backoff import pause_seconds
from rialto.testing import VirtualTestCase


class Connecting(VirtualTestCase):
    async def test_it_says_who_it_is_and_answers_pings(self) -> None:
        world = World()
        self.assertEqual(world.state, Suspended(Reason(Reasons.BY_OWNER, "not connected yet")))
        socket = await world.connected()
        self.assertEqual(socket.url, "ws://one.test/connection/websocket")
        self.assertEqual(socket.last("connect")["connect"], {"token": "token-1", "name": "rialto-python", "version": "0.1.0"})
        self.assertEqual(world.state, Connected("c1"))
        socket.says({})
        self.assertEqual(socket.frames[-1], "{}")

    async def test_pings_that_want_no_pong_get_none(self) -> None:
        world = World()
        socket = await world.connected(pong=False)
        before = len(socket.frames)
        socket.says({})
        self.assertEqual(len(socket.frames), before)

    async def test_a_socket_that_does_not_open_and_a_server_that_does_not_answer_are_given_up(self) -> None:
        world = World()
        world.client.connect()
        await settle()
        await asyncio.sleep(5.001)
        self.assertEqual(world.reason, Reasons.OPEN_FAILED)
        self.assertTrue(world.socket.is_closed)
        await world.pause()
        await world.open()
        await asyncio.sleep(5.001)
        self.assertEqual(world.reason, Reasons.NO_REPLY)

    async def test_a_socket_that_cannot_be_made_is_one_that_failed(self) -> None:
        world = World()
        world.open_error = OSError("no more files")
        world.client.connect()
        await settle()
        self.assertEqual(world.disconnected.reason, Reason(Reasons.OPEN_FAILED, "no more files"))

    async def test_what_can_never_work_is_said_at_once(self) -> None:
        urls: list[str | list[str]] = ["nowhere", "ftp://x.test", "http://", []]
        for url in urls:
            with self.subTest(url), self.assertRaises(RialtoError) as raised:
                World(url)
            self.assertEqual(raised.exception.code, "misuse")


class Losing(VirtualTestCase):
    async def test_silence_beyond_ping_and_grace_ends_the_connection_any_traffic_keeps_it(self) -> None:
        world = World()
        socket = await world.connected(ping=25)
        await asyncio.sleep(34)
        socket.says({})
        await asyncio.sleep(34.999)
        self.assertIsInstance(world.state, Connected)
        await asyncio.sleep(0.002)
        self.assertEqual(world.reason, Reasons.NO_PING)
        self.assertTrue(socket.is_closed)

    def test_pauses_grow_are_spread_and_stay_within_their_bounds(self) -> None:
        for attempt, top in ((0, 1.0), (1, 1.5), (3, 4.5), (5, 16.5), (9, 20.0), (10**6, 20.0)):
            self.assertEqual(pause_seconds(attempt, 0, 0.5, 20), 0.5)
            self.assertTrue(math.isclose(pause_seconds(attempt, 0.999_999, 0.5, 20), top, abs_tol=0.001))

    async def test_a_pause_is_short_again_only_after_a_connection_that_held(self) -> None:
        world = World()
        await world.connected()
        pauses = []
        for _ in range(4):
            await world.cut()
            pauses.append(world.disconnected.retry_in_seconds)
            await world.pause()
            await world.accept()
        self.assertEqual(pauses, [0.75, 1.0, 1.5, 2.5])
        await asyncio.sleep(10)
        await world.cut()
        self.assertEqual(world.disconnected.retry_in_seconds, 0.75)

    async def test_shutdown_slowness_and_a_broken_line_mean_come_back(self) -> None:
        for code in (3001, 3008, 1006, 1001, 3010, 3499, 4000, 5000):
            with self.subTest(code):
                world = World()
                await world.connected()
                await world.cut(code, "so it is")
                self.assertIsInstance(world.state, Disconnected)
                await world.pause()
                await world.accept()
                self.assertIsInstance(world.state, Connected)

    async def test_a_final_code_means_stay_away_until_connect_is_called(self) -> None:
        for code in (3503, 3501, 1009, 4999):
            with self.subTest(code):
                world = World()
                await world.connected()
                await world.cut(code, "final")
                self.assertEqual(world.state, Suspended(Reason(code, "final")))
                await asyncio.sleep(100)
                self.assertEqual(len(world.sockets), 1)
                await world.connected()
                self.assertIsInstance(world.state, Connected)

    async def test_a_bad_request_loses_no_subscription_and_no_call_in_silence(self) -> None:
        world = World()
        subscription = world.client.subscribe("news")
        await world.connected()
        sending = asyncio.ensure_future(world.client.publish("news", 1))
        await settle()
        await world.cut(3501, "bad request")
        with self.assertRaises(RialtoError) as raised:
            await sending
        self.assertEqual((raised.exception.code, raised.exception.outcome_unknown), ("interrupted", True))
        self.assertIs(world.client.subscription("news"), subscription)
        with self.assertRaises(RialtoError) as raised:
            await world.client.me()
        self.assertEqual((raised.exception.code, raised.exception.number), ("closed", 3501))

    async def test_the_next_address_is_taken_when_one_fails_or_stops_and_kept_when_it_was_only_slow(self) -> None:
        world = World(["http://one.test", "https://two.test/base/"])
        await world.connected()
        await world.cut(3008, "slow")
        await world.pause()
        await world.accept()
        await world.cut(3001, "shutdown")
        await world.pause()
        await world.cut()
        await world.pause()
        one, two = "ws://one.test/connection/websocket", "wss://two.test/base/connection/websocket"
        self.assertEqual([socket.url for socket in world.sockets], [one, one, two, one])

    async def test_an_unreadable_frame_ends_the_connection_late_events_of_an_old_socket_change_nothing(self) -> None:
        hostile = ("no JSON", "[]", "3", '{"id":"x"}', '{"push":{"channel":"news","pub":3}}', '{"push":[]}', "[" * 100_000)
        for text in hostile:
            with self.subTest(text[:40]):
                world = World()
                world.client.subscribe("news")
                old = await world.connected()
                old.listener.received(text)
                self.assertIsInstance(world.state, Disconnected)
                await world.pause()
                await world.accept()
                old.listener.closed(3503, "late")
                old.listener.received("no JSON")
                self.assertIsInstance(world.state, Connected)

    async def test_connect_skips_a_pause_suspect_drops_a_dead_line_suspend_stays_away_close_is_for_ever(self) -> None:
        world = World()
        await world.connected()
        world.client.suspect("offline")
        self.assertEqual(world.reason, Reasons.TRANSPORT)
        await world.connected()
        world.client.suspend()
        await asyncio.sleep(60)
        self.assertIsInstance(world.state, Suspended)
        self.assertEqual(len(world.sockets), 2)
        with self.assertRaises(RialtoError):
            await world.client.connected()
        await world.connected()
        await world.client.close()
        self.assertIsInstance(world.state, Closed)
        with self.assertRaises(RialtoError):
            world.client.connect()

    async def test_a_handler_that_raises_is_reported_and_harms_nobody(self) -> None:
        reported: list[Exception] = []

        def hear(error: Exception) -> None:
            reported.append(error)
            raise error

        world = World(on_error=hear)
        unheard: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unheard.append(context["exception"]))

        def fail(_event: StateChanged) -> None:
            raise ValueError("mine")

        world.client.on(StateChanged, fail)
        await world.connected()
        self.assertIsInstance(world.state, Connected)
        self.assertEqual([type(error) for error in reported], [ValueError, ValueError])
        self.assertEqual(unheard, reported)

    async def test_a_handler_that_would_await_is_refused(self) -> None:
        async def late(_event: StateChanged) -> None:
            await settle()

        with self.assertRaises(RialtoError) as raised:
            World().client.on(StateChanged, late)
        self.assertEqual(raised.exception.code, "misuse")

    async def test_connected_waits_for_however_long_it_takes_and_can_be_given_up(self) -> None:
        world = World()
        world.client.connect()
        waiting = asyncio.ensure_future(world.client.connected())
        with self.assertRaises(TimeoutError):
            async with asyncio.timeout(1):
                await world.client.connected()
        await world.accept()
        await waiting

    async def test_settings_are_kept_to(self) -> None:
        world = World(settings=Settings(backoff_min_seconds=7, backoff_max_seconds=8))
        await world.connected()
        await world.cut()
        self.assertEqual(world.disconnected.retry_in_seconds, 8)


class Tokens(VirtualTestCase):
    async def test_an_expired_token_at_connect_is_replaced_before_the_next_attempt(self) -> None:
        world = World()
        world.client.connect()
        socket = await world.open()
        socket.answers("connect", {"error": {"code": 109, "message": "token expired"}})
        await settle()
        world.token = "token-2"  # noqa: S105
        await world.pause()
        socket = await world.accept()
        self.assertEqual(world.token_calls, [False, True])
        self.assertEqual(socket.last("connect")["connect"]["token"], "token-2")

    async def test_a_fixed_token_that_expired_suspends(self) -> None:
        world = World(token="fixed")  # noqa: S106
        world.client.connect()
        socket = await world.open()
        socket.answers("connect", {"error": {"code": 109, "message": "token expired"}})
        self.assertEqual(world.state, Suspended(Reason(109, "token_expired")))

    async def test_an_invalid_token_is_replaced_once_then_the_client_suspends(self) -> None:
        world = World()
        await world.connected()
        await world.cut(3500, "invalid token")
        await world.pause()
        await world.open()
        await world.cut(3500, "invalid token")
        self.assertEqual(world.token_calls, [False, True])
        self.assertEqual(world.state, Suspended(Reason(3500, "invalid token")))

    async def test_no_token_for_now_means_try_again_no_token_at_all_means_suspend(self) -> None:
        world = World()
        world.token_error = OSError("the backend is down")
        world.client.connect()
        await settle()
        self.assertEqual(world.reason, Reasons.TOKEN_FAILED)
        world.token_error = Unauthorized("logged out")
        await world.pause()
        self.assertEqual(world.state, Suspended(Reason(Reasons.NO_TOKEN, "unauthorized: logged out")))
        self.assertEqual(world.sockets, [])

    async def test_a_token_source_that_never_answers_is_asked_again(self) -> None:
        calls = []

        async def never(renew: bool) -> str:
            calls.append(renew)
            await asyncio.Event().wait()
            return ""

        world = World(token=never)
        world.client.connect()
        await asyncio.sleep(15.001)
        self.assertEqual(world.reason, Reasons.TOKEN_FAILED)
        await world.pause()
        self.assertEqual(calls, [False, False])
        await world.client.close()

    async def test_the_token_is_renewed_over_the_connection_before_it_runs_out(self) -> None:
        world = World()
        socket = await world.connected(ping=0, expires=True, ttl=3_600)
        await asyncio.sleep(3_539)
        self.assertEqual(len(world.token_calls), 1)
        world.token = "token-2"  # noqa: S105
        await asyncio.sleep(1.001)
        await settle()
        self.assertEqual(socket.last("refresh")["refresh"], {"token": "token-2"})
        socket.answers("refresh", {"refresh": {"client": "c1", "expires": True, "ttl": 100}})
        await asyncio.sleep(90.001)
        await settle()
        self.assertEqual(len(world.token_calls), 3)

    async def test_a_renewal_that_fails_for_now_is_tried_again_one_that_is_refused_suspends(self) -> None:
        world = World()
        socket = await world.connected(ping=0, expires=True, ttl=100)
        world.token_error = OSError("away")
        await asyncio.sleep(90.001)
        self.assertIsInstance(world.state, Connected)
        world.token_error = None
        await asyncio.sleep(7.501)
        await settle()
        socket.answers("refresh", {"error": {"code": 100, "message": "internal server error", "temporary": True}})
        await asyncio.sleep(7.501)
        await settle()
        socket.answers("refresh", {"error": {"code": 103, "message": "permission denied"}})
        self.assertEqual(world.reason, 103)

    async def test_a_token_that_ran_out_while_the_line_was_away_is_not_even_tried(self) -> None:
        world = World()
        await world.connected(ping=0, expires=True, ttl=60)
        world.token_error = OSError("no network")
        await asyncio.sleep(50)
        await world.cut()
        await asyncio.sleep(120)
        world.token_error = None
        world.token = "token-2"  # noqa: S105
        await world.pause()
        socket = await world.accept()
        self.assertEqual(socket.last("connect")["connect"]["token"], "token-2")

    async def test_an_expired_connection_comes_back_with_a_new_token(self) -> None:
        world = World()
        await world.connected()
        await world.cut(3005, "connection expired")
        await world.pause()
        await world.accept()
        self.assertEqual(world.token_calls, [False, True])


class Clocks(VirtualTestCase):
    async def test_ids_are_dated_by_the_servers_clock_whatever_our_own_says_and_sort_in_the_order_of_making(self) -> None:
        world = World()
        with self.assertRaises(RialtoError) as raised:
            world.client.new_client_id()
        self.assertEqual(raised.exception.code, "not_connected")
        for wall_ms in (0, SERVER_TIME + 10**10):
            world.wall_ms = wall_ms
            await world.connected(time=SERVER_TIME)
            await asyncio.sleep(5)
            ids = [world.client.new_client_id() for _ in range(5_000)]
            self.assertTrue(SERVER_TIME + 5_000 <= (uuid7_time(ids[0]) or 0) < SERVER_TIME + 5_100)
            self.assertEqual(sorted(ids), ids)
            self.assertEqual(len(set(ids)), len(ids))
            self.assertEqual(world.client.server_time_ms(), SERVER_TIME + 5_000)
            world.client.suspend()

    async def test_a_server_that_tells_no_time_is_believed_to_have_ours(self) -> None:
        world = World()
        world.wall_ms = SERVER_TIME
        self.assertEqual(world.client.server_time_ms(), SERVER_TIME)
        world.client.connect()
        socket = await world.open()
        socket.answers("connect", {"connect": {"client": "c1", "version": ""}})
        await asyncio.sleep(2)
        self.assertEqual(uuid7_time(world.client.new_client_id()), SERVER_TIME + 2_000)
