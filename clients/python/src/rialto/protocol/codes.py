"""Codes and limits. Made from the protocol crate's tables by its test `typescript`; do not edit."""

from __future__ import annotations

from typing import Final, NamedTuple


class ErrorInfo(NamedTuple):
    """What an error code means."""

    word: str
    status: int
    temporary: bool


class CloseInfo(NamedTuple):
    """What a close code means."""

    reason: str
    reconnect: bool


class UnsubscribeInfo(NamedTuple):
    """What an unsubscribe code means."""

    reason: str
    resubscribe: bool


# Error codes of replies: the stable word of HTTP's `code` and of `RialtoError.code`, and whether trying again may help.
ERROR_CODES: Final[dict[int, ErrorInfo]] = {
    100: ErrorInfo("internal_server_error", 500, True),
    101: ErrorInfo("unauthorized", 401, False),
    102: ErrorInfo("unknown_channel", 404, False),
    103: ErrorInfo("permission_denied", 403, False),
    104: ErrorInfo("method_not_found", 404, False),
    105: ErrorInfo("already_subscribed", 409, False),
    106: ErrorInfo("limit_exceeded", 400, False),
    107: ErrorInfo("bad_request", 400, False),
    108: ErrorInfo("not_available", 404, False),
    109: ErrorInfo("token_expired", 401, False),
    110: ErrorInfo("expired", 401, False),
    111: ErrorInfo("too_many_requests", 429, True),
    112: ErrorInfo("unrecoverable_position", 409, False),
    400: ErrorInfo("invalid_argument", 400, False),
    401: ErrorInfo("not_found", 404, False),
    402: ErrorInfo("not_a_member", 403, False),
    403: ErrorInfo("forbidden", 403, False),
    404: ErrorInfo("conflict", 409, False),
    405: ErrorInfo("too_large", 413, False),
    406: ErrorInfo("client_id_expired", 409, False),
    407: ErrorInfo("overloaded", 503, True),
    408: ErrorInfo("unavailable", 503, True),
    409: ErrorInfo("not_configured", 501, False),
    410: ErrorInfo("banned", 403, False),
    411: ErrorInfo("storage_full", 507, False),
    412: ErrorInfo("invalid_credentials", 401, False),
    413: ErrorInfo("rate_limited", 429, True),
}

# Codes that a server closes a socket with, and whether the client comes back by itself.
CLOSE_CODES: Final[dict[int, CloseInfo]] = {
    1000: CloseInfo("normal closure", True),
    1002: CloseInfo("protocol error", True),
    1007: CloseInfo("invalid utf-8", True),
    1009: CloseInfo("message size limit", False),
    3000: CloseInfo("connection closed", True),
    3001: CloseInfo("shutdown", True),
    3004: CloseInfo("internal server error", True),
    3005: CloseInfo("connection expired", True),
    3006: CloseInfo("subscription expired", True),
    3008: CloseInfo("slow", True),
    3010: CloseInfo("insufficient state", True),
    3011: CloseInfo("force reconnect", True),
    3012: CloseInfo("no pong", True),
    3013: CloseInfo("too many requests", True),
    3500: CloseInfo("invalid token", False),
    3501: CloseInfo("bad request", False),
    3502: CloseInfo("stale", False),
    3503: CloseInfo("force disconnect", False),
    3504: CloseInfo("connection limit", False),
    3505: CloseInfo("channel limit", False),
    3506: CloseInfo("inappropriate protocol", False),
    3507: CloseInfo("permission denied", False),
}

# Codes that a server ends one subscription with, and whether the client subscribes again by itself.
UNSUBSCRIBE_CODES: Final[dict[int, UnsubscribeInfo]] = {
    2000: UnsubscribeInfo("server unsubscribe", False),
    2500: UnsubscribeInfo("insufficient state", True),
    2501: UnsubscribeInfo("subscription expired", True),
}

# Limits of the protocol, each with its unit in its name.
TEXT_BYTES_MAX: Final = 32768
TITLE_BYTES_MAX: Final = 256
EMOJI_BYTES_MAX: Final = 64
FRAME_BYTES_MAX: Final = 65536
CHANNEL_BYTES_MAX: Final = 255
METHOD_BYTES_MAX: Final = 64
CLIENT_ID_BYTES_MAX: Final = 64
MEMBERS_PER_CALL_MAX: Final = 256
PAGE_ITEMS_MAX: Final = 100
PUBLICATIONS_PER_ANSWER_MAX: Final = 300
SUBSCRIPTIONS_PER_CONNECTION_MAX: Final = 128
COMMANDS_PER_FRAME_MAX: Final = 4096
TYPING_HOLDS_MS: Final = 6000
CLIENT_ID_AHEAD_MS: Final = 600000
CLIENT_ID_AGE_MS: Final = 604800000

# Every `type` that a `ConversationEvent` may have.
CONVERSATION_EVENTS: Final[frozenset[str]] = frozenset((
    "conversation_created",
    "message",
    "message_edited",
    "message_deleted",
    "reaction_added",
    "reaction_removed",
    "member_joined",
    "member_left",
    "member_removed",
    "role_changed",
    "settings_changed",
    "typing",
))

# Every `type` that an `InboxEvent` may have.
INBOX_EVENTS: Final[frozenset[str]] = frozenset((
    "conversation_changed",
    "conversation_added",
    "conversation_removed",
    "read",
))

# Every rpc method.
METHODS: Final[frozenset[str]] = frozenset((
    "conversation.create",
    "conversation.list",
    "conversation.browse",
    "conversation.get",
    "conversation.members",
    "conversation.messages",
    "conversation.join",
    "conversation.leave",
    "conversation.invite",
    "conversation.remove",
    "conversation.set_role",
    "conversation.set",
    "conversation.send",
    "conversation.edit",
    "conversation.delete",
    "conversation.react",
    "conversation.unreact",
    "conversation.mark_read",
    "conversation.typing",
    "conversation.commands",
    "bot.set_commands",
    "user.me",
    "user.get",
    "user.find",
    "user.set",
))
