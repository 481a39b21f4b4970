"""What a list's query parameters ask for: which entities, and in which order. Worked out per operation.

A parameter is a condition on the field of its name, or as stub.yaml's `filters` says, or by the convention of its name:
`created[gte]`, `created_gte`, `created__gte`, `min_price`, `maxPrice`, `created_after`, `updated_since`, `status_in`; or the
parameter is called `filter` and holds conditions by their fields: `filter[status]=open`, `filter_gt[price]=3`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from childproof.stubkit.clock import stamp
from childproof.stubkit.declared.settings import Time
from childproof.stubkit.document.openapi import OpenApi, Operation
from childproof.stubkit.document.shape import CREATED, types
from childproof.stubkit.refusal import Refusal
from childproof.world.query import Operator, Order, Query, Term

OPERATORS: Mapping[str, Operator] = {
    "eq": "eq", "is": "eq", "ne": "ne", "not": "ne", "in": "in", "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte",
    "min": "gte", "max": "lte", "after": "gt", "before": "lt", "from": "gte", "since": "gte", "to": "lte", "until": "lte",
    "contains": "contains", "like": "contains", "starts": "starts", "starts_with": "starts",
}  # fmt: skip
"""The words of parameters for what a value has to be."""
MOST_TERMS = 50  # conditions of one call: each is asked of every entity
MOST_ORDERS = 10  # fields that one call sorts by
_FIRST = ("min", "max", "from", "to", "since", "until", "after", "before", "not")
_GROUPS = frozenset({"filter", "filters", "where"})  # parameters that hold conditions by their fields
_SORTS = ("sort", "sort_by", "sortBy", "order_by", "orderBy", "ordering", "sort_field", "sortField", "order")
_DIRECTIONS = ("direction", "sort_direction", "sortDirection", "sort_order", "sortOrder", "dir", "order")
_WAYS = {"asc": False, "ascending": False, "desc": True, "descending": True}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ].*)?")


class Sorting(msgspec.Struct, frozen=True):
    """The parameters that sort: one with fields, one with a direction; "" where there is none.

    `words` are names of orders that aren't fields' names. `default` and `descending` are what the document gives as their defaults.
    """

    parameter: str = ""
    direction: str = ""
    words: Mapping[str, str] = msgspec.field(default_factory=dict)
    default: str = ""
    descending: bool | None = None


class Filtering(msgspec.Struct, frozen=True):
    """Reads the conditions and the order out of the query of one list operation."""

    fields: Mapping[str, tuple[str, ...]]  # of the listed schema: their types; empty where there is none
    documented: frozenset[str]
    declared: Mapping[str, tuple[str, Operator]]
    only: frozenset[str] | None  # the parameters that filter, where stub.yaml names them
    paging: frozenset[str]
    sorting: Sorting
    time: Time

    def query(self, values: Mapping[str, Any], where: Mapping[str, Any], *, newest_first: bool) -> Query:
        """What a call asks for, within what `where` says. Raises Refusal for an order that there is not."""
        terms = [Term(name, "eq", value) for name, value in where.items()]
        for name, value in values.items():
            if name in self.paging or name in {self.sorting.parameter, self.sorting.direction}:
                continue
            for path, operator, wanted in self._conditions(name, value):
                terms.extend(self._terms(path, operator, wanted))
                if len(terms) > MOST_TERMS:
                    raise Refusal.of("too_long", param=name, value=name, limit=MOST_TERMS)
        orders, newest = self.orders(values)
        return Query(tuple(terms), orders, newest_first if newest is None else newest)

    def orders(self, values: Mapping[str, Any]) -> tuple[tuple[Order, ...], bool | None]:
        """The fields to sort by; and which way round the order of creation goes, where the call says so."""
        sorting = self.sorting
        way = _WAYS.get(str(values.get(sorting.direction, "")).lower()) if sorting.direction else None
        wanted = values.get(sorting.parameter) if sorting.parameter else None
        if wanted is None or wanted == "":
            return (), way if way is not None else sorting.descending if sorting.default else None
        if isinstance(wanted, dict):  # sort_by[price]=desc
            parts: list[Any] = [f"{name}:{way}" for name, way in wanted.items()]
        else:
            parts = wanted if isinstance(wanted, list) else str(wanted).split(",")
        orders: dict[str, Order] = {}
        for part in parts:
            found = self._order(str(part).strip(), way if way is not None else sorting.descending or False)
            if found is None:
                raise Refusal.of("invalid", param=sorting.parameter, value=wanted)
            orders.setdefault(found.path, found)  # by the same field again says nothing more
            if len(orders) > MOST_ORDERS:
                raise Refusal.of("too_long", param=sorting.parameter, value=part, limit=MOST_ORDERS)
        return tuple(orders.values()), None

    def _order(self, word: str, descending: bool) -> Order | None:  # noqa: FBT001 - which way, the order's other half
        word = self.sorting.words.get(word, word)
        if word in {"newest", "oldest"} and (created := self._created()) is not None:
            return Order(created, descending=word == "newest")
        known = self._field(word)
        if known is not None:
            return Order(known, descending)
        if word[:1] in {"-", "+"}:
            descending, word = word[0] == "-", word[1:]
        else:
            name, way = _split_way(word)
            if way is not None:
                word, descending = name, way
        known = self._field(word)
        return None if known is None else Order(known, descending)

    def _conditions(self, name: str, value: Any) -> Iterator[tuple[str, Operator, Any]]:
        """Fields with what they have to be, as a parameter and its value say."""
        meant = self._meant(name)
        if meant is not None:
            yield *meant, value
        elif isinstance(value, dict) and (operator := self._grouped(name)) is not None:
            for key, inner in value.items():
                if (known := self._field(str(key))) is not None:
                    yield known, operator, inner
                elif (found := self._by_convention(str(key))) is not None:
                    yield *found, inner

    def _grouped(self, name: str) -> Operator | None:
        """What the fields in a parameter such as `filter` or `filter_gt` have to be; None for any other parameter."""
        if self.only is not None or not any(one.partition("[")[0] == name for one in self.documented):
            return None
        if name in _GROUPS:
            return "eq"
        return next(
            (OPERATORS[word] for base, word in _conventions(name) if base in _GROUPS and word in OPERATORS), None
        )

    def _meant(self, name: str) -> tuple[str, Operator] | None:
        """The field and the condition that a parameter means; None for one that filters nothing."""
        if name in self.declared:
            return self.declared[name]
        if self.only is not None and name not in self.only:
            return None
        if name in self.fields:
            return name, "eq"
        if name not in self.documented:
            return None
        if (found := self._by_convention(name)) is not None:
            return found
        return (known, "eq") if (known := self._field(name)) is not None else None

    def _by_convention(self, name: str) -> tuple[str, Operator] | None:
        for base, word in _conventions(name):
            known = self._field(base) if base else self._created() if word in OPERATORS else None
            if known is not None:
                return known, OPERATORS[word]
        return None

    def _terms(self, path: str, operator: Operator, value: Any) -> Iterator[Term]:
        if isinstance(value, dict):
            for key, inner in value.items():
                word = OPERATORS.get(str(key).lstrip("$"))
                yield from self._terms(path if word else f"{path}.{key}", word or operator, inner)
            return
        kinds = self.fields.get(path, ())
        if isinstance(value, list) or operator == "in":
            parts = value if isinstance(value, list) else str(value).split(",")
            members = tuple(self._converted(part, kinds) for part in parts if not isinstance(part, list | dict))
            if operator == "ne":
                yield from (Term(path, "ne", member) for member in members)
            else:
                yield Term(path, "in", members)
            return
        if operator == "lte" and isinstance(value, str) and _DAY.fullmatch(value) and "date" not in kinds:
            # A day as an upper bound takes in all of the day.
            operator, value = "lt", (datetime.fromisoformat(value) + timedelta(days=1)).date().isoformat()
        holds = operator == "eq" and ("array" in kinds or not kinds)
        yield Term(path, "has" if holds else operator, self._converted(value, kinds))

    def _converted(self, value: Any, kinds: tuple[str, ...]) -> Any:
        """A value of the query as the field has it: the document may have another type for the parameter."""
        if isinstance(value, str) and "string" not in kinds:
            if "boolean" in kinds and value.lower() in {"true", "false"}:
                return value.lower() == "true"
            if {"integer", "number"} & {*kinds}:
                if _MOMENT.fullmatch(value) and (at := _unix_ms(value)) is not None:
                    return at if self.time == "unix_ms" else at // 1000
                try:
                    return float(value) if "." in value else int(value)
                except ValueError:
                    return value
        if isinstance(value, int) and not isinstance(value, bool):
            if "date-time" in kinds:
                return stamp(value * 1000, "rfc3339")
            if kinds and not {"integer", "number", "boolean"} & {*kinds} and "string" in kinds:
                return str(value)
        return value

    def _field(self, name: str) -> str | None:
        """The field that a parameter's word means: `created` is `created_at`, `maxPrice` is about `price`."""
        if not self.fields:
            return name
        bases = (name, _snake(name), _camel(name))
        ends = ("", "_at", "At", "_date", "Date", "_on", "_time", "Time", "_id", "Id")
        return next((base + end for end in ends for base in bases if base + end in self.fields), None)

    def _created(self) -> str | None:
        return next((name for name in self.fields if name.lower() in CREATED), None)


