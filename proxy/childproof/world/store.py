"""The store: one SQLite file (or memory) with any number of worlds."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from childproof.errors import InputError, StoreError

from .clock import REAL, Clock, ClockSettings
from .database import Database
from .versions import INSERT, ordinal_of
from .world import World

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){0,9}")


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

    def names(self) -> list[str]:
        """All worlds, sorted."""
        with self._database.reading():
            return [str(name) for (name,) in self.connection.execute("SELECT name FROM world ORDER BY name")]

    def world(self, name: str) -> World:
        """A world by name. Raises StoreError, naming those there are, where it doesn't exist."""
        with self._database.reading():
            found = self._find(name)
        if found is None:
            names = ", ".join(self.names()) or "none yet"
            raise StoreError(f"{self.path} has no world {name!r}; it has: {names}")
        return found

    def create(self, name: str, *, seed: int = 0, clock: ClockSettings = REAL) -> World:
        """A new, empty world. Raises StoreError where the name is taken, InputError where it is no name."""
        with self._database.transaction(write=True):
            self._check_new(name)
            return self._create(name, seed, clock)

    def ensure(self, name: str, *, seed: int = 0, clock: ClockSettings = REAL) -> World:
        """The world of this name, made where there is none; an existing one keeps its seed and clock."""
        with self._database.reading():
            found = self._find(name)
        if found is not None:
            return found
        with self._database.transaction(write=True):
            return self._find(name) or self._create(_check_name(name), seed, clock)

    def fork(self, source: str, name: str, *, at: int | None = None) -> World:
        """A new world that shares the source's history up to call `at` (its last one). Costs one row, whatever the size.

        Raises StoreError for an unknown source, a call that hasn't happened, or a name that is taken.
        """
        origin = self.world(source)
        with self._database.transaction(write=True):
            self._check_new(name)
            last = origin.head().seq
            base = last if at is None else at
            if not 0 <= base <= last:
                raise StoreError(f"world {source} has no call {base}; its last one is {last}")
            # The branch that made call `base` is the parent: unchanged branches in between would only cost reads.
            parent = next(branch for branch, start in origin.branches() if base > start or start == 0)
            self._insert(name, origin.head().seed, parent, base)
            return self._made(name)

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
        _check_name(name)
        if self._find(name) is not None:
            raise StoreError(f"{self.path} has a world {name!r} already; choose another name")

    def _create(self, name: str, seed: int, settings: ClockSettings) -> World:
        number = self._insert(name, seed, None, 0)
        clock = Clock(settings, self._database.wall(), 0)
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


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InputError.single(
            "--world",
            f"{name!r} is no name for a world",
            "letters, digits, `_`, `-` and `.`, with `/` between parts",
            re.sub(r"[^A-Za-z0-9_./-]+", "-", name).strip("/.-") or "main",
        )
    return name
