"""A large collection's roll: who is in it, in order, and the fields that lists ask for, so that a page reads its own rows.

It is made when a list had to look at more entities than `where.SCAN_LIMIT`, holds what is stored as of the world's last
call, and follows each further call. A column is made when a list first asks for its field.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from . import versions
from .query import COMPARABLE, RANGES, Backwards, Key, Query, Term, key, reach

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_RESULTS = 8  # lists that are remembered as a whole, until something changes
_PATIENCE = 4000  # entities that are looked at one by one before a list is worked out as a whole
_COLUMNS = 128  # fields that are known at once: what lists ask for may be made up
_SPARSE = 16  # a selection smaller than the collection by this is sorted by itself


class Column:
    """One field of all entities: by entity, by value, and in order."""

    def __init__(self, values: dict[int, Any]) -> None:
        self.values = values
        self.lists = any(isinstance(value, list) for value in values.values())
        self._keys = {ordinal: key(value) for ordinal, value in values.items()}
        self._holders: dict[Key, list[int]] | None = None
        self._ranked: list[int] | None = None

    def key_of(self, ordinal: int) -> Key:
        """What an entity's value is compared by."""
        return self._keys[ordinal]

    def place(self, ordinal: int) -> tuple[Key, int]:
        """What an entity's place in `ranked` is found by."""
        return self._keys[ordinal], ordinal

    def holders(self, value: Any) -> Sequence[int]:
        """Who has this value, or a list with it, in order of creation."""
        if self._holders is None:
            self._holders = {}
            for ordinal in sorted(self.values):
                for one in self._held(ordinal):
                    self._holders.setdefault(one, []).append(ordinal)
        return self._holders.get(key(value), ())

    def ranked(self) -> list[int]:
        """Everybody, by value and then in order of creation."""
        if self._ranked is None:
            self._ranked = sorted(self.values, key=self.place)
        return self._ranked

    def meets(self, term: Term) -> Callable[[int], bool]:
        """A function that says whether an entity meets a condition on this field: `term.test`, from what is known of it."""
        keys, values = self._keys, self.values
        if not self.lists and term.operator in {"eq", "has"}:
            wanted = key(term.value)
            return lambda ordinal: keys[ordinal] == wanted
        if not self.lists and term.operator == "in":
            among = {key(value) for value in term.value}
            return lambda ordinal: keys[ordinal] in among
        test = term.test()
        return lambda ordinal: test(values[ordinal])

    def span(self, term: Term) -> tuple[int, int]:
        """Where in `ranked` those are that are within a range."""
        bound = key(term.value)
        ranked = self.ranked()

        of = self.key_of
        if bound[0] > COMPARABLE:
            return 0, 0
        first = bisect_left(ranked, (bound[0],), key=of)
        last = bisect_left(ranked, (bound[0] + 1,), key=of)
        match term.operator:
            case "gt":
                return bisect_right(ranked, bound, key=of), last
            case "gte":
                return bisect_left(ranked, bound, key=of), last
            case "lt":
                return first, bisect_left(ranked, bound, key=of)
            case _:
                return first, bisect_right(ranked, bound, key=of)

    def drop(self, ordinal: int) -> None:
        """Take an entity out."""
        if ordinal not in self.values:
            return
        if self._ranked is not None:
            del self._ranked[bisect_left(self._ranked, self.place(ordinal), key=self.place)]
        if self._holders is not None:
            for one in self._held(ordinal):
                holders = self._holders[one]
                del holders[bisect_left(holders, ordinal)]
        del self.values[ordinal], self._keys[ordinal]

    def add(self, ordinal: int, value: Any) -> None:
        """Take an entity in."""
        self.values[ordinal] = value
        self.lists = self.lists or isinstance(value, list)
        self._keys[ordinal] = key(value)
        if self._ranked is not None:
            insort(self._ranked, ordinal, key=self.place)
        if self._holders is not None:
            for one in self._held(ordinal):
                insort(self._holders.setdefault(one, []), ordinal)

    def _held(self, ordinal: int) -> Iterable[Key]:
        value = self.values[ordinal]
        return {key(item) for item in value} if isinstance(value, list) else (self._keys[ordinal],)


class Result:
    """A list that was worked out as a whole; it follows what changes."""

    def __init__(self, ordinals: list[int], place: Callable[[int], Key], test: Callable[[int], bool]) -> None:
        self.ordinals = ordinals
        self._place = place
        self._test = test

    def drop(self, ordinal: int) -> None:
        """Take an entity out, while the columns still have it."""
        if self._test(ordinal):
            del self.ordinals[bisect_left(self.ordinals, self._place(ordinal), key=self._place)]

    def add(self, ordinal: int) -> None:
        """Take an entity in, once the columns have it."""
        if self._test(ordinal):
            insort(self.ordinals, ordinal, key=self._place)


