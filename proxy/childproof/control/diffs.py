"""Worlds compared over the API: with another one, or with what they were."""

from typing import Any

import msgspec

from childproof.ledger import Ledger
from childproof.world import Comparison, Store

from . import comparing, messages, messages_record
from .desk import Desk
from .finding import call_number
from .operation import Answer, Asked, Operation
from .reader import reading


class Diffs(msgspec.Struct, frozen=True):
    """The operation, over a desk."""

    desk: Desk

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation(
                "GET", "/v1/worlds/{world}/diff", "diffWorld",
                "What a world holds and did otherwise than another one, or than it did itself at a call; by default since it began",
                self.diff, query=messages_record.DiffQuery, answer=messages.Json,
                problems={404: "no such world", 409: "no such call, or too many calls for a store in memory"},
                about="`a` is what it is compared with, `b` the world itself; the keys stand in docs/worlds.md. With `with` and `at` "
                "it is compared with what the other one was after that call.",
            ),
        ]  # fmt: skip

    async def diff(self, asked: Asked) -> Answer:
        """GET /v1/worlds/{world}/diff: `a` is what it is compared with, `b` the world."""
        desk, query = self.desk, asked.query
        world = desk.known(asked.path["world"])
        other = world if query.with_ is None else desk.known(query.with_, "?with")
        at = None if query.at is None else call_number(desk, other, query.at, "?at")
        if query.at is None and query.with_ is None:
            at = desk.store.branch(world).base
        sides: dict[str, Any] = {}

        def compared(store: Store, ledger: Ledger) -> tuple[Comparison, list[str]]:
            found = store.compare(other, world, at=at)
            sides.update(comparing.effects_of(ledger, found, at=at))
            return found, sorted({name for name in (other, world) if store.unrecorded(name, found.base)})

        found, unrecorded = await reading(desk, world, compared)
        words = comparing.worded(desk.engine.catalog, sides)
        return Answer({**comparing.values(found, words), "unrecorded": unrecorded})
