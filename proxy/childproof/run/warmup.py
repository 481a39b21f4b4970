"""What only a first call of some kind needs, loaded once the command runs.

The start doesn't wait for it, and by the time an agent has loaded its own libraries, its first call doesn't either.
Nothing depends on it: whoever needs a part sooner loads it then. Stubs aren't among it: all that ship take a second of
processor time and tens of megabytes, and few runs call more than two of them. Each is loaded by the first call to it.
"""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

from childproof.ledger.secrets import RULES

from .compose import Parts

DELAY = 0.05  # seconds; a command that is over by then has needed none of it
PAUSE = 0.01  # between two steps, for calls that have come meanwhile

# Each takes some 5 to 40 ms, without those above it.
_MODULES = (
    "importlib.metadata",
    "urllib.request",
    "childproof.stubkit.inference.infer",
    "childproof.stubkit.folder.loading",
    "childproof.capture.smtp.server",
    "childproof.engine.guard",
    "childproof.capture.mitm.talk",
    "childproof.run.report.emit",
)


@contextlib.asynccontextmanager
async def warming_up(parts: Parts) -> AsyncIterator[None]:
    """Load everything, step by step, while the block runs; what is left at its end stays undone."""
    task = asyncio.create_task(_warm_up(parts))
    try:
        yield
    finally:
        task.cancel()


async def _warm_up(parts: Parts) -> None:
    await asyncio.sleep(DELAY)
    for step in _steps(parts):
        # What can't be loaded now can't be loaded then: that call is denied, and its entry says why.
        with contextlib.suppress(Exception):
            step()
        await asyncio.sleep(PAUSE)


def _steps(parts: Parts) -> Iterator[Callable[[], object]]:
    for module in _MODULES:
        yield partial(importlib.import_module, module)
    yield parts.catalog.names  # looks for installed ones
    yield lambda: [rule.pattern for rule in RULES]
