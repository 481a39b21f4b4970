"""The values that behaviour code handles: entities of the world, and replies with a status of their own."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import msgspec

UNSET: Any = object()
"""Given to `Context.update` as a field's value: the field is taken away."""


class Entity(dict[str, Any]):
    """One stored object: a plain JSON mapping that also knows its `resource` and its `id`.

    Change it with `Context.update`, never in place: what is stored is what `update` was given.
    """

    __slots__ = ("id", "resource")

    def __init__(self, resource: str, id: str, value: Mapping[str, Any]) -> None:  # noqa: A002 - the concept's name
        super().__init__(value)
        self.resource = resource
        self.id = id


class Response(msgspec.Struct, frozen=True):
    """A reply with its own status: `body` is JSON (dict, list, Entity …), text, bytes, or None for no body.

    For SMTP `status` is the reply code and `body` its text.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)


def public(entity: Mapping[str, Any], documented: Collection[str] = ()) -> dict[str, Any]:
    """An entity as the service shows it: without the fields that only the stub knows, which begin with `_`.

    `documented` are names of the document's own that begin so, too (`_links`).
    """
    shown = dict(entity)
    for name in _hidden(tuple(shown)):
        if name not in documented:
            del shown[name]
    return shown


@lru_cache(maxsize=256)
def _hidden(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those that aren't shown; remembered, since all entities of a kind have the same fields."""
    return tuple(name for name in names if name.startswith("_"))
