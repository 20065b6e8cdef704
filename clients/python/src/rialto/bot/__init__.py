"""Bots. A reader starts at `bot.py`."""

from . import option
from .bot import Bot
from .context import BOT_ID_PREFIX, AnyContext, Context, Doing, MessageContext, Timer, TimerContext, actor_of
from .memory import Memory
from .option import InvalidOption
from .routes import Middleware
from .store import JsonFileStore, MemoryStore, Store

__all__ = [
    "BOT_ID_PREFIX",
    "AnyContext",
    "Bot",
    "Context",
    "Doing",
    "InvalidOption",
    "JsonFileStore",
    "Memory",
    "MemoryStore",
    "MessageContext",
    "Middleware",
    "Store",
    "Timer",
    "TimerContext",
    "actor_of",
    "option",
]
