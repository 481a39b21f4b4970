"""One branch: its place among the others, its clock, and the ways to read and change it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from childproof.errors import AskedError, StoreError, WorldGoneError

from . import versions
from .clock import Clock, ClockSettings
from .database import Database
from .roll import Roll
from .schedule import DUE, KIND, QUEUE, SERVICE, Agenda
from .snapshot import EVERYTHING, Snapshot
from .transaction import Transaction

MOST_ROLLS = 16  # in one file, of all its worlds

_LINEAGE = """
WITH RECURSIVE line(branch, last, base, seed, parent, depth) AS (
  SELECT id, ?, base, seed, parent, 0 FROM world WHERE id = ? AND name = ?
  UNION ALL
  SELECT w.id, min(line.last, line.base), w.base, w.seed, w.parent, depth + 1
  FROM line JOIN world w ON w.id = line.parent
)
SELECT branch, last, base, seed FROM line ORDER BY depth
"""


class Head(msgspec.Struct, frozen=True):
    """Where a world stands: its last call, its clock, and the branches its state is read from."""

    seq: int
    clock: Clock
    seed: int
    lineage: versions.Lineage
    starts: tuple[int, ...]  # of each branch in the lineage, the call it starts after


class World:
    """A branch of history, by name. Made by the store; cheap to keep, so thousands may be open at once."""

    def __init__(self, database: Database, id: int, name: str) -> None:  # noqa: A002 - the design's word
        self.id = id
        self.name = name
        self._database = database
        self._head: Head | None = None
        self._agendas: dict[tuple[str, str], Agenda] = {}
        self._generation = -1
        self.kept: set[tuple[int, str]] = set()  # entities that are stored and stay, by collection and id

    def transaction(self) -> Transaction:
        """The next call: `with world.transaction() as tx: …`. Calls of one store are serialised, over threads too."""
        return Transaction(self._database, self)

    @contextmanager
    def view(self, *, at: int | None = None) -> Iterator[Snapshot]:
        """Read the world as it is, or as it was after call `at`. Works on a read-only store, while others write.

        Raises StoreError for a call that hasn't happened.
        """
        with self._database.transaction(write=False):
            last = self.head().seq
            if at is not None:
                self.check_call(at)
            yield self._snapshot(last if at is None else at)

    @property
    def seed(self) -> int:
        """What the world's randomness follows from."""
        return self._looked_up().seed

    @property
    def seq(self) -> int:
        """The number of the last call; 0 where there was none."""
        return self._looked_up().seq

    @property
    def clock(self) -> ClockSettings:
        """How time passes in this world."""
        return self._looked_up().clock.settings

    def stirred_since(self, seq: int) -> bool:
        """Whether there was a call after this one, or there is work to be done by now. Costs next to nothing."""
        with self._database.reading():
            head = self.head()
            return head.seq > seq or bool(self.agenda().first(head.clock.now(head.seq, self._database.wall())))

    def waiting(self) -> tuple[int, int]:
        """How many jobs are scheduled, and how many webhooks are to be sent. Costs next to nothing."""
        with self._database.reading():
            return len(self.agenda()), len(self.agenda(QUEUE, DUE))

    def set_clock(self, settings: ClockSettings) -> None:
        """Let time pass otherwise from now on. Counts as a call of the world, so that it has a place in its history."""
        with self.transaction() as tx:
            tx.set_clock(settings)

    # --- for the store and its transactions, within an open database transaction

    def head(self) -> Head:
        """Where the world stands; read from the file only after something else has written there."""
        if self._generation != self._database.generation:
            self._head = None
            self._agendas.clear()
            self.kept.clear()
            self._generation = self._database.generation
        if self._head is None:
            self._head = self._read_head()
        return self._head

    def check_call(self, seq: int) -> None:
        """Raises StoreError for a call that hasn't happened, or whose state isn't known: it came before an import."""
        head = self.head()
        if seq in (head.starts[-1], head.seq):  # what a world begins with is no call
            return
        branch = next((branch for branch, start in self.branches() if seq > start), None)
        made = "SELECT 1 FROM step WHERE world = ? AND seq = ?"
        if seq > head.seq or not self._database.connection.execute(made, (branch, seq)).fetchone():
            known = "; those before an import aren't known" if 0 < seq < head.seq else ""
            raise AskedError(f"world {self.name} has no call {seq}; its last one is {head.seq}{known}")

    def branches(self) -> list[tuple[int, int]]:
        """The world and those it was forked from, nearest first, each with the call that it starts after."""
        head = self.head()
        return [(branch, start) for (branch, _), start in zip(head.lineage, head.starts, strict=True)]

    def agenda(self, service: str = SERVICE, kind: str = KIND) -> Agenda:
        """What is scheduled, as the last call left it: jobs, or whatever else has a time `at`."""
        head = self.head()  # which forgets what another process has changed
        if (service, kind) not in self._agendas:
            items = self._snapshot(head.seq).items(service, kind)
            self._agendas[service, kind] = Agenda((entity, value["at"]) for entity, value in items)
        return self._agendas[service, kind]

    def roll(self, collection: int, paths: Sequence[str]) -> Roll | None:
        """A large collection's roll as the last call left it, with these columns; None where nobody wanted one."""
        rolls = self._database.rolls
        if (self.id, collection) not in rolls:
            return None
        head = self.head()

        def rows() -> Iterator[versions.Item]:
            return versions.walk(
                self._database.connection, _bounded(head.lineage, head.seq), collection, EVERYTHING, newest_first=False
            )

        found = rolls.pop((self.id, collection)) or Roll(rows())
        rolls[self.id, collection] = found  # the last one that was asked for
        found.learn(paths, rows)
        return found

    def want_roll(self, collection: int) -> None:
        """Have a roll from the next list on, in place of the one that nobody has asked for the longest."""
        rolls = self._database.rolls
        rolls.setdefault((self.id, collection), None)
        while len(rolls) > MOST_ROLLS:
            del rolls[next(iter(rolls))]

    def follow(self, written: Mapping[int, Mapping[str, versions.Row]]) -> None:
        """Told by a committed call what it wrote, by collection."""
        rolls = self._database.rolls
        if rolls:
            for collection, rows in written.items():
                roll = rolls.get((self.id, collection))
                if roll is not None:
                    roll.apply(rows)

    def advance(self, seq: int, clock: Clock | None, changed: Callable[[str, str], Mapping[str, versions.Row]]) -> None:
        """Told by a committed call what of it is remembered here: its number, a new clock, what it scheduled and did."""
        head = self._head
        if head is not None:
            self._head = Head(seq, clock or head.clock, head.seed, head.lineage, head.starts)
        for (service, kind), agenda in self._agendas.items():
            agenda.apply(changed(service, kind))

    # --- within

    def _looked_up(self) -> Head:
        with self._database.reading():
            return self.head()

    def _snapshot(self, seq: int) -> Snapshot:
        head = self.head()
        clock = head.clock if seq == head.seq else self._clock(head.lineage, seq)
        lineage = _bounded(head.lineage, seq)
        return Snapshot(self._database, self.name, lineage, seq, now=clock.now(seq, self._database.wall()))

    def _read_head(self) -> Head:
        connection = self._database.connection
        rows = connection.execute(_LINEAGE, (versions.FOREVER, self.id, self.name)).fetchall()
        if not rows:
            raise WorldGoneError(f"{self._database.path}: the world {self.name} is gone; somebody deleted it")
        lineage = tuple((int(branch), int(last)) for branch, last, _, _ in rows)
        starts = tuple(int(base) for _, _, base, _ in rows)
        last = connection.execute("SELECT max(seq) FROM step WHERE world = ?", (self.id,)).fetchone()[0]
        seq = starts[0] if last is None else int(last)
        return Head(seq, self._clock(lineage, seq), int(rows[0][3]), lineage, starts)

    def _clock(self, lineage: versions.Lineage, seq: int) -> Clock:
        database = self._database
        collection = database.collection("_clock", "clock")
        row = None
        if collection is not None:
            row = versions.current(database.connection, _bounded(lineage, seq), collection, "clock")
        if row is None or row[1] is None:
            raise StoreError(f"{database.path}: the world {self.name} has lost its clock; restore a copy of the file")
        return Clock.from_json(msgspec.json.decode(row[1]))


def _bounded(lineage: versions.Lineage, seq: int) -> versions.Lineage:
    """A lineage cut after call `seq`, which may lie before a fork."""
    return tuple((branch, min(last, seq)) for branch, last in lineage)
