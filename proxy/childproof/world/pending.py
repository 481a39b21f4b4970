"""What one call has changed so far, entity by entity: as it found them, and as it leaves them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from childproof.model import Change, Written

# Tells True from 1, which Python takes for equal, but not one order of keys from another.
_in_order = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Pending(NamedTuple):
    """An entity as this call leaves it. The first two fields are its row."""

    ordinal: int
    raw: str | None
    before: str | None
    created: bool  # has a new place in the order of creation
    touched: int


class Planted(NamedTuple):
    """An entity that a world is taken to have begun with, as it is stored."""

    service: str
    kind: str
    id: str
    raw: str


AllPending = Mapping[int, Mapping[str, Pending]]  # by collection and id


def written(pending: AllPending, name_of: Callable[[int], tuple[str, str]]) -> tuple[Written, ...]:
    """What has changed net, in the order of first touch; `name_of` gives a collection's service and kind.

    Internal services, whose names begin with an underscore, are left out.
    """
    found = []
    for collection, entities in pending.items():
        service, kind = name_of(collection)
        if service.startswith("_"):
            continue
        for entity, one in entities.items():
            if _differ(one.before, one.raw):
                net = Written(service, kind, entity, _document(one.before), _document(one.raw))
                found.append((one.touched, net))
    return tuple([net for _, net in sorted(found, key=_touched)])


def with_values(one: Written) -> Change:
    """The same with values in the place of documents."""
    return Change(one.service, one.kind, one.id, _value(one.before), _value(one.after))


def rows(pending: AllPending, world: int, seq: int) -> Iterator[tuple[object, ...]]:
    """The rows of `versions.INSERT` that these changes come to."""
    for collection, entities in pending.items():
        for entity, one in entities.items():
            made = one.created and one.raw is not None
            if one.raw != one.before or made:
                yield (world, collection, entity, seq, one.ordinal, made, one.raw)


def _differ(before: str | None, after: str | None) -> bool:
    """Whether two documents differ in more than the order of their keys."""
    if before is None or after is None or before == after:
        return before != after
    old, new = _decode(before), _decode(after)
    return old != new or _in_order(old) != _in_order(new)


def _document(raw: str | None) -> msgspec.Raw | None:
    return None if raw is None else msgspec.Raw(raw)


def _value(document: msgspec.Raw | None) -> dict[str, Any] | None:
    return None if document is None else _decode(document)


def _touched(item: tuple[int, Written]) -> int:
    return item[0]