def filtering(
    api: OpenApi,
    operation: Operation,
    known: Mapping[str, dict[str, Any]],
    *,
    filters: Any,
    sort: Mapping[str, Any],
    paging: frozenset[str],
    time: Time,
) -> Filtering:
    """Compile the filtering of an operation. `filters` and `sort` are as stub.yaml writes them (None, {} where it doesn't)."""
    parameters = {str(p["name"]): p.get("schema") or {} for p in operation.parameters if p.get("in") == "query"}
    declared = filters if isinstance(filters, Mapping) else {}
    return Filtering(
        fields={name: _kinds(api, node) for name, node in known.items()},
        documented=frozenset(parameters),
        declared={name: _declared(text) for name, text in declared.items()},
        only=frozenset(filters) if filters is not None else None,
        paging=paging,
        sorting=_sorting(api, parameters, known, sort),
        time=time,
    )


def _declared(text: str) -> tuple[str, Operator]:
    """`price gte` -> the field `price`, to be at least."""
    name, _, word = text.partition(" ")
    return name, OPERATORS[word or "eq"]


def _kinds(api: OpenApi, node: dict[str, Any]) -> tuple[str, ...]:
    resolved = api.resolve(node)
    found = resolved.get("format")
    return (*types(api, node), *([found] if found in {"date", "date-time"} else []))


