"""What the API's operations work with: the same store, ledger and engine that calls are judged by, in their loop."""

from collections.abc import Callable
from dataclasses import dataclass

from childproof.engine import Engine
from childproof.ledger import Ledger
from childproof.world import Store

from .problems import Problem, not_found


@dataclass(frozen=True, slots=True)
class Desk:
    """`wall` is real time in unix milliseconds, `say` is told of what goes wrong of our own."""

    store: Store
    ledger: Ledger
    engine: Engine
    wall: Callable[[], int]
    say: Callable[[str], None]

    def known(self, written: str) -> str:
        """The name of a world that a path names. Raises Problem where there is none."""
        name = written.replace(":", "/")
        if name not in self.store.names():
            raise not_found(f"the world {name!r}", "GET /v1/worlds lists them")
        return name

    def free(self, name: str) -> None:
        """Raise Problem where a world of this name is there already."""
        if name in self.store.names():
            raise Problem(409, "exists", f"the world {name!r} is there already; take another name, or delete it first")
