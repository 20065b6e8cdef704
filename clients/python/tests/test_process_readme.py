"""What a reader of the README does, with the package as it is built."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import venv
from pathlib import Path

from process_kit import SERVER, client_of, needs_server, registered

from rialto import ConversationPublication

ROOT = Path(__file__).parents[1]


def block(words: str) -> str:
    """The README's code that holds these words."""
    blocks: list[str] = re.findall(r"```(?:python|sh)\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    return next(code for code in blocks if words in code)


@needs_server
class Readme(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.python = self.install()

    def install(self) -> Path:
        """Builds the package and installs it into an environment of its own that sees the `websockets` that is here: nothing is fetched."""
        shutil.copytree(ROOT, self.folder / "package", ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
        quiet = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
        wheel = (sys.executable, "-m", "pip", "wheel", *quiet, "--no-build-isolation", "--wheel-dir", self.folder, self.folder / "package")
        subprocess.run(wheel, check=True)
        venv.create(self.folder / "venv", with_pip=False)
        python = self.folder / "venv" / "bin" / "python"
        site = next((self.folder / "venv").glob("lib/python*/site-packages"))
        (built,) = self.folder.glob("rialto_client-*.whl")
        subprocess.run((sys.executable, "-m", "pip", "install", *quiet, "--target", site, built), check=True)
        import websockets  # noqa: PLC0415 - only where it is

        shutil.copytree(Path(websockets.__file__).parent, site / "websockets")
        return python

    @property
    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"RIALTO_URL": SERVER}

    def runs(self, name: str, code: str) -> str:
        (self.folder / name).write_text(code, "utf-8")
        done = subprocess.run(
            (self.python, name), cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def are_typed(self, *names: str) -> None:
        """The installed types are whole for whoever is checked against them."""
        check = (sys.executable, "-m", "mypy", "--strict", "--python-executable", str(self.python), *names)
        checked = subprocess.run(check, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    async def test_the_quick_start_the_bot_and_its_unit_test_run_as_they_stand(self) -> None:
        self.assertIn("pip install", block("python3 -m venv"))
        self.assertEqual(self.runs("hello.py", block("hello from an SDK")), "2 hello from an SDK\n")
        self.assertEqual(self.runs("unit.py", block("TestServer")), "pong\n")
        (self.folder / "bot.py").write_text(block('@bot.command("roll"'), "utf-8")
        self.are_typed("hello.py", "unit.py", "bot.py")
        bot = await asyncio.create_subprocess_exec(
            self.python, "bot.py", cwd=self.folder, env=self.environment, stdout=asyncio.subprocess.PIPE
        )
        assert bot.stdout is not None
        self.assertEqual(await bot.stdout.readline(), b"here as @dice.of.python\n")
        async with client_of(await registered("ada")) as client:
            dice = (await client.find_user("dice.of.python"))["id"]
            room = (await client.create("direct", members=[dice]))["id"]
            heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

            def hear(event: ConversationPublication) -> None:
                if event.event["type"] == "message" and event.event["sender"] == dice:
                    heard.set_result(event.event["text"])

            client.on(ConversationPublication, hear)
            await client.watch(room).ready()
            await client.send(room, "/roll 20")
            self.assertRegex(await heard, r"^\d+ of 20, roll number 1$")
        bot.terminate()
        self.assertEqual(await bot.wait(), 0)
