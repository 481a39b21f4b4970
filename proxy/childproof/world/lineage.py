"""Which world was forked from which, and the end of one: what it alone held goes, what a branch still needs stays.

A branch without a name (its row is called `~1`, `~2`, …) is the past of worlds whose parent was reset: nobody sees it,
and it goes with the last of them.
"""

import sqlite3
from collections.abc import Mapping
from typing import Protocol

import msgspec

from .database import Database


class Branch(msgspec.Struct, frozen=True):
    """A world's place. `base` is the call after which it left `parent` (0 and None for one that began empty).

    `calls` is the number of its last call, what it inherited included; `created` is real time, unix milliseconds.
    """

    name: str
    parent: str | None
    base: int
    calls: int
    seed: int
    created: int
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)


class Record(Protocol):
    """What else the file keeps of calls: the ledger. Both work within the transaction that is open."""

    def drop(self, branch: int, *, after: int) -> None:
        """Remove what is kept of a branch's calls after number `after`."""
        ...

    def hand_over(self, branch: int, to: int, *, after: int) -> None:
        """Give what is kept of a branch's calls after number `after` to another branch."""
        ...


_BRANCHES = """
SELECT w.id, w.name, w.seed, w.parent, w.base, w.created,
  coalesce((SELECT max(seq) FROM step WHERE world = w.id), w.base) FROM world w ORDER BY w.name
"""
_BRANCH = """
SELECT w.id, w.seed, w.parent, w.base, w.created,
  coalesce((SELECT max(seq) FROM step WHERE world = w.id), w.base) FROM world w WHERE w.name = ?
"""
_BELOW = """
WITH RECURSIVE below(id) AS (
  SELECT id FROM world WHERE parent = ? UNION ALL SELECT w.id FROM world w JOIN below ON w.parent = below.id
)
SELECT id FROM below
"""
_AS_OF = "SELECT max(seq) FROM step WHERE world = ? AND seq <= ? AND at <= ?"
_TABLES = ("version", "step")


def branches(connection: sqlite3.Connection) -> list[Branch]:
    """All worlds that have a name, by name."""
    rows = connection.execute(_BRANCHES).fetchall()
    parents = {number: (parent, name, base) for number, name, _, parent, base, _, _ in rows}
    labels: dict[int, dict[str, str]] = {}
    # A file of an older format that is only read has no such table.
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'label'").fetchone():
        for number, key, value in connection.execute("SELECT world, key, value FROM label ORDER BY key"):
            labels.setdefault(number, {})[key] = value
    found = []
    for number, name, seed, parent, base, created, calls in rows:
        if not name.startswith("~"):
            left, above = base, parent
            while above is not None and parents[above][1].startswith("~"):
                left, above = min(left, parents[above][2]), parents[above][0]
            shown = None if above is None else parents[above][1]
            found.append(Branch(name, shown, left, calls, seed, created, labels.get(number, {})))
    return found


def branch(connection: sqlite3.Connection, name: str) -> Branch | None:
    """One world, without looking at the others; None where there is none of this name."""
    row = connection.execute(_BRANCH, (name,)).fetchone()
    if row is None:
        return None
    number, seed, above, base, created, calls = row
    left, shown = base, None
    while above is not None and shown is None:
        known, further, start = connection.execute(
            "SELECT name, parent, base FROM world WHERE id = ?", (above,)
        ).fetchone()
        if known.startswith("~"):
            left, above = min(left, start), further
        else:
            shown = known
    labels: dict[str, str] = {}
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'label'").fetchone():
        found = "SELECT key, value FROM label WHERE world = ? ORDER BY key"
        labels = dict(connection.execute(found, (number,)).fetchall())
    return Branch(name, shown, left, calls, seed, created, labels)


def descendants(connection: sqlite3.Connection, world: int) -> list[str]:
    """The names of the worlds whose past includes this one, sorted."""
    below = [number for (number,) in connection.execute(_BELOW, (world,))]
    names = (connection.execute("SELECT name FROM world WHERE id = ?", (number,)).fetchone()[0] for number in below)
    return sorted(name for name in names if not name.startswith("~"))


