"""Limits of the bot layer, each with its unit and what happens when it is hit."""

from __future__ import annotations

from typing import Final

BACKLOG_MAX: Final = 256
"""Rows that wait for one conversation's handlers. Above: they are read again from the server when the handlers have caught up."""
CATCH_UP_ROWS: Final = 100
"""Rows read at once while catching up."""
RUNNING_MAX: Final = 32
"""Conversations and timers whose handlers run at the same time; the others wait their turn."""
HANDLER_SECONDS: Final = 60.0
"""For one handler. After: it is cancelled, its error boundary hears `timeout`, and the conversation goes on."""
CANCEL_SECONDS: Final = 1.0
"""For a cancelled handler to clean up. After: nobody waits for it any more."""
ACTIONS_MAX: Final = 100
"""Things that one handler may do about one row or timer. Above: `misuse`."""
TIMERS_MAX: Final = 10_000
"""Timers that one bot may have. Above: `queue_full`."""
LOOK_SECONDS: Final = 60.0
"""Longest sleep before the server's clock is looked at again."""
STOP_SECONDS: Final = 10.0
"""How long `stop` waits for handlers that are running."""
AGAIN_MIN_SECONDS: Final = 0.2
"""Shortest pause after something that the server or the store would not do for now."""
AGAIN_MAX_SECONDS: Final = 10.0
"""Longest pause after something that the server or the store would not do for now."""
