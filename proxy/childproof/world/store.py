"""The store: one SQLite file (or memory) with any number of worlds."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from childproof.errors import AskedError, InputError, WorldGoneError

from . import exporting, importing, integrity, lineage
from .clock import REAL, Clock, ClockSettings
from .compare import Comparison, compare
from .database import Database
from .lineage import Branch, Record
from .versions import INSERT, ordinal_of
from .world import World

if TYPE_CHECKING:
    from .staging import Stage

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){0,9}"
NAMES = "letters, digits, `_`, `-` and `.`, with `/` between parts"


class Store:
    """All worlds of one file. Open it with `Store.open`; close it at the end. Every failure is a StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._worlds: dict[int, World] = {}
        self._by_name: dict[str, World] = {}
        self._generation = -1

    @classmethod
    def open(cls, path: str | Path, *, wall: Callable[[], int], readonly: bool = False) -> "Store":
        """Open a file, made where there is none, or ":memory:". `wall()` is the real time in unix milliseconds.

        A read-only store works beside a process that writes. Raises StoreError, naming the file and what to do.
        """
        return cls(Database(str(path), wall, readonly=readonly))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Everything that was answered is in it already."""
        self._database.close()

    @property
    def path(self) -> str:
        """The file, as it was named."""
        return self._database.path

    @property
    def connection(self) -> sqlite3.Connection:
        """For the ledger, which writes into the same transactions. To be used under `lock` alone."""
        return self._database.connection

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Held by a transaction from its beginning to its end."""
        return self._database.lock

    def prove_writable(self) -> None:
        """Write to the file, and change nothing. Raises StoreError where it can't be written: a full disk, read-only.

        Who holds the file for a moment makes it no less writable.
        """
        self._database.prove_writable()

    def when_stirred(self, told: Callable[[str], None] | None) -> None:
        """Have `told` called with a world's name once a call of this process has left something there to be sent."""
        self._database.stirred = told

    def names(self) -> list[str]:
        """All worlds, sorted."""
        with self._database.reading():
            named = "SELECT name FROM world WHERE name NOT LIKE '~%' ORDER BY name"
            return [str(name) for (name,) in self.connection.execute(named)]

    def in_use(self) -> list[World]:
        """The worlds that somebody of this process has asked for, as far as they are there still."""
        with self._database.reading():
            return [world for name, world in self._by_name.items() if self._find(name) is world]

    def world(self, name: str) -> World:
        """A world by name. Raises AskedError, naming those there are, where it doesn't exist."""
        with self._database.reading():
            found = self._find(name)
        if found is None:
            names = ", ".join(self.names()) or "none yet"
            raise AskedError(f"{self.path} has no world {name!r}; it has: {names}")
        return found

    def known(self, name: str) -> World:
        """A world that was there before. Raises WorldGoneError, which a sandbox may read: it names no other world."""
        with self._database.reading():
            found = self._find(name)
        if found is None:
            raise WorldGoneError(f"{self.path}: the world {name} is gone; somebody deleted it")
        return found

    def create(
        self, name: str, *, seed: int = 0, clock: ClockSettings = REAL, labels: Mapping[str, str] | None = None
    ) -> World:
        """A new, empty world. Raises StoreError where the name is taken, InputError where it is no name."""
        with self._database.transaction(write=True):
            self._check_new(name)
            made = self._create(name, seed, clock, wall=self._database.wall())
            lineage.set_labels(self.connection, made.id, labels or {})
            return made

    def plant(
        self,
        stage: "Stage",
        name: str,
        *,
        seed: int = 0,
        clock: ClockSettings = REAL,
        labels: Mapping[str, str] | None = None,
    ) -> World:
        """A new world that begins with what a stage holds, all of it or nothing. Raises as `create` does."""
        with self._database.transaction(write=True):
            self._check_new(name)
            # With a start of its own, time passes from the first call on, and not before.
            made = self._create(name, seed, clock, wall=None if clock.start is not None else self._database.wall())
            lineage.set_labels(self.connection, made.id, labels or {})
            stage.copy(self._database, made.id)
            return made

    def ensure(self, name: str, *, seed: int = 0, clock: ClockSettings = REAL) -> World:
        """The world of this name, made where there is none; an existing one keeps its seed and clock."""
        with self._database.reading():
            found = self._find(name)
        if found is not None:
            return found
        with self._database.transaction(write=True):
            return self._find(name) or self._create(checked_name(name), seed, clock, wall=self._database.wall())

    def fork(self, source: str, name: str, *, at: int | None = None, labels: Mapping[str, str] | None = None) -> World:
        """A new world that shares the source's history up to call `at` (its last one). Costs one row, whatever the size.

        Raises StoreError for an unknown source, a call that hasn't happened, or a name that is taken.
        """
        origin = self.world(source)
        with self._database.transaction(write=True):
            self._check_new(name)
            last = origin.head().seq
            base = last if at is None else at
            number = self._insert(name, origin.head().seed, self._parent(origin, base), base)
            lineage.set_labels(self.connection, number, labels or {})
            return self._made(name)

    # --- what there is, and an end to it

    def branches(self) -> list[Branch]:
        """All worlds with their places among each other, sorted by name."""
        with self._database.reading():
            return lineage.branches(self.connection)

    def branch(self, name: str) -> Branch:
        """One world's place among the others. Raises StoreError for an unknown one."""
        self.world(name)
        with self._database.reading():
            found = lineage.branch(self.connection, name)
        assert found is not None
        return found

    def call_at(self, name: str, time: int) -> int:
        """The last call that a world, or who it was forked from, made up to a time of the world (unix ms).

        Raises StoreError where there was none.
        """
        world = self.world(name)
        with self._database.reading():
            found = lineage.last_call(self.connection, list(world.head().lineage), time)
        if found is None:
            raise AskedError(f"world {name} had made no call at that time")
        return found

    def compare(self, a: str, b: str, *, at: int | None = None) -> Comparison:
        """What two worlds hold that the other doesn't; with `at`, what `a` held after that call.

        Raises StoreError for unknown worlds and calls.
        """
        first, second = self.world(a), self.world(b)
        with self._database.reading():
            if at is not None:
                first.check_call(at)
            return compare(self._database, first, second, at)

    def export(self, name: str, *, since_parent: bool = False) -> dict[str, Any]:
        """A world as the values of a world file. Raises StoreError for an unknown one, or one without the parent asked for."""
        world, branch = self.world(name), self.branch(name)
        parent = self.world(exporting.parent_of(branch)) if since_parent else None
        with self._database.reading():
            return exporting.export(self._database, world, branch, parent)

    def load(self, values: dict[str, Any], name: str) -> World:
        """A new world from the values of a world file (`worldfile.read`): the same state, and the same from there on.

        Raises StoreError where the name is taken, or the parent that it needs isn't there or is another.
        """
        above = values.get("parent", {"world": "", "call": 0})
        if above["world"] and above["world"] not in self.names():
            raise AskedError(
                f"the file holds what changed since call {above['call']} of world {above['world']}, which {self.path} "
                "hasn't got; import that first, or export all of the world, without --since-parent"
            )
        origin = self.world(above["world"]) if above["world"] else None
        base = above["call"]
        with self._database.transaction(write=True):
            self._check_new(name)
            line: list[tuple[int, int]] = []
            if origin is None:
                number = self._insert(name, values["seed"], None, values["calls"])
            else:
                number = self._insert(name, values["seed"], self._parent(origin, base), base)
                line = [(branch, min(last, base)) for branch, last in origin.head().lineage]
            importing.fill(self._database, number, values, line)
            lineage.set_labels(self.connection, number, values.get("metadata", {}))
            return self._made(name)

    def check(self) -> list[str]:
        """What is wrong with the file, in words; nothing where it is sound. Reads all of it."""
        with self._database.reading():
            return list(integrity.findings(self._database))

    def compact(self, *, record: Record | None) -> integrity.Compacted:
        """Drop what no world needs, and give the space back. Raises StoreError for a file that isn't sound, or in use."""
        return integrity.compact(self._database, record)

    def unrecorded(self, name: str, after: int) -> bool:
        """Whether a world has calls after number `after` that happened elsewhere: it, or its past, was imported."""
        world = self.world(name)
        with self._database.reading():
            head = world.head()
            return lineage.made_here(self.connection, list(head.lineage), after) < head.seq - after

    def label(self, name: str, labels: Mapping[str, str]) -> None:
        """Give a world metadata, or other values for what it has; an empty value removes a key."""
        world = self.world(name)
        with self._database.transaction(write=True):
            world.head()
            lineage.set_labels(self.connection, world.id, labels)

    def reset(self, name: str, *, at: int | None = None, record: Record | None) -> int:
        """Take a world back to after call `at`, by default to where it was forked from, or was made.

        How many calls are gone; `record`'s go with them. What worlds that were forked from a later call need of it stays
        with them. Raises StoreError for a call that it hasn't made itself: what it inherited is its parent's.
        """
        world = self.world(name)
        with self._database.transaction(write=True):
            head = world.head()
            base = head.starts[0]
            if at is not None and at != base:
                world.check_call(at)
                if at < base:
                    raise AskedError(
                        f"world {name} goes back to call {base} at most, where it began; for call {at} fork what it was "
                        "forked from"
                    )
            to = base if at is None else at
            lineage.reset(self._database, world.id, to, record)
            self._database.forget()
        return head.seq - to

    def delete(self, name: str, *, with_children: bool = False, record: Record | None) -> list[str]:
        """Delete a world with all that is recorded of it; the names of what was deleted.

        Raises StoreError where other worlds were forked from it, unless `with_children` takes them along.
        """
        world = self.world(name)
        with self._database.transaction(write=True):
            world.head()
            names = lineage.descendants(self.connection, world.id)
            if names and not with_children:
                some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
                raise AskedError(
                    f"{len(names)} world{'s' if len(names) != 1 else ''} forked from {name} would lose their past: "
                    f"{some}; delete them first, or all together with --with-children"
                )
            lineage.delete(self._database, world.id, record)
            self._database.forget()
        gone = [name, *names]
        # Numbers are never given again, so nobody would ask for these any more.
        self._by_name = {}
        self._worlds = {number: one for number, one in self._worlds.items() if one.name not in gone}
        return gone

    def _parent(self, origin: World, base: int) -> int:
        """The branch that made call `base` is the parent: unchanged branches in between would only cost reads."""
        branches = origin.branches()
        origin.check_call(base)
        return next((branch for branch, start in branches if base > start), branches[-1][0])

    def _find(self, name: str) -> World | None:
        if self._generation != self._database.generation:
            self._by_name = {}
            self._generation = self._database.generation
        known = self._by_name.get(name)
        if known is not None:
            return known
        row = self.connection.execute("SELECT id FROM world WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        # One object for each world, however long somebody holds it: it remembers the world's last call.
        found = self._worlds.get(row[0])
        if found is None or found.name != name:
            found = self._worlds[row[0]] = World(self._database, row[0], name)
        found.head()
        self._by_name[name] = found
        return found

    def _check_new(self, name: str) -> None:
        checked_name(name)
        if self._find(name) is not None:
            raise AskedError(f"{self.path} has a world {name!r} already; choose another name")

    def _create(self, name: str, seed: int, settings: ClockSettings, *, wall: int | None) -> World:
        number = self._insert(name, seed, None, 0)
        clock = Clock(settings, wall, 0)
        row = (number, self._database.intern("_clock", "clock"), "clock", 0, ordinal_of(0, 0), 1)
        self.connection.execute(INSERT, (*row, msgspec.json.encode(clock.to_json()).decode()))
        return self._made(name)

    def _insert(self, name: str, seed: int, parent: int | None, base: int) -> int:
        cursor = self.connection.execute(
            "INSERT INTO world(name, seed, parent, base, created) VALUES (?, ?, ?, ?, ?)",
            (name, seed, parent, base, self._database.wall()),
        )
        number = cursor.lastrowid
        assert number is not None
        return number

    def _made(self, name: str) -> World:
        found = self._find(name)
        assert found is not None
        return found


def checked_name(name: str, place: str = "--world") -> str:
    """A name that a world may have. Raises InputError, at `place`."""
    if not re.fullmatch(NAME, name):
        parts = (re.sub(r"[^A-Za-z0-9_.-]+", "-", part).strip(".-")[:100] for part in name.split("/"))
        raise InputError.single(
            place,
            f"{name!r} is no name for a world",
            NAMES,
            "/".join(list(filter(None, parts))[:10]) or "main",
        )
    return name
