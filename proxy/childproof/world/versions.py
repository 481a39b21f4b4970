"""Reading versioned rows along a lineage. SQL and nothing else: no caches, no JSON.

A lineage is a world's own branch and those it was forked from, nearest first, each with the last call that counts.
What a branch wrote hides what its parents have, a tombstone (a row without value) included.
"""

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache

from .where import expression, index_name

Lineage = Sequence[tuple[int, int]]  # (world, last call)
Row = tuple[int, str | None]  # (ordinal, value); no value: deleted
Item = tuple[int, str, str | None]  # (ordinal, id, value)
Between = tuple[int, int]  # ordinals, both excluded

FOREVER = 2**62
# An ordinal is the creating call's number and its place in that call, so that creations of a fork follow inherited ones.
PLACES = 20

_CURRENT = (
    "SELECT ordinal, value FROM version WHERE world = ? AND collection = ? AND id = ? AND seq <= ? "
    "ORDER BY seq DESC LIMIT 1"
)
_LAST = _CURRENT.replace("ordinal, value", "value").replace(" ORDER", " AND value IS NOT NULL ORDER")
_ROW = (
    "(SELECT row FROM version WHERE world = ? AND collection = ? AND id = b.id AND seq <= ? ORDER BY seq DESC LIMIT 1)"
)
INSERT = "INSERT INTO version(world, collection, id, seq, ordinal, first, value) VALUES (?, ?, ?, ?, ?, ?, ?)"


def ordinal_of(seq: int, place: int) -> int:
    """The ordinal of the entity that call `seq` creates in this place (0, 1, …)."""
    return (seq << PLACES) + place


def current(connection: sqlite3.Connection, lineage: Lineage, collection: int, entity: str) -> Row | None:
    """An entity's newest version, maybe a tombstone; None where it never was."""
    for world, last in lineage:
        row: Row | None = connection.execute(_CURRENT, (world, collection, entity, last)).fetchone()
        if row is not None:
            return row
    return None


def last_value(connection: sqlite3.Connection, lineage: Lineage, collection: int, entity: str) -> str | None:
    """What an entity was before it was deleted; None where it never was."""
    for world, last in lineage:
        row = connection.execute(_LAST, (world, collection, entity, last)).fetchone()
        if row is not None:
            return str(row[0])
    return None


def walk(
    connection: sqlite3.Connection, lineage: Lineage, collection: int, between: Between, *, newest_first: bool
) -> Iterator[Item]:
    """The entities with an ordinal in a range, in order of creation or against it.

    Reads lazily: whoever stops early has read only what was asked for.
    """
    low, high = between
    depths = range(len(lineage))
    for depth in depths if newest_first else reversed(depths):
        end = min(high, ordinal_of(lineage[depth][1] + 1, 0))
        if low + 1 >= end:
            continue
        visible = [number for branch, last in lineage[: depth + 1] for number in (branch, collection, last)]
        yield from connection.execute(
            _walk(depth, newest_first=newest_first), (*visible, lineage[depth][0], collection, low, end)
        )


def candidates(
    connection: sqlite3.Connection,
    lineage: Lineage,
    collection: int,
    equals: tuple[str, str | int],
    between: Between,
    *,
    newest_first: bool,
) -> Iterator[tuple[int, str]]:
    """Ordinals and ids of all entities that ever had this value, in order; by the field's index, which must exist.

    A caller has to check each against its current version.
    """
    path, wanted = equals
    statement = _candidates(collection, path, newest_first=newest_first)
    parts = [connection.execute(statement, (world, wanted, *between, last)) for world, last in lineage]
    before = None
    for item in heapq.merge(*parts, key=_ordinal, reverse=newest_first):
        if item != before:
            yield item
        before = item


def _ordinal(item: tuple[int, str]) -> int:
    return item[0]


@lru_cache(maxsize=256)
def _walk(depth: int, *, newest_first: bool) -> str:
    rows = [_ROW] * (depth + 1)
    while len(rows) > 1:  # SQLite's functions take at most 127 arguments
        rows = [f"coalesce({', '.join(rows[at : at + 100])}, NULL)" for at in range(0, len(rows), 100)]
    return (
        "SELECT b.ordinal, b.id, v.value FROM version b INDEXED BY version_order "  # noqa: S608 - no values
        f"CROSS JOIN version v ON v.row = {rows[0]} "
        "WHERE b.world = ? AND b.collection = ? AND b.first = 1 AND b.ordinal > ? AND b.ordinal < ? "
        f"AND v.ordinal = b.ordinal AND v.value IS NOT NULL ORDER BY b.ordinal {'DESC' if newest_first else 'ASC'}"
    )


@lru_cache(maxsize=256)
def _candidates(collection: int, path: str, *, newest_first: bool) -> str:
    return (
        # The path is checked by `indexable`; everything else is a number or a parameter.
        f'SELECT ordinal, id FROM version INDEXED BY "{index_name(collection, path)}" '  # noqa: S608
        f"WHERE collection = {int(collection)} AND world = ? AND {expression(path)} = ? "
        f"AND ordinal > ? AND ordinal < ? AND seq <= ? ORDER BY ordinal {'DESC' if newest_first else 'ASC'}"
    )
