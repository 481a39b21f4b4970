"""Reading a world: what a transaction and a look from outside have in common."""

import heapq
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from . import versions
from . import where as filters
from .query import Key, Query, sort_key
from .where import index_name, indexable, matches

if TYPE_CHECKING:
    import sqlite3

    from .database import Database
    from .roll import Roll

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_ESTIMATE = 64
EVERYTHING = (-1, versions.FOREVER)

Value = dict[str, Any]
Values = list[Value]
Pairs = list[tuple[str, Value]]
Names = list[tuple[str, str]]


class Snapshot:
    """A world as it was after one of its calls. Values are fresh dicts on every read; changing them changes nothing.

    Use it inside the `with` that made it.
    """

    def __init__(
        self, database: "Database", world: str, lineage: versions.Lineage = (), seq: int = 0, *, now: int = 0
    ) -> None:
        self.world = world
        self.seq = seq
        self._database = database
        self._connection: sqlite3.Connection = database.connection
        self._lineage = lineage
        self._now = now
        self._seen: dict[tuple[int, str], versions.Row | None] = {}

    def now(self) -> int:
        """The world's time, in unix milliseconds; the same throughout a transaction."""
        return self._now

    def get(self, service: str, kind: str, id: str) -> dict[str, Any] | None:  # noqa: A002 - the design's word
        """An entity, or None where there is none (any more)."""
        collection = self._database.collection(service, kind)
        row = None if collection is None else self._current(collection, id)
        return None if row is None or row[1] is None else _decode(row[1])

    def was(self, service: str, kind: str, id: str) -> bool:  # noqa: A002
        """Whether there is or ever was an entity of this id."""
        collection = self._database.collection(service, kind)
        return collection is not None and self._current(collection, id) is not None

    def list(
        self,
        service: str,
        kind: str,
        *,
        where: Mapping[str, Any] | None = None,
        newest_first: bool = True,
        after: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Values:
        """Entities in order of creation, newest first or oldest first.

        `where` compares fields (dotted paths) with values; a missing field equals None. `after` and `before` are ids
        that bound the list, themselves excluded, in the order asked for; deleted ones still hold their place. With
        `before` alone, `limit` takes those nearest to it. Raises LookupError for a cursor that never existed.
        """
        pairs = self.items(
            service, kind, where=where, newest_first=newest_first, after=after, before=before, limit=limit
        )
        return [value for _, value in pairs]

    def items(
        self,
        service: str,
        kind: str,
        *,
        where: Mapping[str, Any] | None = None,
        newest_first: bool = True,
        after: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Pairs:
        """As `list`, each entity with its id."""
        collection = self._database.collection(service, kind)
        if collection is None or (limit is not None and limit <= 0):
            if after is not None or before is not None:
                self._place(collection, after if after is not None else before)
            return []
        first = None if after is None else self._place(collection, after)
        last = None if before is None else self._place(collection, before)
        low, high = (last, first) if newest_first else (first, last)
        backwards = limit is not None and after is None and before is not None
        found: Pairs = []
        walk = self._matching(
            collection,
            where or {},
            (-1 if low is None else low, versions.FOREVER if high is None else high),
            newest_first=newest_first is not backwards,
        )
        for pair in walk:
            found.append(pair)
            if len(found) == limit:
                break
        walk.close()
        if backwards:
            found.reverse()
        return found

    def count(self, service: str, kind: str, *, where: Mapping[str, Any] | None = None) -> int:
        """How many entities there are, or how many of them match."""
        collection = self._database.collection(service, kind)
        if collection is None:
            return 0
        if where:
            return sum(1 for _ in self._matching(collection, where, EVERYTHING, newest_first=True))
        return sum(1 for _ in self._walk(collection, EVERYTHING, newest_first=True))

    def select(
        self,
        service: str,
        kind: str,
        query: Query,
        *,
        after: str | None = None,
        before: str | None = None,
        skip: int = 0,
        limit: int | None = None,
    ) -> Pairs:
        """Entities as a query orders them, each with its id; `after`, `before` and `limit` as `list` takes them.

        A cursor holds its place when its entity is deleted. Raises LookupError for one that never existed.
        """
        collection = self._database.collection(service, kind)
        plain = query.plain()
        roll = None if collection is None or (plain == {} and not skip) else self._roll(collection, query)
        if plain is not None and not skip and roll is None:
            return self.items(
                service, kind, where=plain, newest_first=query.newest_first, after=after, before=before, limit=limit
            )
        if collection is None:
            return []
        first = None if after is None else self._point(collection, after, query)
        last = None if before is None else self._point(collection, before, query)
        if roll is None:
            return self._sorted(collection, query, (first, last), skip, limit)
        pairs = []
        for ordinal in roll.select(query, first, last, skip, limit):
            entity = roll.names[ordinal]
            row = self._stored(collection, entity)
            assert row is not None
            assert row[1] is not None
            pairs.append((entity, _decode(row[1])))
        return pairs

    def total(self, service: str, kind: str, query: Query) -> int:
        """How many entities a query finds."""
        collection = self._database.collection(service, kind)
        if collection is None:
            return 0
        roll = self._roll(collection, query)
        if roll is not None:
            return roll.total(query)
        check = query.check()
        read = found = 0
        for _, _, raw in self._walk(collection, EVERYTHING, newest_first=True):
            read += 1
            found += raw is not None and (not query.terms or check(_decode(raw)))
        if read > filters.SCAN_LIMIT:
            self._looked_at_many(collection)
        return found

    def kinds(self) -> Names:
        """Every service and kind of entity that the file knows, sorted; internal services excluded."""
        return sorted(name for name in self._database.collections() if not name[0].startswith("_"))

    # --- what a transaction adds to

    def _overlay(self, collection: int) -> Mapping[str, versions.Row]:
        """What isn't stored yet, by id."""
        del collection
        return {}

    def _scanned(self, collection: int, where: Mapping[str, Any]) -> None:
        """Told that a filter had to read more than `where.SCAN_LIMIT` entities."""

    def _roll(self, collection: int, query: Query) -> "Roll | None":
        """What answers a query without reading everything; None where that has to be done."""
        del collection, query
        return None

    def _looked_at_many(self, collection: int) -> None:
        """Told that a list had to look at more than `where.SCAN_LIMIT` entities."""

    # --- reading

    def _sorted(
        self, collection: int, query: Query, between: tuple[Key | None, Key | None], skip: int, limit: int | None
    ) -> Pairs:
        """A query's answer by reading: all of the collection, or as far as the order of creation makes it needless."""
        check = query.check()
        after, before = between
        found: list[tuple[Key, str, Value]] = []
        read = 0
        enough = None if limit is None or query.orders or before is not None else skip + limit
        for ordinal, entity, raw in self._walk(collection, EVERYTHING, newest_first=query.newest_first):
            read += 1
            value = _decode(raw or "{}")
            if check(value):
                place = sort_key(value, ordinal, query)
                if (after is None or after < place) and (before is None or place < before):
                    found.append((place, entity, value))
                    if len(found) == enough:
                        break
        if read > filters.SCAN_LIMIT:
            self._looked_at_many(collection)
        found.sort(key=_place)
        cut = found[skip:]
        if limit is not None:
            cut = cut[-limit:] if before is not None and after is None else cut[:limit]
        return [(entity, value) for _, entity, value in cut]

    def _point(self, collection: int, entity: str, query: Query) -> Key:
        row = self._current(collection, entity)
        if row is None:
            raise LookupError(f"no such entity to list from: {entity}")
        raw = row[1]
        if raw is None and query.orders:
            raw = versions.last_value(self._connection, self._lineage, collection, entity)
        return sort_key(_decode(raw or "{}"), row[0], query)

    def _current(self, collection: int, entity: str) -> versions.Row | None:
        pending = self._overlay(collection).get(entity)
        return pending if pending is not None else self._stored(collection, entity)

    def _stored(self, collection: int, entity: str) -> versions.Row | None:
        key = (collection, entity)
        if key not in self._seen:
            self._seen[key] = versions.current(self._connection, self._lineage, collection, entity)
        return self._seen[key]

    def _place(self, collection: int | None, entity: str | None) -> int:
        row = None if collection is None or entity is None else self._current(collection, entity)
        if row is None:
            raise LookupError(f"no such entity to list from: {entity}")
        return row[0]

    def _matching(
        self, collection: int, where: Mapping[str, Any], between: versions.Between, *, newest_first: bool
    ) -> Generator[tuple[str, Value]]:
        path = self._index_for(collection, where, between)
        if path is None:
            rows = self._walk(collection, between, newest_first=newest_first)
        else:
            rows = self._by_index(collection, (path, where[path]), between, newest_first=newest_first)
        read = 0
        try:
            for _, entity, raw in rows:
                read += 1
                if raw is not None:
                    value = _decode(raw)
                    if not where or matches(value, where):
                        yield entity, value
        finally:
            if path is None and where and read > filters.SCAN_LIMIT:
                self._scanned(collection, where)

    def _walk(self, collection: int, between: versions.Between, *, newest_first: bool) -> Iterator[versions.Item]:
        stored = versions.walk(self._connection, self._lineage, collection, between, newest_first=newest_first)
        return self._merged(collection, stored, between, newest_first=newest_first)

    def _by_index(
        self, collection: int, equals: tuple[str, str | int], between: versions.Between, *, newest_first: bool
    ) -> Iterator[versions.Item]:
        return self._merged(
            collection,
            self._checked(collection, equals, between, newest_first=newest_first),
            between,
            newest_first=newest_first,
        )

    def _checked(
        self, collection: int, equals: tuple[str, str | int], between: versions.Between, *, newest_first: bool
    ) -> Iterator[versions.Item]:
        found = versions.candidates(
            self._connection, self._lineage, collection, equals, between, newest_first=newest_first
        )
        for ordinal, entity in found:
            row = versions.current(self._connection, self._lineage, collection, entity)
            if row is not None and row[0] == ordinal and row[1] is not None:
                yield ordinal, entity, row[1]

    def _merged(
        self, collection: int, stored: Iterator[versions.Item], between: versions.Between, *, newest_first: bool
    ) -> Iterator[versions.Item]:
        overlay = self._overlay(collection)
        if not overlay:
            return stored
        low, high = between
        pending = sorted(
            (
                (ordinal, entity, raw)
                for entity, (ordinal, raw) in overlay.items()
                if raw is not None and low < ordinal < high
            ),
            reverse=newest_first,
        )
        kept = (item for item in stored if item[1] not in overlay)
        return heapq.merge(kept, pending, key=_ordinal, reverse=newest_first)

    def _index_for(self, collection: int, where: Mapping[str, Any], between: versions.Between) -> str | None:
        """The filtered field whose index promises the fewest candidates; None where no index helps."""
        known = self._database.indexes
        paths = [
            path for path, wanted in where.items() if index_name(collection, path) in known and indexable(path, wanted)
        ]
        if len(paths) < 2:
            return paths[0] if paths else None
        return min(paths, key=lambda path: self._estimate(collection, (path, where[path]), between))

    def _estimate(self, collection: int, equals: tuple[str, str | int], between: versions.Between) -> int:
        found = versions.candidates(self._connection, self._lineage, collection, equals, between, newest_first=True)
        return sum(1 for _, _ in zip(range(_ESTIMATE), found, strict=False))


def _ordinal(item: versions.Item) -> int:
    return item[0]


def _place(item: tuple[Key, str, Value]) -> Key:
    return item[0]
