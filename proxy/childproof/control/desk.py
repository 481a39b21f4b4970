"""What the API's operations work with: the same store, ledger and engine that calls are judged by, in their loop."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from childproof.engine import Engine
from childproof.errors import ChildproofError, InputError
from childproof.ledger import Ledger
from childproof.world import Store, checked_name

from .aside import aside
from .problems import Mistake, Problem, ended, not_found, of_input

Report = Callable[[Store, Ledger, str], dict[str, Any]]
State = Callable[[], tuple[int, dict[str, Any]]]


def _unknown() -> tuple[int, dict[str, Any]]:
    return 200, {"status": "alive"}


def _unreported(store: Store, ledger: Ledger, world: str) -> dict[str, Any]:  # noqa: ARG001
    return {"version": 1, "world": world}


class Desk(msgspec.Struct, frozen=True):
    """`wall` is real time in unix milliseconds, `say` is told of what goes wrong of our own.

    `report` gives a world's report as JSON values, `alive` and `ready` a status and what is known; `closing` is set at the end.
    `stirred` is told of a world in which time has passed; `stopping` is true from when the end was asked for.
    """

    store: Store
    ledger: Ledger
    engine: Engine
    wall: Callable[[], int]
    say: Callable[[str], None]
    report: Report = _unreported
    alive: State = _unknown
    ready: State = _unknown
    closing: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    stirred: Callable[[str], None] = lambda _: None
    stopping: Callable[[], bool] = lambda: False
    rooms: dict[int, asyncio.Semaphore] = msgspec.field(default_factory=dict)

    def room(self, size: int) -> asyncio.Semaphore:
        """So many at once, of what takes long."""
        return self.rooms.setdefault(size, asyncio.Semaphore(size))

    async def aside[T](self, work: Callable[[], T]) -> T:
        """What `work` gives or raises, in a thread. Raises Problem where the server ends meanwhile: it doesn't wait for that."""
        if not self.closing.is_set():
            working = asyncio.ensure_future(aside(work, "childproof-control"))
            closing = asyncio.ensure_future(self.closing.wait())
            try:
                await asyncio.wait((working, closing), return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    return working.result()
            finally:
                closing.cancel()
                working.cancel()
        raise ended()

    def known(self, written: str, pointer: str = "", hint: str = "GET /v1/worlds lists them") -> str:
        """The name of a world that a path names, or a field at `pointer`. Raises Problem, with the hint, where there is none."""
        name = written.replace(":", "/")
        if not self.there(name):
            raise not_found("world", name, hint, pointer=pointer)
        return name

    def there(self, name: str) -> bool:
        """Whether there is a world of this name."""
        if name.startswith("~"):
            return False
        try:
            self.store.known(name)
        except ChildproofError:
            return False
        return True

    def free(self, name: str, pointer: str = "/name") -> None:
        """Raise Problem where a world of this name, which stands at `pointer`, is there already, or where it is no name."""
        try:
            checked_name(name)
        except InputError as error:
            raise of_input(error, pointer) from None
        if self.there(name):
            mistake = Mistake(pointer, repr(name), "a name that isn't taken")
            detail = f"the world {name!r} is there already; take another name, or delete it first"
            raise Problem(409, "exists", detail, mistakes=[mistake])