def _sorting(
    api: OpenApi, parameters: Mapping[str, Any], known: Mapping[str, Any], written: Mapping[str, Any]
) -> Sorting:
    sort = written.get("parameter", "")
    direction = written.get("direction", "")
    if not written:
        names = [name for name in _SORTS if name in parameters and name not in known]
        sort = next((name for name in names if not _is_direction(api, parameters[name])), "")
        others = [name for name in _DIRECTIONS if name in parameters and name not in known and name != sort]
        direction = next((name for name in others if sort or _is_direction(api, parameters[name])), "")
    default = api.resolve(parameters.get(sort, {})).get("default")
    way = api.resolve(parameters.get(direction, {})).get("default")
    return Sorting(
        sort,
        direction,
        written.get("fields", {}),
        str(default) if isinstance(default, str) else "",
        _WAYS.get(str(way).lower()),
    )


def _is_direction(api: OpenApi, node: dict[str, Any]) -> bool:
    allowed = api.resolve(node).get("enum") or ()
    return bool(allowed) and all(str(word).lower() in _WAYS for word in allowed)


def _conventions(name: str) -> Iterator[tuple[str, str]]:
    """Readings of a parameter's name as a field and a word of `OPERATORS`, likelier ones first."""
    words = re.split(r"__|[._-]|(?<=[a-z0-9])(?=[A-Z])", name)
    joins = re.findall(r"__|[._-]|(?<=[a-z0-9])(?=[A-Z])", name)
    if len(words) == 1:
        if words[0] in _FIRST:
            yield "", words[0]
        return
    if (last := words[-1].lower()) in OPERATORS:
        yield name[: -len(words[-1]) - len(joins[-1])], last
    if (first := words[0].lower()) in _FIRST:
        rest = name[len(words[0]) + len(joins[0]) :]
        yield rest[:1].lower() + rest[1:], first


def _split_way(word: str) -> tuple[str, bool | None]:
    """`price:desc`, `price desc`, `price.desc`, `price_desc`, `price-desc` -> (price, True)."""
    found = re.fullmatch(r"(.+?)[:. _-](asc|desc|ascending|descending)", word, re.IGNORECASE)
    return (found[1], _WAYS[found[2].lower()]) if found is not None else (word, None)


def _unix_ms(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
