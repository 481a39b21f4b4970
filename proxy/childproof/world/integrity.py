"""Whether a file holds together, and what in it nobody needs any more. Neither ever touches what a branch can read."""

import sqlite3
from collections.abc import Iterator

import msgspec

from childproof.errors import StoreError

from .database import Database
from .lineage import Record, prune

# What no branch can read: rows of worlds that aren't there, and of calls that were never made.
_LOST = """
SELECT count(*) FROM version WHERE world NOT IN (SELECT id FROM world);
SELECT count(*) FROM step WHERE world NOT IN (SELECT id FROM world);
SELECT count(*) FROM label WHERE world NOT IN (SELECT id FROM world)
"""
_PARENTS = """
SELECT w.name, p.name IS NULL, w.base, coalesce((SELECT max(seq) FROM step WHERE world = p.id), p.base), p.base
FROM world w LEFT JOIN world p ON p.id = w.parent WHERE w.parent IS NOT NULL
"""
_AHEAD = """
SELECT w.name, v.last FROM (SELECT world, max(seq) AS last FROM version GROUP BY world) v JOIN world w ON w.id = v.world
WHERE v.last > max(w.base, coalesce((SELECT max(seq) FROM step WHERE world = w.id), 0))
"""
_NO_JSON = "SELECT count(*) FROM version WHERE value IS NOT NULL AND NOT json_valid(value)"
_FOLDING_MS = 1_000
_CLOCK = "SELECT value FROM version WHERE collection = ? AND id = 'clock'"


class Compacted(msgspec.Struct, frozen=True):
    """What compaction came to: how many nameless branches went, and the file's bytes before and after."""

    branches: int
    before: int
    after: int


def findings(database: Database) -> Iterator[str]:
    """What is wrong with a file, in words; nothing where it is sound. Reads all of it. Within a transaction."""
    connection = database.connection
    for (text,) in connection.execute("PRAGMA integrity_check(20)").fetchall():
        if text != "ok":
            yield f"the database is damaged: {text}"
            return  # what else is read now means little
    for statement in _LOST.split(";"):
        count = connection.execute(statement).fetchone()[0]
        if count:
            table = statement.split("FROM ")[1].split()[0]
            yield f"{count:,} rows of {table} belong to no world"
    for name, missing, base, last, first in connection.execute(_PARENTS).fetchall():
        if missing:
            yield f"world {name} has lost its parent"
        elif not first <= base <= last:
            yield f"world {name} was forked after call {base}, of which its parent has none"
    for name, seq in connection.execute(_AHEAD).fetchall():
        yield f"world {name} holds something of call {seq}, which was never made"
    count = connection.execute(_NO_JSON).fetchone()[0]
    if count:
        yield f"{count:,} entities are no JSON"
    yield from _clocks(database)


def _clocks(database: Database) -> Iterator[str]:
    number = database.collection("_clock", "clock")
    roots = database.connection.execute("SELECT id, name, base FROM world WHERE parent IS NULL").fetchall()
    for world, name, base in roots:
        found = database.connection.execute(f"{_CLOCK} AND world = ? AND seq <= ?", (number, world, base)).fetchone()
        try:
            good = found is not None and isinstance(msgspec.json.decode(found[0]), dict)
        except msgspec.DecodeError:
            good = False
        if not good:
            yield f"world {name} has lost its clock"


def compact(database: Database, record: Record | None) -> Compacted:
    """Drop what nobody needs and give the space back to the disk. Refused for a file that isn't sound.

    Works beside other processes, which wait meanwhile.
    """
    connection = database.connection
    before = _size(database)
    with database.transaction(write=False):  # nobody waits while all of it is read
        wrong = list(findings(database))
    if wrong:
        raise StoreError(f"{database.path} isn't sound, and was left alone: {'; '.join(wrong)}")
    with database.transaction(write=True):
        branches = prune(connection, record)
        database.forget()
    with database.alone():
        connection.execute("VACUUM")
        _fold(connection)
    return Compacted(branches, before, _size(database))


def _fold(connection: sqlite3.Connection) -> None:
    """Bring the log back into the file. Writers wait for readers to be done meanwhile: so only for a moment."""
    patient = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute(f"PRAGMA busy_timeout = {min(patient, _FOLDING_MS)}")
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # what can be done beside readers
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patient}")


def _size(database: Database) -> int:
    with database.reading():
        pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
        return int(pages) * int(database.connection.execute("PRAGMA page_size").fetchone()[0])
