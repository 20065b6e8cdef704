"""Runs an example bot until it is told to stop: python examples/run.py echo|remind|standup.

Who it is: RIALTO_URL, and RIALTO_TOKEN (of an account for bots) or RIALTO_USER and RIALTO_PASSWORD. What it remembers is in
RIALTO_STATE, a file; NAME.json by default.
"""

import asyncio
import os
import sys

from echo import echo
from remind import remind
from standup import standup

from rialto import Accounts, Client, Session
from rialto.bot import JsonFileStore

BOTS = {"echo": echo, "remind": remind, "standup": standup}


async def client_from_environment() -> Client:
    """A client for whoever the environment names."""
    url = os.environ.get("RIALTO_URL", "http://127.0.0.1:8080")
    token, user, password = (os.environ.get(name) for name in ("RIALTO_TOKEN", "RIALTO_USER", "RIALTO_PASSWORD"))
    if token is not None:
        return Client(url, token=token)
    if user is None or password is None:
        raise SystemExit("set RIALTO_TOKEN, or RIALTO_USER and RIALTO_PASSWORD")
    accounts = Accounts(url)
    session = Session(accounts, await accounts.register_or_login(user, password))
    return Client(url, token=session.token_source)


async def main(name: str) -> None:
    """Runs it."""
    store = JsonFileStore(os.environ.get("RIALTO_STATE", f"{name}.json"))
    bot = BOTS[name](await client_from_environment(), store)
    await bot.run(lambda: print(f"here as @{bot.me['username']}", flush=True))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in BOTS:
        raise SystemExit(f"usage: python examples/run.py {'|'.join(BOTS)}")
    asyncio.run(main(sys.argv[1]))
