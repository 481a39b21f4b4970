"""What a list asks for besides its bounds: conditions on fields, and an order other than that of creation.

Values are compared by `key`: numbers with numbers, moments with moments (RFC 3339 text, whatever its offset), text with
text; what has no common order with anything else is never within a range. A missing field equals None, and sorts last.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

Operator = Literal["eq", "has", "ne", "in", "gt", "gte", "lt", "lte", "contains", "starts"]
Key = tuple[Any, ...]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?")
_BOOLEAN, _NUMBER, _TIME, _TEXT, _LIST, _OBJECT, _NOTHING = range(7)
_NONE: Key = (_NOTHING,)
COMPARABLE = _TEXT
"""The kinds of keys up to this one have an order among each other."""
RANGES = frozenset({"gt", "gte", "lt", "lte"})


class Term(msgspec.Struct, frozen=True):
    """A condition on the field at a dotted path. `value` is plain; for `in`, a tuple of plain values.

    A field that holds a list has to have a member that meets it, but for `eq`; `has` is that for a member.
    """

    path: str
    operator: Operator
    value: Any

    def test(self) -> Callable[[Any], bool]:
        """A function that says whether a field's value meets the condition."""
        one = _TESTS[self.operator](self.value)
        if self.operator == "eq":
            return one
        if self.operator == "ne":
            return lambda found: not (isinstance(found, list) and not all(map(one, found))) and one(found)
        return lambda found: any(map(one, found)) if isinstance(found, list) else one(found)


class Order(msgspec.Struct, frozen=True):
    """Sorted by the field at a dotted path."""

    path: str
    descending: bool = False


class Query(msgspec.Struct, frozen=True):
    """Which entities, in which order. Without `orders`, that of creation; among equals it decides, too."""

    terms: tuple[Term, ...] = ()
    orders: tuple[Order, ...] = ()
    newest_first: bool = True

    @property
    def backwards(self) -> bool:
        """Whether the order of creation is turned round: as it is said, or as the last field's."""
        return self.orders[-1].descending if self.orders else self.newest_first

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields that it looks at."""
        return tuple(dict.fromkeys([*(term.path for term in self.terms), *(order.path for order in self.orders)]))

    def plain(self) -> Mapping[str, Any] | None:
        """The conditions as equalities of values, where there is nothing else to it; None where there is more."""
        if self.orders or len({term.path for term in self.terms}) < len(self.terms):
            return None
        if any(term.operator != "eq" or key(term.value)[0] == _TIME for term in self.terms):
            return None
        return {term.path: term.value for term in self.terms}

    def check(self) -> Callable[[Mapping[str, Any]], bool]:
        """A function that says whether an entity meets all conditions."""
        tests = [(term.path, term.test()) for term in self.terms]
        return lambda value: all(test(reach(value, path)) for path, test in tests)


EVERYTHING = Query()


def reach(value: Any, path: str) -> Any:
    """What is at a dotted path: a list of what is there in each member, where a list is on the way or at the end."""
    node = value
    steps = path.split(".")
    for number, step in enumerate(steps):
        if isinstance(node, list):
            rest = ".".join(steps[number:])
            below = [reach(item, rest) for item in node]
            return [one for found in below for one in (found if isinstance(found, list) else (found,))]
        if not isinstance(node, dict):
            return None
        node = node.get(step)
    return node


def key(value: Any) -> Key:
    """What a value is compared by."""
    if isinstance(value, str):
        moment = _moment(value) if value[:1].isdigit() else None
        return (_TEXT, value) if moment is None else (_TIME, moment)
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return (_BOOLEAN, value)
    if isinstance(value, int | float):
        return (_NUMBER, value)
    return (_LIST,) if isinstance(value, list) else (_OBJECT,)


def sort_key(value: Mapping[str, Any], ordinal: int, query: Query) -> Key:
    """What an entity's place in a query's order is found by."""
    parts = [
        Backwards(key(reach(value, order.path))) if order.descending else key(reach(value, order.path))
        for order in query.orders
    ]
    return (*parts, -ordinal if query.backwards else ordinal)


class Backwards:
    """A key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, inner: Key) -> None:
        self.key = inner

    def __lt__(self, other: "Backwards") -> bool:
        return other.key < self.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Backwards) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


def _moment(text: str) -> float | None:
    if _MOMENT.fullmatch(text) is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def _equals(value: Any) -> Callable[[Any], bool]:
    wanted = key(value)
    if wanted[0] in {_LIST, _OBJECT}:
        return lambda found: bool(found == value)
    return lambda found: key(found) == wanted


def _among(value: Any) -> Callable[[Any], bool]:
    wanted = {key(item) for item in value}
    return lambda found: key(found) in wanted


def _beyond(compare: Callable[[Key, Key], bool]) -> Callable[[Any], Callable[[Any], bool]]:
    def made(value: Any) -> Callable[[Any], bool]:
        bound = key(value)
        if bound[0] > COMPARABLE:
            return lambda _: False

        def within(found: Any) -> bool:
            mine = key(found)
            return mine[0] == bound[0] and compare(mine, bound)

        return within

    return made


def _text(compare: Callable[[str, str], bool]) -> Callable[[Any], Callable[[Any], bool]]:
    def made(value: Any) -> Callable[[Any], bool]:
        wanted = str(value).casefold()
        return lambda found: isinstance(found, str) and compare(found.casefold(), wanted)

    return made


def _differs(value: Any) -> Callable[[Any], bool]:
    same = _equals(value)
    return lambda found: not same(found)


_TESTS: Mapping[str, Callable[[Any], Callable[[Any], bool]]] = {
    "eq": _equals,
    "has": _equals,
    "ne": _differs,
    "in": _among,
    "gt": _beyond(lambda a, b: a > b),
    "gte": _beyond(lambda a, b: a >= b),
    "lt": _beyond(lambda a, b: a < b),
    "lte": _beyond(lambda a, b: a <= b),
    "contains": _text(lambda a, b: b in a),
    "starts": _text(str.startswith),
}
