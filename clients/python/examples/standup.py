"""Standups.

/standup 09:30                      each day at 09:30 UTC asks every member by direct message, and posts the answers
                                    a quarter of an hour later
/standup 09:30 1h What is new?      with more time, and a question of one's own
/standup-now                        asks now
/standup-off                        asks no more

What is agreed, who was asked and who answered what is kept in the bot's memory, and what is to happen when are its timers:
killed at any point and started again, it goes on there, and asks and posts nothing twice.
"""

import re
from typing import Annotated, Any

from rialto import Client
from rialto.bot import Bot, Doing, InvalidOption, MessageContext, Store, TimerContext, option
from rialto.bot.option import Option

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
WAIT_MS = 15 * MINUTE_MS
QUESTION = "Standup! What did you do, what comes next, what is in your way?"
# One question each must fit into what a handler may do.
MEMBERS_MAX = 90


def time_of_day() -> Option[int]:
    """`09:30`, in milliseconds since midnight."""

    def read(words: Any) -> int:
        found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", words[0])
        if found is None:
            raise InvalidOption("it must be a time of the day such as 09:30")
        return (int(found[1]) * 60 + int(found[2])) * MINUTE_MS

    return Option("09:30", "one", read)


def next_at(time_ms: int, now_ms: int) -> int:
    """When it is that time of the day (UTC) the next time."""
    today = now_ms - now_ms % DAY_MS + time_ms
    return today if today > now_ms else today + DAY_MS


def standup(client: Client, store: Store | None = None) -> Bot:
    """The bot; it needs a store that lasts."""
    bot = Bot(client, store=store)
    _agree(bot)
    _ask(bot)
    return bot


def _agree(bot: Bot) -> None:
    """When it asks. `plan/ROOM` is what is agreed."""

    @bot.command("standup", "asks everybody here each day")
    async def agree(
        context: MessageContext,
        at: Annotated[int, time_of_day()],
        wait: Annotated[int, option.duration()] = WAIT_MS,
        question: Annotated[str, option.rest()] = QUESTION,
    ) -> None:
        forget_plan(context)
        first = context.set_timer("begin", next_at(at, context.client.server_time_ms()))
        context.memory[f"plan/{context.conversation}"] = {"at": at, "wait": wait, "question": question, "timer": first}
        await context.reply(f"Each day at {at // MINUTE_MS // 60:02}:{at // MINUTE_MS % 60:02} UTC I ask everybody here.")

    @bot.command("standup-off", "asks no more")
    async def stop(context: MessageContext) -> None:
        await context.reply("I ask no more." if forget_plan(context) else "I do not ask here.")

    @bot.command("standup-now", "asks now")
    async def ask_now(context: MessageContext) -> None:
        context.set_timer("begin", context.client.server_time_ms())
        await context.react("👍")

    def forget_plan(context: Doing) -> bool:
        plan = context.memory.pop(f"plan/{context.conversation}", None)
        if plan is not None:
            context.cancel_timer(plan["timer"])
        return plan is not None


def _ask(bot: Bot) -> None:
    """A round. `round/ROOM` is who is asked where, `asked/DIRECT` for which room, `answer/ROOM/USER` what was answered."""

    @bot.timer("begin")
    async def begin(context: TimerContext) -> None:
        room = context.conversation
        plan = context.memory.get(f"plan/{room}", {"wait": WAIT_MS, "question": QUESTION})
        if plan.get("timer") == context.timer.id:
            # Tomorrow again.
            plan["timer"] = context.set_timer("begin", next_at(plan["at"], context.timer.at_ms))
            context.memory[f"plan/{room}"] = plan
        if f"round/{room}" in context.memory:
            return
        # Who is asked is kept before anybody is asked: an answer may be quick.
        asked = {}
        members = (await context.client.members(room, limit=100))["items"]
        for member in [member for member in members if member["user"] != bot.me["id"]][:MEMBERS_MAX]:
            direct = await context.client.create("direct", members=[member["user"]])
            asked[member["user"]] = direct["id"]
            context.memory[f"asked/{direct['id']}"] = room
        context.memory[f"round/{room}"] = asked
        now = context.client.server_time_ms()
        context.set_timer("ask", now, plan["question"])
        context.set_timer("post", now + plan["wait"])

    @bot.timer("ask")
    async def ask(context: TimerContext) -> None:
        for direct in context.memory.get(f"round/{context.conversation}", {}).values():
            await context.say(context.data, direct)

    @bot.message()
    async def hear(context: MessageContext) -> None:
        room = context.memory.get(f"asked/{context.conversation}")
        if room is None:
            return
        name = f"answer/{room}/{context.sender}"
        said = context.memory.get(name)
        context.memory[name] = context.text if said is None else f"{said}\n{context.text}"
        await context.react("✅")

    @bot.timer("post")
    async def post(context: TimerContext) -> None:
        room = context.conversation
        lines, silent = ["📋 Standup"], []
        for user, direct in context.memory.pop(f"round/{room}", {}).items():
            name = (await context.client.user(user))["display_name"]
            answer = context.memory.pop(f"answer/{room}/{user}", None)
            if answer is None:
                silent.append(name)
            else:
                lines.append(f"{name}: {answer}")
            # Another room may have asked the same person since.
            if context.memory.get(f"asked/{direct}") == room:
                del context.memory[f"asked/{direct}"]
        if silent:
            lines.append(f"(no answer: {', '.join(silent)})")
        await context.say("\n".join(lines))
