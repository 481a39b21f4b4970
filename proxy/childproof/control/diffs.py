"""Worlds compared over the API: with another one, or with what they were."""

from dataclasses import dataclass
from typing import Any

from childproof.ledger import Ledger
from childproof.world import Comparison, Store

from . import comparing, messages, messages_record
from .desk import Desk
from .finding import call_number
from .operation import Answer, Asked, Operation
from .problems import Mistake, Problem
from .reader import reading


@dataclass(frozen=True, slots=True)
class Diffs:
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
            ),
        ]  # fmt: skip

    async def diff(self, asked: Asked) -> Answer:
        """GET /v1/worlds/{world}/diff: `a` is what it is compared with, `b` the world."""
        desk, query = self.desk, asked.query
        world = desk.known(asked.path["world"])
        if query.with_ is not None and query.at is not None:
            mistake = Mistake("?at", "`at` beside `with`", "one of them")
            raise Problem(
                422, "invalid", "a world is compared with another one, or with its own past", mistakes=[mistake]
            )
        if query.with_ is not None:
            other, at = desk.known(query.with_), None
        else:
            other = world
            at = call_number(desk, world, query.at, "?at") if query.at is not None else desk.store.branch(world).base
        sides: dict[str, Any] = {}

        def compared(store: Store, ledger: Ledger) -> tuple[Comparison, list[str]]:
            found = store.compare(other, world, at=at)
            sides.update(comparing.effects_of(ledger, found, past=at is not None))
            return found, sorted({name for name in (other, world) if store.unrecorded(name, found.base)})

        found, unrecorded = await reading(desk, world, compared)
        words = comparing.worded(desk.engine.catalog, sides)
        return Answer({**comparing.values(found, words), "unrecorded": unrecorded})
