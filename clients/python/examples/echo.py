"""Answers every message with the same words."""

from rialto import Client
from rialto.bot import Bot, MessageContext, Store


def echo(client: Client, store: Store | None = None) -> Bot:
    """The bot; it remembers nothing."""
    bot = Bot(client, store=store)

    @bot.message()
    async def answer(context: MessageContext) -> None:
        await context.reply(f"echo: {context.text}")

    return bot