class Roll:
    """The entities of one collection, as a world's last call left them."""

    def __init__(self, rows: Iterable[versions.Item]) -> None:
        self.names: dict[int, str] = {}
        self._order: list[int] = []
        self._columns: dict[str, Column] = {}
        self._results: dict[Query, Result] = {}
        for ordinal, entity, _ in rows:
            self.names[ordinal] = entity
            self._order.append(ordinal)
        self._places = {entity: ordinal for ordinal, entity in self.names.items()}

    def learn(self, paths: Iterable[str], rows: Callable[[], Iterable[versions.Item]]) -> None:
        """Make the columns that aren't there yet; `rows` gives all entities in order of creation."""
        wanted = list(paths)
        missing = [path for path in wanted if path not in self._columns]
        if missing:
            if len(self._columns) + len(missing) > _COLUMNS:
                self._columns = {path: column for path, column in self._columns.items() if path in wanted}
                self._results.clear()  # they look at columns, which are kept up to date no more
            found: list[dict[int, Any]] = [{} for _ in missing]
            read = _reader(missing)
            for ordinal, _, raw in rows():
                for column, value in zip(found, read(raw or "{}"), strict=True):
                    column[ordinal] = value
            for path, column in zip(missing, found, strict=True):
                self._columns[path] = Column(column)

    def apply(self, rows: Mapping[str, versions.Row]) -> None:
        """Follow a call: what it wrote, by id."""
        for entity, (ordinal, raw) in rows.items():
            known = self._places.get(entity)
            if known is not None:
                for result in self._results.values():
                    result.drop(known)
                for column in self._columns.values():
                    column.drop(known)
                if raw is None or ordinal != known:
                    del self._order[bisect_left(self._order, known)], self.names[known], self._places[entity]
                    known = None
            if raw is None:
                continue
            if known is None:
                insort(self._order, ordinal)
                self.names[ordinal] = entity
                self._places[entity] = ordinal
            value = _decode(raw)
            for path, column in self._columns.items():
                column.add(ordinal, reach(value, path))
            for result in self._results.values():
                result.add(ordinal)

    def total(self, query: Query) -> int:
        """How many there are."""
        if not query.terms:
            return len(self._order)
        plain = self._plain(query.terms[0]) if len(query.terms) == 1 else None
        return len(plain) if plain is not None else len(self._result(query))

    def select(self, query: Query, after: Key | None, before: Key | None, skip: int, limit: int | None) -> list[int]:
        """Ordinals, in the order of the query. `after` and `before` are places of the query's order (`sort_key`)."""
        if before is None and not skip and limit is not None:
            walked = self._next(query, after, limit)
            if walked is not None:
                return walked
        found, turned = self._sequence(query)
        place = self._placer(query)
        low = 0 if after is None else _position(found, after, place, turned=turned, right=True)
        high = len(found) if before is None else _position(found, before, place, turned=turned, right=False)
        low += skip
        if limit is not None:
            if before is not None and after is None:
                low = max(low, high - limit)
            else:
                high = min(high, low + limit)
        if not turned:
            return list(found[low:high])
        return list(reversed(found[max(len(found) - high, 0) : max(len(found) - low, 0)])) if high > low else []

    # --- within

    def _sequence(self, query: Query) -> tuple[Sequence[int], bool]:
        """All of a list, and whether it is to be read from its end."""
        if not query.orders:
            base = self._order if not query.terms else self._plain(query.terms[0]) if len(query.terms) == 1 else None
            if base is not None:
                return base, query.newest_first
        elif not query.terms and len(query.orders) == 1:
            return self._columns[query.orders[0].path].ranked(), query.orders[0].descending
        return self._result(query), False

    def _plain(self, term: Term) -> Sequence[int] | None:
        """Those that meet a condition, in order of creation, where they are at hand in it."""
        if term.operator == "has" or (term.operator == "eq" and not self._columns[term.path].lists):
            return self._columns[term.path].holders(term.value)
        return None

    def _result(self, query: Query) -> list[int]:
        """All of a list, in its order."""
        known = self._results.pop(query, None)
        if known is None:
            while len(self._results) >= _RESULTS:
                del self._results[next(iter(self._results))]
            known = Result(self._worked_out(query), self._placer(query), self._test(query.terms))
        self._results[query] = known  # the last one that was asked for
        return known.ordinals

    def _worked_out(self, query: Query) -> list[int]:
        found, rest = self._selected(query.terms)
        kept = list(filter(self._test(rest), found) if rest else found)
        if not query.orders:
            kept.sort(reverse=query.newest_first)
            return kept
        if len(query.orders) == 1:
            column = self._columns[query.orders[0].path]
            if len(kept) * _SPARSE < len(self._order):
                return sorted(kept, key=column.place, reverse=query.orders[0].descending)
            within = set(kept)
            ranked = [ordinal for ordinal in column.ranked() if ordinal in within]
            if query.orders[0].descending:
                ranked.reverse()
            return ranked
        return sorted(kept, key=self._placer(query))

    def _next(self, query: Query, after: Key | None, limit: int) -> list[int] | None:
        """The next of a list, found by looking at one after the other; None where that takes too long."""
        if not query.terms or len(query.orders) > 1 or query in self._results:
            return None
        if query.orders:
            walk: Sequence[int] = self._columns[query.orders[0].path].ranked()
            rest: Sequence[Term] = query.terms
        else:
            walk, rest = self._order, query.terms
            for term in query.terms:
                plain = self._plain(term)
                if plain is not None and len(plain) <= len(walk):
                    walk, rest = plain, [other for other in query.terms if other is not term]
        test = self._test(rest)
        turned = query.backwards
        start = 0 if after is None else _position(walk, after, self._placer(query), turned=turned, right=True)
        places = range(len(walk) - 1 - start, -1, -1) if turned else range(start, len(walk))
        found: list[int] = []
        for looked, place in enumerate(places):
            if len(found) == limit:
                break
            if looked > _PATIENCE + 4 * limit:
                return None
            if test(walk[place]):
                found.append(walk[place])
        return found

    def _selected(self, terms: Sequence[Term]) -> tuple[Sequence[int], Sequence[Term]]:
        """The fewest entities that the conditions on a single field leave, and the conditions that are still to be met."""
        best: Sequence[int] = self._order
        done: Sequence[Term] = ()
        for path in dict.fromkeys(term.path for term in terms):
            column = self._columns[path]
            bounds = [term for term in terms if term.path == path and term.operator in RANGES]
            if bounds and not column.lists:
                spans = [column.span(term) for term in bounds]
                low, high = max(low for low, _ in spans), min(high for _, high in spans)
                if high - low < len(best):
                    best, done = column.ranked()[low : max(low, high)], bounds
        for term in terms:
            found = self._met(term, len(best))
            if found is not None:
                best, done = found, (term,)
        return best, [term for term in terms if not any(term is met for met in done)]

    def _met(self, term: Term, most: int) -> Sequence[int] | None:
        """Those that have a value, where they are fewer than `most`."""
        if term.operator == "in":
            parts = [self._columns[term.path].holders(value) for value in term.value]
            return sorted(set[int]().union(*parts)) if sum(map(len, parts)) < most else None
        plain = self._plain(term)
        return plain if plain is not None and len(plain) < most else None

    def _test(self, terms: Sequence[Term]) -> Callable[[int], bool]:
        """A function that says whether an entity meets the conditions."""
        tests = [self._columns[term.path].meets(term) for term in terms]
        if len(tests) == 1:
            return tests[0]
        return lambda ordinal: all(test(ordinal) for test in tests)

    def _placer(self, query: Query) -> Callable[[int], Key]:
        """As `query.sort_key`, from the columns."""
        columns = [(self._columns[order.path], order.descending) for order in query.orders]
        backwards = query.backwards

        def place(ordinal: int) -> Key:
            mine = [
                Backwards(column.key_of(ordinal)) if turned else column.key_of(ordinal) for column, turned in columns
            ]
            return (*mine, -ordinal if backwards else ordinal)

        return place


def _position(found: Sequence[int], wanted: Key, place: Callable[[int], Key], *, turned: bool, right: bool) -> int:
    """How many of a list come before a place (`right`: or are at it)."""
    if not turned:
        return (bisect_right if right else bisect_left)(found, wanted, key=place)
    low, high = 0, len(found)
    while low < high:
        middle = (low + high) // 2
        mine = place(found[len(found) - 1 - middle])
        if mine < wanted or (right and mine == wanted):
            low = middle + 1
        else:
            high = middle
    return low


def _reader(paths: Sequence[str]) -> Callable[[str], list[Any]]:
    """A function that reads some fields of a document, and decodes no more than it must."""
    roots = list(dict.fromkeys(path.partition(".")[0] for path in paths))
    names = {f"f{number}": root for number, root in enumerate(roots)}
    row = msgspec.defstruct("Row", [(name, Any, None) for name in names], rename=names)
    decode = msgspec.json.Decoder(row).decode
    places = [(f"f{roots.index(path.partition('.')[0])}", path.partition(".")[2]) for path in paths]

    def read(raw: str) -> list[Any]:
        found = decode(raw)
        out = []
        for name, below in places:
            value = getattr(found, name)
            out.append(reach(value, below) if below else value)
        return out

    return read
