"""The protocol's golden frames, written and read."""

from __future__ import annotations

import json
import unittest
from pathlib import Path
from typing import Any

from rialto import (
    ConversationPublication,
    InboxPublication,
    RialtoError,
    TopicPublication,
    UnknownPublication,
    Uuid7Factory,
    should_reconnect,
    uuid7_time,
)
from rialto.event import event_of
from rialto.frames import PONG, encode_command, is_ping, parse_frame
from rialto.protocol.codes import CLOSE_CODES, CONVERSATION_EVENTS, ERROR_CODES, INBOX_EVENTS, METHODS
from rialto.testing.methods import HANDLERS

FOLDER = Path(__file__).parents[3] / "protocol" / "tests" / "golden"
ME = "user:01920000-0000-7000-8000-000000000001"
JWT = "eyJh.eyJz.c2ln"
SEND = {"conversation": "01920000-0000-7000-8000-000000000002", "client_id": "01920000-0000-7000-8000-0000000000aa", "text": "hi"}
RECOVER = {
    "channel": "c",
    "token": JWT,
    "recover": True,
    "epoch": "x7",
    "offset": 14,
    "positioned": True,
    "recoverable": True,
    "join_leave": True,
}

# Every command of the golden file that has an id, as this SDK says it.
COMMANDS: list[dict[str, dict[str, Any]]] = [
    {"connect": {"token": JWT, "subs": {ME: {"recover": True, "epoch": "k3v9", "offset": 7}}, "name": "rust", "version": "0.1.0"}},
    {"subscribe": {"channel": "chat:42"}},
    {"subscribe": RECOVER},
    {"unsubscribe": {"channel": "c"}},
    {"publish": {"channel": "c", "data": {"text": "hi"}}},
    {"presence": {"channel": "c"}},
    {"presence_stats": {"channel": "c"}},
    {"history": {"channel": "c", "limit": 10, "since": {"offset": 5, "epoch": "x7"}, "reverse": True}},
    {"history": {"channel": "c", "limit": -1, "since": {}}},
    {"rpc": {"method": "conversation.send", "data": SEND}},
    {"refresh": {"token": JWT}},
    {"sub_refresh": {"channel": "c", "token": JWT}},
]


def lines(file: str) -> list[str]:
    return [line for line in (FOLDER / file).read_text("utf-8").split("\n") if line and not line.startswith("#")]


def marked(file: str, mark: str) -> list[str]:
    return [line[1:].strip() for line in lines(file) if line.startswith(mark)]


class Golden(unittest.TestCase):
    def test_commands_are_written_byte_for_byte(self) -> None:
        # `flag` belongs to other SDKs: this one never says it.
        golden = [line.replace(',"flag":1', "") for line in marked("commands.jsonl", "→")]
        written = [encode_command(index + 1, command) for index, command in enumerate(COMMANDS)]
        self.assertEqual([line for line in golden if '"id"' in line], written)
        self.assertEqual(golden[-1], PONG)

    def test_answers_are_read_and_nothing_of_them_is_lost(self) -> None:
        golden = marked("commands.jsonl", "←")
        replies = [reply for line in golden for reply in parse_frame(line)]
        kinds = [kind for command in COMMANDS for kind in command]
        self.assertEqual([list(reply)[1] for reply in replies[:-1]], kinds)
        self.assertEqual(sum(map(is_ping, replies)), 1)
        self.assertEqual(replies[0]["connect"].get("time"), 1_790_000_000_000)
        self.assertEqual([publication.get("offset") for publication in replies[2]["subscribe"].get("publications", [])], [15, 16])
        self.assertEqual([json.dumps(reply, ensure_ascii=False, separators=(",", ":")) for reply in replies], golden)

    def test_a_frame_of_many_lines_is_read_in_order(self) -> None:
        golden = marked("pushes.jsonl", "←")
        replies = parse_frame("\n".join(golden))
        kinds = ["pub", "pub", "pub", "join", "leave", "unsubscribe", "unsubscribe", "unsubscribe", "subscribe"]
        self.assertEqual([list(reply["push"])[1] for reply in replies], kinds)
        separator = '{"push":{"message":{"data":"one\u2028two\x85three"}}}'
        self.assertEqual(len(parse_frame(separator)), 1, "only line feeds part lines")

    def test_every_error_has_its_stable_word(self) -> None:
        for line in marked("errors.jsonl", "←"):
            for reply in parse_frame(line):
                frame = reply["error"]
                error = RialtoError.refused(frame["code"], frame["message"], frame.get("temporary", False))
                self.assertEqual(error.code, frame["message"].replace(" ", "_"))
                self.assertEqual(error.temporary, ERROR_CODES[frame["code"]].temporary)
                self.assertRegex(error.code, "^[a-z_]+$")
        self.assertEqual(RialtoError.refused(1_999, "of tomorrow").code, "of_tomorrow")

    def test_every_event_is_known_by_its_channel_and_one_of_a_later_version_is_handed_on(self) -> None:
        seen = set()
        room = "conversation:01920000-0000-7000-8000-000000000003"
        for line in lines("events.jsonl"):
            data = json.loads(line)
            is_inbox = data["type"] in INBOX_EVENTS
            event = event_of(ME if is_inbox else room, {"data": data, "offset": 3})
            assert isinstance(event, InboxPublication if is_inbox else ConversationPublication)
            self.assertEqual(event.event, data)
            seen.add(data["type"])
        self.assertEqual(seen, CONVERSATION_EVENTS | INBOX_EVENTS)
        for data in ({"type": "of_tomorrow"}, {"type": ["message"]}, "message", None, 3):
            expected = UnknownPublication("conversation:x", 4, data)
            self.assertEqual(event_of("conversation:x", {"data": data, "offset": 4}), expected)
        info = {"user": "u", "client": "c"}
        topic = event_of("news", {"data": 1, "info": {"user": "u", "client": "c"}})
        self.assertEqual(topic, TopicPublication("news", None, 1, info))  # type: ignore[arg-type]

    def test_close_codes_say_whether_to_come_back_those_of_the_table_and_those_of_the_ranges_alike(self) -> None:
        for code in (1000, 1001, 1006, 3000, 3001, 3008, 3499, 4000, 4499, 5000):
            self.assertTrue(should_reconnect(code), code)
        for code in (1009, 3500, 3501, 3999, 4500, 4999):
            self.assertFalse(should_reconnect(code), code)
        for code, known in CLOSE_CODES.items():
            self.assertEqual(should_reconnect(code), known.reconnect)

    def test_the_server_of_the_test_kit_speaks_methods_of_the_protocol(self) -> None:
        self.assertLessEqual(HANDLERS.keys(), METHODS)
        self.assertGreaterEqual(len(HANDLERS), 21)


class Ids(unittest.TestCase):
    def test_ids_carry_their_time_and_sort_even_when_the_clock_goes_back(self) -> None:
        times = iter([1_000, 1_000, 900, 2_000])
        make = Uuid7Factory(lambda: next(times), lambda length: b"\xff" * length)
        ids = [make() for _ in range(4)]
        self.assertEqual([uuid7_time(number) for number in ids], [1_000, 1_000, 1_000, 2_000])
        self.assertEqual(sorted(ids), ids)
        self.assertIsNone(uuid7_time("01920000-0000-4000-8000-000000000001"))
        self.assertIsNone(uuid7_time(ids[0] + "\n"))
