"""Reminders.

/remind 10m the tea is ready     says so in ten minutes, in answer to this message (also 90s, 1h30m, 2d)
/reminders                       says what is to come here

A reminder is a timer of the bot's memory: it is kept, together with the fact that its message was handled, before anybody
hears of it, and it is over, once it was said. Killed between the two, the bot says it again under the same id, which is made
of the message that asked for it; the server knows the id, so people read it once.
"""

from datetime import UTC, datetime
from typing import Annotated

from rialto import Client
from rialto.bot import Bot, MessageContext, Store, TimerContext, option

WAIT_MS_MAX = 400 * 24 * 3_600_000


def remind(client: Client, store: Store | None = None) -> Bot:
    """The bot; without a store its reminders end with it."""
    bot = Bot(client, store=store)

    @bot.command("remind", "says something later")
    async def ask(context: MessageContext, after: Annotated[int, option.duration()], text: Annotated[str, option.rest()]) -> None:
        if after > WAIT_MS_MAX:
            await context.reply("That is too far away: 400 days at most.")
            return
        # From when it was said, not from now: the bot may have been away.
        context.set_timer("remind", context.time_ms + after, {"text": text, "offset": context.offset})
        await context.react("⏰")

    @bot.timer("remind")
    async def say(context: TimerContext) -> None:
        await context.say(f"⏰ {context.data['text']}", reply_to=context.data["offset"])

    @bot.command("reminders", "says what is to come here")
    async def show(context: MessageContext) -> None:
        waiting = [timer for timer in context.timers("remind") if timer.conversation == context.conversation]
        lines = [f"{datetime.fromtimestamp(timer.at_ms / 1_000, UTC):%Y-%m-%d %H:%M} UTC: {timer.data['text']}" for timer in waiting]
        await context.reply("\n".join(lines) or "There are no reminders here.")

    return bot
