"""What differs between two states of an entity, field by field."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


class _Missing:
    """Stands for a field that isn't there; unlike None, which a field may hold."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, by its dotted path (`items.0.price`), before and after; MISSING where it wasn't or isn't there."""

    path: str
    before: Any
    after: Any


def differences(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Difference]:
    """The smallest parts that differ, in the order of the fields; new fields last. None is an entity that isn't there."""
    return list(_within("", before or {}, after or {}))


def _within(prefix: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    for key in [*before, *(key for key in after if key not in before)]:
        yield from _between(f"{prefix}{key}", before.get(key, MISSING), after.get(key, MISSING))


def _between(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _within(f"{path}.", before, after)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _between(f"{path}.{place}", old, new)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Difference(path, before, after)
