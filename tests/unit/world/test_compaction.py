"""Compaction after whatever happened to worlds: every branch sees what it saw, at every call, and the space is free."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from childproof.errors import StoreError
from childproof.ledger import Ledger, record
from childproof.world import ClockSettings, Store
from tests.unit.ledger.conftest import make_entry

NAMES = ("main", "a", "a/b", "c", "c/d")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("call", "call", "fork", "fork", "reset", "delete", "import", "gc")), st.integers(0, 10**6)
    ),
    min_size=4,
    max_size=25,
)


@dataclass
class Book:
    """A store with a ledger, and random things to do to them."""

    store: Store
    ledger: Ledger
    bodies: list[bytes] = field(default_factory=list)

    def call(self, name: str, random: Random) -> None:
        """Change some entities, one of them large, with an entry whose body may be another one's too."""
        self.bodies.append(random.randbytes(6000).hex().encode())
        body = random.choice(self.bodies[-3:])
        with self.store.world(name).transaction() as tx:
            for _ in range(random.randrange(1, 4)):
                tx.put("s", random.choice("kl"), f"id{random.randrange(6)}", {"seq": tx.seq, "text": "x" * 3000})
            if random.random() < 0.3:
                tx.delete("s", "k", f"id{random.randrange(6)}")
            tx.counter("s", "calls")
            if random.random() < 0.4:
                tx.schedule(tx.now() + 1000, "s", "later", {"seq": tx.seq})
            entry = make_entry(name, tx.seq, reply=record((), body), changes=tx.changes)
            self.ledger.append(entry)

    def take(self, what: str, number: int) -> None:
        """One step; what isn't possible just now is left out."""
        random = Random(number)
        there = self.store.names()
        name, other = random.choice(there), random.choice(NAMES)
        try:
            match what:
                case "call":
                    for _ in range(random.randrange(1, 5)):
                        self.call(name, random)
                case "fork":
                    self.store.fork(name, other, at=random.randrange(self.store.world(name).seq + 1))
                case "reset":
                    self.store.reset(name, record=self.ledger)
                case "delete" if len(there) > 1:
                    self.store.delete(name, with_children=random.random() < 0.5, record=self.ledger)
                case "import":
                    self.store.load(self.store.export(name), other)
                case "gc":
                    self.compact()
                case _:
                    pass
        except StoreError:
            assert what in ("fork", "import", "delete")  # a name that is taken, a past that is needed or isn't known
        if not self.store.names():
            self.store.create("main", clock=ClockSettings(0, "step"))

    def seen(self) -> dict[str, Any]:
        """Everything that can be read of each world: as a file, at every call of its past, and its record."""
        return {name: self._seen(name) for name in self.store.names()}

    def _seen(self, name: str) -> tuple[Any, ...]:
        pasts = []
        for seq in range(self.store.world(name).seq + 1):
            try:
                with self.store.world(name).view(at=seq) as then:
                    pasts.append({kind: then.items(*kind) for kind in then.kinds()})
            except StoreError:
                pasts.append({})  # before an import
        record = [(entry.seq, entry.changes, entry.reply) for entry in self.ledger.entries(world=name)]
        return self.store.export(name), pasts, record, self.store.branch(name)

    def compact(self) -> None:
        before = self.seen()
        done = self.store.compact(record=self.ledger)
        assert self.seen() == before
        assert done.after <= done.before
        assert self.store.check() == self.ledger.check() == []


@contextmanager
def opened(path: Path) -> Iterator[Book]:
    with Store.open(path, wall=lambda: 0) as store:
        store.ensure("main", clock=ClockSettings(0, "step"))
        yield Book(store, Ledger(store.connection, lock=store.lock))


@given(STEPS)
@settings(max_examples=40)
def test_compaction_changes_nothing_that_any_branch_can_see(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder, opened(Path(folder) / "worlds.db") as book:
        for what, number in steps:
            book.take(what, number)
        book.compact()
        for name in book.store.names():  # and each goes on
            book.call(name, Random(1))
        assert book.store.check() == book.ledger.check() == []


@given(STEPS)
@settings(max_examples=15)
def test_what_is_deleted_leaves_nothing_behind(steps: list[tuple[str, int]]) -> None:
    """Whatever forks and resets there were: with the last world, its rows, entries and bodies are gone, and the space is."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "worlds.db"
        with opened(path) as book:
            for what, number in steps:
                book.take(what, number)
            for name in [one for one in book.store.branches() if one.parent is None]:
                book.store.delete(name.name, with_children=True, record=book.ledger)
            assert book.store.names() == []
            book.store.compact(record=book.ledger)
            for table in ("world", "version", "step", "label", "entry", "settlement", "blob", "blob_use"):
                count = book.store.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                assert (table, count) == (table, 0)
        with opened(Path(folder) / "fresh.db"):
            pass
        assert path.stat().st_size <= (Path(folder) / "fresh.db").stat().st_size + 5 * 4096  # indexes of fields stay
