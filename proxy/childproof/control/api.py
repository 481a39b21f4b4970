"""All operations of the API, in the order of its document."""

from functools import cache
from typing import Any

from .desk import Desk
from .openapi import document
from .operation import Operation
from .sandboxes import Host, Sandboxes
from .system import System
from .worlds import Worlds


def operations(desk: Desk, sandboxes: Host) -> list[Operation]:
    """Their table."""

    @cache
    def whole() -> dict[str, Any]:
        return document(table)

    table = [
        *System(desk, whole).operations(),
        *Worlds(desk).operations(),
        *Sandboxes(sandboxes).operations(),
    ]
    return table
