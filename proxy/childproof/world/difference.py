"""What differs between two states of an entity, field by field."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


class _Missing:
    """Stands for a field that isn't there; unlike None, which a field may hold."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, by its dotted path (`items.0.price`), before and after; MISSING where it wasn't or isn't there.

    `keys` is the path in parts, which tells a dot in a key from one between keys.
    """

    path: str
    before: Any
    after: Any
    keys: tuple[str | int, ...] = field(default=(), compare=False)


def differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Difference]:
    """The smallest parts that differ, in the order of the fields; new fields last. None is an entity that isn't there."""
    return list(_within((), before or {}, after or {}))


def _within(keys: Keys, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    for key in [*before, *(key for key in after if key not in before)]:
        yield from _between((*keys, key), before.get(key, MISSING), after.get(key, MISSING))


def _between(keys: Keys, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _within(keys, before, after)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _between((*keys, place), old, new)
    elif before != after or type(before) is not type(after):  # True, 1 and 1.0 are equal in Python, not in JSON
        yield Difference(".".join(map(str, keys)), before, after, keys)