def last_call(connection: sqlite3.Connection, line: list[tuple[int, int]], time: int) -> int | None:
    """The last call of a lineage that was made up to a time of the world; None where there was none."""
    for branch, last in line:
        found = connection.execute(_AS_OF, (branch, last, time)).fetchone()[0]
        if found is not None:
            return int(found)
    return None


def made_here(connection: sqlite3.Connection, line: list[tuple[int, int]], after: int) -> int:
    """How many calls of a lineage after number `after` this file tells of."""
    count = "SELECT count(*) FROM step WHERE world = ? AND seq > ? AND seq <= ?"
    return sum(int(connection.execute(count, (branch, after, last)).fetchone()[0]) for branch, last in line)


def set_labels(connection: sqlite3.Connection, world: int, labels: Mapping[str, str]) -> None:
    """Set each key; an empty value removes it."""
    for key, value in labels.items():
        if value:
            connection.execute("INSERT OR REPLACE INTO label(world, key, value) VALUES (?, ?, ?)", (world, key, value))
        else:
            connection.execute("DELETE FROM label WHERE world = ? AND key = ?", (world, key))


def delete(database: Database, world: int, record: Record | None) -> None:
    """Delete a world and all that were forked from it, then the nameless branches that nobody needs any more."""
    connection = database.connection
    for number in [world, *(number for (number,) in connection.execute(_BELOW, (world,)).fetchall())]:
        _remove(connection, number, record)
    prune(connection, record)


def prune(connection: sqlite3.Connection, record: Record | None) -> int:
    """Remove the nameless branches without children; how many there were."""
    unused = "SELECT id FROM world w WHERE name LIKE '~%' AND NOT EXISTS (SELECT 1 FROM world WHERE parent = w.id)"
    count = 0
    while rows := connection.execute(unused).fetchall():
        for (number,) in rows:
            _remove(connection, number, record)
            count += 1
    return count


def reset(database: Database, world: int, to: int, record: Record | None) -> None:
    """Take a world back to call `to`, its base or later. Its number stays, so that whoever has it open goes on from there."""
    connection = database.connection
    parent, base = connection.execute("SELECT parent, base FROM world WHERE id = ?", (world,)).fetchone()
    needed = connection.execute("SELECT max(base) FROM world WHERE parent = ?", (world,)).fetchone()[0] or 0
    if needed > to:
        _cut(connection, world, needed, record)
        if to > base:
            parent = world  # what it keeps is the past of those others, too
        elif parent is None:
            parent = _nameless(database, world, None, base)
            _move(connection, world, parent, -1, base, None)  # calls that a file was imported without
            connection.execute("UPDATE world SET parent = ? WHERE id = ?", (parent, world))
        past = _nameless(database, world, parent, to)
        _move(connection, world, past, to, needed, record)
        connection.execute("UPDATE world SET parent = ? WHERE parent = ? AND base > ?", (past, world, to))
    else:
        _cut(connection, world, to, record)
    prune(connection, record)


def _nameless(database: Database, like: int, parent: int | None, base: int) -> int:
    cursor = database.connection.execute(
        "INSERT INTO world(name, seed, parent, base, created) "
        "SELECT '~' || (SELECT max(id) + 1 FROM world), seed, ?, ?, ? FROM world WHERE id = ?",
        (parent, base, database.wall(), like),
    )
    number = cursor.lastrowid
    assert number is not None
    return number


def _move(  # noqa: PLR0917 - one statement's parameters
    connection: sqlite3.Connection, world: int, to: int, after: int, last: int, record: Record | None
) -> None:
    for table in _TABLES:
        connection.execute(
            f"UPDATE {table} SET world = ? WHERE world = ? AND seq > ? AND seq <= ?",  # noqa: S608 - our names
            (to, world, after, last),
        )
    if record is not None:
        record.hand_over(world, to, after=after)


def _cut(connection: sqlite3.Connection, world: int, after: int, record: Record | None) -> None:
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE world = ? AND seq > ?", (world, after))  # noqa: S608
    if record is not None:
        record.drop(world, after=after)


def _remove(connection: sqlite3.Connection, world: int, record: Record | None) -> None:
    _cut(connection, world, -1, record)
    connection.execute("DELETE FROM label WHERE world = ?", (world,))
    connection.execute("DELETE FROM world WHERE id = ?", (world,))
