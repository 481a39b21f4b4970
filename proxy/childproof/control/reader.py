"""Long reading beside the calls: in a thread, with a store of its own that only reads, so that no call waits for it.

A store in memory has no second reader; there the loop does it, and what would take too long is refused.
"""

from collections.abc import Callable

from childproof.ledger import Ledger
from childproof.world import Store

from .desk import Desk
from .problems import Problem

MOST_IN_MEMORY = 20_000  # calls of a world whose store is in memory: about a second's reading
_AT_ONCE = 2  # such threads: more of them would only take turns


async def reading[T](desk: Desk, world: str, work: Callable[[Store, Ledger], T]) -> T:
    """What `work` makes of the store and the ledger. Raises what it raises, and Problem where that can't be done."""
    if desk.store.path in ("", ":memory:"):
        if desk.store.world(world).seq > MOST_IN_MEMORY:
            raise Problem(
                409, "too_large", f"the world {world!r} has more than {MOST_IN_MEMORY} calls, in a store that is only in memory; "
                "all other calls would wait. Serve from a file (`store:`)",
            )  # fmt: skip
        return work(desk.store, desk.ledger)

    def within() -> T:
        with Store.open(desk.store.path, wall=desk.wall, readonly=True) as store:
            return work(store, Ledger(store.connection, lock=store.lock))

    async with desk.room(_AT_ONCE):
        return await desk.aside(within)
