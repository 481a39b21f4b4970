"""A resource: what a stub stores, with its ids, references, lifecycle and way of going away."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from childproof.stubkit.ids import IdMaker

End = Literal["cascade", "nullify", "refuse"]
DELETED = "~deleted"  # suffix of a kind: entities that were deleted softly leave the lists but stay known


class Lifecycle(msgspec.Struct, frozen=True):
    """The states of an entity as a table: from each state, the states that it may move to."""

    field: str
    moves: Mapping[str, tuple[str, ...]]

    def allows(self, state: str, to: str) -> bool:
        """Whether the table has a move from one state to another; an unknown state allows nothing."""
        return to in self.moves.get(state, ())

    @property
    def first(self) -> str | None:
        """The state that new entities have: the table's first."""
        return next(iter(self.moves), None)


class Resource(msgspec.Struct, frozen=True):
    """One kind of stored object. `written` tells a resource of stub.yaml from an inferred one.

    `schema` names a component schema ("" without one), `path` the collection's path template ("" where none is known),
    `label` is its name in messages, `param` how they name the parameter that holds its id, `refs` maps fields (dotted, through
    lists) to resources, `ends` says for some of them what the end of what they refer to means, `key` is a request field with
    which the client chooses the id.
    """

    name: str
    new_id: IdMaker
    label: str = ""
    param: str = ""
    schema: str = ""
    path: str = ""
    id_field: str = "id"
    integer_id: bool = False
    key: str = ""
    refs: Mapping[str, str] = msgspec.field(default_factory=dict)
    ends: Mapping[str, End] = msgspec.field(default_factory=dict)
    unique: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = msgspec.field(default_factory=dict)
    delete: Literal["hard", "soft", "none"] = "hard"
    filters: Mapping[str, str] | tuple[str, ...] | None = None
    supposed: bool = False  # an unknown id is somebody's
    readonly: frozenset[str] = frozenset()
    lifecycle: Lifecycle | None = None
    content: Mapping[str, Any] = msgspec.field(
        default_factory=dict
    )  # `field` of the file, `max`; fields for its size, name, type
    written: bool = False
