"""What a call left behind: changes of the world, effects, and what went upstream."""

from enum import StrEnum
from typing import Any

import msgspec


class Fidelity(StrEnum):
    """How much thought stands behind a reply. For the ledger; never shown to the sandbox."""

    MODELLED = "modelled"
    GENERIC = "generic"
    SYNTHESIZED = "synthesized"
    GAP = "gap"


class Change(msgspec.Struct, frozen=True):
    """One entity before and after a call. `before` is None for a creation, `after` for a removal."""

    service: str
    kind: str
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Written(msgspec.Struct, frozen=True):
    """A change as JSON: nobody has to read a document to pass it on, which is most of what a record costs."""

    service: str
    kind: str
    id: str
    before: msgspec.Raw | None
    after: msgspec.Raw | None


class Effect(msgspec.Struct, frozen=True):
    """Something a stub did besides replying. `type` is in the stub's own words (`charge.succeeded`).

    `data` is the object that it concerns, as plain JSON values; the report's outcome words read from it.
    """

    service: str
    type: str
    id: str
    data: dict[str, Any] = msgspec.field(default_factory=dict)


class Upstream(msgspec.Struct, frozen=True):
    """What really left the machine for one call: zero for everything that was not allowed."""

    dns: int = 0
    connections: int = 0
    bytes_out: int = 0
    bytes_in: int = 0


NO_UPSTREAM = Upstream()
