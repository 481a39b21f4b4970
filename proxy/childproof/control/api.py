"""All operations of the API, in the order of its document."""

from functools import cache
from typing import Any

from .calls import Calls
from .clocks import Clocks
from .desk import Desk
from .diffs import Diffs
from .events import Events
from .files import Files
from .holdings import Holdings
from .mail import Mail
from .openapi import document
from .operation import Operation
from .rules import Rules
from .sandboxes import Host, Sandboxes
from .stubs import Stubs
from .system import System
from .worlds import Worlds


def described() -> dict[str, Any]:
    """The document, without a server: it doesn't depend on one."""
    nobody: Any = None
    return document(operations(nobody, nobody))


def operations(desk: Desk, sandboxes: Host) -> list[Operation]:
    """Their table."""

    @cache
    def whole() -> dict[str, Any]:
        return document(table)

    table = [
        *System(desk, whole).operations(),
        *Worlds(desk).operations(),
        *Clocks(desk).operations(),
        *Diffs(desk).operations(),
        *Files(desk).operations(),
        *Calls(desk).operations(),
        *Events(desk).operations(),
        *Mail(desk).operations(),
        *Holdings(desk).operations(),
        *Rules(desk).operations(),
        *Stubs(desk).operations(),
        *Sandboxes(sandboxes).operations(),
    ]
    return table
