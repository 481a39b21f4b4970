"""What tests of reloading share: parts with one rule file, calls, and reloads after changes."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from childproof.model import Action, Call, Outcome, Protocol
from childproof.run.compose import Parts, compose
from childproof.run.config.config import Config
from childproof.run.server.reloading import Reloader

FIRST = "version: 1\nrules: [{name: first, match: {host: a.example}, reply: {status: 200, text: first}}]\n"
SECOND = FIRST.replace("first", "second")


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Parts]:
    """Parts whose rules are the file `rules.yaml` of a folder, with FIRST in it."""
    file = folder / "rules.yaml"
    file.write_text(FIRST)
    made = compose(Config(state_dir=folder, store=":memory:", rules=(file,)), worlds=("main",))
    try:
        yield made
    finally:
        made.close()


def rewrite(parts: Parts, text: str) -> None:
    parts.config.rules[0].write_text(text)


def called(parts: Parts, host: str = "a.example", path: str = "/", **more: object) -> Outcome:
    call = Call(Protocol.HTTP, host, 443, "main", "", method="GET", path=path, scheme="https", **more)
    return parts.engine.handle(call)


def answered(parts: Parts) -> tuple[Action, str | None]:
    verdict = called(parts).verdict
    return verdict.action, verdict.rule


def reload(parts: Parts, *changes: Callable[[], object]) -> list[str]:
    """Each change, and a reload after it; what was said."""
    said: list[str] = []

    async def run() -> None:
        async with Reloader(parts, said.append) as reloader:
            for change in changes or (lambda: None,):
                change()
                reloader.request()
                await reloader.done()

    asyncio.run(run())
    return said
