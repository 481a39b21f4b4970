"""Stubs of given folders that no rule and no listener leads to: nothing loads them, so nothing else would say what is wrong.

Their stub.yaml is read once the server is ready, and after each reload, beside the calls: a fault is a warning, since nobody
asks them anything.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from childproof.control.aside import aside
from childproof.errors import InputError
from childproof.run.compose import Parts, led_to


def faults(parts: Parts) -> list[str]:
    """A sentence for each of them that is broken, with its faults."""
    catalog, said = parts.catalog, []
    used = led_to(catalog.given, parts.engine.rules, parts.config)
    for name in catalog.given:
        if name not in used:
            try:
                catalog.manifest(name)
            except (InputError, LookupError, OSError) as error:
                said.append(f"the stub {name}, which no rule leads to, is broken:\n{error}")
    return said


@asynccontextmanager
async def remarked(parts: Parts, tell: Callable[[str], None]) -> AsyncIterator[None]:
    """Tell of them while the block runs, in its loop."""
    wanted = asyncio.Event()
    wanted.set()

    async def look() -> None:
        while True:
            await wanted.wait()
            wanted.clear()
            for sentence in await aside(lambda: faults(parts), "childproof-stubs"):
                tell(sentence)

    parts.reloads.applied.append(lambda _: wanted.set())
    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
