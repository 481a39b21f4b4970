"""What two worlds hold that the other doesn't: found from their rows since they parted, whatever else they hold."""

from functools import cache

import msgspec

from childproof.model import Change

from . import versions
from .database import Database
from .fresh import Fresh
from .world import World

_TOUCHED = "SELECT DISTINCT collection, id FROM version WHERE world = ? AND seq > ? AND seq <= ?"
_NAME = "SELECT name FROM world WHERE id = ?"
_decode = msgspec.json.Decoder(dict[str, object]).decode
_in_order = msgspec.json.Encoder(order="sorted").encode  # tells True from 1


class Comparison(msgspec.Struct, frozen=True):
    """Two worlds side by side: `before` of a change is what `a` holds, `after` what `b` holds.

    They share their past up to call `base`, made in the world `ancestor` (None where they share nothing, or where
    their common past has no name any more). Changes go by service, kind and order of creation.
    """

    a: str
    b: str
    ancestor: str | None
    base: int
    changes: tuple[Change, ...]


def compare(database: Database, a: World, b: World, at: int | None = None) -> Comparison:
    """Compare what two worlds hold now, or `a` after call `at`, internal services left out. Within a transaction."""
    first, second = _ended(a, a.head().seq if at is None else at), _ended(b, b.head().seq)
    common = next(((branch, last) for branch, last in first if branch in dict(second)), None)
    base = 0 if common is None else min(common[1], dict(second)[common[0]])
    touched: dict[tuple[int, str], None] = {}
    for line in (first, second):
        for branch, last in line:
            shared = common is not None and branch == common[0]
            rows = database.connection.execute(_TOUCHED, (branch, base if shared else -1, last))
            touched.update(dict.fromkeys(rows.fetchall()))
            if shared:
                break
    name = None if common is None else str(database.connection.execute(_NAME, (common[0],)).fetchone()[0])
    return Comparison(
        a.name,
        b.name,
        None if name is None or name.startswith("~") else name,
        base,
        _changes(database, touched, first, second),
    )


def _ended(world: World, seq: int) -> versions.Lineage:
    """A world's lineage up to a call, which may lie before forks: branches that start later have no part in it."""
    head = world.head()
    line = [(place, start) for place, start in zip(head.lineage, head.starts, strict=True) if seq > start]
    line = (
        line or [(head.lineage[-1], head.starts[-1])]
        if seq != head.seq
        else [*zip(head.lineage, head.starts, strict=True)]
    )
    return [(branch, min(last, seq)) for (branch, last), _ in line]


def _changes(
    database: Database, touched: dict[tuple[int, str], None], first: versions.Lineage, second: versions.Lineage
) -> tuple[Change, ...]:
    found = []
    fresh = cache(lambda service: (Fresh(database, first, service), Fresh(database, second, service)))
    for collection, entity in touched:
        service, kind = database.collection_name(collection)
        if service.startswith("_"):
            continue
        old = versions.current(database.connection, first, collection, entity)
        new = versions.current(database.connection, second, collection, entity)
        before, after = (None if row is None else row[1] for row in (old, new))
        if before == after:
            continue
        mine, theirs = fresh(service)
        if mine.untouched(kind, entity, before) and theirs.untouched(kind, entity, after):
            continue  # only one of them has used the service yet, or each for the first time at another moment
        change = Change(service, kind, entity, *(None if raw is None else _decode(raw) for raw in (before, after)))
        if change.before != change.after or _in_order(change.before) != _in_order(change.after):
            place = max(row[0] for row in (old, new) if row is not None)
            found.append(((service, kind, place), change))
    return tuple(change for _, change in sorted(found, key=lambda item: item[0]))
