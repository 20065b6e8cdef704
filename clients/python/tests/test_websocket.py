"""Real sockets on this machine."""

from __future__ import annotations

import asyncio
import unittest
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import mock

from websockets.asyncio.server import Server, ServerConnection, serve

from rialto.websocket import WebSocket

Handler = Callable[[ServerConnection], Awaitable[None]]


class Ear:
    """Hears what a socket tells."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.is_open = asyncio.Event()
        self.end: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def opened(self) -> None:
        self.is_open.set()

    def received(self, text: str) -> None:
        self.texts.append(text)

    def closed(self, code: int, reason: str) -> None:
        self.end.set_result((code, reason))


class Sockets(unittest.IsolatedAsyncioTestCase):
    async def serves(self, handler: Handler, **options: Any) -> str:
        server = await serve(handler, "127.0.0.1", 0, close_timeout=0.1, **options)
        self.addAsyncCleanup(self.ends, server)
        return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def ends(self, server: Server | asyncio.Server) -> None:
        server.close()
        await server.wait_closed()

    async def meets(self, handler: Handler, **options: Any) -> tuple[Ear, WebSocket]:
        ear = Ear()
        socket = WebSocket(await self.serves(handler, **options), ear)
        await ear.is_open.wait()
        return ear, socket

    async def test_frames_go_in_order_and_the_servers_word_is_told(self) -> None:
        async def echo(connection: ServerConnection) -> None:
            for _ in range(100):
                await connection.send(await connection.recv())
            await connection.send(b"binary is not for us")
            await connection.close(3008, "slow")

        ear, socket = await self.meets(echo)
        for number in range(100):
            socket.send(f"{number} ü")
        self.assertEqual(await ear.end, (3008, "slow"))
        self.assertEqual(ear.texts, [f"{number} ü" for number in range(100)])
        socket.send("lost")

    async def test_a_line_that_breaks_and_a_server_that_is_not_there_say_no_code(self) -> None:
        async def abort(connection: ServerConnection) -> None:
            connection.transport.abort()

        ear, _ = await self.meets(abort)
        self.assertEqual(await ear.end, (1006, ""))
        listener = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        for _ in range(2):
            ear = Ear()
            WebSocket(f"ws://127.0.0.1:{port}", ear)
            self.assertEqual(await ear.end, (1006, ""))
            # Then there is not even a listener.
            listener.close()
            await listener.wait_closed()

    async def test_what_is_said_before_close_arrives_and_nothing_is_heard_after_it(self) -> None:
        heard: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

        async def listen(connection: ServerConnection) -> None:
            await connection.send("before")
            heard.set_result([message async for message in connection])

        ear, socket = await self.meets(listen)
        for number in range(50):
            socket.send(str(number))
        socket.close(1000, "done")
        self.assertEqual(await heard, [str(number) for number in range(50)])
        await asyncio.sleep(0)
        self.assertFalse(ear.end.done())

    async def test_close_while_it_opens_is_heard_by_nobody(self) -> None:
        ear = Ear()
        socket = WebSocket("ws://127.0.0.1:1", ear)
        socket.close(1000, "never mind")
        await asyncio.wait([socket._reader])
        self.assertFalse(ear.end.done())

    async def test_a_redirect_is_not_followed(self) -> None:
        async def elsewhere(_connection: ServerConnection) -> None:
            self.fail("somebody else was asked")

        target = await self.serves(elsewhere)

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
            writer.close()

        listener = await asyncio.start_server(redirect, "127.0.0.1", 0)
        self.addAsyncCleanup(self.ends, listener)
        ear = Ear()
        WebSocket(f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}", ear)
        self.assertEqual(await ear.end, (1006, ""))

    async def test_a_frame_that_is_too_large_costs_the_connection_but_is_no_final_word_of_the_server(self) -> None:
        async def shout(connection: ServerConnection) -> None:
            await connection.send("x" * 2_000)
            await connection.wait_closed()

        with mock.patch("rialto.websocket.MESSAGE_BYTES_MAX", 1_000):
            ear, _ = await self.meets(shout)
            self.assertEqual(await ear.end, (1006, ""))
        self.assertEqual(ear.texts, [])

    async def test_a_line_that_takes_nothing_more_is_given_up(self) -> None:
        async def sleep(connection: ServerConnection) -> None:
            await connection.wait_closed()

        with mock.patch("rialto.websocket.UNSENT_CHARACTERS_MAX", 4_000_000):
            ear, socket = await self.meets(sleep, max_queue=1)
            while not ear.end.done():
                socket.send("x" * 60_000)
                await asyncio.sleep(0)
            self.assertEqual(await ear.end, (1006, ""))
