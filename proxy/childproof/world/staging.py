"""A world made aside: its past is played in a private file, and what that came to becomes the base of a new world.

Nobody sees it before it is whole, and the file that it goes to is locked only while the finished rows are copied.
"""

from collections.abc import Container, Iterator
from hashlib import blake2b
from random import Random
from types import TracebackType
from typing import Any, Self

import msgspec

from childproof.errors import AskedError

from . import randomness, versions
from .clock import ClockSettings
from .database import Database
from .exporting import CLOCK
from .schedule import KIND, SERVICE, Job
from .snapshot import EVERYTHING
from .store import Store
from .transaction import Transaction
from .world import World

_PRIVATE = ""  # SQLite's name for a file that it deletes itself and that has no name
# The row with the greatest number is the one whose value counts (sqlite.org/lang_select.html, bare columns).
_IDS = "SELECT id, max(seq), value IS NULL FROM version WHERE world = ? AND collection = ? GROUP BY id"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Moment(Transaction):
    """A call of the past, at a time of its own. Randomness asked for twice differs, as if each were another call's."""

    def __init__(self, stage: "Stage", database: Database, world: World, at: int) -> None:
        super().__init__(database, world)
        self._stage = stage
        self._at = at
        self._asked = 0

    def __enter__(self) -> Self:
        super().__enter__()
        self._now = self._at
        return self

    def go(self, at: int) -> None:
        """Be at another time from here on, earlier or later."""
        self._now = at

    def random(self, purpose: str) -> Random:
        """As a call's, but another generator at each use: many entities are made in one moment."""
        self._asked += 1
        return randomness.generator(self.seed, self.seq, f"{purpose}\x1f{self._asked}")

    def schedule(self, at: int, service: str, job: str, payload: dict[str, Any]) -> str:
        """As a call's; the jobs of a world's beginning are numbered through, as those of its call 0."""
        self._stage.jobs += 1
        job_id = f"job_0_{self._stage.jobs}"
        self.put(SERVICE, KIND, job_id, Job(job_id, at, service, job, payload).to_json())
        return job_id


class Stage:
    """A world in the making. A context manager: what `Store.plant` hasn't taken by its end is gone.

    `seed` is the seed of the world to be; `start` its first call's time; the services in `without` aren't taken over.
    Raises StoreError where a temporary file can't be written.
    """

    def __init__(self, seed: int, start: int, *, without: Container[str] = ()) -> None:
        self.jobs = 0
        self._without = without
        self._database = Database(_PRIVATE, lambda: start, readonly=False)
        # Another seed than the world's: its calls, numbered from 1 again, must not get the same ids.
        apart = int.from_bytes(blake2b(f"{seed}\x1fseeds".encode(), digest_size=7).digest())
        self._database.path = "the temporary file of a world in the making"
        # Nothing of it is ever read again after a failure, so nothing is written twice.
        self._database.connection.execute("PRAGMA journal_mode = OFF")
        self._world = Store(self._database).create("stage", seed=apart, clock=ClockSettings(start, "frozen"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._database.close()

    def moment(self, at: int) -> Moment:
        """A call at a time (unix milliseconds): `with stage.moment(at) as tx: …`. Times may go back, order doesn't."""
        return Moment(self, self._database, self._world, at)

    def kinds(self) -> list[tuple[str, str]]:
        """Every service and kind of entity, internal ones too, sorted."""
        with self._database.reading():
            return sorted(self._database.collections())

    def entities(self, service: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Entities with their ids, in order of creation; read one by one, so that any number fits into memory."""
        for entity, raw in self.rows(service, kind):
            yield entity, _decode(raw)

    def ids(self, service: str, kind: str) -> set[str]:
        """The ids of a kind of entity."""
        with self._database.reading():
            collection = self._database.collection(service, kind)
            rows = self._database.connection.execute(_IDS, (self._world.id, collection)).fetchall()
        return {entity for entity, _, gone in rows if not gone}

    def rows(self, service: str, kind: str) -> Iterator[tuple[str, str]]:
        """Entities as they are stored: ids and JSON texts, in order of creation."""
        with self._database.reading():
            collection = self._database.collection(service, kind)
            lineage = self._world.head().lineage
        if collection is None:
            return
        walk = versions.walk(self._database.connection, lineage, collection, EVERYTHING, newest_first=False)
        for _, entity, raw in walk:
            if raw is not None:
                yield entity, raw

    def copy(self, database: Database, world: int) -> None:
        """Write everything to the base of a new world, the clock aside, which that world has. Within a transaction.

        Raises StoreError for more entities of a kind than a world's base can hold.
        """
        for service, kind in self.kinds():
            if service in self._without:
                continue
            number = database.intern(service, kind)
            rows = (
                (world, number, entity, 0, _ordinal(kind, place), 1, raw)
                for place, (entity, raw) in enumerate(self.rows(service, kind))
                if (service, kind, entity) != CLOCK
            )
            database.connection.executemany(versions.INSERT, rows)


def _ordinal(kind: str, place: int) -> int:
    if place >= versions.ordinal_of(1, 0):
        raise AskedError(f"{kind}: more than {versions.ordinal_of(1, 0):,} of one kind, which no world can begin with")
    return versions.ordinal_of(0, place)
