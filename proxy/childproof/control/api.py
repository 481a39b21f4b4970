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
from .operation import Group, Operation
from .rules import Rules
from .sandboxes import Host, Sandboxes
from .stubs import Stubs
from .system import System
from .webhooks import Webhooks
from .worlds import Worlds


def described() -> dict[str, Any]:
    """The document, without a server: it doesn't depend on one."""
    nobody: Any = None
    return document(groups(nobody, nobody))


def operations(desk: Desk, sandboxes: Host) -> list[Operation]:
    """Their table."""
    return [operation for group in groups(desk, sandboxes) for operation in group.operations]


def groups(desk: Desk, sandboxes: Host) -> list[Group]:
    """The same by what they are about."""

    @cache
    def whole() -> dict[str, Any]:
        return document(table)

    worlds = [*Worlds(desk).operations(), *Diffs(desk).operations(), *Files(desk).operations()]
    table = [
        Group("server", "Whether it serves, and what it can be asked.", System(desk, whole).operations()),
        Group("worlds", "Worlds as branches: made, forked, taken back, compared, kept as files.", worlds),
        Group("clocks", "How time passes in a world.", Clocks(desk).operations()),
        Group(
            "record",
            "The calls of a world, and what they came to.",
            [*Calls(desk).operations(), *Events(desk).operations()],
        ),
        Group("mail", "What a world would have sent by mail.", Mail(desk).operations()),
        Group("webhooks", "What a world has sent to listeners, and what waits.", Webhooks(desk).operations()),
        Group("entities", "What services keep in a world.", Holdings(desk).operations()),
        Group("rules", "What judges calls: read, tried, replaced as a whole.", Rules(desk).operations()),
        Group("stubs", "The services that are played, and how much of each.", Stubs(desk).operations()),
        Group(
            "sandboxes",
            "A world with listeners of its own, for as long as somebody wants it.",
            Sandboxes(sandboxes).operations(),
        ),
    ]
    return table
